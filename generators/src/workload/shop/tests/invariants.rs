//! The rules that every topology, every shape and every anomaly keeps.

use super::{full, shapes};
use std::collections::BTreeSet;

use crate::model::{
    Attribute, Emitter, Parent, Pool, Resource, Shape, Span, SpanKind, Status, Stratum, TraceVariant, Value,
};
use crate::workload::shop::Shop;

const MILLISECOND: u64 = 1_000_000;

pub(super) fn assert_sound_topology(pool: &Pool) {
    let labels: BTreeSet<_> = pool.topology.emitters.iter().map(|emitter| &emitter.label).collect();
    assert_eq!(labels.len(), pool.topology.emitters.len(), "labels are unique");
    let mut instances = BTreeSet::new();
    for resource in pool.topology.emitters.iter().flat_map(|emitter| &emitter.instances) {
        assert_unique_and_fixed(&resource.attributes);
        assert!(instances.insert(string(resource, "service.instance.id").unwrap()), "instance ids are unique");
        assert!(string(resource, "k8s.pod.name").is_some());
    }
    for scope in &pool.topology.scopes {
        assert_unique_and_fixed(&scope.attributes);
    }
}

fn string<'a>(resource: &'a Resource, key: &str) -> Option<&'a str> {
    resource.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| match &attribute.value {
        Value::Str(text) => text.as_str(),
        other => panic!("{key} is {other:?}"),
    })
}

fn varies(value: &Value) -> bool {
    match value {
        Value::Digits { .. } | Value::Uniform { .. } => true,
        Value::Array(values) => values.iter().any(varies),
        Value::Map(attributes) => attributes.iter().any(|attribute| varies(&attribute.value)),
        _ => false,
    }
}

fn assert_unique(attributes: &[Attribute]) {
    let keys: BTreeSet<_> = attributes.iter().map(|attribute| &attribute.key).collect();
    assert_eq!(keys.len(), attributes.len(), "keys are unique in {attributes:?}");
    assert!(!keys.iter().any(|key| key.is_empty() || *key == "spanproof.id"));
}

fn assert_unique_and_fixed(attributes: &[Attribute]) {
    assert_unique(attributes);
    assert!(!attributes.iter().any(|attribute| varies(&attribute.value)), "nothing varies in {attributes:?}");
}

pub(super) fn assert_sound_shape(pool: &Pool, stratum: Stratum, shape: &Shape) {
    assert!(shape.weight > 0.0 && !shape.spans.is_empty());
    for (ordinal, span) in shape.spans.iter().enumerate() {
        assert!(usize::from(span.emitter.0) < pool.topology.emitters.len());
        assert!(usize::from(span.scope.0) < pool.topology.scopes.len());
        assert!(!span.name.is_empty());
        assert_sound_content(span);
        if let Parent::Span { ordinal: parent, variant } = span.parent {
            assert!((parent as usize) < ordinal, "a parent stands before its children");
            assert_family(&shape.spans[parent as usize], variant, span);
        }
        for (position, link) in span.links.iter().enumerate() {
            let linked = &shape.spans[link.ordinal as usize];
            assert_eq!(linked.variant, link.variant);
            assert!(if position == 0 { linked.kind == SpanKind::Producer } else { link.ordinal == 0 }, "{span:?}");
            assert_unique_and_fixed(&link.attributes);
        }
    }
    assert_bounded(stratum, &shape.spans);
    assert_rooted(stratum, &shape.spans);
}

fn assert_sound_content(span: &Span) {
    assert_unique(&span.attributes);
    assert_eq!(span.flags & !0x301, 0, "no flags that nobody has heard of");
    for attribute in &span.attributes {
        let top = matches!(attribute.value, Value::Digits { .. } | Value::Uniform { .. });
        assert_eq!(top, varies(&attribute.value), "only values at the top level vary");
        assert_eq!(top, Shop::VARYING_KEYS.contains(&attribute.key.as_str()), "{}", attribute.key);
        match attribute.value {
            Value::Digits { digits, .. } => assert!((1..=18).contains(&digits)),
            Value::Uniform { low, high } => assert!(low < high),
            _ => {}
        }
    }
    for event in &span.events {
        assert_unique_and_fixed(&event.attributes);
        assert!((span.start_ns..=span.end_ns()).contains(&event.offset_ns), "events happen within their span");
        for attribute in event.attributes.iter().filter(|attribute| attribute.key == "exception.stacktrace") {
            let Value::Str(trace) = &attribute.value else { panic!("a stack trace is text") };
            assert!((1_000..=4_000).contains(&trace.len()), "{} bytes of stack trace", trace.len());
        }
    }
    assert_code_and_status_agree(span);
    let names_error = span.attributes.iter().any(|attribute| attribute.key == "error.type");
    assert_eq!(names_error, matches!(span.status, Status::Error(_)), "error.type and status agree on {}", span.name);
}

