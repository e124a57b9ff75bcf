//! What spans may hold, and what is right to do with those that hold what they may not.

use super::http::TRACES;
use super::json::READ_BACK;
use super::{arrived_if_taken, asks_account, asks_kept, same, span_of};
use crate::conformance::axes::{BINARY, Over};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load, TIME, attribute, spans};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::readback::Arrived;
use crate::conformance::registry::Case;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("DATA-01/trace-ids", TRACES_BINARY, |p| Box::pin(trace_ids(p))).needing(READ_BACK),
    Case::new("DATA-02/span-ids", TRACES_BINARY, |p| Box::pin(span_ids(p))).needing(READ_BACK),
    Case::new("DATA-03/one-of-many", TRACES_BINARY, |p| Box::pin(one_of_many(p))).needing(READ_BACK),
    Case::new("DATA-04/parents", TRACES_BINARY, |p| Box::pin(parents(p))).needing(READ_BACK),
    Case::new("DATA-07/no-name", TRACES_BINARY, |p| Box::pin(no_name(p))).needing(READ_BACK),
    Case::new("DATA-08/no-kind", TRACES_BINARY, |p| Box::pin(no_kind(p))).needing(READ_BACK),
    Case::new("DATA-09/no-status", TRACES_BINARY, |p| Box::pin(no_status(p))).needing(READ_BACK),
    Case::new("DATA-10/times", TRACES_BINARY, |p| Box::pin(times(p))).needing(READ_BACK),
    Case::new("DATA-11/flags", TRACES_BINARY, |p| Box::pin(flags(p))).needing(READ_BACK),
    Case::new("DATA-14/same-keys", TRACES_BINARY, |p| Box::pin(same_keys(p))).needing(READ_BACK),
    Case::new("DATA-15/values", TRACES_BINARY, |p| Box::pin(values(p))).needing(READ_BACK),
    Case::new("DATA-16/nobody", TRACES_BINARY, |p| Box::pin(nobody(p))).needing(READ_BACK),
    Case::new("DATA-17/rest", TRACES_BINARY, |p| Box::pin(rest(p))).needing(READ_BACK),
];

const TRACES_BINARY: Over = Over::each(BINARY, TRACES);

/// A request with one span in which something is changed.
fn changed(probe: &Probe, change: impl FnOnce(&mut Span)) -> Load {
    let marker = probe.marker();
    let mut span = spans::span(&marker, 0);
    change(&mut span);
    Load::marked(spans::request_of(vec![span]).encode_to_vec(), &marker, 1)
}

async fn asks_changed(
    probe: &Probe,
    judged: &mut Judged,
    name: &str,
    change: impl FnOnce(&mut Span),
    check: impl Fn(&Span) -> Result<(), String>,
) -> Result<(), Unanswered> {
    let load = changed(probe, change);
    asks_kept(probe, judged, name, &load, |arrived| check(span_of(arrived)?)).await
}

/// What is right to do with it is open; that it is accounted for is not, and what came out is held against the book.
async fn account(probe: &Probe, judged: &mut Judged, name: &str, change: impl FnOnce(&mut Span)) {
    let reply = probe.send(&changed(probe, change)).await;
    asks_account(judged, name, &reply);
}

async fn trace_ids(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span with a trace id that is none is stored, refused or counted as rejected");
    account(probe, &mut judged, "all zero", |span| span.trace_id = vec![0; 16]).await;
    for bytes in [0, 8, 15, 17, 32] {
        account(probe, &mut judged, &format!("{bytes} bytes"), |span| span.trace_id = vec![7; bytes]).await;
    }
    Ok(judged)
}

async fn span_ids(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span with a span id that is none is stored, refused or counted as rejected");
    account(probe, &mut judged, "all zero", |span| span.span_id = vec![0; 8]).await;
    for bytes in [0, 4, 7, 9, 16] {
        account(probe, &mut judged, &format!("{bytes} bytes"), |span| span.span_id = vec![7; bytes]).await;
    }
    Ok(judged)
}

