//! What it means that a run still fails: every failure that the original showed is there again.
//!
//! One of them would not do: a candidate that shows only the second of two may have slipped to another bug. More may be there, since
//! what else fails does not make the one that is looked for go away. A failure is a finding by its check and name (of changed
//! records also by the field that changed, of lost ones by the way in which they were lost), or a limit by its text; counts and names
//! of faults are not part of it, as they shrink with the run.

use super::loss::Loss;
use super::search::Outcome;
use serde::Serialize;
use spanproof_reports::result::check::{Check, Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use spanproof_reports::result::{RunResult, RunStatus};
use std::fmt::{self, Display, Formatter};

/// The finding that is told apart by where it was made: each changed field is a failure of its own.
const BY_PLACE: &str = "corrupted";

/// The finding that is told apart by ways: each is a failure of its own, since what a target gives up in an outage and what it loses
/// when it crashes are not the same fault.
const BY_WAY: &str = "lost-acknowledged";

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
        /// The field that changed, or the way of a loss.
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
            Self::Finding { id, place: Some(place), .. } if id == BY_WAY => write!(f, "{id} {place}"),
            Self::Finding { id, place: Some(place), .. } => write!(f, "{id} in {place}"),
            Self::Finding { id, place: None, .. } => f.write_str(id),
            Self::Limit(limit) => f.write_str(limit),
        }
    }
}

/// Everything that failed in a run which lost records in these ways, each once, in the order of its report.
pub fn failures(result: &RunResult, losses: &[Loss]) -> Vec<Failure> {
    let findings = result.checks.iter().flat_map(|check| failing(check, losses));
    let limits = result.limits.iter().filter(|limit| limit.verdict == Verdict::Fail);
    let mut all: Vec<Failure> = Vec::new();
    for failure in findings.chain(limits.map(|limit| Failure::Limit(limit.limit.clone()))) {
        if !all.contains(&failure) {
            all.push(failure);
        }
    }
    all
}

fn failing(check: &Check, losses: &[Loss]) -> Vec<Failure> {
    let failed = check.findings.iter().filter(|finding| finding.level == Level::Failure);
    let placed = failed.flat_map(|finding| places(finding, losses).into_iter().map(move |place| (finding, place)));
    placed.map(|(finding, place)| Failure::Finding { check: check.id.clone(), id: finding.id.clone(), place }).collect()
}

/// What tells failures of one finding apart.
fn places(finding: &Finding, losses: &[Loss]) -> Vec<Option<String>> {
    match finding.id.as_str() {
        BY_PLACE => vec![finding.place.clone()],
        BY_WAY => losses.iter().map(|loss| loss.place().map(str::to_owned)).collect(),
        _ => vec![None],
    }
}

