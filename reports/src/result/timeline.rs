//! How a run went over time, and how it waited at its end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the run waited for what was still under way after the last request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Settle {
    /// The longest it was willing to wait, in seconds: the sum of the terms.
    pub planned_seconds: f64,
    /// What the wait is made of.
    #[serde(default)]
    pub terms: Vec<SettleTerm>,
    /// How long it waited, in seconds.
    /// Absent where settling was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    /// Why it stopped waiting; absent when settling was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<SettleEnd>,
}

/// One reason to wait.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SettleTerm {
    /// What may hold records that long, e.g. `batch timeout`.
    pub name: String,
    /// How long, in seconds.
    pub seconds: f64,
}

/// Why settling ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettleEnd {
    /// Nothing was missing any more.
    EverythingArrived,
    /// Nothing was acknowledged or left without an answer, and nothing came: there was nothing to wait for.
    NothingTaken,
    /// The time was up.
    Deadline,
}

impl SettleEnd {
    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EverythingArrived => "everything-arrived",
            Self::NothingTaken => "nothing-taken",
            Self::Deadline => "deadline",
        }
    }
}

/// Rates over the length of the run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The length of one interval in seconds. Longer for long runs, so that there are never more than a few thousand points.
    pub interval_seconds: f64,
    /// One point an interval, in order of time.
    #[serde(default)]
    pub points: Vec<TimelinePoint>,
}

/// What happened in one interval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TimelinePoint {
    /// The interval's start, in seconds from the epoch.
    pub at_seconds: f64,
    /// Spans sent.
    #[serde(default)]
    pub sent: u64,
    /// Spans acknowledged.
    #[serde(default)]
    pub acknowledged: u64,
    /// Spans delivered.
    #[serde(default)]
    pub delivered: u64,
    /// Requests under way at its end.
    /// Absent where that was not sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// The target's resident memory at its end, in bytes.
    /// Absent where it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_memory_bytes: Option<u64>,
}
