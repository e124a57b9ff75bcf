//! What became of traces, beside what the target's own configuration says should.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of the traces of a run whose target samples or filters. A trace whose id changes on the way counts once for each id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sampling {
    /// The collector's version that was asked about, e.g. `0.155`.
    pub collector_version: String,
    /// Whether the collector said it itself. If not, it is the one that all was measured against.
    pub version_is_known: bool,
    /// Traces by their word.
    pub traces: SampledTraces,
    /// Traces by the rule that decides about them.
    #[serde(default)]
    pub rules: Vec<SamplingRule>,
    /// Why nothing is claimed, of how many traces each.
    /// Absent where all is claimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unclaimed>,
}

/// Traces by their word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SampledTraces {
    /// Kept, and so they should have been.
    pub kept: u64,
    /// Dropped, and so they should have been.
    pub dropped: u64,
    /// Kept or dropped by a rate, which may do either.
    pub limited: u64,
    /// Kept or dropped, and it hung on fractions of a second which.
    pub either: u64,
    /// Kept, and should have been dropped; or a span of it that a filter should have taken.
    pub kept_wrongly: u64,
    /// Dropped, and should have been kept.
    pub dropped_wrongly: u64,
    /// A part came out, of a trace that should have come out as a whole or not at all.
    pub split: u64,
    /// Nothing is claimed of these.
    pub unknown: u64,
}

/// What a rule says of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplingFate {
    /// It is kept.
    Kept,
    /// It is dropped.
    Dropped,
    /// A rate decides: all of it, or nothing.
    Limited,
    /// It hangs on when its spans came, to the fraction of a second: all of it, or nothing.
    Either,
    /// Nothing is claimed.
    #[default]
    Unknown,
}

impl SamplingFate {
    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Dropped => "dropped",
            Self::Limited => "limited",
            Self::Either => "either",
            Self::Unknown => "unknown",
        }
    }
}

/// Traces about which one rule decides, by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SamplingRule {
    /// The rule, e.g. "policy `errors` of `tail_sampling`".
    /// Absent where nothing is claimed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What it says.
    pub expected: SamplingFate,
    /// Traces that came out.
    pub kept: u64,
    /// Traces that did not.
    pub dropped: u64,
    /// Traces of which a part came out.
    pub split: u64,
}

/// Traces of which nothing is claimed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Unclaimed {
    /// Why.
    pub why: String,
    /// How many.
    pub traces: u64,
}

impl Sampling {
    /// The id of the check that judges it.
    pub const CHECK: &str = "sampling";
}
