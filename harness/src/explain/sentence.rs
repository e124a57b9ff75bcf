//! Rules in plain sentences. A policy is a condition on a trace: "keeps a trace if ...".

use super::quantity::{all, count, either, millis, short};
use spanproof_generators::sampling::config::{
    AttributeMatch, Composite, Filter, Limit, MatchProperties, MatchType, Mode, Policy, ProbabilisticSampler, Rule,
    SpanConditions, StringAttribute,
};
use spanproof_generators::sampling::ottl::Condition;
use spanproof_generators::sampling::version::{Deviation, Model, Version};

/// What a policy of `tail_sampling` does.
pub(super) fn policy(policy: &Policy, version: Version) -> String {
    match &policy.rule {
        Rule::AlwaysSample => "keeps every trace".to_owned(),
        Rule::Drop(subs) if subs.is_empty() => "drops every trace, since its list is empty".to_owned(),
        Rule::Drop(subs) => format!("drops a trace, whatever other policies want, if {}", conjunction(subs, version)),
        Rule::Composite(composite) => shared(composite, version),
        rule => format!("keeps a trace if {}", condition(rule, version)),
    }
}

fn conjunction(subs: &[Policy], version: Version) -> String {
    let parts: Vec<String> = subs.iter().map(|sub| condition(&sub.rule, version)).collect();
    if parts.is_empty() { "anything: the list is empty".to_owned() } else { parts.join(", and ") }
}

/// What must hold for a rule to want a trace.
pub(super) fn condition(rule: &Rule, version: Version) -> String {
    match rule {
        Rule::AlwaysSample => "it is any trace at all".to_owned(),
        Rule::Latency { threshold_ms, upper_threshold_ms } => latency(*threshold_ms, *upper_threshold_ms, version),
        Rule::NumericAttribute { key, min_value, max_value, invert } => {
            attribute(key, &format!("is a whole number {}", bounds(*min_value, *max_value)), *invert)
        }
        Rule::StringAttribute(string) => attribute(&string.key, &strings(string), string.invert),
        Rule::BooleanAttribute { key, value, invert } => attribute(key, &format!("is {value}"), *invert),
        Rule::StatusCode(codes) => {
            let names: Vec<String> = codes.iter().map(|code| code.name().to_owned()).collect();
            format!("a span has the status {}", either(&names))
        }
        Rule::SpanCount { min_spans, max_spans: 0 } => format!("it has {min_spans} spans or more"),
        Rule::SpanCount { min_spans, max_spans } => format!("it has {min_spans} to {max_spans} spans"),
        Rule::Probabilistic { percentage, hash_salt } => {
            let salt = if hash_salt.is_empty() { "" } else { ", salted," };
            format!("a hash of its id{salt} is among the lowest {} %", short(*percentage))
        }
        Rule::RateLimiting(limit) => bucket(limit, "spans"),
        Rule::BytesLimiting(limit) => bucket(limit, "bytes"),
        Rule::TraceState { key, values } => {
            format!("`{}` in the tracestate of a span is {}", key.escape_debug(), either(&quoted(values)))
        }
        Rule::TraceFlags => "the sampled flag of a span is set".to_owned(),
        Rule::OttlCondition(ottl) => {
            let span = ottl.span.iter().map(|it| format!("a span has {}", code(it)));
            let event = ottl.span_event.iter().map(|it| format!("an event of a span has {}", code(it)));
            span.chain(event).collect::<Vec<_>>().join(", or ")
        }
        Rule::And(subs) => conjunction(subs, version),
        Rule::Not(sub) => format!("it is not so that {}", condition(&sub.rule, version)),
        Rule::Drop(subs) => conjunction(subs, version),
        Rule::Composite(composite) => shared(composite, version),
        Rule::Unknown { kind } => format!("the type `{}` says so", kind.escape_debug()),
    }
}

fn latency(threshold: i64, upper: i64, version: Version) -> String {
    let low = millis(threshold);
    if upper > 0 {
        let high = millis(upper);
        return format!("its spans so far, as they came, last longer than {low} and {high} at most");
    }
    let is_inclusive = Model::actual(version).has(Deviation::LatencyInclusive);
    let bound = if is_inclusive { format!("{low} or longer") } else { format!("longer than {low}") };
    format!("it lasts {bound} from its first start to its last end")
}

fn bounds(min: Option<i64>, max: Option<i64>) -> String {
    // 0 means none to the collector.
    let set = |bound: Option<i64>| bound.filter(|bound| *bound != 0);
    match (set(min), set(max)) {
        (Some(min), Some(max)) if min == max => format!("equal to {min}"),
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("of {min} or more"),
        (None, Some(max)) => format!("of {max} or less"),
        (None, None) => "within no bounds".to_owned(),
    }
}

fn attribute(key: &str, is: &str, invert: bool) -> String {
    let key = key.escape_debug();
    if invert {
        format!("there is no span and no resource of which `{key}` {is}")
    } else {
        format!("`{key}` of a span or its resource {is}")
    }
}

fn strings(string: &StringAttribute) -> String {
    let values = either(&quoted(&string.values));
    match (string.values.is_empty(), string.regex) {
        (true, _) => "is one of no values".to_owned(),
        (false, true) => format!("matches {values} somewhere"),
        (false, false) => format!("is {values}"),
    }
}

fn quoted(values: &[String]) -> Vec<String> {
    values.iter().map(|value| format!("`{}`", value.escape_debug())).collect()
}

