//! The policies of `tail_sampling`: each a name, a type, and a block that is called like the type.

use super::conditions::{conditions, error_mode};
use crate::collector_config::settings::{Ignored, Node, Reader};
use serde_json::Value;
use spanproof_generators::sampling::config::{
    Allocation, Composite, Limit, OttlCondition, Policy, Rule, StatusCode, StringAttribute,
};
use spanproof_generators::sampling::ottl::Context;
use spanproof_scenarios::suggest::hint_for;

/// The types that have a block of settings.
const BLOCKS: [&str; 15] = [
    "latency",
    "numeric_attribute",
    "string_attribute",
    "boolean_attribute",
    "status_code",
    "span_count",
    "probabilistic",
    "rate_limiting",
    "bytes_limiting",
    "trace_state",
    "ottl_condition",
    "and",
    "not",
    "drop",
    "composite",
];

/// The types that have none.
const BARE: [&str; 2] = ["always_sample", "trace_flags"];

/// Policies, and the keys that lead to each by its name and the names around it: `outer/inner`.
pub(super) struct Listed {
    pub(super) policies: Vec<Policy>,
    pub(super) keys: Vec<(String, Vec<String>)>,
}

/// Reads a list of policies, and those inside of them.
pub(super) fn policies(reader: &mut Reader<'_>, node: &Node<'_>, field: &str) -> Listed {
    let mut keys = Vec::new();
    let policies = below(reader, node, field, "", &mut keys);
    Listed { policies, keys }
}

type Keys = Vec<(String, Vec<String>)>;

fn below(reader: &mut Reader<'_>, node: &Node<'_>, field: &str, around: &str, keys: &mut Keys) -> Vec<Policy> {
    let items = reader.list(node, field);
    items.iter().map(|item| policy(reader, item, around, keys)).collect()
}

fn policy(reader: &mut Reader<'_>, node: &Node<'_>, around: &str, keys: &mut Keys) -> Policy {
    blocks(reader, node);
    let name = reader.text(node, "name").unwrap_or_default();
    let path = if around.is_empty() { name.clone() } else { format!("{around}/{name}") };
    keys.push((path.clone(), node.keys.clone()));
    let kind = reader.text(node, "type").unwrap_or_default();
    for other in BLOCKS.iter().filter(|block| **block != kind && node.child(block).is_some()) {
        reader.ignored.push(Ignored { keys: node.keys_of(other), why: format!("the policy is of the type `{kind}`") });
    }
    let rule = rule(reader, node, &kind, &path, keys);
    Policy::new(name, rule)
}

/// Tells the fields that no policy has. One that holds a map is taken without a word: it could be the settings of an extension.
fn blocks(reader: &mut Reader<'_>, node: &Node<'_>) {
    let known: Vec<&str> = ["name", "type"].into_iter().chain(BLOCKS).collect();
    let map = reader.fields(node).into_iter().flatten();
    let (strange, wrong): (Vec<_>, Vec<_>) = map
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .partition(|(_, value)| value.is_object() || value.is_null());
    for (key, _) in strange {
        let hint = hint_for(key, &known);
        let why = format!("the collector takes it for the settings of an extension that is not there; {hint}");
        reader.ignored.push(Ignored { keys: node.keys_of(key), why });
    }
    for (key, _) in wrong {
        let reason = format!("there is no field `{}` here", key.escape_debug());
        reader.mistake(node.keys_of(key), reason, hint_for(key, &known));
    }
}

