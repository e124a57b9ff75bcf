//! What was foretold of a run's faults from the target's configuration alone, before anything was sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the target's queue and retries foretell, to be set beside what was counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// What it follows from, in words.
    pub from: String,
    /// Whether the fate of each span was foretold, and not only how many share it.
    pub exact: bool,
    /// Spans that are acknowledged and then given up.
    pub lost: CountRange,
    /// Of these, the ones of which it is certain, where the fate of each was foretold.
    #[serde(default)]
    pub certain: u64,
    /// Spans whose fate hangs on milliseconds, where the fate of each was foretold.
    #[serde(default)]
    pub open: u64,
    /// When the first of all that may be given up is due, in seconds from the epoch; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_from_seconds: Option<f64>,
    /// When the last of them is due, in seconds from the epoch; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_to_seconds: Option<f64>,
    /// Spans that the target refuses since its queue is full.
    pub refused: CountRange,
    /// The most requests in its queue at once.
    pub queue_peak: CountRange,
    /// How many it takes.
    pub queue_size: u64,
    /// The most bytes in its queue at once, as they were sent, without compression. What a target takes of memory for them is more.
    pub queue_peak_bytes: CountRange,
    /// When the queue is full for the first time, in seconds from the epoch: the earliest; absent where it never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_full_seconds: Option<f64>,
    /// How often requests are sent to the sink.
    pub attempts: CountRange,
    /// When all is done with, in seconds from the epoch: at the latest.
    pub done_seconds: f64,
}

impl Prediction {
    /// The id of the check that sets it beside what was counted. Where the two cannot be compared, a result has no such check.
    pub const CHECK: &str = "prediction";
}

/// From the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CountRange {
    /// The least.
    pub low: u64,
    /// The most.
    pub high: u64,
}

impl CountRange {
    /// Whether a count lies in it.
    pub fn contains(&self, count: u64) -> bool {
        (self.low..=self.high).contains(&count)
    }

    /// In words, each end written by `shown`.
    pub fn shown(&self, shown: impl Fn(u64) -> String) -> String {
        let (low, high) = (shown(self.low), shown(self.high));
        if low == high { low } else { format!("{low} to {high}") }
    }
}

impl std::fmt::Display for CountRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown(crate::figures::count))
    }
}
