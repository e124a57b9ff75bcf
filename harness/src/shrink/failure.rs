//! What it means that a run still fails: every failure that the original showed is there again.
//!
//! One of them would not do: a candidate that shows only the second of two may have slipped to another bug. More may be there, since
//! what else fails does not make the one that is looked for go away. A failure is a finding by its check and name (and of changed
//! records by the field that changed), or a limit by its text; counts and places are not part of it, as they shrink with the run.

use super::search::Outcome;
use serde::Serialize;
use spanproof_reports::result::check::{Check, Level};
use spanproof_reports::result::verdict::Verdict;
use spanproof_reports::result::{RunResult, RunStatus};
use std::fmt::{self, Display, Formatter};

/// The finding that is told apart by where it was made: each changed field is a failure of its own.
const BY_PLACE: &str = "corrupted";

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// A finding of a check.
    Finding {
        /// The check.
        check: String,
        /// The finding.
        id: String,
        /// The field that changed.
        #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// A limit of the scenario, as it writes it.
    Limit(String),
}

impl Failure {
    /// Whether a person means it by this name: that of the finding, or the text of the limit.
    pub fn is_called(&self, name: &str) -> bool {
        match self {
            Self::Finding { id, .. } => id == name || self.to_string() == name,
            Self::Limit(limit) => limit == name,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding { id, place: Some(place), .. } => write!(f, "{id} in {place}"),
            Self::Finding { id, place: None, .. } => f.write_str(id),
            Self::Limit(limit) => f.write_str(limit),
        }
    }
}

/// Everything that failed in a run, each once, in the order of its report.
pub fn failures(result: &RunResult) -> Vec<Failure> {
    let findings = result.checks.iter().flat_map(|check| failing(check, Level::Failure));
    let limits = result.limits.iter().filter(|limit| limit.verdict == Verdict::Fail);
    let mut all: Vec<Failure> = Vec::new();
    for failure in findings.chain(limits.map(|limit| Failure::Limit(limit.limit.clone()))) {
        if !all.contains(&failure) {
            all.push(failure);
        }
    }
    all
}

fn failing(check: &Check, level: Level) -> impl Iterator<Item = Failure> {
    check.findings.iter().filter(move |finding| finding.level == level).map(|finding| Failure::Finding {
        check: check.id.clone(),
        id: finding.id.clone(),
        place: finding.place.clone().filter(|_| finding.id == BY_PLACE),
    })
}

/// Whether a run shows all of these failures. Where one is missing and the run cannot say that it is not there, nobody can tell.
pub fn seen(result: &RunResult, wanted: &[Failure]) -> Outcome {
    let there = failures(result);
    let missing: Vec<&Failure> = wanted.iter().filter(|wanted| !there.contains(wanted)).collect();
    if missing.is_empty() {
        Outcome::Fails
    } else if result.status != RunStatus::Complete || missing.iter().all(|missing| is_open(result, missing)) {
        Outcome::Open
    } else {
        Outcome::Holds
    }
}

fn is_open(result: &RunResult, missing: &Failure) -> bool {
    match missing {
        Failure::Finding { check: id, .. } => {
            let check = result.checks.iter().find(|check| check.id == *id);
            check.is_none_or(|check| failing(check, Level::Inconclusive).next().is_some())
        }
        // A limit that is not there went with the fault that it names.
        Failure::Limit(text) => {
            let outcome = result.limits.iter().find(|limit| limit.limit == *text);
            outcome.is_some_and(|limit| matches!(limit.verdict, Verdict::Inconclusive | Verdict::Skipped))
        }
    }
}

/// Of the failures that the original was named by, those that its runs show most often; and in how many of the runs all of
/// these are. What comes only now and then beside the rest is not waited for: it would keep everything.
pub fn steady(named: &[Failure], runs: &[Vec<Failure>]) -> (Vec<Failure>, u32) {
    let count = |of: &dyn Fn(&&Vec<Failure>) -> bool| u32::try_from(runs.iter().filter(of).count()).unwrap_or(u32::MAX);
    let shown = |failure: &Failure| count(&|run: &&Vec<Failure>| run.contains(failure));
    let most = named.iter().map(&shown).max().unwrap_or(0);
    let mut steady: Vec<Failure> = named.iter().filter(|failure| shown(failure) == most).cloned().collect();
    if count(&|run: &&Vec<Failure>| steady.iter().all(|failure| run.contains(failure))) < most {
        // They do not come together, so they are several failures: the first is the most important one.
        steady.truncate(1);
    }
    (steady, most)
}