async fn one_of_many(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("one bad span among many is accounted for: all, none or the good ones are stored");
    let marker = probe.marker();
    let mut all: Vec<Span> = (0..100).map(|number| spans::span(&marker, number)).collect();
    all[50].trace_id = vec![7; 3];
    let load = Load::marked(spans::request_of(all).encode_to_vec(), &marker, 100);
    let reply = probe.send(&load).await?;
    let rejected = reply.outcome().rejected();
    let what = match (reply.outcome().is_taken(), rejected) {
        (false, _) => "the whole request is refused".to_owned(),
        (true, 0) => "all are taken".to_owned(),
        (true, rejected) => format!("{rejected} are rejected"),
    };
    judged.saw(How::Told, format!("{what}: {}", reply.words()));
    Ok(judged)
}

async fn parents(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("odd parents are accounted for, and the server goes on");
    account(probe, &mut judged, "3 bytes", |span| span.parent_span_id = vec![7; 3]).await;
    account(probe, &mut judged, "all zero", |span| span.parent_span_id = vec![0; 8]).await;
    account(probe, &mut judged, "itself", |span| span.parent_span_id = span.span_id.clone()).await;
    account(probe, &mut judged, "nobody", |span| span.parent_span_id = vec![9; 8]).await;
    let marker = probe.marker();
    let mut ring: Vec<Span> = (0..3).map(|number| spans::span(&marker, number)).collect();
    let ids: Vec<Vec<u8>> = ring.iter().map(|span| span.span_id.clone()).collect();
    for (place, span) in ring.iter_mut().enumerate() {
        span.parent_span_id = ids[(place + 1) % ids.len()].clone();
    }
    let load = Load::marked(spans::request_of(ring).encode_to_vec(), &marker, 3);
    asks_account(&mut judged, "a ring", &probe.send(&load).await);
    let good = probe.good(1);
    let reply = probe.send(&good).await?;
    judged.asks(reply.outcome().is_taken(), format!("afterwards: {}", reply.words()));
    Ok(judged)
}

async fn no_name(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span without a name is taken");
    asks_changed(probe, &mut judged, "no name", |span| span.name.clear(), |_| Ok(())).await?;
    Ok(judged)
}

async fn no_kind(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span without a kind is kept so, or taken for INTERNAL");
    let check = |span: &Span| match span.kind {
        0 | 1 => Ok(()),
        kind => Err(format!("its kind came out as {kind}")),
    };
    asks_changed(probe, &mut judged, "kind 0", |span| span.kind = 0, check).await?;
    Ok(judged)
}

async fn no_status(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span without a status has the status UNSET");
    let check = |span: &Span| same("the code", &span.status.clone().unwrap_or_default().code, &0);
    asks_changed(probe, &mut judged, "no status", |span| span.status = None, check).await?;
    Ok(judged)
}

async fn times(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("odd times are accounted for");
    for (name, start, end) in [
        ("the end before the start", TIME, TIME - 1),
        ("a start of 0", 0, TIME),
        ("both 0", 0, 0),
        ("the year 2500", TIME, 16_725_225_600_000_000_000),
        ("the last instant", u64::MAX, u64::MAX),
    ] {
        account(probe, &mut judged, name, |span| (span.start_time_unix_nano, span.end_time_unix_nano) = (start, end))
            .await;
    }
    Ok(judged)
}

async fn flags(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("bits that are not defined yet are no reason to refuse, and are passed on");
    let sent = 0xffff_fd01;
    let load = changed(probe, |span| span.flags = sent);
    asks_kept(probe, &mut judged, "bits 10 to 31", &load, |_| Ok(())).await?;
    for arrived in probe.arrived(&load).await {
        let came = arrived.span().map_or(0, |span| span.flags);
        if came & 0xff != sent & 0xff {
            judged.asks(false, format!("the flags of W3C came out as {:#x} and were {:#x}", came & 0xff, sent & 0xff));
        } else if came != sent {
            judged.saw(How::Weak, format!("the flags came out as {came:#x} and were {sent:#x}"));
        }
    }
    Ok(judged)
}

async fn same_keys(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("an attribute twice is accounted for; which one stays is open");
    let load = changed(probe, |span| {
        span.attributes.extend([1, 2].map(|number| attribute("twice", Value::IntValue(number))));
    });
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "the same key twice", &reply);
    for arrived in arrived_if_taken(probe, &load, &reply).await {
        let attributes = arrived.span().map(|span| span.attributes.clone()).unwrap_or_default();
        let left = attributes.iter().filter(|attribute| attribute.key == "twice").count();
        judged.saw(How::Told, format!("{left} of 2 came out"));
    }
    Ok(judged)
}

