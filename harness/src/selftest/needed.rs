//! Is every check needed? Each check, and each kind of finding, is left out in turn from what was judged; a case must then
//! be missed. What can be left out without a case noticing is decoration.

use super::case::{Case, Expected};
use super::seen::{Outcome, outcome};
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{Check, Level};
use spanproof_reports::result::verdict::Verdict;
use std::collections::BTreeSet;

/// What is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// A whole check. `limits` stands for all limits.
    Check(String),
    /// Every finding of one id.
    Finding(String),
}

/// The name under which the limits are left out as if they were a check.
const LIMITS: &str = "limits";

impl LeftOut {
    /// What a result says without it. Checks are functions of the evidence alone and know nothing of each other, so leaving
    /// out what one said is the same as not running it.
    pub fn from(&self, result: &RunResult) -> RunResult {
        let mut without = result.clone();
        match self {
            Self::Check(id) if id == LIMITS => without.limits.clear(),
            Self::Check(id) => without.checks.retain(|check| check.id != *id),
            Self::Finding(id) => without.checks.iter_mut().for_each(|check| forget(check, id)),
        }
        without.verdict = without.merged_verdict();
        without
    }

    /// How it is named to people.
    pub fn name(&self) -> String {
        match self {
            Self::Check(id) => format!("check {id}"),
            Self::Finding(id) => format!("finding {id}"),
        }
    }
}

fn forget(check: &mut Check, id: &str) {
    check.findings.retain(|finding| finding.id != id);
    check.verdict = check.findings.iter().fold(Verdict::Pass, |verdict, finding| {
        verdict.merge(match finding.level {
            Level::Failure => Verdict::Fail,
            Level::Inconclusive => Verdict::Inconclusive,
            Level::Info | Level::Warning => Verdict::Pass,
        })
    });
}

/// A case that came out as expected, and its result.
pub struct Proof<'a> {
    /// The case.
    pub case: &'a Case,
    /// What was expected of it.
    pub expected: Expected,
    /// What came.
    pub result: &'a RunResult,
}

/// Everything that can be left out: the checks that judged, the limits, and the findings that the cases expect.
pub fn everything(proofs: &[Proof<'_>], cases: &[Case]) -> BTreeSet<LeftOut> {
    let checks = proofs.iter().flat_map(|proof| &proof.result.checks).map(|check| LeftOut::Check(check.id.clone()));
    let findings = cases.iter().flat_map(|case| all_ids(&case.expected)).map(|id| LeftOut::Finding(id.to_owned()));
    checks.chain(findings).chain([LeftOut::Check(LIMITS.to_owned())]).collect()
}

/// Every id that a case expects.
pub fn all_ids(expected: &Expected) -> impl Iterator<Item = &'static str> {
    expected.failing.iter().chain(expected.open).chain(expected.told).copied()
}

/// Whether some case is missed without it.
pub fn is_needed(left_out: &LeftOut, proofs: &[Proof<'_>]) -> bool {
    proofs.iter().any(|proof| {
        let without = left_out.from(proof.result);
        matches!(outcome(proof.case, &proof.expected, &without), Outcome::Missed(_))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty;
    use super::*;
    use spanproof_reports::result::check::Finding;

    const LOST: Case = Case::defect("lost", "drop-nth=1", Expected::failing(&["lost-acknowledged"]), "lost");

    fn lost() -> RunResult {
        let finding = Finding { id: "lost-acknowledged".to_owned(), level: Level::Failure, ..Finding::default() };
        let check = |id: &str, verdict, findings| Check { id: id.to_owned(), verdict, findings, ..Check::default() };
        RunResult {
            verdict: Verdict::Fail,
            checks: vec![
                check("delivery", Verdict::Fail, vec![finding]),
                check("integrity", Verdict::Pass, Vec::new()),
            ],
            warnings: vec!["planted defect drop-nth=1 bit 1 times".to_owned()],
            ..empty()
        }
    }

    #[test]
    fn a_check_is_needed_when_a_case_is_missed_without_it_and_else_is_not() {
        let result = lost();
        let proofs = [Proof { case: &LOST, expected: LOST.expected, result: &result }];
        let needed = |left_out: LeftOut| is_needed(&left_out, &proofs);
        assert!(needed(LeftOut::Check("delivery".to_owned())));
        assert!(needed(LeftOut::Finding("lost-acknowledged".to_owned())));
        assert!(!needed(LeftOut::Check("integrity".to_owned())));
        assert!(!needed(LeftOut::Check("limits".to_owned())));
        assert!(!needed(LeftOut::Finding("late".to_owned())));
    }

    #[test]
    fn without_its_only_failure_a_result_passes() {
        let without = LeftOut::Finding("lost-acknowledged".to_owned()).from(&lost());
        assert_eq!((without.verdict, without.checks[0].verdict), (Verdict::Pass, Verdict::Pass));
    }
}