/// As people read them.
pub fn in_words(failures: &[Failure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_reports::result::check::{Finding, LimitOutcome};
    use spanproof_reports::result::epoch::Epoch;

    fn finding(id: &str, level: Level) -> Finding {
        Finding { id: id.to_owned(), level, place: Some("kind".to_owned()), count: 7, ..Finding::default() }
    }

    fn result(findings: Vec<Finding>, limits: &[(&str, Verdict)]) -> RunResult {
        let tag = serde_json::from_value(serde_json::json!("000000000000")).unwrap();
        let mut result = RunResult::new(Default::default(), 7, tag, Epoch::from_unix_ns(0));
        result.checks = vec![Check { id: "delivery".to_owned(), findings, ..Check::default() }];
        let limit = |(text, verdict): &(&str, Verdict)| LimitOutcome {
            limit: (*text).to_owned(),
            verdict: *verdict,
            ..LimitOutcome::default()
        };
        result.limits = limits.iter().map(limit).collect();
        result
    }

    const P99: &str = "driver.lateness_p99 < 1ms";

    fn original() -> RunResult {
        let findings = vec![
            finding("lost", Level::Failure),
            finding("late", Level::Warning),
            finding("corrupted", Level::Failure),
        ];
        result(findings, &[(P99, Verdict::Fail), ("spans.late == 0", Verdict::Pass)])
    }

    #[test]
    fn failures_are_findings_and_limits_by_their_names() {
        let failures = failures(&original());
        assert_eq!(in_words(&failures), format!("lost, corrupted in kind, {P99}"));
        assert!(failures[0].is_called("lost") && failures[1].is_called("corrupted") && failures[2].is_called(P99));
        assert!(failures[1].is_called("corrupted in kind") && !failures[0].is_called("los"));
    }

    #[test]
    fn it_fails_still_if_all_failures_are_there_whatever_else_is() {
        let wanted = failures(&original());
        assert_eq!(seen(&original(), &wanted), Outcome::Fails);
        assert_eq!(seen(&original(), &wanted[..1]), Outcome::Fails);
        let other =
            result(vec![finding("lost", Level::Failure), finding("twice", Level::Failure)], &[(P99, Verdict::Fail)]);
        assert_eq!(seen(&other, &wanted), Outcome::Holds);
        assert_eq!(seen(&other, &[wanted[0].clone(), wanted[2].clone()]), Outcome::Fails);
    }

    #[test]
    fn what_the_run_cannot_say_is_open() {
        let wanted = failures(&original());
        let [lost, _, limit] = &wanted[..] else { panic!("{wanted:?}") };
        let cannot_say = result(vec![finding("cut-short", Level::Inconclusive)], &[(P99, Verdict::Inconclusive)]);
        assert_eq!(seen(&cannot_say, &wanted), Outcome::Open);
        let one_is_not_there = result(vec![], &[(P99, Verdict::Inconclusive)]);
        assert_eq!(seen(&one_is_not_there, &wanted), Outcome::Holds);
        assert_eq!(seen(&one_is_not_there, std::slice::from_ref(limit)), Outcome::Open);
        assert_eq!(seen(&result(vec![], &[]), std::slice::from_ref(limit)), Outcome::Holds);
        let mut interrupted = result(vec![], &[]);
        interrupted.status = RunStatus::Interrupted { reason: "a signal".to_owned() };
        assert_eq!(seen(&interrupted, std::slice::from_ref(lost)), Outcome::Open);
    }

    #[test]
    fn failures_that_come_now_and_then_are_not_waited_for() {
        let all = failures(&original());
        let (lost, corrupted, limit) = (all[0].clone(), all[1].clone(), all[2].clone());
        let always = vec![lost.clone(), corrupted.clone()];
        let runs = [always.clone(), all.clone(), always.clone()];
        assert_eq!(steady(&all, &runs), (always, 3));
        let apart = [vec![corrupted], vec![lost.clone()], vec![]];
        assert_eq!(steady(&all, &apart), (vec![lost.clone()], 1));
        assert_eq!(steady(&all[..1], &[vec![limit]]), (vec![lost], 0));
    }
}