/// The conventions' rules of when an answer makes its span an error.
fn assert_code_and_status_agree(span: &Span) {
    let failed = matches!(span.status, Status::Error(_));
    for attribute in &span.attributes {
        let expected = match (attribute.key.as_str(), &attribute.value, span.kind) {
            ("http.response.status_code", Value::Int(code), SpanKind::Server) => *code >= 500,
            ("http.response.status_code", Value::Int(code), SpanKind::Client) => *code >= 400,
            ("rpc.response.status_code", Value::Str(code), SpanKind::Server) => {
                ["DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL"].contains(&code.as_str())
            }
            ("rpc.response.status_code", Value::Str(code), SpanKind::Client) => code != "OK",
            ("db.response.status_code", Value::Str(_), SpanKind::Client) => true,
            (key, ..) if key.ends_with(".status_code") => panic!("{key} on {:?} {}", span.kind, span.name),
            _ => continue,
        };
        assert_eq!(failed, expected, "{} with {attribute:?}", span.name);
    }
}

fn assert_family(parent: &Span, variant: TraceVariant, child: &Span) {
    assert_eq!(parent.variant, variant, "a parent is named under the id it was sent under");
    let asynchronous = child.kind == SpanKind::Consumer;
    if asynchronous {
        assert!(child.start_ns >= parent.end_ns(), "a message is handled after it was sent");
    } else {
        assert!(parent.start_ns <= child.start_ns && child.end_ns() <= parent.end_ns(), "children inside parents");
    }
    let crossing = match child.kind {
        SpanKind::Server => Some(SpanKind::Client),
        SpanKind::Consumer => Some(SpanKind::Producer),
        _ => None,
    };
    match crossing {
        Some(caller) => {
            assert_eq!(parent.kind, caller, "{} under {}", child.name, parent.name);
            assert_ne!(parent.emitter, child.emitter);
            assert_eq!(child.flags & 0x300, 0x300, "the parent is known to be remote");
        }
        None => {
            assert_eq!(parent.emitter, child.emitter, "{} under {}", child.name, parent.name);
            assert_eq!(child.flags & 0x200, 0, "the parent is local");
            assert_ne!(parent.kind, SpanKind::Client, "a call contains only its callee");
        }
    }
}

fn assert_bounded(stratum: Stratum, spans: &[Span]) {
    let end = spans.iter().map(Span::end_ns).max().unwrap();
    let (low, high) = match stratum {
        Stratum::SlowTrace => (1_000 * MILLISECOND, 20_000 * MILLISECOND),
        Stratum::HealthCheck => (MILLISECOND / 10, MILLISECOND),
        _ => (MILLISECOND / 10, 3_000 * MILLISECOND),
    };
    assert!((low..=high).contains(&end), "{}: a trace of {end} ns", stratum.name());
}

/// Every trace id has one root, the first trace id's is the first span; in broken traces the second may have none.
fn assert_rooted(stratum: Stratum, spans: &[Span]) {
    assert_eq!(spans[0].parent, Parent::None);
    let variants: BTreeSet<_> = spans.iter().map(|span| span.variant).collect();
    for variant in variants {
        let roots = spans.iter().filter(|span| span.variant == variant && span.parent == Parent::None).count();
        let rootless = matches!(stratum, Stratum::TraceIdChanged | Stratum::TraceIdPadded) && variant.number == 1;
        assert_eq!(roots, usize::from(!rootless), "{}: roots of {variant:?}", stratum.name());
    }
}

