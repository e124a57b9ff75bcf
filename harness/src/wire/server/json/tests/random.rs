//! Whatever a request holds, its JSON is read as that request.

use super::super::schema::TRACES;
use super::super::transcode::transcode;
use super::writer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prop::collection::vec;
use prop::option;
use proptest::prelude::*;
use prost::Message;

/// By bit pattern: every exponent is as likely. JSON has one NaN only.
fn double() -> impl Strategy<Value = f64> {
    let any = any::<u64>().prop_map(f64::from_bits).prop_map(|number| if number.is_nan() { f64::NAN } else { number });
    prop_oneof![4 => any, 4 => 0.0..1.0, 1 => Just(-0.0), 1 => Just(f64::MAX), 1 => Just(5e-324), 1 => Just(f64::INFINITY)]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        1 => Just(None),
        2 => any::<String>().prop_map(|of| Some(Value::StringValue(of))),
        1 => any::<bool>().prop_map(|of| Some(Value::BoolValue(of))),
        2 => any::<i64>().prop_map(|of| Some(Value::IntValue(of))),
        4 => double().prop_map(|of| Some(Value::DoubleValue(of))),
        1 => vec(any::<u8>(), 0..10).prop_map(|of| Some(Value::BytesValue(of))),
        1 => any::<i32>().prop_map(|of| Some(Value::StringValueStrindex(of))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(8, 30, 4, |inner| {
        let entry = (any::<String>(), option::of(inner.clone())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..KeyValue::default()
        });
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(entry, 0..4).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute =
        ("[a-z]{0,4}", option::of(any_value())).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
    vec(attribute, 0..4)
}

fn id() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..17)
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), any::<String>(), attributes()).prop_map(|(time_unix_nano, name, attributes)| Event {
        time_unix_nano,
        name,
        attributes,
        ..Event::default()
    })
}

fn link() -> impl Strategy<Value = Link> {
    (id(), id(), attributes()).prop_map(|(trace_id, span_id, attributes)| Link {
        trace_id,
        span_id,
        attributes,
        ..Link::default()
    })
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (id(), id(), id(), any::<String>(), any::<String>());
    let numbers = (any::<u32>(), any::<i32>(), any::<u64>(), any::<u64>(), any::<u32>());
    let status = option::of((any::<String>(), any::<i32>()).prop_map(|(message, code)| Status { message, code }));
    let parts = (attributes(), vec(event(), 0..3), vec(link(), 0..3), status);
    (ids, numbers, parts).prop_map(|(ids, numbers, (attributes, events, links, status))| {
        let (trace_id, span_id, parent_span_id, trace_state, name) = ids;
        let (flags, kind, start_time_unix_nano, end_time_unix_nano, dropped_attributes_count) = numbers;
        Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state,
            name,
            flags,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            dropped_attributes_count,
            attributes,
            events,
            links,
            status,
            ..Span::default()
        }
    })
}

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (any::<String>(), any::<String>(), attributes()).prop_map(|(name, version, attributes)| {
        InstrumentationScope { name, version, attributes, ..InstrumentationScope::default() }
    });
    let scope_spans = (option::of(scope), vec(span(), 0..3)).prop_map(|(scope, spans)| ScopeSpans {
        scope,
        spans,
        ..ScopeSpans::default()
    });
    let resource = (attributes(), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| Resource {
        attributes,
        dropped_attributes_count,
        ..Resource::default()
    });
    let group = (option::of(resource), vec(scope_spans, 0..3), any::<String>())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(group, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// Compared as bytes: NaN differs from itself, and 0 does not differ from -0.
#[track_caller]
fn expect_same(request: &ExportTraceServiceRequest) {
    let json = writer::request(request);
    let read = ExportTraceServiceRequest::decode(&*transcode(&TRACES, json.as_bytes()).unwrap()).unwrap();
    assert_eq!(read.encode_to_vec(), request.encode_to_vec(), "{json}");
}

fn with_value(value: AnyValue) -> ExportTraceServiceRequest {
    let attributes = vec![KeyValue { key: "k".to_owned(), value: Some(value), ..KeyValue::default() }];
    let spans = vec![Span { attributes, ..Span::default() }];
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn nested(depth: usize, wrap: impl Fn(AnyValue) -> Value) -> ExportTraceServiceRequest {
    with_value((0..depth).fold(AnyValue::default(), |value, _| AnyValue { value: Some(wrap(value)) }))
}

fn in_array(value: AnyValue) -> Value {
    Value::ArrayValue(ArrayValue { values: vec![value] })
}

fn in_list(value: AnyValue) -> Value {
    let value = Some(value);
    Value::KvlistValue(KeyValueList { values: vec![KeyValue { key: "k".to_owned(), value, ..KeyValue::default() }] })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_request_is_read_as_itself(request in request()) {
        expect_same(&request);
    }

    #[test]
    fn a_double_keeps_all_its_bits(number in double()) {
        expect_same(&with_value(AnyValue { value: Some(Value::DoubleValue(number)) }));
    }

    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..60), text in "[{}\\[\\]\":,a0-9eE.n-]{0,60}") {
        let _ = transcode(&TRACES, &bytes);
        let _ = transcode(&TRACES, text.as_bytes());
    }
}

#[test]
fn what_protobuf_may_nest_json_may_nest_and_no_more() {
    expect_same(&nested(47, in_array));
    expect_same(&nested(31, in_list));
    let endless = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":"#.to_owned()
        + &r#"{"arrayValue":{"values":["#.repeat(100_000);
    for too_deep in [writer::request(&nested(48, in_array)), writer::request(&nested(32, in_list)), endless] {
        let error = transcode(&TRACES, too_deep.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("messages are nested too deep"), "{error}");
    }
}
