//! What `shop` sends holds every field that the protocol has, and every kind of content that a pipeline is known to garble: where
//! nothing of the kind is sent, nobody sees that it is lost. The fields come from the protocol's descriptors, so one that a newer
//! protocol adds fails here.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

#[path = "fields/schema.rs"]
mod schema;
#[path = "fields/tree.rs"]
#[allow(dead_code, reason = "the test of the fields needs more of it")]
mod tree;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use schema::{Holds, ROOT, Schema, schema};
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Ppb, Rate, Shape};
use spanproof_generators::protobuf::Reader;
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use std::collections::{BTreeMap, BTreeSet};
use std::num::FpCategory;
use std::sync::LazyLock;
use tree::{Node, Tree, paths};

/// Fields that are not sent, and why; with all that lies in them.
const LEFT_OUT: [(&str, &str); 3] = [
    ("resource.entity_refs", "in development: a collector of before drops by right what its protocol does not have"),
    ("KeyValue.key_strindex", "stands for a key in profiles only"),
    ("AnyValue.string_value_strindex", "stands for a text in profiles only"),
];

/// Requests of a run of the default pool with every anomaly.
static REQUESTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let shares = Stratum::ANOMALIES.iter().map(|stratum| (*stratum, Ppb(20_000_000))).collect();
    let plan = Plan::new(PlanSpec {
        seed: Seed(7),
        tag: RunTag::new(0x1234),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload: Workload::Shop(Shop::default()),
        mix: Mix { shares },
        packing: Packing::PerService,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(20_000.0),
        shape: Shape { segments: vec![Segment { seconds: 10.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Constant,
        extent: Extent::Profile,
    })
    .unwrap();
    let chunks = (0..plan.chunks()).map(|number| plan.open(number));
    let encoded = chunks.flat_map(|chunk| {
        let encode = |request| {
            let mut bytes = Vec::new();
            chunk.encode(&plan, request, &mut bytes);
            bytes
        };
        (0..chunk.requests().len()).map(encode).collect::<Vec<_>>()
    });
    encoded.collect()
});

/// Where a field stands: by its path, or inside of an attribute by its message, there told apart from what is nested in a list.
fn place(above: &str, message: &str, field: &str) -> String {
    let (short, holder) = (last(message), last(above));
    if above.starts_with("nested ") || matches!(holder, "array_value" | "kvlist_value") {
        format!("nested {short}.{field}")
    } else if matches!(holder, "attributes" | "value") {
        format!("{short}.{field}")
    } else if above.is_empty() {
        field.to_owned()
    } else {
        format!("{above}.{field}")
    }
}

fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap()
}

/// Notes the places of a message's fields, and of those inside of them.
fn note(message: &str, tree: &Tree, above: &str, seen: &mut BTreeSet<String>) {
    for (field, node) in tree {
        let here = place(above, message, &field.name);
        if let (Node::Inside(inside), Holds::Message(name)) = (node, &field.holds) {
            note(name, inside, &here, seen);
        }
        seen.insert(here);
    }
}

/// The places of all fields that there are.
fn all_places(schema: &Schema) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in paths(schema) {
        let (mut message, mut here) = (ROOT.to_owned(), String::new());
        for field in &path {
            here = place(&here, &message, &field.name);
            if let Holds::Message(name) = &field.holds {
                message.clone_from(name);
            }
        }
        all.insert(here);
    }
    all
}

#[test]
fn every_field_occurs_but_those_left_out_for_a_reason() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    for request in REQUESTS.iter() {
        let mut reader = Reader::new(request);
        while reader.tag().unwrap().is_some() {
            note(ROOT, &tree::read(&schema, ROOT, reader.bytes().unwrap()), "", &mut seen);
        }
    }
    let is_left_out =
        |place: &&String| LEFT_OUT.iter().any(|(field, _)| place.trim_start_matches("nested ").starts_with(field));
    let all = all_places(&schema);
    assert_eq!(all.iter().filter(|place| !is_left_out(place)).collect::<Vec<_>>(), seen.iter().collect::<Vec<_>>());
    for (field, _) in LEFT_OUT {
        assert!(all.contains(field), "{field} is no field");
    }
}