/// Asserts what the documentation of `stratum` says of each of its traces, and that no other trace shows it.
pub(super) fn assert_truth(pool: &Pool, stratum: Stratum, shape: &Shape) {
    let spans = &shape.spans;
    let failed = |span: &Span| matches!(span.status, Status::Error(_));
    let traced = |span: &Span| span.events.iter().any(|event| event.name == "exception");
    let ghosts = spans.iter().filter(|span| matches!(span.parent, Parent::Ghost { .. })).count();
    let padded = spans.iter().filter(|span| span.variant.padded).count();
    let crossed = spans.iter().filter(|span| leaves_trace(span)).count();
    assert_eq!(ghosts, usize::from(stratum == Stratum::ParentMissing));
    assert_eq!(padded > 0, stratum == Stratum::TraceIdPadded);
    assert_eq!(crossed, usize::from(matches!(stratum, Stratum::TraceIdChanged | Stratum::TraceIdPadded)));
    assert_eq!(broken_names(pool, spans), names_expected(stratum), "{}", stratum.name());
    match stratum {
        Stratum::Normal => {}
        Stratum::ErrorTrace => {
            assert!(failed(&spans[0]), "the error reaches the entry");
            assert!(spans.iter().any(traced), "somebody recorded the exception");
        }
        _ => assert!(!spans.iter().any(failed), "{}: nothing else is wrong", stratum.name()),
    }
    match stratum {
        Stratum::SlowTrace => assert!(spans[0].duration_ns >= 1_000 * MILLISECOND),
        Stratum::HealthCheck => assert_probe(spans),
        Stratum::NewRoot => assert_new_root(spans),
        Stratum::ParentMissing => assert_ghost_above_a_callee(spans),
        _ => {}
    }
}

fn leaves_trace(span: &Span) -> bool {
    matches!(span.parent, Parent::Span { variant, .. } if variant != span.variant) && span.kind != SpanKind::Consumer
}

fn assert_probe(spans: &[Span]) {
    assert!((1..=2).contains(&spans.len()));
    assert!(spans.iter().any(|span| PROBES.contains(&span.name.as_str())));
}

const PROBES: [&str; 3] = ["GET /healthz", "GET /readyz", "grpc.health.v1.Health/Check"];

#[test]
fn health_checks_ask_for_life_and_readiness_over_http_and_over_grpc() {
    let pool = full(7);
    let probes = shapes(&pool, Stratum::HealthCheck);
    for name in PROBES {
        let asked = probes.iter().filter(|shape| shape.spans.iter().any(|span| span.name == name)).count();
        assert!(asked * 10 > probes.len(), "{asked} of {} ask for {name}", probes.len());
    }
}

/// Whoever called is unknown; that the call came from elsewhere is not.
fn assert_ghost_above_a_callee(spans: &[Span]) {
    let orphan = spans.iter().find(|span| matches!(span.parent, Parent::Ghost { .. })).unwrap();
    assert_eq!(orphan.kind, SpanKind::Server);
    assert_eq!(orphan.flags & 0x300, 0x300);
}

fn assert_new_root(spans: &[Span]) {
    let root = spans.iter().find(|span| span.variant.number == 1 && span.parent == Parent::None).unwrap();
    assert_eq!(root.kind, SpanKind::Server);
    assert_eq!(root.flags & 0x300, 0, "a root knows no remote parent");
    assert!(root.links.is_empty());
}

/// The kinds of broken names that the trace's emitters have, one entry an emitter.
fn broken_names(pool: &Pool, spans: &[Span]) -> Vec<Stratum> {
    let emitters: BTreeSet<_> = spans.iter().map(|span| span.emitter).collect();
    emitters.into_iter().filter_map(|id| broken_name(&pool.topology.emitters[usize::from(id.0)])).collect()
}

fn broken_name(emitter: &Emitter) -> Option<Stratum> {
    match string(&emitter.instances[0], "service.name") {
        None => Some(Stratum::ServiceNameMissing),
        Some("") => Some(Stratum::ServiceNameEmpty),
        Some(name) if name.trim().is_empty() => Some(Stratum::ServiceNameBlank),
        Some(name) if name == "unknown_service" || name.starts_with("unknown_service:") => {
            Some(Stratum::ServiceNameUnknown)
        }
        Some(name) => {
            assert_eq!(name, emitter.label);
            None
        }
    }
}

fn names_expected(stratum: Stratum) -> Vec<Stratum> {
    match stratum {
        Stratum::ServiceNameMissing
        | Stratum::ServiceNameEmpty
        | Stratum::ServiceNameBlank
        | Stratum::ServiceNameUnknown => vec![stratum],
        _ => Vec::new(),
    }
}
