//! The settings of `filter`, as far as traces go: the old syntax (`spans`), conditions (`traces`), and groups of conditions
//! (`trace_conditions`). Those for other signals are known and passed over.

use super::conditions::{conditions, error_mode};
use crate::collector_config::settings::{Node, Reader};
use serde_json::Value;
use spanproof_generators::model;
use spanproof_generators::sampling::config::{
    AttributeMatch, ErrorMode, Filter, Library, MatchProperties, MatchType, SpanConditions, SpanMatch,
};
use spanproof_generators::sampling::ottl::{Condition, Context};

const FIELDS: [&str; 10] = [
    "error_mode",
    "spans",
    "traces",
    "trace_conditions",
    "metrics",
    "logs",
    "profiles",
    "metric_conditions",
    "log_conditions",
    "profile_conditions",
];

const PROPERTIES: [&str; 15] = [
    "match_type",
    "regexp",
    "services",
    "span_names",
    "span_kinds",
    "attributes",
    "resources",
    "libraries",
    "log_bodies",
    "log_severity_texts",
    "log_severity_number",
    "log_severity",
    "metric_names",
    "expressions",
    "resource_attributes",
];

/// Reads the settings. What is wrong with them is left with the reader.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node<'_>) -> Filter {
    reader.only(node, &FIELDS);
    let mode = error_mode(reader, node).unwrap_or_default();
    let spans = node.child("spans").map(|spans| old(reader, &spans)).unwrap_or_default();
    let traces = node.child("traces").map(|traces| of_levels(reader, &traces, mode));
    let listed = reader.list(node, "trace_conditions");
    let groups: Vec<SpanConditions> = listed.iter().map(|group| of_group(reader, group, mode)).collect();
    let is_old = spans.include.is_some() || spans.exclude.is_some();
    if is_old && traces.is_some() {
        let reason = "`spans` does not go with `traces`";
        reader.mistake(node.keys_of("spans"), reason, "write what it excludes as conditions under `traces`");
    }
    Filter { spans, conditions: traces.into_iter().chain(groups).collect() }
}

fn of_levels(reader: &mut Reader<'_>, node: &Node<'_>, error_mode: ErrorMode) -> SpanConditions {
    reader.only(node, &["resource", "span", "spanevent"]);
    SpanConditions {
        resource: conditions(reader, node, "resource", Context::Resource),
        span: conditions(reader, node, "span", Context::Span),
        span_event: conditions(reader, node, "spanevent", Context::SpanEvent),
        error_mode,
    }
}

/// A condition by itself, or several under one context. Where none is named, the paths in a condition tell it.
fn of_group(reader: &mut Reader<'_>, node: &Node<'_>, mode: ErrorMode) -> SpanConditions {
    let (texts, context, mode) = match node.value {
        Value::String(text) => (vec![text.clone()], None, mode),
        _ => {
            reader.only(node, &["context", "conditions", "error_mode"]);
            let own = error_mode(reader, node).unwrap_or(mode);
            (reader.texts(node, "conditions"), reader.text(node, "context"), own)
        }
    };
    let mut group = SpanConditions { error_mode: mode, ..SpanConditions::default() };
    for text in texts {
        match context.as_deref().map_or_else(|| context_of(&text), named) {
            Context::Resource => group.resource.push(Condition::parse(&text, Context::Resource)),
            Context::Span => group.span.push(Condition::parse(&text, Context::Span)),
            Context::SpanEvent => group.span_event.push(Condition::parse(&text, Context::SpanEvent)),
        }
    }
    group
}

fn named(context: &str) -> Context {
    match context {
        "resource" => Context::Resource,
        "spanevent" => Context::SpanEvent,
        _ => Context::Span,
    }
}

/// The innermost thing that a condition's paths begin with.
fn context_of(text: &str) -> Context {
    if text.contains("spanevent.") {
        Context::SpanEvent
    } else if text.contains("span.") || !text.contains("resource.") {
        Context::Span
    } else {
        Context::Resource
    }
}

fn old(reader: &mut Reader<'_>, node: &Node<'_>) -> SpanMatch {
    reader.only(node, &["include", "exclude"]);
    let mut side = |field: &str| node.child(field).map(|node| properties(reader, &node));
    SpanMatch { include: side("include"), exclude: side("exclude") }
}

fn properties(reader: &mut Reader<'_>, node: &Node<'_>) -> MatchProperties {
    reader.only(node, &PROPERTIES);
    let match_type = match reader.text(node, "match_type").as_deref() {
        Some("strict") => MatchType::Strict,
        Some("regexp") => MatchType::Regexp,
        other => {
            let reason = other.map_or("there is no match type".to_owned(), |name| {
                format!("`{}` is no match type", name.escape_debug())
            });
            reader.mistake(node.keys_of("match_type"), reason, "write `strict` or `regexp`");
            MatchType::Strict
        }
    };
    let found = MatchProperties {
        services: reader.texts(node, "services"),
        span_names: reader.texts(node, "span_names"),
        span_kinds: reader.texts(node, "span_kinds"),
        attributes: attributes(reader, node, "attributes"),
        resources: attributes(reader, node, "resources"),
        libraries: libraries(reader, node),
        ..MatchProperties::of(match_type)
    };
    if found == MatchProperties::of(match_type) && reader.open.is_empty() {
        reader.mistake(
            node.keys.clone(),
            "nothing is asked for",
            "write at least one of `services`, `span_names`, `span_kinds`, `attributes`, `resources` or `libraries`",
        );
    }
    found
}

fn attributes(reader: &mut Reader<'_>, node: &Node<'_>, field: &str) -> Vec<AttributeMatch> {
    let mut found = Vec::new();
    for item in reader.list(node, field) {
        reader.only(&item, &["key", "value"]);
        let key = reader.text(&item, "key").unwrap_or_default();
        found.push(AttributeMatch { key, value: item.child("value").and_then(|value| literal(value.value)) });
    }
    found
}

/// A value of an attribute; `None` for what no attribute is compared with.
fn literal(value: &Value) -> Option<model::Value> {
    match value {
        Value::String(text) => Some(model::Value::from(text.as_str())),
        Value::Bool(truth) => Some(model::Value::from(*truth)),
        Value::Number(number) => {
            number.as_i64().map(model::Value::from).or_else(|| number.as_f64().map(model::Value::from))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn libraries(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Library> {
    let mut found = Vec::new();
    for item in reader.list(node, "libraries") {
        reader.only(&item, &["name", "version"]);
        let name = reader.text(&item, "name").unwrap_or_default();
        found.push(Library { name, version: reader.text(&item, "version") });
    }
    found
}
