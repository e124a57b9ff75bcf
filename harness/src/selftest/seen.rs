//! What came of a case, held against what was expected.

use super::case::{Case, Expected};
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use std::collections::BTreeSet;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Exactly what was expected.
    AsExpected,
    /// Something else; what, in words.
    Missed(Vec<String>),
    /// Nothing can be said.
    Untried(Untried),
}

/// Why nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untried {
    /// The defect was not at work.
    #[error("{0} never bit, so it proves nothing")]
    NeverBit(&'static str),
    /// It rests on time, and the harness was late, which says nothing of the judge.
    #[error("it rests on time, and the harness was the limit ({0}); try again on a quieter machine")]
    HarnessWasLate(String),
    /// There is nothing to judge.
    #[error("{0}")]
    NoResult(String),
}

/// Holds what came against what was expected.
pub fn outcome(case: &Case, expected: &Expected, result: &RunResult) -> Outcome {
    if !case.plant().is_empty() && bites(result) == 0 {
        return Outcome::Untried(Untried::NeverBit(case.plant()));
    }
    let missed = differences(case, expected, result);
    if missed.is_empty() {
        return Outcome::AsExpected;
    }
    let Some(late) = harness_was_the_limit(result).filter(|_| case.rests_on_time) else {
        return Outcome::Missed(missed);
    };
    let missed = differences(case, &without_figures(expected), result);
    if missed.is_empty() { Outcome::Untried(Untried::HarnessWasLate(late.to_owned())) } else { Outcome::Missed(missed) }
}

/// What must come of a case whose figures are withheld because the harness was late: its limit is open, and all else is as
/// ever, so that a miss stays a miss.
fn without_figures(expected: &Expected) -> Expected {
    Expected { limit: expected.limit.map(|(text, _)| (text, Verdict::Inconclusive)), ..*expected }
}

/// How often planted defects bit, by what the target says of them.
pub fn bites(result: &RunResult) -> u64 {
    let counts = result.warnings.iter().filter_map(|warning| {
        let (_, times) = warning.strip_prefix("planted defect ")?.split_once(" bit ")?;
        times.strip_suffix(" times")?.parse::<u64>().ok()
    });
    counts.sum()
}

fn harness_was_the_limit(result: &RunResult) -> Option<&str> {
    findings(result).find(|found| found.id == "harness-was-the-limit").map(|found| found.message.as_str())
}

fn findings(result: &RunResult) -> impl Iterator<Item = &Finding> {
    result.checks.iter().flat_map(|check| &check.findings)
}

/// Everything in which a result is not what was expected, in words.
fn differences(case: &Case, expected: &Expected, result: &RunResult) -> Vec<String> {
    let mut found = Vec::new();
    let verdict = expected.verdict();
    if result.verdict != verdict {
        found.push(format!("the verdict is {}, not {verdict}", result.verdict));
    }
    ids(result, Level::Failure, expected.failing, &[], &mut found);
    ids(result, Level::Inconclusive, expected.open, expected.may_come, &mut found);
    told(result, expected.told, &mut found);
    fields(result, expected.fields, &mut found);
    limit(result, expected, &mut found);
    if case.counted {
        counts(result, expected.failing, &mut found);
    }
    found
}

fn ids(result: &RunResult, level: Level, expected: &[&str], may_come: &[&str], differences: &mut Vec<String>) {
    let came: BTreeSet<&str> =
        findings(result).filter(|found| found.level == level).map(|found| found.id.as_str()).collect();
    for id in expected.iter().filter(|id| !came.contains(*id)) {
        differences.push(format!("no {} `{id}`", level.name()));
    }
    for id in came.iter().filter(|id| !expected.contains(*id) && !may_come.contains(*id)) {
        differences.push(format!("{} `{id}` is not expected", level.name()));
    }
}

fn told(result: &RunResult, expected: &[&str], differences: &mut Vec<String>) {
    let missing = expected.iter().filter(|id| !findings(result).any(|found| found.id == **id));
    differences.extend(missing.map(|id| format!("`{id}` is not told")));
}

/// Every field that differs begins with one of those expected, and every one of these is seen.
fn fields(result: &RunResult, expected: &[&str], differences: &mut Vec<String>) {
    let corrupted = findings(result).filter(|found| found.level == Level::Failure && found.id == "corrupted");
    let paths: BTreeSet<&str> =
        corrupted.filter_map(|found| found.place.as_deref()).flat_map(|place| place.split(", ")).collect();
    for path in paths.iter().filter(|path| !expected.iter().any(|begin| path.starts_with(begin))) {
        differences.push(format!("`{path}` differs, which is not expected"));
    }
    for begin in expected.iter().filter(|begin| !paths.iter().any(|path| path.starts_with(**begin))) {
        differences.push(format!("no field that begins with `{begin}` differs"));
    }
}

fn limit(result: &RunResult, expected: &Expected, differences: &mut Vec<String>) {
    let Some((text, verdict)) = expected.limit else { return };
    match result.limits.iter().find(|limit| limit.limit == text) {
        Some(limit) if limit.verdict == verdict => {}
        Some(limit) => differences.push(format!("the limit `{text}` is {}, not {verdict}", limit.verdict)),
        None => differences.push(format!("the limit `{text}` is not judged")),
    }
}