fn rule(reader: &mut Reader<'_>, node: &Node<'_>, kind: &str, path: &str, keys: &mut Keys) -> Rule {
    let block = node.child(kind).unwrap_or_else(|| Node { value: &Value::Null, keys: node.keys_of(kind) });
    match kind {
        "always_sample" => Rule::AlwaysSample,
        "trace_flags" => Rule::TraceFlags,
        "latency" => latency(reader, &block),
        "numeric_attribute" => numeric(reader, &block),
        "string_attribute" => string(reader, &block),
        "boolean_attribute" => boolean(reader, &block),
        "status_code" => status_code(reader, &block),
        "span_count" => span_count(reader, &block),
        "probabilistic" => probabilistic(reader, &block),
        "rate_limiting" => Rule::RateLimiting(limit(reader, &block, "spans_per_second")),
        "bytes_limiting" => Rule::BytesLimiting(limit(reader, &block, "bytes_per_second")),
        "trace_state" => trace_state(reader, &block),
        "ottl_condition" => ottl(reader, &block),
        "and" => Rule::And(subs(reader, &block, "and_sub_policy", path, keys)),
        "drop" => Rule::Drop(subs(reader, &block, "drop_sub_policy", path, keys)),
        "not" => not(reader, &block, path, keys),
        "composite" => Rule::Composite(composite(reader, &block, path, keys)),
        other => unknown(reader, node, other),
    }
}

fn unknown(reader: &mut Reader<'_>, node: &Node<'_>, kind: &str) -> Rule {
    let types: Vec<&str> = BARE.into_iter().chain(BLOCKS).collect();
    let (reason, remedy) = if kind.is_empty() {
        ("the policy has no type".to_owned(), hint_for("", &types))
    } else {
        let hint = hint_for(kind, &types);
        (format!("`{}` is no type of policy", kind.escape_debug()), hint)
    };
    if node.child("type").is_none_or(|kind| !reader.is_open(&kind)) {
        reader.mistake(node.keys_of("type"), reason, remedy);
    }
    Rule::Unknown { kind: kind.to_owned() }
}

fn subs(reader: &mut Reader<'_>, block: &Node<'_>, field: &str, path: &str, keys: &mut Keys) -> Vec<Policy> {
    reader.only(block, &[field]);
    below(reader, block, field, path, keys)
}

fn not(reader: &mut Reader<'_>, block: &Node<'_>, path: &str, keys: &mut Keys) -> Rule {
    reader.only(block, &["not_sub_policy"]);
    match block.child("not_sub_policy") {
        Some(sub) => Rule::Not(Box::new(policy(reader, &sub, path, keys))),
        None => {
            reader.mistake(
                block.keys.clone(),
                "a `not` policy has no policy inside",
                "write one under `not_sub_policy`",
            );
            Rule::Unknown { kind: "not".to_owned() }
        }
    }
}

fn composite(reader: &mut Reader<'_>, block: &Node<'_>, path: &str, keys: &mut Keys) -> Composite {
    let fields = ["max_total_spans_per_second", "policy_order", "composite_sub_policy", "rate_allocation"];
    reader.only(block, &fields);
    let rate_allocation = reader.list(block, "rate_allocation").iter().map(|item| allocation(reader, item)).collect();
    Composite {
        max_total_spans_per_second: reader.integer(block, "max_total_spans_per_second").unwrap_or(0),
        policies: below(reader, block, "composite_sub_policy", path, keys),
        policy_order: reader.texts(block, "policy_order"),
        rate_allocation,
    }
}

fn allocation(reader: &mut Reader<'_>, node: &Node<'_>) -> Allocation {
    reader.only(node, &["policy", "percent"]);
    Allocation {
        policy: reader.text(node, "policy").unwrap_or_default(),
        percent: reader.integer(node, "percent").unwrap_or(0),
    }
}

fn latency(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["threshold_ms", "upper_threshold_ms"]);
    let threshold_ms = reader.integer(block, "threshold_ms").unwrap_or(0);
    let upper_threshold_ms = reader.integer(block, "upper_threshold_ms").unwrap_or(0);
    if upper_threshold_ms != 0 && upper_threshold_ms < threshold_ms {
        contradiction(reader, block, ("threshold_ms", threshold_ms), ("upper_threshold_ms", upper_threshold_ms));
    }
    Rule::Latency { threshold_ms, upper_threshold_ms }
}

