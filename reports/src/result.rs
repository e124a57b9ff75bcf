//! The result document: everything one run found, as it stands in `result.json`.
//!
//! The format is named by [`SCHEMA`]. Within one version fields are only ever added, and a field that a run has no value for
//! is left out, so readers of `spanproof.result/1` must accept unknown and missing fields. Its JSON Schema
//! ([`schema::json_schema`]) is committed as `schema/result.schema.json`.

pub mod check;
pub mod epoch;
pub mod faults;
pub mod latency;
pub mod ledger;
pub mod participants;
pub mod paths;
pub mod prediction;
pub mod sampling;
pub mod schema;
pub mod timeline;
pub mod verdict;

use crate::result::check::{Check, LimitOutcome};
use crate::result::epoch::{Epoch, RunTag};
use crate::result::faults::Fault;
use crate::result::latency::Latency;
use crate::result::ledger::Ledger;
use crate::result::participants::{Driver, Machine, Sink, Target};
use crate::result::prediction::Prediction;
use crate::result::sampling::Sampling;
use crate::result::timeline::{Settle, Timeline};
use crate::result::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name and version of the document format that this crate writes and reads.
pub const SCHEMA: &str = "spanproof.result/1";

/// Everything one run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Always `spanproof.result/1` for this version of the format.
    pub schema: String,
    /// The version of spanproof that made the run.
    pub spanproof_version: String,
    /// The verdict on the whole run.
    pub verdict: Verdict,
    /// Whether the run went its planned length.
    pub status: RunStatus,
    /// What was run.
    pub scenario: Scenario,
    /// The seed of everything random. With the scenario, run tag and epoch it gives the same bytes again.
    pub seed: u64,
    /// Tells the records of this run from those of any other.
    pub run_tag: RunTag,
    /// The instant that all times in the records and in this document count from.
    pub epoch: Epoch,
    /// How long the run took from the epoch to the end of settling, in seconds.
    pub duration_seconds: f64,
    /// The command line that repeats the run, one element an argument.
    /// Absent where the caller of the library gave none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A hex digest of the plan: equal for equal plans.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The machine that drove the load.
    /// Absent where `/proc` could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// The account of every record.
    pub ledger: Ledger,
    /// Latencies by series.
    #[serde(default)]
    pub latency: Latency,
    /// What became of the scenario's faults, by their names.
    /// Absent without faults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, Fault>,
    /// What was foretold of them. Absent without faults, and where nothing could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
    /// Why nothing was. Absent without faults, and where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction_unknown: Option<String>,
    /// What became of traces, beside what the target's configuration says should.
    /// Absent where it has no sampler or filter, and where it cannot be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// What each check said.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What became of each limit of the scenario.
    #[serde(default)]
    pub limits: Vec<LimitOutcome>,
    /// The side that sent.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The side that played the backend.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<Sink>,
    /// What stood between them.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// How the run waited for what was still under way.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Settle>,
    /// Rates over the length of the run.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// What the reader should know although no verdict rests on it, one sentence each.
    /// Absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// The scenario's name.
    pub name: String,
    /// What the scenario says it is for.
    /// Absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The file it was read from; none for a built-in one.
    /// Absent for a built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Whether a run went its planned length.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunStatus {
    /// The whole plan was run and settled.
    #[default]
    Complete,
    /// Somebody or something stopped the run from outside.
    Interrupted {
        /// What stopped it, e.g. `SIGINT`.
        reason: String,
    },
    /// An abort limit of the scenario stopped the run.
    Aborted {
        /// The limit as the scenario writes it.
        limit: String,
    },
}