/// Every finding that fails counts as many records as the defect says it bit.
fn counts(result: &RunResult, failing: &[&str], differences: &mut Vec<String>) {
    let bites = bites(result);
    for id in failing {
        let count: u64 = findings(result).filter(|found| found.id == *id).map(|found| found.count).sum();
        if count != bites {
            differences.push(format!("`{id}` counts {count}, and the defect bit {bites} times"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty;
    use super::*;
    use spanproof_reports::result::check::{Check, LimitOutcome};

    const CORRUPT: Case =
        Case::defect("x", "change-name,every=10", Expected::corrupted(&["name"]), "another name").counted();

    fn finding(id: &str, level: Level, count: u64, place: &str) -> Finding {
        let place = (!place.is_empty()).then(|| place.to_owned());
        Finding { id: id.to_owned(), level, count, place, ..Finding::default() }
    }

    fn result(verdict: Verdict, findings: Vec<Finding>) -> RunResult {
        let check = Check { id: "integrity".to_owned(), verdict, findings, ..Check::default() };
        let warnings = vec!["planted defect change-name,every=10 bit 3 times".to_owned()];
        RunResult { verdict, checks: vec![check], warnings, ..empty() }
    }

    fn missed(case: &Case, result: &RunResult) -> Vec<String> {
        match outcome(case, &case.expected, result) {
            Outcome::Missed(differences) => differences,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn exactly_what_is_expected_is_as_expected() {
        let result = result(Verdict::Fail, vec![finding("corrupted", Level::Failure, 3, "name")]);
        assert_eq!(outcome(&CORRUPT, &CORRUPT.expected, &result), Outcome::AsExpected);
    }

    #[test]
    fn every_way_to_differ_is_told() {
        let corrupted = |count, place| finding("corrupted", Level::Failure, count, place);
        let mut wrong = vec![
            (result(Verdict::Pass, vec![corrupted(3, "name")]), "the verdict is pass, not fail"),
            (result(Verdict::Fail, vec![]), "no failure `corrupted`"),
            (
                result(Verdict::Fail, vec![corrupted(3, "name"), finding("late", Level::Failure, 1, "")]),
                "failure `late` is not expected",
            ),
            (
                result(Verdict::Fail, vec![corrupted(3, "name"), finding("cut-short", Level::Inconclusive, 1, "")]),
                "inconclusive `cut-short` is not expected",
            ),
            (result(Verdict::Fail, vec![corrupted(3, "name, kind")]), "`kind` differs, which is not expected"),
            (result(Verdict::Fail, vec![corrupted(3, "kind")]), "no field that begins with `name` differs"),
            (result(Verdict::Fail, vec![corrupted(4, "name")]), "`corrupted` counts 4, and the defect bit 3 times"),
        ];
        for (result, words) in wrong.drain(..) {
            assert!(missed(&CORRUPT, &result).contains(&words.to_owned()), "{words}: {:?}", missed(&CORRUPT, &result));
        }
    }

    #[test]
    fn a_limit_must_say_what_is_expected_of_it() {
        let limit = ("spans.late == 0", Verdict::Fail);
        let case = Case { expected: Expected { limit: Some(limit), ..CORRUPT.expected }, ..CORRUPT };
        let mut result = result(Verdict::Fail, vec![finding("corrupted", Level::Failure, 3, "name")]);
        assert_eq!(missed(&case, &result), ["the limit `spans.late == 0` is not judged"]);
        let judged = LimitOutcome { limit: limit.0.to_owned(), value: None, verdict: Verdict::Pass, reason: None };
        result.limits = vec![judged];
        assert_eq!(missed(&case, &result), ["the limit `spans.late == 0` is pass, not fail"]);
    }

    #[test]
    fn a_defect_that_never_bit_is_untried_whatever_was_found() {
        let mut result = result(Verdict::Fail, vec![finding("corrupted", Level::Failure, 3, "name")]);
        result.warnings = vec!["planted defect change-name,every=10 bit 0 times".to_owned()];
        assert!(matches!(outcome(&CORRUPT, &CORRUPT.expected, &result), Outcome::Untried(_)));
        result.warnings.clear();
        assert!(matches!(outcome(&CORRUPT, &CORRUPT.expected, &result), Outcome::Untried(_)));
    }

    #[test]
    fn what_came_as_expected_is_so_though_the_harness_was_the_limit() {
        let limit = finding("harness-was-the-limit", Level::Warning, 1, "");
        let result = result(Verdict::Fail, vec![finding("corrupted", Level::Failure, 3, "name"), limit]);
        for case in [CORRUPT, CORRUPT.rests_on_time()] {
            assert_eq!(outcome(&case, &case.expected, &result), Outcome::AsExpected);
        }
    }

    /// Where the harness was late its figures are withheld. A failure that was not expected is none the less there.
    #[test]
    fn a_miss_stays_a_miss_where_the_harness_was_late() {
        let text = "latency.intended_to_delivered.max < 300ms";
        let expected = Expected { limit: Some((text, Verdict::Fail)), ..Expected::PASS };
        let timed = Case { expected, ..CORRUPT }.rests_on_time();
        let open = LimitOutcome { limit: text.to_owned(), value: None, verdict: Verdict::Inconclusive, reason: None };
        let withheld = |verdict, more: Option<Finding>| {
            let late = finding("harness-was-the-limit", Level::Warning, 1, "");
            let findings = std::iter::once(late).chain(more).collect();
            RunResult { limits: vec![open.clone()], ..result(verdict, findings) }
        };
        let late = Outcome::Untried(Untried::HarnessWasLate(String::new()));
        assert_eq!(outcome(&timed, &expected, &withheld(Verdict::Inconclusive, None)), late);
        let lost = finding("lost-acknowledged", Level::Failure, 1, "");
        let differences = missed(&timed, &withheld(Verdict::Fail, Some(lost)));
        assert!(differences.contains(&"failure `lost-acknowledged` is not expected".to_owned()), "{differences:?}");
    }
}
