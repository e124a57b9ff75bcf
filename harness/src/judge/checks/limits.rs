//! The scenario's limits against the result document.
//!
//! A limit that a figure breaks is *open*, not broken, where the figure may be the doing of something other than the
//! target: see [`Doubts`].

use crate::judge::evidence::Evidence;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{Check, Level, LimitOutcome};
use spanproof_reports::result::paths::{LookupError, Quantity};
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::limits::{Limit, LimitValue};

/// Why a limit that does not hold may yet be none of the target's fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doubts {
    /// Why absent records may be no loss.
    pub absence: Option<String>,
    /// Why changed records may be no corruption.
    pub change: Option<String>,
    /// Why late records may be none of the target's doing.
    pub lateness: Option<String>,
}

impl Doubts {
    /// What the evidence leaves open.
    pub fn of(evidence: &Evidence) -> Self {
        let meant = evidence.absence_is_unknown || !evidence.may_leave_out.is_empty();
        let by_design = meant.then(|| "absence may be meant here".to_owned());
        let changed = evidence.all_changes_may_be_meant().then(|| "these changes may be meant".to_owned());
        Self { absence: evidence.absence_doubt().or(by_design), change: changed, lateness: evidence.lateness_doubt() }
    }

    /// The doubt about a figure. One of the driver itself says what the harness did, never what the target did.
    fn about(&self, limit: &Limit) -> Option<String> {
        match limit.canonical_path() {
            "spans.lost_acknowledged" | "spans.lost_unknown" | "spans.delivered" => self.absence.clone(),
            "spans.corrupted" | "spans.corrupted_only" => self.change.clone(),
            "spans.late" => self.lateness.clone(),
            path if path.starts_with("driver.") => Some("the sending side was the limit".to_owned()),
            _ => None,
        }
    }
}

/// Judges each limit. A figure that is withheld or absent makes its limit inconclusive, with the reason, and so does a doubt
/// about one that breaks it.
pub fn judge(limits: &[Limit], result: &RunResult, doubts: &Doubts) -> Vec<LimitOutcome> {
    limits.iter().map(|limit| outcome(limit, result, doubts)).collect()
}

/// Has each finding that explains a limit's outcome name that limit, so that a reader is told of the two together.
pub fn name_in_findings(limits: &[Limit], outcomes: &[LimitOutcome], checks: &mut [Check]) {
    for (limit, outcome) in limits.iter().zip(outcomes) {
        let level = match outcome.verdict {
            Verdict::Fail => Level::Failure,
            Verdict::Inconclusive => Level::Inconclusive,
            Verdict::Pass | Verdict::Skipped => continue,
        };
        let ids = explaining(limit.canonical_path());
        let findings = checks.iter_mut().flat_map(|check| &mut check.findings);
        for finding in findings.filter(|finding| finding.level == level && ids.contains(&finding.id)) {
            finding.limit.get_or_insert_with(|| outcome.limit.clone());
        }
    }
}

/// Ids of the findings behind a count of spans.
fn explaining(path: &str) -> Vec<String> {
    match path.strip_prefix("spans.") {
        Some("lost_acknowledged") => vec!["lost-acknowledged".to_owned(), "absent-by-design".to_owned()],
        Some("corrupted" | "corrupted_only") => vec!["corrupted".to_owned(), "changed-by-design".to_owned()],
        Some(count) => vec![count.replace('_', "-")],
        None => Vec::new(),
    }
}

fn outcome(limit: &Limit, result: &RunResult, doubts: &Doubts) -> LimitOutcome {
    let text = limit.to_string();
    match result.lookup(&limit.path) {
        Ok(figure) => {
            let holds = limit.holds(magnitude(figure));
            let (verdict, reason) = match (holds, doubts.about(limit)) {
                (true, _) => (Verdict::Pass, None),
                (false, None) => (Verdict::Fail, Some(format!("{} is {figure}", limit.path))),
                (false, Some(doubt)) => {
                    (Verdict::Inconclusive, Some(format!("{} is {figure}, but {doubt}", limit.path)))
                }
            };
            LimitOutcome { limit: text, value: Some(figure.to_string()), verdict, reason }
        }
        Err(error) => LimitOutcome {
            limit: text,
            value: None,
            verdict: Verdict::Inconclusive,
            reason: Some(match error {
                LookupError::Withheld { reason, .. } => format!("the figure is withheld: {reason}"),
                other => other.to_string(),
            }),
        },
    }
}

/// The figure in the base unit of [`LimitValue::magnitude`]: seconds, bytes, plain numbers, 1 for 100 %.
fn magnitude(figure: Quantity) -> f64 {
    match figure {
        Quantity::Count(count) => count as f64,
        Quantity::Duration(duration) => duration.as_secs_f64(),
        Quantity::Bytes(bytes) => bytes as f64,
        Quantity::Ratio(number) | Quantity::Number(number) => number,
    }
}

/// What is wrong with a limit of the whole run: it is judged once, at the end.
pub fn problem_at_end(limit: &Limit) -> Option<String> {
    limit.sustained.map(|_| {
        format!("limit `{limit}`: `for DURATION` is heard only under `abort`; a limit is judged once, at the end")
    })
}

/// Figures that are known while a run lasts; an abort limit on any other could never fire.
const KNOWN_WHILE_RUNNING: [&str; 13] = [
    "spans.sent",
    "spans.not_sent",
    "spans.acknowledged",
    "spans.refused",
    "spans.unknown",
    "spans.delivered",
    "spans.corrupted",
    "spans.duplicated",
    "spans.invented",
    "spans.foreign",
    "spans.late",
    "target.memory.peak",
    "target.cpu_seconds",
];

/// What is wrong with an abort limit before anything has run.
pub fn problem_while_running(limit: &Limit) -> Option<String> {
    let path = limit.canonical_path();
    let known = KNOWN_WHILE_RUNNING.contains(&path.strip_suffix("_bytes").unwrap_or(path))
        || path.starts_with("latency.")
        || path == "target.cpu";
    (!known).then(|| {
        format!(
            "abort limit `{limit}`: that figure is known only at the end; while a run lasts there are latency.* and {}",
            KNOWN_WHILE_RUNNING.join(", ")
        )
    })
}

/// What is wrong with a limit before anything has run: a path that results do not have.
pub fn problem(limit: &Limit) -> Option<String> {
    let unit = match &limit.value {
        LimitValue::Duration(_) => "a duration",
        LimitValue::Bytes(_) => "bytes",
        LimitValue::Percent(_) => "a share",
        LimitValue::Rate(_) => "a rate",
        LimitValue::Number(_) => "a number",
    };
    match spanproof_reports::result::paths::kind_of(&limit.path) {
        Ok(_) => None,
        Err(error) => Some(format!("limit `{limit}` ({unit}): {error}")),
    }
}
