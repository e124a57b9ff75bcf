//! What the traffic amounts to: sizes, shares, and that the rarer parts of the model occur at all.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::trace::v1::{self as otlp, span, status};
use prost::Message;

use super::shapes;
use crate::model::{Attribute, Event, Link, Parent, Pool, Shape, Span, SpanKind, Status, Stratum, Value};
use crate::workload::shop::Shop;

/// Weighted mean over the normal set, as a plan that draws by weight would see it.
fn mean(pool: &Pool, of: impl Fn(&Shape) -> f64) -> f64 {
    mean_of(shapes(pool, Stratum::Normal), of)
}

fn mean_of(shapes: &[Shape], of: impl Fn(&Shape) -> f64) -> f64 {
    let total: f64 = shapes.iter().map(|shape| shape.weight).sum();
    shapes.iter().map(|shape| shape.weight * of(shape)).sum::<f64>() / total
}

fn pool() -> Pool {
    Shop { pool_size: 1_024 }.pool(11, &[])
}

fn all_spans(pool: &Pool) -> impl Iterator<Item = &Span> {
    pool.sets.iter().flat_map(|set| &set.shapes).flat_map(|shape| &shape.spans)
}

#[test]
fn a_trace_has_about_21_spans_of_about_410_bytes() {
    let pool = pool();
    let spans = mean(&pool, |shape| shape.spans.len() as f64);
    let bytes = mean(&pool, |shape| shape.spans.iter().map(encoded_len).sum::<usize>() as f64) / spans;
    println!("{spans:.1} spans a trace, {bytes:.0} B a span");
    assert!((12.0..=30.0).contains(&spans), "{spans} spans a trace");
    assert!((280.0..=450.0).contains(&bytes), "{bytes} B a span");
}

/// In the smallest pool the rarest large operations have one shape, so the mean is at the mercy of the seed there.
#[test]
fn no_seed_makes_the_mean_trace_shorter_than_what_is_refused_as_too_slow() {
    let mut least = f64::INFINITY;
    for seed in 0..200 {
        let pool = Shop { pool_size: 8 }.pool(seed, &Stratum::ANOMALIES);
        for set in pool.sets.iter().filter(|set| set.stratum != Stratum::HealthCheck) {
            least = least.min(mean_of(&set.shapes, |shape| shape.spans.len() as f64));
        }
    }
    println!("{least:.1} spans a trace at least");
    assert!(least >= f64::from(Shop::MEAN_SPANS_MIN), "{least} spans a trace");
}

#[test]
fn weights_restore_the_shares_that_the_floor_under_rare_operations_bends() {
    let pool = Shop { pool_size: 64 }.pool(2, &[]);
    let browsing = mean(&pool, |shape| f64::from(shape.spans[0].name == "user_browse_product"));
    assert!((browsing - 10.0 / 24.0).abs() < 1e-9);
    let rare = shapes(&pool, Stratum::Normal).iter().filter(|shape| shape.spans[0].name == "user_checkout_multi");
    assert_eq!(rare.count(), 4);
}

#[test]
fn errors_are_rare_and_some_stay_below_the_entry() {
    let pool = Shop::default().pool(11, &[]);
    let failed = |span: &Span| matches!(span.status, Status::Error(_));
    let any = mean(&pool, |shape| f64::from(shape.spans.iter().any(failed)));
    let fatal = mean(&pool, |shape| f64::from(failed(&shape.spans[0])));
    println!("{any:.4} of the traces hold an error, {fatal:.4} fail");
    assert!((0.001..0.05).contains(&any), "{any} of the traces hold an error");
    assert!(0.0 < fatal && fatal < any, "{fatal} fail, {any} hold an error");
}

#[test]
fn a_servers_span_is_no_error_when_the_fault_is_the_callers() {
    let pool = Shop { pool_size: 64 }.pool(11, &[Stratum::ErrorTrace]);
    let answered = |span: &&Span| {
        let answers = |a: &Attribute| a.key == "http.response.status_code" && a.value == Value::Int(404);
        span.attributes.iter().any(answers)
    };
    let missed: Vec<_> = all_spans(&pool).filter(answered).collect();
    let servers = missed.iter().filter(|span| span.kind == SpanKind::Server);
    let clients = missed.iter().filter(|span| span.kind == SpanKind::Client);
    assert!(servers.clone().count() > 0 && servers.clone().all(|span| span.status == Status::Unset));
    assert!(clients.clone().count() > 0 && clients.clone().all(|span| span.status == Status::Error(String::new())));
}

#[test]
fn a_missing_parents_caller_exists_in_some_traces_and_not_in_others() {
    let pool = Shop { pool_size: 64 }.pool(11, &[Stratum::ParentMissing]);
    let unanswered = |shape: &Shape| {
        let parents: Vec<_> = shape.spans.iter().map(|span| span.parent).collect();
        shape.spans.iter().enumerate().any(|(at, span)| {
            let calls = span.attributes.iter().any(|a| a.key == "rpc.method" || a.key == "url.full");
            let answered = |parent: &Parent| matches!(parent, Parent::Span { ordinal, .. } if *ordinal as usize == at);
            span.kind == SpanKind::Client && calls && !parents.iter().any(answered)
        })
    };
    let broken = shapes(&pool, Stratum::ParentMissing);
    let with_caller = broken.iter().filter(|shape| unanswered(shape)).count();
    assert!((broken.len() / 4..broken.len() * 3 / 4).contains(&with_caller), "{with_caller} of {}", broken.len());
}