/// Whether a run shows all of these failures; `there` are its own. Where one is missing and the run cannot say that it is not there,
/// nobody can tell.
pub fn seen(result: &RunResult, there: &[Failure], wanted: &[Failure]) -> Outcome {
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
            let is_open = |check: &Check| check.findings.iter().any(|finding| finding.level == Level::Inconclusive);
            check.is_none_or(is_open)
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

/// Whether the last of these runs shows all failures that they show most often. The last run of which this can be said shows them all
/// however many follow: only a run with all of them makes other failures the most frequent ones.
pub fn last_shows_steady(named: &[Failure], runs: &[Vec<Failure>]) -> bool {
    let (steady, _) = steady(named, runs);
    runs.last().is_some_and(|last| steady.iter().all(|failure| last.contains(failure)))
}

/// As people read them.
pub fn in_words(failures: &[Failure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spanproof_reports::result::check::LimitOutcome;
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

    /// Whether a run that lost nothing shows these.
    fn outcome(result: &RunResult, wanted: &[Failure]) -> Outcome {
        seen(result, &failures(result, &[]), wanted)
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
        let failures = failures(&original(), &[]);
        assert_eq!(in_words(&failures), format!("lost, corrupted in kind, {P99}"));
        assert!(failures[0].is_called("lost") && failures[1].is_called("corrupted") && failures[2].is_called(P99));
        assert!(failures[1].is_called("corrupted in kind") && !failures[0].is_called("los"));
    }

    #[test]
    fn it_fails_still_if_all_failures_are_there_whatever_else_is() {
        let wanted = failures(&original(), &[]);
        assert_eq!(outcome(&original(), &wanted), Outcome::Fails);
        assert_eq!(outcome(&original(), &wanted[..1]), Outcome::Fails);
        let other =
            result(vec![finding("lost", Level::Failure), finding("twice", Level::Failure)], &[(P99, Verdict::Fail)]);
        assert_eq!(outcome(&other, &wanted), Outcome::Holds);
        assert_eq!(outcome(&other, &[wanted[0].clone(), wanted[2].clone()]), Outcome::Fails);
    }

    #[test]
    fn what_the_run_cannot_say_is_open() {
        let wanted = failures(&original(), &[]);
        let [lost, _, limit] = &wanted[..] else { panic!("{wanted:?}") };
        let cannot_say = result(vec![finding("cut-short", Level::Inconclusive)], &[(P99, Verdict::Inconclusive)]);
        assert_eq!(outcome(&cannot_say, &wanted), Outcome::Open);
        let one_is_not_there = result(vec![], &[(P99, Verdict::Inconclusive)]);
        assert_eq!(outcome(&one_is_not_there, &wanted), Outcome::Holds);
        assert_eq!(outcome(&one_is_not_there, std::slice::from_ref(limit)), Outcome::Open);
        assert_eq!(outcome(&result(vec![], &[]), std::slice::from_ref(limit)), Outcome::Holds);
        let mut interrupted = result(vec![], &[]);
        interrupted.status = RunStatus::Interrupted { reason: "a signal".to_owned() };
        assert_eq!(outcome(&interrupted, std::slice::from_ref(lost)), Outcome::Open);
    }

    #[test]
    fn failures_that_come_now_and_then_are_not_waited_for() {
        let all = failures(&original(), &[]);
        let (lost, corrupted, limit) = (all[0].clone(), all[1].clone(), all[2].clone());
        let always = vec![lost.clone(), corrupted.clone()];
        let runs = [always.clone(), all.clone(), always.clone()];
        assert_eq!(steady(&all, &runs), (always, 3));
        let apart = [vec![corrupted], vec![lost.clone()], vec![]];
        assert_eq!(steady(&all, &apart), (vec![lost.clone()], 1));
        assert_eq!(steady(&all[..1], &[vec![limit]]), (vec![lost], 0));
    }

    #[test]
    fn a_loss_is_another_failure_if_it_came_about_in_another_way() {
        let lossy = || result(vec![finding("lost-acknowledged", Level::Failure)], &[]);
        let wanted = failures(&lossy(), &[Loss::NotTaken]);
        assert_eq!(in_words(&wanted), "lost-acknowledged at a fault");
        assert!(wanted[0].is_called("lost-acknowledged"));
        let of = |losses: &[Loss]| seen(&lossy(), &failures(&lossy(), losses), &wanted);
        assert_eq!(of(&[Loss::NotTaken]), Outcome::Fails);
        assert_eq!(of(&[Loss::Killed, Loss::NotTaken, Loss::Elsewhere]), Outcome::Fails);
        for other in [Loss::Killed, Loss::Ended, Loss::Elsewhere] {
            assert_eq!(of(&[other]), Outcome::Holds, "{other:?}");
        }
        let both = failures(&lossy(), &[Loss::Killed, Loss::Elsewhere]);
        assert_eq!(in_words(&both), "lost-acknowledged inside a killed target, lost-acknowledged");
    }

    proptest! {
        /// Whatever comes in whatever order, what is kept of the original shows what is looked for.
        #[test]
        fn the_run_that_is_kept_shows_all_that_is_waited_for(
            runs in prop::collection::vec(prop::collection::btree_set(0_usize..4, 1..4), 1..9),
        ) {
            let named: Vec<Failure> = (0..4).map(|number| Failure::Limit(number.to_string())).collect();
            let runs: Vec<Vec<Failure>> =
                runs.iter().map(|run| run.iter().map(|number| named[*number].clone()).collect()).collect();
            let kept = (1..=runs.len()).rfind(|count| last_shows_steady(&named, &runs[..*count])).unwrap();
            let (wanted, _) = steady(&named, &runs);
            prop_assert!(wanted.iter().all(|failure| runs[kept - 1].contains(failure)), "{wanted:?} {runs:?}");
        }
    }
}