impl RunResult {
    /// A result of this version's format with no findings yet: complete, skipped, of no length.
    pub fn new(scenario: Scenario, seed: u64, run_tag: RunTag, epoch: Epoch) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            spanproof_version: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: Verdict::Skipped,
            status: RunStatus::Complete,
            scenario,
            seed,
            run_tag,
            epoch,
            duration_seconds: 0.0,
            command: Vec::new(),
            fingerprint: None,
            machine: None,
            ledger: Ledger::default(),
            latency: Latency::default(),
            faults: BTreeMap::new(),
            prediction: None,
            prediction_unknown: None,
            sampling: None,
            checks: Vec::new(),
            limits: Vec::new(),
            driver: None,
            sink: None,
            target: None,
            settle: None,
            timeline: None,
            warnings: Vec::new(),
        }
    }

    /// The verdict that checks, limits and status together deserve.
    ///
    /// All verdicts of checks and limits merged; a run that was stopped early never passes, since what it did not send was
    /// not judged.
    pub fn merged_verdict(&self) -> Verdict {
        let verdicts = self.checks.iter().map(|c| c.verdict).chain(self.limits.iter().map(|l| l.verdict));
        let merged = verdicts.collect::<Verdict>();
        match self.status {
            RunStatus::Complete => merged,
            RunStatus::Interrupted { .. } | RunStatus::Aborted { .. } => merged.merge(Verdict::Inconclusive),
        }
    }

    /// Removes every percentile, of latencies, of pauses and of the driver's lateness, and says why.
    pub fn withhold_times(&mut self, reason: &str) {
        self.latency.withhold(reason);
        self.faults.values_mut().for_each(|fault| fault.withhold(reason));
        if let Some(driver) = &mut self.driver {
            driver.withhold(reason);
        }
    }

    /// The process exit code for this result: 0 pass, 1 a check failed, 3 inconclusive or nothing judged, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match (&self.status, self.verdict) {
            (RunStatus::Interrupted { .. }, _) => 130,
            (_, Verdict::Pass) => 0,
            (_, Verdict::Fail) => 1,
            (_, Verdict::Inconclusive | Verdict::Skipped) => 3,
        }
    }
}

#[cfg(test)]
#[path = "result/samples.rs"]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::{failing, passing};

    #[test]
    fn a_result_survives_a_round_trip_through_json() {
        for result in [passing(), failing()] {
            let json = serde_json::to_string(&result).unwrap();
            assert_eq!(serde_json::from_str::<RunResult>(&json).unwrap(), result);
        }
    }

    /// A document of this version, once written, must stay readable; `UPDATE_RESULT=1` writes the file anew, which is right
    /// only together with a new version in [`SCHEMA`] or a field that was added.
    #[test]
    fn the_committed_document_still_reads_as_it_was_meant() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/result.json");
        if std::env::var_os("UPDATE_RESULT").is_some_and(|v| v == "1") {
            std::fs::write(&path, serde_json::to_string_pretty(&failing()).unwrap() + "\n").unwrap();
        }
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(serde_json::from_str::<RunResult>(&text).unwrap(), failing());
    }

    #[test]
    fn fields_of_a_later_minor_version_are_ignored() {
        let mut json = serde_json::to_value(passing()).unwrap();
        json["ledger"]["spans"]["invented_next_year"] = 3.into();
        json["news"] = "x".into();
        assert_eq!(serde_json::from_value::<RunResult>(json).unwrap(), passing());
    }

    #[test]
    fn a_run_without_checks_is_skipped_and_exits_3() {
        let mut result = passing();
        result.checks.clear();
        result.limits.clear();
        result.verdict = result.merged_verdict();
        assert_eq!((result.verdict, result.exit_code()), (Verdict::Skipped, 3));
    }

    #[test]
    fn an_interrupted_run_never_passes_but_keeps_a_failure() {
        let stop = RunStatus::Interrupted { reason: "SIGINT".to_owned() };
        let mut result = RunResult { status: stop.clone(), ..passing() };
        assert_eq!(result.merged_verdict(), Verdict::Inconclusive);
        result = RunResult { status: stop, ..failing() };
        assert_eq!((result.merged_verdict(), result.exit_code()), (Verdict::Fail, 130));
    }

    #[test]
    fn withheld_times_are_in_no_part_of_the_document_and_limits_on_them_hear_why() {
        let mut result = passing();
        result.withhold_times("the driver was the limit");
        result.limits.clear();
        let text = serde_json::to_string(&result).unwrap();
        for figure in ["p50", "p90", "p99", "p999"] {
            assert!(!text.contains(figure), "{figure} in {text}");
        }
        for path in ["driver.lateness_p99", "driver.lateness_p50", "latency.intended_to_delivered.p99"] {
            let error = result.lookup(path).unwrap_err();
            assert_eq!(error.to_string(), format!("`{path}` is withheld: the driver was the limit"));
        }
    }

    #[test]
    fn a_limit_that_fails_makes_the_run_fail() {
        let mut result = passing();
        result.limits[0].verdict = Verdict::Fail;
        assert_eq!(result.merged_verdict(), Verdict::Fail);
    }
}