#[test]
fn every_kind_of_value_event_and_link_of_the_model_occurs() {
    let pool = pool();
    let values: Vec<&Value> = all_spans(&pool).flat_map(|span| &span.attributes).map(|a| &a.value).collect();
    assert!(values.iter().any(|value| matches!(value, Value::Bool(_))));
    assert!(values.iter().any(|value| matches!(value, Value::Double(_))));
    assert!(values.iter().any(|value| matches!(value, Value::Bytes(_))));
    assert!(values.iter().any(|value| matches!(value, Value::Array(_))));
    let nested =
        |value: &Value| matches!(value, Value::Map(inner) if inner.iter().any(|a| matches!(a.value, Value::Map(_))));
    assert!(values.iter().any(|value| nested(value)));
    for event in ["prepared", "charged", "shipped", "exception", "feature_flag.evaluation"] {
        assert!(all_spans(&pool).flat_map(|span| &span.events).any(|seen| seen.name == event), "{event}");
    }
    assert!(all_spans(&pool).any(|span| !span.trace_state.is_empty()));
    assert!(all_spans(&pool).any(|span| span.dropped_attributes > 0));
}

#[test]
fn varying_values_are_a_minority_and_every_listed_key_occurs() {
    let pool = pool();
    let varying = |span: &&Span| span.attributes.iter().any(|a| Shop::VARYING_KEYS.contains(&a.key.as_str()));
    let share = all_spans(&pool).filter(varying).count() as f64 / all_spans(&pool).count() as f64;
    assert!((0.01..0.3).contains(&share), "{share} of the spans vary");
    for key in Shop::VARYING_KEYS {
        assert!(all_spans(&pool).flat_map(|span| &span.attributes).any(|a| a.key == key), "{key}");
    }
}

#[test]
fn about_half_of_the_consumers_start_a_trace_of_their_own() {
    let pool = pool();
    let consumers: Vec<_> = all_spans(&pool).filter(|span| span.kind == SpanKind::Consumer).collect();
    assert!(consumers.iter().all(|span| [1, 2, 40].contains(&span.links.len())), "each is linked to the message");
    let detached = consumers.iter().filter(|span| span.parent == Parent::None).count() as f64;
    assert!((0.35..0.65).contains(&(detached / consumers.len() as f64)));
}

#[test]
fn nine_of_ten_traces_end_within_half_a_second() {
    let quick = |shape: &Shape| f64::from(shape.spans[0].duration_ns < 500_000_000);
    assert!(mean(&pool(), quick) > 0.9);
}

/// The span's own bytes; ids of the right length stand for those that the plan makes.
fn encoded_len(span: &Span) -> usize {
    otlp::Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        trace_state: span.trace_state.clone(),
        parent_span_id: if span.parent == Parent::None { Vec::new() } else { vec![1; 8] },
        flags: span.flags,
        name: span.name.clone(),
        kind: span.kind as i32,
        start_time_unix_nano: 1,
        end_time_unix_nano: 1,
        attributes: key_values(&span.attributes),
        dropped_attributes_count: span.dropped_attributes,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links,
        status: status(&span.status),
    }
    .encoded_len()
}

fn status(status: &Status) -> Option<otlp::Status> {
    match status {
        Status::Unset => None,
        Status::Ok(message) => Some(otlp::Status { code: status::StatusCode::Ok.into(), message: message.clone() }),
        Status::Error(message) => {
            Some(otlp::Status { code: status::StatusCode::Error.into(), message: message.clone() })
        }
    }
}

fn event(event: &Event) -> span::Event {
    span::Event {
        time_unix_nano: 1,
        name: event.name.clone(),
        attributes: key_values(&event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn link(link: &Link) -> span::Link {
    span::Link {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        trace_state: link.trace_state.clone(),
        attributes: key_values(&link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: link.flags,
    }
}

fn key_values(attributes: &[Attribute]) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|attribute| KeyValue {
            key: attribute.key.clone(),
            value: Some(AnyValue { value: any_value(&attribute.value) }),
            ..KeyValue::default()
        })
        .collect()
}

fn any_value(value: &Value) -> Option<any_value::Value> {
    use any_value::Value as Any;
    Some(match value {
        Value::Empty => return None,
        Value::Str(text) => Any::StringValue(text.clone()),
        Value::Bool(value) => Any::BoolValue(*value),
        Value::Int(value) => Any::IntValue(*value),
        Value::Double(value) => Any::DoubleValue(*value),
        Value::Bytes(bytes) => Any::BytesValue(bytes.clone()),
        Value::Array(values) => Any::ArrayValue(ArrayValue {
            values: values.iter().map(|value| AnyValue { value: any_value(value) }).collect(),
        }),
        Value::Map(attributes) => Any::KvlistValue(KeyValueList { values: key_values(attributes) }),
        Value::Digits { prefix, digits, suffix } => {
            Any::StringValue(format!("{prefix}{}{suffix}", "0".repeat(usize::from(*digits))))
        }
        Value::Uniform { low, .. } => Any::DoubleValue(*low),
    })
}