fn code(condition: &Condition) -> String {
    format!("`{}`", condition.text().replace(['\n', '\r', '\t'], " "))
}

fn bucket(limit: &Limit, unit: &str) -> String {
    let whole = |number: i64| count(u64::try_from(number).unwrap_or(0));
    format!(
        "all its {unit} fit into a bucket of {} that refills by {} a second",
        whole(limit.capacity()),
        whole(limit.per_second)
    )
}

fn shared(composite: &Composite, version: Version) -> String {
    let total = composite.max_total_spans_per_second;
    let parts: Vec<String> = composite.policies.iter().map(|sub| share_of(sub, composite, version)).collect();
    format!("shares {total} spans a second; the first of these that wants a trace decides: {}", parts.join("; "))
}

fn share_of(sub: &Policy, composite: &Composite, version: Version) -> String {
    let share = allocated(sub, composite, version);
    format!("`{}`, {} a second, if {}", sub.name.escape_debug(), share, condition(&sub.rule, version))
}

/// How many spans a second a sub-policy may keep.
pub(super) fn allocated(sub: &Policy, composite: &Composite, version: Version) -> i64 {
    let total = composite.max_total_spans_per_second;
    let percent = composite.rate_allocation.iter().find(|it| it.policy == sub.name).map_or(0, |it| it.percent);
    let has_no_share = Model::actual(version).has(Deviation::CompositeUnallocated);
    let is_allocated = composite.rate_allocation.iter().any(|it| it.policy == sub.name);
    match (percent > 0, is_allocated, has_no_share) {
        (true, ..) => total.saturating_mul(percent) / 100,
        (false, false, true) => 0,
        _ => total / i64::try_from(composite.policies.len().max(1)).unwrap_or(1),
    }
}

/// What a `probabilistic_sampler` does.
pub(super) fn probabilistic(sampler: &ProbabilisticSampler) -> String {
    let percent = short(f64::from(sampler.percentage.min(100.0)));
    let text = match sampler.mode {
        Mode::HashSeed => {
            let seed = if sampler.hash_seed == 0 { String::new() } else { format!(", seed {},", sampler.hash_seed) };
            let real = short(kept_by_hash(sampler.percentage) * 100.0);
            let real =
                if real == percent { String::new() } else { format!(" (in fact {real} %, in steps of 1/16384)") };
            format!("keeps each span whose trace id's hash{seed} is among the lowest {percent} %{real}")
        }
        Mode::Proportional => {
            format!("keeps {percent} % of what arrives, by each span's randomness (`ot=rv`, else its trace id)")
        }
        Mode::Equalizing => {
            format!(
                "keeps so much that {percent} % of all traces remain, thinned out before or not, by each span's randomness"
            )
        }
    };
    let contradictory = if sampler.fail_closed { "drops" } else { "keeps" };
    format!(
        "{text}; `sampling.priority` of a span goes before, and {contradictory} spans with a broken or foreign threshold"
    )
}

/// The share that `hash_seed` keeps in fact: whole buckets of 16,384.
pub(super) fn kept_by_hash(percentage: f32) -> f64 {
    const BUCKETS: f64 = 16_384.0;
    let scaled = f64::from((percentage * 163.84_f32).trunc());
    (scaled / BUCKETS).clamp(0.0, 1.0)
}

/// What a `filter` does, a line for each condition.
pub(super) fn filter(filter: &Filter) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(include) = &filter.spans.include {
        lines.push(format!("drops spans unless {}", properties(include)));
    }
    if let Some(exclude) = &filter.spans.exclude {
        lines.push(format!("drops spans if {}", properties(exclude)));
    }
    lines.extend(filter.conditions.iter().flat_map(of_conditions));
    if lines.is_empty() { vec!["drops nothing: there is no condition for traces".to_owned()] } else { lines }
}

fn of_conditions(conditions: &SpanConditions) -> Vec<String> {
    let resource = conditions.resource.iter().map(|it| format!("drops all spans of resources with {}", code(it)));
    let span = conditions.span.iter().map(|it| format!("drops spans with {}", code(it)));
    let event = conditions.span_event.iter().map(|it| format!("drops events with {}, and no span", code(it)));
    resource.chain(span).chain(event).collect()
}

fn properties(properties: &MatchProperties) -> String {
    let how = if properties.match_type == MatchType::Regexp { "matches" } else { "is" };
    let listed = [
        ("the service", &properties.services),
        ("the name", &properties.span_names),
        ("the kind", &properties.span_kinds),
    ];
    let listed = listed.into_iter().filter(|(_, values)| !values.is_empty());
    let mut parts: Vec<String> =
        listed.map(|(what, values)| format!("{what} {how} {}", either(&quoted(values)))).collect();
    parts.extend(properties.attributes.iter().map(|it| of_attribute("the span", it, how)));
    parts.extend(properties.resources.iter().map(|it| of_attribute("the resource", it, how)));
    parts.extend(properties.libraries.iter().map(|it| format!("the scope is `{}`", it.name.escape_debug())));
    all(&parts)
}

fn of_attribute(what: &str, attribute: &AttributeMatch, how: &str) -> String {
    let key = attribute.key.escape_debug();
    match &attribute.value {
        None => format!("{what} has `{key}`"),
        Some(value) => format!("`{key}` of {what} {how} {}", plain(value)),
    }
}

fn plain(value: &spanproof_generators::model::Value) -> String {
    use spanproof_generators::model::Value;
    match value {
        Value::Str(text) => format!("`{}`", text.escape_debug()),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        _ => "another value".to_owned(),
    }
}