fn spans() -> Vec<Span> {
    let decoded = REQUESTS.iter().map(|bytes| ExportTraceServiceRequest::decode(&bytes[..]).unwrap());
    let scopes = decoded.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Every value in these attributes, those within others too.
fn values(attributes: &[KeyValue]) -> Vec<&AnyValue> {
    fn descend<'a>(value: &'a AnyValue, found: &mut Vec<&'a AnyValue>) {
        found.push(value);
        match &value.value {
            Some(Value::ArrayValue(array)) => array.values.iter().for_each(|inner| descend(inner, found)),
            Some(Value::KvlistValue(list)) => {
                list.values.iter().filter_map(|pair| pair.value.as_ref()).for_each(|inner| descend(inner, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    attributes.iter().filter_map(|attribute| attribute.value.as_ref()).for_each(|value| descend(value, &mut found));
    found
}

/// What is special about a value, if anything is.
fn edge(value: &AnyValue) -> Option<&'static str> {
    Some(match value.value.as_ref() {
        None => "no value",
        Some(Value::StringValue(text)) if text.is_empty() => "empty text",
        Some(Value::BytesValue(bytes)) if bytes.is_empty() => "empty bytes",
        Some(Value::ArrayValue(array)) if array.values.is_empty() => "empty list",
        Some(Value::KvlistValue(list)) if list.values.is_empty() => "empty map",
        Some(Value::StringValue(text)) => match text.chars().map(char::len_utf8).max() {
            Some(2) => "text of two bytes a character",
            Some(3) => "text of three bytes a character",
            Some(4) => "text of four bytes a character",
            _ => return None,
        },
        Some(Value::IntValue(i64::MIN)) => "least integer",
        Some(Value::IntValue(i64::MAX)) => "greatest integer",
        Some(Value::IntValue(..0)) => "negative integer",
        Some(Value::IntValue(number)) if *number as f64 as i64 != *number => "integer that no double holds",
        Some(Value::DoubleValue(number)) => match (number.classify(), number.is_sign_negative()) {
            (FpCategory::Nan, _) if number.to_bits() != f64::NAN.to_bits() => "not a number, with bits of its own",
            (FpCategory::Nan, _) => "not a number",
            (FpCategory::Infinite, false) => "infinity",
            (FpCategory::Infinite, true) => "negative infinity",
            (FpCategory::Subnormal, _) => "subnormal double",
            (FpCategory::Zero, true) => "negative zero",
            (FpCategory::Normal, true) => "negative double",
            _ => return None,
        },
        Some(_) => return None,
    })
}

/// What of this must be in every place that has attributes, itself or within another value.
const EDGES: [&str; 19] = [
    "empty bytes",
    "empty list",
    "empty map",
    "empty text",
    "greatest integer",
    "infinity",
    "integer that no double holds",
    "least integer",
    "negative double",
    "negative infinity",
    "negative integer",
    "negative zero",
    "no value",
    "not a number",
    "not a number, with bits of its own",
    "subnormal double",
    "text of four bytes a character",
    "text of three bytes a character",
    "text of two bytes a character",
];

#[test]
fn what_pipelines_are_known_to_garble_occurs_in_attributes_of_spans_and_nested_in_them() {
    let spans = spans();
    let edges = |values: Vec<&AnyValue>| values.into_iter().filter_map(edge).collect::<BTreeSet<_>>();
    let expected = BTreeSet::from(EDGES);
    let own = spans.iter().flat_map(|span| &span.attributes).filter_map(|attribute| attribute.value.as_ref());
    assert_eq!(edges(own.collect()), expected);
    // The payload's values are all inside of others.
    let nested =
        spans.iter().flat_map(|span| &span.attributes).filter(|attribute| attribute.key == "app.request.payload");
    let mut expected_nested = expected;
    expected_nested.remove("empty text");
    expected_nested.remove("empty bytes");
    assert_eq!(edges(nested.flat_map(|attribute| values(std::slice::from_ref(attribute))).collect()), expected_nested);
}

/// What was seen of the attributes of one kind of holder.
#[derive(Debug, Default)]
struct Held {
    /// Types of the values of attributes themselves.
    types: BTreeSet<&'static str>,
    /// What is special about values, those within others too.
    edges: BTreeSet<&'static str>,
    /// What is special about keys.
    keys: BTreeSet<&'static str>,
    /// The longest text, in bytes.
    longest: usize,
    /// The most attributes of one holder.
    most: usize,
}

impl Held {
    fn see(&mut self, attributes: &[KeyValue]) {
        self.types.extend(attributes.iter().map(|attribute| type_of(attribute.value.as_ref())));
        self.most = self.most.max(attributes.len());
        for value in values(attributes) {
            self.edges.extend(edge(value));
            if let Some(Value::StringValue(text)) = &value.value {
                self.longest = self.longest.max(text.len());
            }
        }
        for key in attributes.iter().map(|attribute| &attribute.key) {
            let special = [
                (key.contains(char::is_uppercase), "a capital"),
                (key.contains(' '), "a blank"),
                (!key.is_ascii(), "beyond ASCII"),
            ];
            self.keys.extend(special.into_iter().filter(|(is, _)| *is).map(|(_, what)| what));
        }
    }
}

/// The name of a value's type.
fn type_of(value: Option<&AnyValue>) -> &'static str {
    match value.and_then(|value| value.value.as_ref()) {
        None => "none",
        Some(Value::StringValue(_)) => "string",
        Some(Value::BoolValue(_)) => "bool",
        Some(Value::IntValue(_)) => "int",
        Some(Value::DoubleValue(_)) => "double",
        Some(Value::ArrayValue(_)) => "array",
        Some(Value::KvlistValue(_)) => "map",
        Some(Value::BytesValue(_)) => "bytes",
        Some(Value::StringValueStrindex(_)) => "index",
    }
}

/// What each of the five kinds of holders of attributes holds in this run.
fn held() -> BTreeMap<&'static str, Held> {
    let mut seen: BTreeMap<&str, Held> = BTreeMap::new();
    let mut see = |holder, attributes: &[KeyValue]| seen.entry(holder).or_default().see(attributes);
    for bytes in REQUESTS.iter() {
        for resource_spans in ExportTraceServiceRequest::decode(&bytes[..]).unwrap().resource_spans {
            see("resource", &resource_spans.resource.unwrap().attributes);
            for scope_spans in resource_spans.scope_spans {
                see("scope", &scope_spans.scope.unwrap().attributes);
                for span in scope_spans.spans {
                    see("span", &span.attributes);
                    span.events.iter().for_each(|event| see("event", &event.attributes));
                    span.links.iter().for_each(|link| see("link", &link.attributes));
                }
            }
        }
    }
    seen
}

/// No holder of attributes is spared: neither a type, nor an edge, nor a kind of key, nor a long text.
#[test]
fn every_type_and_edge_and_long_texts_occur_in_every_holder_of_attributes() {
    let held = held();
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), ["event", "link", "resource", "scope", "span"]);
    for (holder, held) in held {
        let types = ["array", "bool", "bytes", "double", "int", "map", "none", "string"];
        assert_eq!(held.types, BTreeSet::from(types), "{holder}");
        assert_eq!(held.edges, BTreeSet::from(EDGES), "{holder}");
        assert_eq!(held.keys, BTreeSet::from(["a blank", "a capital", "beyond ASCII"]), "{holder}");
        let (longer_than, more_than) = match holder {
            "span" => (32_768, 128),
            "resource" => (1_024, 32),
            "scope" => (1_024, 8),
            _ => (4_096, 8),
        };
        assert!(held.longest > longer_than && held.most > more_than, "{holder}: {held:?}");
    }
}

