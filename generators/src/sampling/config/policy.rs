//! The policies of the processor `tail_sampling`.

use super::ErrorMode;
use crate::sampling::ottl::Condition;

/// A policy by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its name; unique among the policies of its list.
    pub name: String,
    /// What it wants.
    pub rule: Rule,
}

/// A status code as policies name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusCode {
    /// `UNSET`.
    Unset,
    /// `OK`.
    Ok,
    /// `ERROR`.
    Error,
}

impl StatusCode {
    /// The one of this name, which must be in capitals as the collector has it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "UNSET" => Some(Self::Unset),
            "OK" => Some(Self::Ok),
            "ERROR" => Some(Self::Error),
            _ => None,
        }
    }

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "UNSET",
            Self::Ok => "OK",
            Self::Error => "ERROR",
        }
    }
}

/// Which strings an attribute must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StringAttribute {
    /// The attribute, of resources and of spans.
    pub key: String,
    /// The values, or regular expressions in RE2's syntax that match anywhere in a value.
    pub values: Vec<String>,
    /// Whether the values are regular expressions (`enabled_regex_matching`). False.
    pub regex: bool,
    /// Whether traces *without* such a value are wanted (`invert_match`). False.
    pub invert: bool,
}

/// How many spans or bytes a second may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Spans or bytes a second.
    pub per_second: i64,
    /// What may be kept at once (`burst_capacity`); 0 for twice `per_second`.
    pub burst: i64,
}

impl Limit {
    /// What the token bucket holds.
    pub fn capacity(&self) -> i64 {
        if self.burst > 0 { self.burst } else { self.per_second.saturating_mul(2) }
    }
}

/// Conditions in the transformation language, any one of which is enough.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OttlCondition {
    /// On spans.
    pub span: Vec<Condition>,
    /// On events of spans.
    pub span_event: Vec<Condition>,
    /// What becomes of a condition that cannot be evaluated; nothing said acts like [`ErrorMode::Silent`].
    pub error_mode: Option<ErrorMode>,
}

/// What a sub-policy of a `composite` policy may keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// The sub-policy's name.
    pub policy: String,
    /// Its part of `max_total_spans_per_second` in percent; 0 or less for an equal share.
    pub percent: i64,
}

/// Policies that share a rate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Composite {
    /// Spans a second, counted anew in each second of the clock.
    pub max_total_spans_per_second: i64,
    /// The sub-policies (`composite_sub_policy`) in the order in which they are written.
    pub policies: Vec<Policy>,
    /// The names of the sub-policies in the order in which they ought to be asked.
    pub policy_order: Vec<String>,
    /// What each may keep (`rate_allocation`).
    pub rate_allocation: Vec<Allocation>,
}

/// What a policy wants of a trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Every trace.
    AlwaysSample,
    /// A trace that lasts so long, from the earliest start to the latest end.
    Latency {
        /// Whole milliseconds.
        threshold_ms: i64,
        /// Whole milliseconds, inclusive; 0 for none.
        upper_threshold_ms: i64,
    },
    /// An integer attribute within bounds, of a resource or a span.
    NumericAttribute {
        /// The attribute.
        key: String,
        /// The least value, inclusive.
        min_value: Option<i64>,
        /// The greatest value, inclusive.
        max_value: Option<i64>,
        /// Whether traces without such a value are wanted (`invert_match`).
        invert: bool,
    },
    /// A string attribute of a resource or a span.
    StringAttribute(StringAttribute),
    /// A boolean attribute of a resource or a span.
    BooleanAttribute {
        /// The attribute.
        key: String,
        /// The value wanted.
        value: bool,
        /// Whether traces without such a value are wanted (`invert_match`).
        invert: bool,
    },
    /// A span with one of these codes.
    StatusCode(Vec<StatusCode>),
    /// So many spans.
    SpanCount {
        /// At least so many.
        min_spans: i32,
        /// At most so many; 0 for no limit.
        max_spans: i32,
    },
    /// A part of all traces, by a hash of the trace id.
    Probabilistic {
        /// Percent of the traces.
        percentage: f64,
        /// What is hashed before the id; empty for [`Rule::DEFAULT_SALT`].
        hash_salt: String,
    },
    /// As many spans as a token bucket holds.
    RateLimiting(Limit),
    /// As many bytes as a token bucket holds.
    BytesLimiting(Limit),
    /// A member of the W3C `tracestate` of any span.
    TraceState {
        /// The member's key.
        key: String,
        /// Its values, any of which is enough.
        values: Vec<String>,
    },
    /// The sampled flag of any span.
    TraceFlags,
    /// Conditions in the transformation language.
    OttlCondition(OttlCondition),
    /// What all of these want. Nothing in the list: every trace.
    And(Vec<Policy>),
    /// What this one does not want.
    Not(Box<Policy>),
    /// Drops what all of these want, whatever others want. Nothing in the list: every trace is dropped.
    Drop(Vec<Policy>),
    /// Policies that share a rate.
    Composite(Composite),
    /// A type that nobody here knows, e.g. an extension of the collector.
    Unknown {
        /// The type as it is written.
        kind: String,
    },
}

impl Rule {
    /// What `probabilistic` hashes before the id when it is not given a salt.
    pub const DEFAULT_SALT: &str = "default-hash-seed";

    /// The type's name in configurations.
    pub fn kind(&self) -> &str {
        match self {
            Self::AlwaysSample => "always_sample",
            Self::Latency { .. } => "latency",
            Self::NumericAttribute { .. } => "numeric_attribute",
            Self::StringAttribute(_) => "string_attribute",
            Self::BooleanAttribute { .. } => "boolean_attribute",
            Self::StatusCode(_) => "status_code",
            Self::SpanCount { .. } => "span_count",
            Self::Probabilistic { .. } => "probabilistic",
            Self::RateLimiting(_) => "rate_limiting",
            Self::BytesLimiting(_) => "bytes_limiting",
            Self::TraceState { .. } => "trace_state",
            Self::TraceFlags => "trace_flags",
            Self::OttlCondition(_) => "ottl_condition",
            Self::And(_) => "and",
            Self::Not(_) => "not",
            Self::Drop(_) => "drop",
            Self::Composite(_) => "composite",
            Self::Unknown { kind } => kind,
        }
    }

    /// Whether the answer for a piece of a trace may change as more of it arrives, or with time: what the strategy
    /// [`SpanIngest`](super::Strategy::SpanIngest) refuses at the start.
    pub fn stateful(&self) -> bool {
        match self {
            Self::Latency { upper_threshold_ms, .. } => *upper_threshold_ms > 0,
            Self::SpanCount { max_spans, .. } => *max_spans > 0,
            Self::RateLimiting(_) | Self::BytesLimiting(_) => true,
            Self::And(subs) | Self::Drop(subs) => subs.iter().any(|sub| sub.rule.stateful()),
            Self::Not(sub) => sub.rule.stateful(),
            Self::Composite(composite) => composite.policies.iter().any(|sub| sub.rule.stateful()),
            _ => false,
        }
    }
}

impl Policy {
    /// A policy of this name.
    pub fn new(name: impl Into<String>, rule: Rule) -> Self {
        Self { name: name.into(), rule }
    }

    /// Whether it is of the type `drop`, which votes before all others.
    pub fn drops(&self) -> bool {
        matches!(self.rule, Rule::Drop(_))
    }
}
