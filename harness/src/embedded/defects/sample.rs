//! Requests to plant defects in, and what a defect did to them, for tests.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::spans::{service_name, string_attribute};
use super::{Answer, Defect, Passage};
use crate::embedded::arbitrary::attribute;

const SERVICES: [&str; 3] = ["checkout", "cart", "payment"];

/// Two resources with two scopes with three spans each. A trace is a scope's spans in two neighbouring requests.
pub fn request(number: u64) -> ExportTraceServiceRequest {
    let resource_spans = (0..2).map(|resource| {
        let service = SERVICES[((number + resource) % 3) as usize];
        let scope_spans = (0..2).map(|scope| scope_spans(number, resource, scope));
        ResourceSpans {
            resource: Some(Resource {
                attributes: vec![string_attribute("service.name", service), attribute("pid", Value::IntValue(4))],
                ..Resource::default()
            }),
            scope_spans: scope_spans.collect(),
            schema_url: "https://opentelemetry.io/schemas/1.30.0".to_owned(),
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn scope_spans(number: u64, resource: u64, scope: u64) -> ScopeSpans {
    let trace = number / 2 * 2 + scope;
    let spans = (0..3).map(|place| span(trace, number * 12 + resource * 6 + scope * 3 + place));
    let name = format!("scope-{scope}");
    ScopeSpans {
        scope: Some(InstrumentationScope { name, version: "1".to_owned(), ..InstrumentationScope::default() }),
        spans: spans.collect(),
        schema_url: String::new(),
    }
}

/// Every third span is a root, every 7th has a long `tracestate`, every 23rd is larger than 4 KiB, every 29th has many attributes; one in two has an event, half of these two; one in three a link, half of these two.
fn span(trace: u64, number: u64) -> Span {
    let time = 1_700_000_000_000_000_000 + number * 1_000;
    let event = Event { time_unix_nano: time + 3, name: "event".to_owned(), ..Event::default() };
    let link = Link { trace_id: id(trace + 1, 16), span_id: id(number + 99, 8), ..Link::default() };
    Span {
        trace_id: id(trace, 16),
        span_id: id(number, 8),
        parent_span_id: if number.is_multiple_of(3) { Vec::new() } else { id(number - 1, 8) },
        name: format!("span {number}"),
        kind: (number % 5 + 1) as i32,
        start_time_unix_nano: time,
        end_time_unix_nano: time + 500,
        attributes: attributes(number),
        events: vec![event; [2, 0, 1, 0][(number % 4) as usize]],
        links: vec![link; [1, 0, 0, 2, 0, 0][(number % 6) as usize]],
        trace_state: if number.is_multiple_of(7) { "planted=1,".repeat(26) } else { String::new() },
        status: (!number.is_multiple_of(4)).then(|| Status { code: (number % 3) as i32, message: "why".to_owned() }),
        flags: (number % 2) as u32,
        ..Span::default()
    }
}

fn attributes(number: u64) -> Vec<KeyValue> {
    let length = if number.is_multiple_of(23) { 5_000 } else { 10 };
    let many = if number.is_multiple_of(29) { 40 } else { 0 };
    let more = (0..many).map(|more| attribute(&format!("more.{more}"), Value::IntValue(more)));
    let own = [
        attribute("equal.a", Value::IntValue(7)),
        attribute("equal.b", Value::IntValue(7)),
        attribute("text", Value::StringValue("ä".repeat(length))),
        attribute("truth", Value::BoolValue(number.is_multiple_of(2))),
        attribute(
            "number",
            Value::DoubleValue(if number.is_multiple_of(4) { f64::INFINITY } else { number as f64 / 3.0 }),
        ),
        attribute("nothing", Value::StringValue("x".repeat((number % 2) as usize))),
        attribute("Ganze-Größe", Value::IntValue(7)),
    ];
    own.into_iter().chain(more).collect()
}

fn id(number: u64, length: usize) -> Vec<u8> {
    let bytes = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    bytes.into_iter().cycle().take(length).collect()
}

/// What tells spans of the sample apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
}

/// What a span stands under.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    pub resource: Resource,
    pub scope: InstrumentationScope,
    pub schema_urls: (String, String),
}

/// What a defect did.
#[derive(Debug, Default)]
pub struct Diff {
    /// How often it says that it bit.
    pub bites: u64,
    /// Spans sent.
    pub sent: u64,
    /// Their ids in order.
    pub sent_in_order: Vec<Id>,
    /// Their services.
    pub services: BTreeMap<Id, String>,
    /// Their encoded sizes.
    pub sizes: BTreeMap<Id, usize>,
    /// Sent and not there any more.
    pub lost: Vec<Id>,
    /// There and never sent.
    pub added: Vec<Id>,
    /// Once for every copy beyond the first.
    pub repeated: Vec<Id>,
    /// Spans that are not as sent, before and after.
    pub changed: Vec<(Span, Span)>,
    /// Spans under another resource or scope than when sent, before and after.
    pub moved: Vec<(Home, Home)>,
}

/// Sends so many requests of the sample through a defect.
pub fn run(defect: &str, requests: u64) -> Diff {
    let defect: Defect = defect.parse().unwrap();
    let mut planted = defect.tamper(11).unwrap();
    let mut diff = Diff::default();
    let (mut sent, mut received) = (Vec::new(), BTreeMap::<Id, Vec<(Span, Home)>>::new());
    for number in 0..requests {
        let mut passage = Passage::new(request(number), 0);
        sent.extend(flatten(&passage.message));
        diff.bites += planted.tamper(&mut passage);
        assert_eq!((passage.copies, passage.answer), (1, Answer::Honest));
        for (id, span, home) in flatten(&passage.message) {
            received.entry(id).or_default().push((span, home));
        }
    }
    for (id, span, home) in sent {
        diff.compare(id, span, home, &mut received);
    }
    diff.added = received.into_keys().collect();
    let moves = ["change-scope", "change-service", "swap-resources", "resource-strings"].contains(&defect.name());
    assert!(moves || diff.moved.is_empty(), "{defect} moved spans");
    diff
}

impl Diff {
    fn compare(&mut self, id: Id, span: Span, home: Home, received: &mut BTreeMap<Id, Vec<(Span, Home)>>) {
        self.sent += 1;
        self.sent_in_order.push(id.clone());
        let service = service_name(Some(&home.resource)).unwrap_or_default().to_owned();
        self.services.insert(id.clone(), service);
        self.sizes.insert(id.clone(), span.encoded_len());
        let copies = received.remove(&id).unwrap_or_default();
        match copies.len() {
            0 => self.lost.push(id),
            several => self.repeated.extend(vec![id; several - 1]),
        }
        for (after, new_home) in copies {
            if after != span {
                self.changed.push((span.clone(), after));
            }
            if new_home != home {
                self.moved.push((home.clone(), new_home));
            }
        }
    }
}

fn flatten(message: &ExportTraceServiceRequest) -> Vec<(Id, Span, Home)> {
    let mut all = Vec::new();
    for resource in &message.resource_spans {
        for scope in &resource.scope_spans {
            assert!(!scope.spans.is_empty(), "an emptied scope was left behind");
            for span in &scope.spans {
                let id = Id { trace_id: span.trace_id.clone(), span_id: span.span_id.clone() };
                let home = Home {
                    resource: resource.resource.clone().unwrap_or_default(),
                    scope: scope.scope.clone().unwrap_or_default(),
                    schema_urls: (resource.schema_url.clone(), scope.schema_url.clone()),
                };
                all.push((id, span.clone(), home));
            }
        }
    }
    all
}
