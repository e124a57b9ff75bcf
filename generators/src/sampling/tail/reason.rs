//! What a policy looked at, as data and as a line of text.

use super::Ballot;
use crate::model::Value;
use std::fmt;

/// Where something was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Position of the span in the trace as it is stored.
    pub span: usize,
    /// Its resource, and not the span itself.
    pub resource: bool,
    /// What was seen there; none where it is no attribute.
    pub value: Option<Value>,
}

/// What a policy looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// At nothing.
    Always,
    /// How long the trace lasts.
    Latency {
        /// Whole milliseconds: of the spans so far where the policy stopped before the end.
        lasted_ms: i64,
        /// The span at which it stopped.
        stopped_at: Option<usize>,
        /// The lower bound.
        threshold_ms: i64,
        /// The upper bound; 0 for none.
        upper_threshold_ms: i64,
    },
    /// An attribute of resources and spans.
    Attribute {
        /// Its key.
        key: String,
        /// The first place where its value matched.
        matched: Option<Seen>,
    },
    /// A property of spans: status, flags or `tracestate`.
    Property {
        /// Which.
        what: &'static str,
        /// The first span that has it.
        matched: Option<Seen>,
    },
    /// How many spans there are.
    SpanCount {
        /// So many.
        spans: usize,
        /// The lower bound.
        min: i64,
        /// The upper bound; 0 for none.
        max: i64,
    },
    /// A hash of the trace id.
    Hash {
        /// The hash.
        hash: u64,
        /// The highest that is kept.
        threshold: u64,
    },
    /// What the trace costs of a rate.
    Limit {
        /// Spans or bytes; none where nobody reckoned them.
        cost: Option<u64>,
        /// The most that is ever kept at once.
        capacity: i64,
    },
    /// A condition.
    Condition {
        /// The one that decided or failed first, as it is written.
        text: Option<String>,
        /// The first span that it held for.
        matched: Option<Seen>,
    },
    /// Other policies.
    Policies(Vec<Ballot>),
    /// Something that nobody here knows.
    Unknown(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("it takes everything"),
            Self::Latency { lasted_ms, stopped_at, threshold_ms, upper_threshold_ms } => {
                write!(f, "{lasted_ms} ms")?;
                if let Some(at) = stopped_at {
                    write!(f, " by span {at}")?;
                }
                write!(f, " against {threshold_ms}")?;
                if *upper_threshold_ms == 0 { Ok(()) } else { write!(f, " to {upper_threshold_ms}") }
            }
            Self::Attribute { key, matched: None } => write!(f, "no resource or span has such a value of {key}"),
            Self::Attribute { key, matched: Some(seen) } => write!(f, "{key} of {seen}"),
            Self::Property { what, matched: None } => write!(f, "no span has such a {what}"),
            Self::Property { what, matched: Some(seen) } => write!(f, "{what} of {seen}"),
            Self::SpanCount { spans, min, max: 0 } => write!(f, "{spans} spans against at least {min}"),
            Self::SpanCount { spans, min, max } => write!(f, "{spans} spans against {min} to {max}"),
            Self::Hash { hash, threshold } => write!(f, "hash {hash:016x} against {threshold:016x}"),
            Self::Limit { cost: Some(cost), capacity } => write!(f, "it costs {cost} of at most {capacity} at once"),
            Self::Limit { cost: None, capacity } => write!(f, "it costs an unknown part of at most {capacity} at once"),
            Self::Condition { text: None, .. } => f.write_str("no condition holds"),
            Self::Condition { text: Some(text), matched: None } => write!(f, "`{text}`"),
            Self::Condition { text: Some(text), matched: Some(seen) } => write!(f, "`{text}` holds for {seen}"),
            Self::Policies(ballots) => {
                for (at, ballot) in ballots.iter().enumerate() {
                    let separator = if at == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {} ({})", ballot.policy, ballot.vote, ballot.reason)?;
                }
                if ballots.is_empty() { f.write_str("it has no sub-policies") } else { Ok(()) }
            }
            Self::Unknown(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.resource { "the resource of span" } else { "span" };
        write!(f, "{whose} {}", self.span)?;
        match &self.value {
            Some(Value::Str(text)) => write!(f, ": {text:?}"),
            Some(Value::Int(number)) => write!(f, ": {number}"),
            Some(Value::Bool(truth)) => write!(f, ": {truth}"),
            Some(Value::Double(number)) => write!(f, ": {number}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for super::Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sampled => "sampled",
            Self::NotSampled => "not sampled",
            Self::Dropped => "dropped",
            Self::InvertSampled => "inverted sampled",
            Self::InvertNotSampled => "inverted not sampled",
            Self::Error => "failed",
            Self::Panic => "the collector panics",
            Self::MaybeSampled(_) => "perhaps sampled",
            Self::MaybeDropped(_) => "perhaps dropped",
        })
    }
}
