//! What a run left, judged again from its evidence alone: as it is, as each altered case has it, and without each thing that a
//! case may need.

use super::Setup;
use super::case::{Case, Counted, Expected, Source};
use super::meant;
use super::needed::needed_by;
use super::runs::Job;
use super::seen::{Outcome, Untried, outcome};
use crate::evidence::{self, Frozen};
use crate::judge::without::Without;
use crate::planted::Planted;
use spanproof_reports::result::RunResult;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What came of one case.
pub(super) struct Came {
    pub case: Case,
    pub expected: Expected,
    pub outcome: Outcome,
    /// What its evidence says, if there is any.
    pub result: Option<RunResult>,
    /// What the judge must not leave out, or this case is missed. Looked for only where the whole table is tried.
    pub needs: BTreeSet<Without>,
}

impl Came {
    /// Nothing came of it; why, in words.
    pub fn untried(case: Case, expected: Expected, reason: String) -> Self {
        let outcome = Outcome::Untried(Untried::NoResult(reason));
        Self { case, expected, outcome, result: None, needs: BTreeSet::new() }
    }

    /// What this evidence says of the case. `planted` is what the target says of what it bit, if anything was planted.
    fn of(case: Case, expected: Expected, frozen: &Frozen, planted: Option<&Planted>, whole: bool) -> Self {
        let result = frozen.judge();
        let unlike = match planted {
            Some(planted) => meant::differences(&case, &expected, (&frozen.evidence, &result), planted),
            None if matches!(case.counted, Counted::Each | Counted::Sums(_)) => {
                vec!["the target noted nothing of what it bit".to_owned()]
            }
            None => Vec::new(),
        };
        let outcome = and_unlike(outcome(&case, &expected, &result), unlike);
        let needs = if whole && outcome == Outcome::AsExpected {
            needed_by(&case, &expected, &result, |without| frozen.judge_without(without))
        } else {
            BTreeSet::new()
        };
        Self { case, expected, outcome, result: Some(result), needs }
    }
}

/// The same, where the spans that the judge means are unlike those that were bitten.
fn and_unlike(outcome: Outcome, unlike: Vec<String>) -> Outcome {
    match outcome {
        Outcome::AsExpected if !unlike.is_empty() => Outcome::Missed(unlike),
        Outcome::Missed(missed) => Outcome::Missed([missed, unlike].concat()),
        other => other,
    }
}

/// Judges what a run left that ended with this code: its own case, and then those that look at its evidence, altered. The
/// evidence is read once for each of them, however often it is judged.
pub(super) fn judge(setup: &Setup, job: &Job, directory: &Path, code: i32) -> Result<Vec<Came>, String> {
    let frozen = evidence::read(directory).map_err(|error| error.to_string())?;
    said_the_same(directory, &frozen.judge(), code)?;
    let planted = Planted::read(directory)?;
    let own = Came::of(job.case, job.expected, &frozen, planted.as_ref(), setup.whole);
    let altered = job.altered.iter().map(|(case, expected)| {
        let altered = altered(case, directory, &frozen)?;
        Ok(Came::of(*case, *expected, &altered, planted.as_ref(), setup.whole))
    });
    std::iter::once(Ok(own)).chain(altered).collect()
}

/// The result that the run wrote, and the code that it ended with, are those that its evidence gives.
fn said_the_same(directory: &Path, judged: &RunResult, code: i32) -> Result<(), String> {
    if i32::from(judged.exit_code()) != code {
        return Err(format!("the run ended with {code}, and its evidence says {}", judged.verdict));
    }
    let written = spanproof_reports::directory::load(directory).map_err(|error| error.to_string())?;
    let text = |result: &RunResult| serde_json::to_string(result).map_err(|error| error.to_string());
    if text(&written)? == text(judged)? {
        Ok(())
    } else {
        Err("judging its evidence again does not give the result that the run wrote".to_owned())
    }
}

/// The evidence as a case alters it.
fn altered(case: &Case, directory: &Path, as_it_is: &Frozen) -> Result<Frozen, String> {
    let Source::Altered { alter, .. } = case.source else {
        return Err(format!("{} alters nothing", case.name));
    };
    let known = Arc::clone(&as_it_is.evidence.plan);
    let mut frozen = evidence::read_back(directory, Some(&known)).map_err(|error| error.to_string())?;
    alter(&mut frozen);
    Ok(frozen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::{Bites, Deed, Victim, Victims};
    use spanproof_generators::plan::Plan;

    const LOST: Case = Case::defect("x", "drop-nth=500", Expected::failing(&["lost-acknowledged"]), "a span lost")
        .counted(Counted::Sums(&[&["lost-acknowledged"]]));

    /// The evidence of a run that lost one span, and what its target says.
    fn run() -> (Frozen, Planted) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/evidence-1b");
        let frozen = evidence::read_back(&kept, None).unwrap();
        let lost: Vec<u64> = frozen.evidence.account.sets.lost_acknowledged.iter().collect();
        let [lost] = lost[..] else { panic!("{lost:?}") };
        let victims = Victims { noted: vec![victim(&frozen.evidence.plan, lost)], are_more: false };
        let told = ("drop-nth=500", Bites { times: 1, spans: 1 }, &victims);
        (frozen, Planted::of(std::iter::once(told)).unwrap())
    }

    fn victim(plan: &Plan, record: u64) -> Victim {
        let chunk = plan.chunk_of(record);
        let described = plan.open(chunk).describe(plan, (record - plan.spans_before(chunk)) as u32);
        Victim { deed: Deed::Lost, trace_id: described.trace_id.to_vec(), span_id: described.span_id.to_vec() }
    }

    fn missed(frozen: &Frozen, planted: Option<&Planted>) -> Vec<String> {
        match Came::of(LOST, LOST.expected, frozen, planted, false).outcome {
            // Other defects were planted in that run, too.
            Outcome::Missed(missed) => missed.into_iter().filter(|said| !said.contains("is not expected")).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Counts, levels and ids of findings are all as they were.
    #[test]
    fn a_judge_that_means_a_neighbour_is_missed() {
        let (mut frozen, planted) = run();
        let before = missed(&frozen, Some(&planted));
        let sets = &mut frozen.evidence.account.sets;
        sets.lost_acknowledged = sets.lost_acknowledged.iter().map(|record| record + 1).collect();
        let after = missed(&frozen, Some(&planted));
        let means = |said: &String| said.starts_with("`lost-acknowledged` ") && said.contains("span ");
        assert_eq!(before.iter().filter(|said| means(said)).count(), 0, "{before:?}");
        assert_eq!(after.iter().filter(|said| means(said)).count(), 3, "its set twice, and its example: {after:?}");
    }

    #[test]
    fn a_target_that_notes_nothing_proves_nothing() {
        let (frozen, _) = run();
        assert!(missed(&frozen, None).contains(&"the target noted nothing of what it bit".to_owned()));
    }

    #[test]
    fn what_is_unlike_is_told_beside_all_else_that_was_missed() {
        let (one, other) = (vec!["a".to_owned()], vec!["b".to_owned()]);
        let missed = |outcome, unlike: &[String]| and_unlike(outcome, unlike.to_vec());
        assert_eq!(missed(Outcome::AsExpected, &[]), Outcome::AsExpected);
        assert_eq!(missed(Outcome::AsExpected, &other), Outcome::Missed(other.clone()));
        let both = Outcome::Missed([one.clone(), other.clone()].concat());
        assert_eq!(missed(Outcome::Missed(one), &other), both);
        let untried = || Outcome::Untried(Untried::NoResult(String::new()));
        assert_eq!(missed(untried(), &other), untried());
    }
}
