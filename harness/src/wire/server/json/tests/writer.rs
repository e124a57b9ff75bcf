//! Writes OTLP/JSON by hand from the specification, so that the reader is not held against itself.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

pub fn request(request: &ExportTraceServiceRequest) -> String {
    format!("{{\"resourceSpans\":{}}}", list(&request.resource_spans, resource_spans))
}

fn list<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(","))
}

/// `null` for what is not there.
fn maybe<T>(item: Option<&T>, write: impl Fn(&T) -> String) -> String {
    item.map_or("null".to_owned(), write)
}

/// Everything but letters and digits in UTF-16, which any JSON parser must understand.
fn text(text: &str) -> String {
    let escape = |char: char| match char {
        char if char.is_ascii_alphanumeric() => char.to_string(),
        char => char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn hex(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let symbol =
        |bits: &[u8]| ALPHABET[bits.iter().enumerate().map(|(at, bit)| usize::from(*bit) << (5 - at)).sum::<usize>()];
    let mut text: String = bits.chunks(6).map(|bits| char::from(symbol(bits))).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("\"{text}\"")
}

pub fn double(number: f64) -> String {
    match number {
        number if number.is_nan() => "\"NaN\"".to_owned(),
        f64::INFINITY => "\"Infinity\"".to_owned(),
        f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
        number => format!("{number:?}"),
    }
}

fn value(of: &AnyValue) -> String {
    let field = match &of.value {
        None => String::new(),
        Some(Value::StringValue(of)) => format!("\"stringValue\":{}", text(of)),
        Some(Value::BoolValue(of)) => format!("\"boolValue\":{of}"),
        Some(Value::IntValue(of)) => format!("\"intValue\":\"{of}\""),
        Some(Value::DoubleValue(of)) => format!("\"doubleValue\":{}", double(*of)),
        Some(Value::ArrayValue(of)) if of.values.is_empty() => "\"arrayValue\":{}".to_owned(),
        Some(Value::ArrayValue(of)) => format!("\"arrayValue\":{{\"values\":{}}}", list(&of.values, value)),
        Some(Value::KvlistValue(of)) if of.values.is_empty() => "\"kvlistValue\":{}".to_owned(),
        Some(Value::KvlistValue(of)) => format!("\"kvlistValue\":{{\"values\":{}}}", attributes(&of.values)),
        Some(Value::BytesValue(of)) => format!("\"bytesValue\":{}", base64(of)),
        Some(Value::StringValueStrindex(of)) => format!("\"stringValueStrindex\":{of}"),
    };
    format!("{{{field}}}")
}

fn attributes(attributes: &[KeyValue]) -> String {
    list(attributes, |of| format!("{{\"key\":{},\"value\":{}}}", text(&of.key), maybe(of.value.as_ref(), value)))
}

fn resource_spans(of: &ResourceSpans) -> String {
    let resource = |of: &Resource| {
        let dropped = of.dropped_attributes_count;
        format!("{{\"attributes\":{},\"droppedAttributesCount\":{dropped}}}", attributes(&of.attributes))
    };
    let (resource, scopes) = (maybe(of.resource.as_ref(), resource), list(&of.scope_spans, scope_spans));
    format!("{{\"resource\":{resource},\"scopeSpans\":{scopes},\"schemaUrl\":{}}}", text(&of.schema_url))
}

fn scope_spans(of: &ScopeSpans) -> String {
    let scope = |of: &InstrumentationScope| {
        let (name, version) = (text(&of.name), text(&of.version));
        format!("{{\"name\":{name},\"version\":{version},\"attributes\":{}}}", attributes(&of.attributes))
    };
    format!("{{\"scope\":{},\"spans\":{}}}", maybe(of.scope.as_ref(), scope), list(&of.spans, span))
}

fn span(of: &Span) -> String {
    let status = |of: &Status| format!("{{\"message\":{},\"code\":{}}}", text(&of.message), of.code);
    let fields = [
        ("traceId", hex(&of.trace_id)),
        ("spanId", hex(&of.span_id)),
        ("traceState", text(&of.trace_state)),
        ("parentSpanId", hex(&of.parent_span_id)),
        ("flags", of.flags.to_string()),
        ("name", text(&of.name)),
        ("kind", of.kind.to_string()),
        ("startTimeUnixNano", format!("\"{}\"", of.start_time_unix_nano)),
        ("endTimeUnixNano", of.end_time_unix_nano.to_string()),
        ("attributes", attributes(&of.attributes)),
        ("droppedAttributesCount", of.dropped_attributes_count.to_string()),
        ("events", list(&of.events, event)),
        ("links", list(&of.links, link)),
        ("status", maybe(of.status.as_ref(), status)),
    ];
    format!("{{{}}}", fields.map(|(name, value)| format!("\"{name}\" : {value}")).join(" ,\n"))
}

fn event(of: &Event) -> String {
    let (time, name) = (of.time_unix_nano, text(&of.name));
    format!("{{\"timeUnixNano\":\"{time}\",\"name\":{name},\"attributes\":{}}}", attributes(&of.attributes))
}

fn link(of: &Link) -> String {
    let (trace, span) = (hex(&of.trace_id), hex(&of.span_id));
    format!("{{\"traceId\":{trace},\"spanId\":{span},\"attributes\":{}}}", attributes(&of.attributes))
}
