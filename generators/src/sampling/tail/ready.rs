//! Policies made ready: expressions compiled, hashes salted, what is unset left out.

use super::allocation::allocations;
use crate::sampling::config::{ErrorMode, OttlCondition, Policy, Rule, StatusCode, StringAttribute};
use crate::sampling::hash::TailHash;
use crate::sampling::ottl::Condition;
use crate::sampling::pattern::Pattern;
use crate::sampling::version::{Deviation, Model};
use std::collections::BTreeSet;

/// A policy made ready.
#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub name: String,
    pub kind: String,
    pub rule: Ready,
}

/// Conditions made ready.
#[derive(Debug, Clone)]
pub(crate) struct ReadyOttl {
    pub span: Vec<Condition>,
    pub span_event: Vec<Condition>,
    /// A condition that fails makes the policy fail.
    pub propagates: bool,
}

/// Which strings match.
#[derive(Debug, Clone)]
pub(crate) enum Texts {
    Exact(BTreeSet<String>),
    Patterns(Vec<Pattern>),
}

impl Texts {
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(values) => values.contains(text),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
        }
    }
}

/// A rule made ready.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    Always,
    Latency {
        threshold_ms: i64,
        upper_threshold_ms: i64,
    },
    Numeric {
        key: String,
        min: i64,
        max: i64,
        invert: bool,
    },
    /// What the collector makes of a `numeric_attribute` without bounds: nothing, which it then asks for a decision.
    Nil,
    Text {
        key: String,
        texts: Texts,
        invert: bool,
    },
    Boolean {
        key: String,
        value: bool,
        invert: bool,
    },
    Status(Vec<u32>),
    SpanCount {
        min: i64,
        max: i64,
    },
    Hash(TailHash),
    Spans {
        capacity: i64,
    },
    Bytes {
        capacity: i64,
    },
    TraceState {
        key: String,
        values: BTreeSet<String>,
    },
    Flags,
    Ottl(ReadyOttl),
    And(Vec<Voter>),
    Not(Box<Voter>),
    Drop(Vec<Voter>),
    /// The sub-policies in the order in which they are asked, each with the spans a second that it may keep.
    Composite {
        subs: Vec<(Voter, i64)>,
        max: i64,
    },
    Unknown(String),
}

/// The longest member of a `tracestate` that the policy looks for, its `=` left out.
const MEMBER_MAX: usize = 256;

impl Voter {
    /// Makes a policy ready.
    pub fn new(policy: &Policy, model: Model) -> Self {
        let rule = Ready::new(&policy.rule, model);
        Self { name: policy.name.clone(), kind: policy.rule.kind().to_owned(), rule }
    }

    fn all(policies: &[Policy], model: Model) -> Vec<Self> {
        policies.iter().map(|policy| Self::new(policy, model)).collect()
    }
}

impl Ready {
    fn new(rule: &Rule, model: Model) -> Self {
        match rule {
            Rule::AlwaysSample => Self::Always,
            Rule::Latency { threshold_ms, upper_threshold_ms } => {
                Self::Latency { threshold_ms: *threshold_ms, upper_threshold_ms: *upper_threshold_ms }
            }
            Rule::NumericAttribute { key, min_value, max_value, invert } => {
                numeric(key, *min_value, *max_value, *invert, model)
            }
            Rule::StringAttribute(attribute) => text(attribute),
            Rule::BooleanAttribute { key, value, invert } => {
                Self::Boolean { key: key.clone(), value: *value, invert: *invert }
            }
            Rule::StatusCode(codes) => Self::Status(codes.iter().map(|code| number(*code)).collect()),
            Rule::SpanCount { min_spans, max_spans } => {
                Self::SpanCount { min: i64::from(*min_spans), max: i64::from(*max_spans) }
            }
            Rule::Probabilistic { percentage, hash_salt } => Self::Hash(TailHash::new(*percentage, hash_salt)),
            Rule::RateLimiting(limit) => Self::Spans { capacity: capacity(limit, model) },
            Rule::BytesLimiting(limit) => Self::Bytes { capacity: limit.capacity() },
            Rule::TraceState { key, values } => {
                let asked = |value: &&String| !value.is_empty() && key.len() + value.len() < MEMBER_MAX;
                Self::TraceState { key: key.clone(), values: values.iter().filter(asked).cloned().collect() }
            }
            Rule::TraceFlags => Self::Flags,
            Rule::OttlCondition(conditions) => Self::Ottl(ottl(conditions)),
            Rule::And(subs) => Self::And(Voter::all(subs, model)),
            Rule::Not(sub) => Self::Not(Box::new(Voter::new(sub, model))),
            Rule::Drop(subs) => Self::Drop(Voter::all(subs, model)),
            Rule::Composite(composite) => {
                let subs = allocations(composite, model);
                let subs = subs.into_iter().map(|(policy, spans)| (Voter::new(policy, model), spans)).collect();
                Self::Composite { subs, max: composite.max_total_spans_per_second }
            }
            Rule::Unknown { kind } => Self::Unknown(format!("policies of type {kind} are not modelled")),
        }
    }
}

/// Before the token bucket a counter of each second held the rate, without a burst.
fn capacity(limit: &crate::sampling::config::Limit, model: Model) -> i64 {
    if model.token_bucket() { limit.capacity() } else { limit.per_second }
}

fn numeric(key: &str, min: Option<i64>, max: Option<i64>, invert: bool, model: Model) -> Ready {
    let zero_is_none = model.has(Deviation::NumericZero);
    let [min, max] = [min, max].map(|bound| bound.filter(|bound| !zero_is_none || *bound != 0));
    if zero_is_none && min.is_none() && max.is_none() {
        return Ready::Nil;
    }
    Ready::Numeric { key: key.to_owned(), min: min.unwrap_or(i64::MIN), max: max.unwrap_or(i64::MAX), invert }
}

fn text(attribute: &StringAttribute) -> Ready {
    let texts = if attribute.regex {
        let patterns: Result<_, _> = attribute.values.iter().map(|value| Pattern::new(value)).collect();
        match patterns {
            Ok(patterns) => Texts::Patterns(patterns),
            Err(error) => return Ready::Unknown(error.to_string()),
        }
    } else {
        // The collector leaves empty values out, so that none matches an empty attribute.
        Texts::Exact(attribute.values.iter().filter(|value| !value.is_empty()).cloned().collect())
    };
    Ready::Text { key: attribute.key.clone(), texts, invert: attribute.invert }
}

fn number(code: StatusCode) -> u32 {
    match code {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}

fn ottl(conditions: &OttlCondition) -> ReadyOttl {
    ReadyOttl {
        span: conditions.span.clone(),
        span_event: conditions.span_event.clone(),
        propagates: conditions.error_mode == Some(ErrorMode::Propagate),
    }
}
