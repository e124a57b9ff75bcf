//! Is every check needed? The judge judges a case's evidence again without one check after another, without limits, and
//! without one kind of finding after another; each time a case must be missed. What can be left out without a case noticing
//! is decoration.

use super::case::{Case, Expected};
use super::seen::{Outcome, outcome};
use crate::judge::checks;
use crate::judge::without::Without;
use spanproof_reports::result::RunResult;
use std::collections::BTreeSet;

/// Everything that is left out in turn: each check of the judge, all limits, and each kind of finding that is expected.
pub fn everything<'a>(expected: impl IntoIterator<Item = &'a Expected>) -> BTreeSet<Without> {
    let checks = checks::ALL.iter().map(|check| Without::Check(check.id));
    let findings = expected.into_iter().flat_map(all_ids).map(Without::Finding);
    checks.chain([Without::Limits]).chain(findings).collect()
}

/// Every id that a case expects.
pub fn all_ids(expected: &Expected) -> impl Iterator<Item = &'static str> {
    expected.failing.iter().chain(expected.open).chain(expected.told).copied()
}

/// What a case needs that came out as expected: without any of these it is missed. `judge` judges its evidence again.
pub(super) fn needed_by(
    case: &Case,
    expected: &Expected,
    result: &RunResult,
    judge: impl Fn(Without) -> RunResult,
) -> BTreeSet<Without> {
    let candidates = everything([expected]).into_iter().filter(|without| has_spoken(*without, result));
    let missed = |without: &Without| matches!(outcome(case, expected, &judge(*without)), Outcome::Missed(_));
    candidates.filter(missed).collect()
}

/// Whether what is left out has said anything in this result. Checks are functions of the evidence alone and know nothing of
/// each other, and a case is held against findings, limits and the verdict that follows from them: leaving out what said
/// nothing changes none of these, so that need not be judged again.
fn has_spoken(without: Without, result: &RunResult) -> bool {
    let mut checks = result.checks.iter();
    match without {
        Without::Nothing => false,
        Without::Check(id) => checks.any(|check| check.id == id && !check.findings.is_empty()),
        Without::Limits => !result.limits.is_empty(),
        Without::Finding(id) => checks.any(|check| check.findings.iter().any(|finding| finding.id == id)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty;
    use super::*;
    use spanproof_reports::result::check::{Check, Finding, Level};
    use spanproof_reports::result::verdict::Verdict;
    use std::cell::RefCell;

    const LOST: Case = Case::defect("lost", "drop-nth=1", Expected::failing(&["lost-acknowledged"]), "lost");

    /// A loss, as a judge tells it that leaves something out.
    fn lost(without: Without) -> RunResult {
        let id = "lost-acknowledged".to_owned();
        let finding = Finding { id, level: Level::Failure, count: 1, ..Finding::default() };
        let found = without.runs("delivery") && without.makes(&finding.id);
        let verdict = if found { Verdict::Fail } else { Verdict::Pass };
        let findings = if found { vec![finding] } else { Vec::new() };
        let check = Check { id: "delivery".to_owned(), verdict, findings, ..Check::default() };
        let warnings = vec!["planted defect drop-nth=1 bit 1 times".to_owned()];
        RunResult { verdict, checks: vec![check], warnings, ..empty() }
    }

    #[test]
    fn a_case_needs_what_it_is_missed_without_and_only_that_is_judged_again() {
        let judged = RefCell::new(Vec::new());
        let judge = |without| {
            judged.borrow_mut().push(without);
            lost(without)
        };
        let needed = needed_by(&LOST, &LOST.expected, &lost(Without::Nothing), judge);
        let both = [Without::Check("delivery"), Without::Finding("lost-acknowledged")];
        assert_eq!(needed, both.into());
        assert_eq!(judged.into_inner(), both);
    }

    #[test]
    fn a_judge_that_cannot_leave_anything_out_shows_no_need() {
        let deaf = |_| lost(Without::Nothing);
        assert!(needed_by(&LOST, &LOST.expected, &lost(Without::Nothing), deaf).is_empty());
    }

    #[test]
    fn every_check_all_limits_and_every_expected_finding_are_left_out_in_turn() {
        let all = everything([&Expected::failing(&["late"]), &Expected::open(&["late", "unknown"])]);
        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
        let expected = [
            "check delivery",
            "check driver",
            "check integrity",
            "check prediction",
            "check promises",
            "check reactions",
            "check sampling",
            "all limits",
            "finding late",
            "finding unknown",
        ];
        assert_eq!(names, expected);
    }
}