/// Attributes that an earlier release did not allow.
fn odd_attributes() -> Vec<KeyValue> {
    let any = |value| AnyValue { value: Some(value) };
    let list = vec![any(Value::IntValue(1)), any(Value::StringValue("a".to_owned())), AnyValue { value: None }];
    let inner = vec![attribute("inner", Value::BoolValue(true))];
    vec![
        KeyValue { key: "empty value".to_owned(), value: Some(AnyValue { value: None }), ..KeyValue::default() },
        attribute("bytes", Value::BytesValue(vec![0, 255])),
        attribute("map", Value::KvlistValue(KeyValueList { values: inner })),
        attribute("mixed", Value::ArrayValue(ArrayValue { values: list })),
        attribute("", Value::StringValue("empty key".to_owned())),
    ]
}

async fn values(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("attributes of every kind of value are taken, and come out");
    let sent = odd_attributes();
    let check = |span: &Span| {
        let gone = sent.iter().find(|sent| !span.attributes.iter().any(|came| came.key == sent.key));
        gone.map_or(Ok(()), |gone| Err(format!("the attribute {:?} is gone", gone.key)))
    };
    asks_changed(probe, &mut judged, "odd values", |span| span.attributes.extend(sent.clone()), check).await?;
    Ok(judged)
}

async fn nobody(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("spans without a resource, without a scope, or with one without a name are taken");
    for (name, has_resource, scope) in
        [("no resource", false, Some(payload::scope())), ("no scope", true, None), ("no name", true, Some(unnamed()))]
    {
        let marker = probe.marker();
        let mut request = spans::request(&marker, 1);
        for resource in &mut request.resource_spans {
            if !has_resource {
                resource.resource = None;
            }
            resource.scope_spans.iter_mut().for_each(|spans| spans.scope = scope.clone());
        }
        let load = Load::marked(request.encode_to_vec(), &marker, 1);
        asks_kept(probe, &mut judged, name, &load, |_| Ok(())).await?;
    }
    Ok(judged)
}

fn unnamed() -> InstrumentationScope {
    InstrumentationScope::default()
}

async fn rest(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("counts of what was dropped, schemas, states and a scope's attributes are passed on");
    let marker = probe.marker();
    let mut span = spans::span(&marker, 0);
    span.trace_state = "vendor=1".to_owned();
    (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) = (1, 2, 3);
    span.events = vec![Event { name: "e".to_owned(), dropped_attributes_count: 4, ..Event::default() }];
    span.links =
        vec![Link { trace_id: vec![1; 16], span_id: vec![1; 8], dropped_attributes_count: 5, ..Link::default() }];
    let mut request = spans::request_of(vec![span]);
    for resource in &mut request.resource_spans {
        resource.schema_url = "https://opentelemetry.io/schemas/1.30.0".to_owned();
        for spans in &mut resource.scope_spans {
            spans.schema_url = "https://opentelemetry.io/schemas/1.31.0".to_owned();
            spans.scope.iter_mut().for_each(|scope| scope.attributes = vec![attribute("a", Value::IntValue(1))]);
        }
    }
    let load = Load::marked(request.encode_to_vec(), &marker, 1);
    asks_kept(probe, &mut judged, "a span with all of these", &load, rest_is_there).await?;
    Ok(judged)
}

fn rest_is_there(arrived: &Arrived) -> Result<(), String> {
    let span = span_of(arrived)?;
    let counts = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
    same("the counts", &counts, &[1, 2, 3])?;
    let of_event = span.events.first().map_or(0, |event| event.dropped_attributes_count);
    let of_link = span.links.first().map_or(0, |link| link.dropped_attributes_count);
    same("the counts of event and link", &(of_event, of_link), &(4, 5))?;
    same("the state", &span.trace_state.as_str(), &"vendor=1")?;
    let versions = arrived.schemas.clone().map(|schema| schema.rsplit('/').next().unwrap_or_default().to_owned());
    same("the schemas", &versions, &["1.30.0".to_owned(), "1.31.0".to_owned()])?;
    let attributes = arrived.scope.as_ref().map_or(0, |scope| scope.attributes.len());
    same("the scope's attributes", &attributes, &1)
}
