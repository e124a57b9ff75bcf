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

#[test]
fn what_pipelines_are_known_to_garble_occurs_in_attributes_and_nested_in_them() {
    let spans = spans();
    let edges = |values: Vec<&AnyValue>| values.into_iter().filter_map(edge).collect::<BTreeSet<_>>();
    let expected = BTreeSet::from([
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
    ]);
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

/// Limits that pipelines are known to have without saying so: on attributes of a span, on texts, on spans, on tracestate.
#[test]
fn spans_with_much_of_everything_occur() {
    let spans = spans();
    let longest = |span: &Span| {
        let text = |value: &&AnyValue| match &value.value {
            Some(Value::StringValue(text)) => text.len(),
            _ => 0,
        };
        values(&span.attributes).iter().map(text).max().unwrap_or_default()
    };
    assert!(spans.iter().any(|span| span.attributes.len() > 40));
    assert!(spans.iter().map(longest).max().is_some_and(|bytes| bytes > 16 << 10));
    assert!(spans.iter().any(|span| span.encoded_len() > 16 << 10));
    assert_eq!(spans.iter().map(|span| span.trace_state.len()).max(), Some(512));
    assert!(spans.iter().flat_map(|span| &span.attributes).any(|one| one.key.contains(char::is_uppercase)));
}

/// A value of each type stands in each of the places that have attributes, of events and links within another one.
#[test]
fn every_type_of_value_occurs_in_every_list_of_attributes() {
    let mut seen: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    let mut see = |place, attributes: &[KeyValue]| {
        seen.entry(place).or_default().extend(values(attributes).into_iter().map(type_of));
    };
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
    assert_eq!(seen.len(), 5);
    for (place, types) in seen {
        assert_eq!(types, (0..8).collect(), "{place}");
    }
}

/// The number of a value's type: 0 for none.
fn type_of(value: &AnyValue) -> u8 {
    match value.value {
        None => 0,
        Some(Value::StringValue(_)) => 1,
        Some(Value::BoolValue(_)) => 2,
        Some(Value::IntValue(_)) => 3,
        Some(Value::DoubleValue(_)) => 4,
        Some(Value::ArrayValue(_)) => 5,
        Some(Value::KvlistValue(_)) => 6,
        Some(Value::BytesValue(_)) => 7,
        Some(Value::StringValueStrindex(_)) => 8,
    }
}

#[test]
fn every_kind_and_status_occurs_and_spans_with_several_links() {
    let spans = spans();
    assert_eq!(spans.iter().map(|span| span.kind).collect::<BTreeSet<_>>(), (0..=5).collect());
    let status = |span: &Span| span.status.as_ref().map(|status| (status.code, !status.message.is_empty()));
    let statuses: BTreeSet<_> = spans.iter().map(status).collect();
    assert_eq!(statuses, BTreeSet::from([None, Some((1, false)), Some((2, false)), Some((2, true))]));
    assert_eq!(spans.iter().map(|span| span.links.len()).collect::<BTreeSet<_>>(), (0..=2).collect());
    assert!(spans.iter().any(|span| !span.name.is_ascii()));
}