fn contradiction(reader: &mut Reader<'_>, block: &Node<'_>, low: (&str, i64), high: (&str, i64)) {
    let reason = format!("{} {} is above {} {}: nothing lies between them", low.0, low.1, high.0, high.1);
    reader.mistake(block.keys_of(low.0), reason, "exchange them, or leave one out");
}

fn numeric(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["key", "min_value", "max_value", "invert_match"]);
    let min_value = reader.integer(block, "min_value");
    let max_value = reader.integer(block, "max_value");
    if let (Some(min), Some(max)) = (min_value, max_value)
        && min != 0
        && max != 0
        && min > max
    {
        contradiction(reader, block, ("min_value", min), ("max_value", max));
    }
    let invert = reader.truth(block, "invert_match").unwrap_or(false);
    Rule::NumericAttribute { key: key(reader, block), min_value, max_value, invert }
}

fn string(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["key", "values", "enabled_regex_matching", "cache_max_size", "invert_match"]);
    reader.integer(block, "cache_max_size");
    Rule::StringAttribute(StringAttribute {
        key: key(reader, block),
        values: reader.texts(block, "values"),
        regex: reader.truth(block, "enabled_regex_matching").unwrap_or(false),
        invert: reader.truth(block, "invert_match").unwrap_or(false),
    })
}

fn boolean(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["key", "value", "invert_match"]);
    Rule::BooleanAttribute {
        key: key(reader, block),
        value: reader.truth(block, "value").unwrap_or(false),
        invert: reader.truth(block, "invert_match").unwrap_or(false),
    }
}

fn key(reader: &mut Reader<'_>, block: &Node<'_>) -> String {
    reader.text(block, "key").unwrap_or_default()
}

fn status_code(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["status_codes"]);
    let names = reader.texts(block, "status_codes");
    if names.is_empty() && reader.open.is_empty() {
        reader.mistake(block.keys_of("status_codes"), "there is no status code", "write one of OK, ERROR, UNSET");
    }
    let mut codes = Vec::new();
    for name in names {
        match StatusCode::named(&name) {
            Some(code) => codes.push(code),
            None => {
                let reason = format!("`{}` is no status code", name.escape_debug());
                reader.mistake(block.keys_of("status_codes"), reason, "write OK, ERROR or UNSET, in capitals");
            }
        }
    }
    Rule::StatusCode(codes)
}

fn span_count(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["min_spans", "max_spans"]);
    // Numbers beyond 32 bits are cut to these, without a word.
    let mut bound = |field| reader.integer(block, field).unwrap_or(0) as i32;
    let (min_spans, max_spans) = (bound("min_spans"), bound("max_spans"));
    if max_spans != 0 && min_spans > max_spans {
        contradiction(reader, block, ("min_spans", min_spans.into()), ("max_spans", max_spans.into()));
    }
    Rule::SpanCount { min_spans, max_spans }
}

fn probabilistic(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["hash_salt", "sampling_percentage"]);
    Rule::Probabilistic {
        percentage: reader.number(block, "sampling_percentage").unwrap_or(0.0),
        hash_salt: reader.text(block, "hash_salt").unwrap_or_default(),
    }
}

fn limit(reader: &mut Reader<'_>, block: &Node<'_>, rate: &str) -> Limit {
    reader.only(block, &[rate, "burst_capacity"]);
    Limit {
        per_second: reader.integer(block, rate).unwrap_or(0),
        burst: reader.integer(block, "burst_capacity").unwrap_or(0),
    }
}

fn trace_state(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["key", "values"]);
    Rule::TraceState { key: key(reader, block), values: reader.texts(block, "values") }
}

fn ottl(reader: &mut Reader<'_>, block: &Node<'_>) -> Rule {
    reader.only(block, &["error_mode", "span", "spanevent"]);
    Rule::OttlCondition(OttlCondition {
        span: conditions(reader, block, "span", Context::Span),
        span_event: conditions(reader, block, "spanevent", Context::SpanEvent),
        error_mode: error_mode(reader, block),
    })
}
