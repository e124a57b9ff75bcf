//! Checks with their findings, and limits with their outcomes.

use crate::result::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one check said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The check's stable name, e.g. `delivery`.
    pub id: String,
    /// What it says.
    pub verdict: Verdict,
    /// What it looks at, one sentence.
    /// Absent where it says nothing of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What it found, most important first.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The finding's stable name, e.g. `lost-acknowledged`.
    pub id: String,
    /// How much it matters.
    pub level: Level,
    /// What was found, one plain sentence.
    pub message: String,
    /// How many records, requests or instants it concerns.
    #[serde(default)]
    pub count: u64,
    /// The limit that it breaks, as the scenario writes it.
    /// Absent where a check found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The value that was found, as people read it, e.g. `119,808 (13.3 %)`.
    /// Absent where no single value was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The instant it concerns, in seconds from the epoch.
    /// Absent where it concerns no single instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_seconds: Option<f64>,
    /// The stretch of time it concerns.
    /// Absent where it concerns the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Where in the pipeline, as far as it is known.
    /// Absent where that is not known.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What the affected records have in common and the others have not, the best separator first.
    /// Absent where no records are affected, or they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<String>,
    /// The first few records it concerns.
    /// Absent where it concerns no single records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// What to try.
    /// Absent where there is nothing known to try.
    #[serde(default, rename = "try", skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    #[default]
    Info,
    /// Ought to be looked at; no verdict rests on it.
    Warning,
    /// Breaks what was asked for.
    Failure,
    /// Keeps the check from deciding.
    Inconclusive,
}

impl Level {
    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Its start, in seconds from the epoch.
    pub from_seconds: f64,
    /// Its end, in seconds from the epoch.
    pub to_seconds: f64,
    /// What went on then, e.g. `in backend-down and 5 s beyond it`.
    /// Absent where no fault explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<String>,
}

/// One record that a finding concerns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// Its trace id in hex, as sent.
    /// Absent where the example is no span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Its span id in hex, as sent.
    /// Absent where the example is no span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// What it is and what is wrong with it.
    pub text: String,
    /// When it was due, or when it arrived, in seconds from the epoch.
    /// Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_seconds: Option<f64>,
}

/// What became of one limit of the scenario.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LimitOutcome {
    /// The limit as the scenario writes it.
    pub limit: String,
    /// The value that was compared, as people read it.
    /// Absent where there was no value to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it held.
    pub verdict: Verdict,
    /// Why it failed or could not be decided.
    /// Absent where it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the figure was beyond it, as far as that is known.
    /// Absent where it did not fail, and where the figure is of no part of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What to try.
    /// Absent where it did not fail, and where there is nothing known to try.
    #[serde(default, rename = "try", skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl LimitOutcome {
    /// What is told of it, as of a finding.
    pub fn told(&self) -> Finding {
        Finding {
            message: self.reason.clone().unwrap_or_default(),
            window: self.window.clone(),
            advice: self.advice.clone(),
            ..Finding::default()
        }
    }
}
