//! Generated requests for tests: every field of OTLP's traces, default and edge values included.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// An attribute.
pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

/// A whole request.
pub fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    vec(resource_spans(), 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{1,12}", "[a-z]{130,140}"]
}

fn bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(any::<u8>(), length), Just(vec![0; length])]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), any::<u32>()]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>()]
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), 0..6_i32, any::<i32>()]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), any::<f64>()]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        double().prop_map(Value::DoubleValue),
        bytes(5).prop_map(Value::BytesValue),
        number().prop_map(Value::StringValueStrindex),
    ];
    let leaf = of(leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let pair = (text(), of(inner.clone()), number());
        let pair = pair.prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex });
        prop_oneof![
            vec(inner, 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (text(), of(value()), number());
    vec(pair.prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex }), 0..4)
}

fn resource_spans() -> impl Strategy<Value = ResourceSpans> {
    (of(resource()), vec(scope_spans(), 0..3), text()).prop_map(|(resource, scope_spans, schema_url)| ResourceSpans {
        resource,
        scope_spans,
        schema_url,
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let entity = (text(), text(), vec(text(), 0..3), vec(text(), 0..3));
    let entity = entity.prop_map(|(schema_url, r#type, id_keys, description_keys)| EntityRef {
        schema_url,
        r#type,
        id_keys,
        description_keys,
    });
    (attributes(), count(), vec(entity, 0..3)).prop_map(|(attributes, dropped_attributes_count, entity_refs)| {
        Resource { attributes, dropped_attributes_count, entity_refs }
    })
}

fn scope_spans() -> impl Strategy<Value = ScopeSpans> {
    let scope = (text(), text(), attributes(), count());
    let scope = scope.prop_map(|(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
        name,
        version,
        attributes,
        dropped_attributes_count,
    });
    (of(scope), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    })
}

fn event() -> impl Strategy<Value = Event> {
    (time(), text(), attributes(), count()).prop_map(|(time_unix_nano, name, attributes, dropped_attributes_count)| {
        Event { time_unix_nano, name, attributes, dropped_attributes_count }
    })
}

fn link() -> impl Strategy<Value = Link> {
    (bytes(16), bytes(8), text(), attributes(), count(), count()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (bytes(16), bytes(8), bytes(8), text());
    let plain = (text(), number(), time(), time(), count());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    let counts = (count(), count(), count());
    let status = of((text(), number()).prop_map(|(message, code)| Status { message, code }));
    (ids, plain, lists, counts, status).prop_map(|(ids, plain, lists, counts, status)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_span_id: ids.2,
        trace_state: ids.3,
        name: plain.0,
        kind: plain.1,
        start_time_unix_nano: plain.2,
        end_time_unix_nano: plain.3,
        flags: plain.4,
        attributes: lists.0,
        events: lists.1,
        links: lists.2,
        dropped_attributes_count: counts.0,
        dropped_events_count: counts.1,
        dropped_links_count: counts.2,
        status,
    })
}