/// Limits that pipelines are known to have without saying so: on names, messages, spans, their events and links, on tracestate.
#[test]
fn spans_with_much_of_everything_occur() {
    let spans = spans();
    let most = |of: fn(&Span) -> usize| spans.iter().map(of).max().unwrap();
    assert!(most(|span| span.events.len()) > 128);
    assert!(most(|span| span.links.len()) > 32);
    assert!(most(|span| span.name.len()) > 1_024);
    assert!(most(|span| span.status.as_ref().map_or(0, |status| status.message.len())) > 4_096);
    assert!(most(Span::encoded_len) > 32_768);
    let states = spans.iter().flat_map(|span| {
        let of_links = span.links.iter().map(|link| &link.trace_state);
        of_links.chain([&span.trace_state]).map(|state| (state.len(), state.split(',').count()))
    });
    let longest: BTreeSet<_> = states.filter(|(bytes, _)| *bytes > 256).collect();
    assert_eq!(longest, BTreeSet::from([(512, 4), (512, 32)]));
}

#[test]
fn spans_that_last_no_time_occur_and_every_mix_of_flags() {
    let spans = spans();
    assert!(spans.iter().any(|span| span.start_time_unix_nano == span.end_time_unix_nano));
    let flags: BTreeSet<_> = spans.iter().map(|span| span.flags).collect();
    assert_eq!(flags, BTreeSet::from([0, 1, 0x100, 0x101, 0x300, 0x301]));
    let of_links: BTreeSet<_> = spans.iter().flat_map(|span| &span.links).map(|link| link.flags).collect();
    assert_eq!(of_links, BTreeSet::from([0, 0x301]));
}

#[test]
fn every_kind_and_status_occurs_and_spans_with_several_links() {
    let spans = spans();
    assert_eq!(spans.iter().map(|span| span.kind).collect::<BTreeSet<_>>(), (0..=5).collect());
    let status = |span: &Span| span.status.as_ref().map(|status| (status.code, !status.message.is_empty()));
    let statuses: BTreeSet<_> = spans.iter().map(status).collect();
    let expected = [None, Some((1, false)), Some((1, true)), Some((2, false)), Some((2, true))];
    assert_eq!(statuses, BTreeSet::from(expected));
    assert_eq!(spans.iter().map(|span| span.links.len()).collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 40]));
    assert!(spans.iter().any(|span| !span.name.is_ascii()));
}
