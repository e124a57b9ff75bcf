//! What came of a case, held against what was expected.

use super::case::{Case, Counted, Expected};
use super::needed::all_ids;
use crate::embedded::Bites;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use std::collections::BTreeSet;

/// Findings that may come in any case: how punctual the driver is hangs on what else the machine does, and the warning that it was
/// not says so and nothing of the target. Where a figure is withheld for it, that is a matter of the limit on it.
const BY_CHANCE: [&str; 1] = ["harness-was-the-limit"];

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
    if !case.plant().is_empty() && bites(result).times == 0 {
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

/// What must come of a case whose figures are withheld because the harness was late: its limit is open, what is told of times may
/// stay away, and all else is as ever, so that a miss stays a miss.
fn without_figures(expected: &Expected) -> Expected {
    let limit = expected.limit.map(|(text, _)| (text, Verdict::Inconclusive));
    Expected { limit, told: &[], may_come: expected.told, ..*expected }
}

/// How often planted defects bit, by what the target says of them; of spans only where that is another number.
fn bites(result: &RunResult) -> Bites {
    let mut all = Bites::default();
    for warning in &result.warnings {
        let told = warning.strip_prefix("planted defect ").and_then(|rest| rest.split_once(" bit "));
        if let Some((_, told)) = told {
            let (times, spans) = told.split_once(" times, ").unwrap_or((told, ""));
            let number = |text: &str, unit: &str| text.trim_end_matches(unit).parse::<u64>().unwrap_or(0);
            all.times += number(times, " times");
            all.spans += number(spans, " spans in all");
        }
    }
    all
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
    ids(result, &[Level::Failure], (expected.failing, &[]), &mut found);
    ids(result, &[Level::Inconclusive], (expected.open, expected.may_come), &mut found);
    let may_come = [expected.may_come, &BY_CHANCE].concat();
    ids(result, &[Level::Warning, Level::Info], (expected.told, &may_come), &mut found);
    fields(result, expected.fields, &mut found);
    limit(result, expected, &mut found);
    counts(case, expected, result, &mut found);
    found
}

/// The findings of these levels are those expected, each at one of them, and else only such as may come.
fn ids(result: &RunResult, levels: &[Level], (expected, may_come): (&[&str], &[&str]), differences: &mut Vec<String>) {
    let came: BTreeSet<(&str, &str)> = findings(result)
        .filter(|found| levels.contains(&found.level))
        .map(|found| (found.id.as_str(), found.level.name()))
        .collect();
    let names = levels.iter().map(|level| level.name()).collect::<Vec<_>>().join(" or ");
    for id in expected.iter().filter(|id| !came.iter().any(|(came, _)| came == *id)) {
        differences.push(format!("no {names} `{id}`"));
    }
    for (id, level) in came.iter().filter(|(id, _)| !expected.contains(id) && !may_come.contains(id)) {
        differences.push(format!("{level} `{id}` is not expected"));
    }
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

/// The findings that are counted count as many as the defect says that it touched.
fn counts(case: &Case, expected: &Expected, result: &RunResult, differences: &mut Vec<String>) {
    let each: Vec<Vec<&str>> = match case.counted {
        Counted::NoDefect | Counted::Not(_) => return,
        Counted::Each => all_ids(expected).map(|id| vec![id]).collect(),
        Counted::Sums(sums) => sums.iter().map(|ids| ids.to_vec()).collect(),
    };
    let bites = bites(result);
    let touched = if bites.spans > 0 { bites.spans } else { bites.times };
    for ids in each {
        let counted = findings(result).filter(|found| ids.contains(&found.id.as_str()));
        let count: u64 = counted.map(|found| found.count).sum();
        if count != touched {
            let ids = ids.join("` and `");
            differences.push(format!("`{ids}` counts {count}, and the defect bit {bites}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty;
    use super::*;
    use spanproof_reports::result::check::{Check, LimitOutcome};

    const CORRUPT: Case = Case::defect("x", "change-name,every=10", Expected::corrupted(&["name"]), "another name");

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

    /// A warning of which the row says nothing is a false alarm, in a control too; one that is expected has to come.
    #[test]
    fn what_is_told_must_be_what_is_expected() {
        let odd = || finding("odd-answer", Level::Warning, 3, "");
        let quiet = || finding("duplicated-explained", Level::Info, 3, "");
        let told = |expected: Expected, found: Vec<Finding>| {
            let case = Case { expected, ..Case::defect("x", "change-name", expected, "") };
            outcome(&case, &expected, &result(Verdict::Pass, found))
        };
        let missed = |words: &str| Outcome::Missed(vec![words.to_owned()]);
        let expects_odd = Expected { told: &["odd-answer"], ..Expected::PASS };
        assert_eq!(told(expects_odd, vec![odd()]), Outcome::AsExpected);
        assert_eq!(told(expects_odd, vec![odd(), quiet()]), missed("info `duplicated-explained` is not expected"));
        assert_eq!(told(Expected::PASS, vec![odd()]), missed("warning `odd-answer` is not expected"));
        let none = told(expects_odd, vec![]);
        let Outcome::Missed(differences) = none else { panic!("{none:?}") };
        assert_eq!(differences[0], "no warning or info `odd-answer`");
        let may_come = Expected { may_come: &["odd-answer"], ..Expected::PASS };
        assert_eq!(told(may_come, vec![odd()]), Outcome::AsExpected);
        let control = Case::without_defect("x", super::super::case::Traffic::Common, &[], Expected::PASS, "");
        let outcome = outcome(&control, &Expected::PASS, &result(Verdict::Pass, vec![odd()]));
        assert_eq!(outcome, missed("warning `odd-answer` is not expected"));
    }

    /// Spans where the defect touched spans, and findings together where it shows under several names.
    #[test]
    fn counts_are_those_of_the_spans_that_the_defect_touched() {
        let mut came = result(
            Verdict::Fail,
            vec![
                finding("corrupted", Level::Failure, 2, "name"),
                finding("corrupted", Level::Failure, 3, "name"),
                finding("foreign", Level::Failure, 4, ""),
            ],
        );
        came.warnings = vec!["planted defect change-name,every=10 bit 2 times, 9 spans in all".to_owned()];
        let expected = Expected { failing: &["corrupted", "foreign"], ..CORRUPT.expected };
        let case = |counted| Case { expected, ..CORRUPT }.counted(counted);
        let of = |counted| outcome(&case(counted), &expected, &came);
        assert_eq!(of(Counted::Sums(&[&["corrupted", "foreign"]])), Outcome::AsExpected);
        assert_eq!(of(Counted::Not("why")), Outcome::AsExpected);
        let Outcome::Missed(differences) = of(Counted::Each) else { panic!() };
        let said = "`corrupted` counts 5, and the defect bit 2 times, 9 spans in all";
        assert_eq!((differences.len(), differences[0].as_str()), (2, said));
        let Outcome::Missed(differences) = of(Counted::Sums(&[&["corrupted"], &["foreign", "corrupted"]])) else {
            panic!()
        };
        assert_eq!(differences, [said]);
    }

    #[test]
    fn a_limit_must_say_what_is_expected_of_it() {
        let limit = ("spans.late == 0", Verdict::Fail);
        let case = Case { expected: Expected { limit: Some(limit), ..CORRUPT.expected }, ..CORRUPT };
        let mut result = result(Verdict::Fail, vec![finding("corrupted", Level::Failure, 3, "name")]);
        assert_eq!(missed(&case, &result), ["the limit `spans.late == 0` is not judged"]);
        let judged =
            LimitOutcome { limit: limit.0.to_owned(), value: None, verdict: Verdict::Pass, ..LimitOutcome::default() };
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
        let open = LimitOutcome {
            limit: text.to_owned(),
            value: None,
            verdict: Verdict::Inconclusive,
            ..LimitOutcome::default()
        };
        let withheld = |verdict, more: Option<Finding>| {
            let late = finding("harness-was-the-limit", Level::Warning, 1, "");
            let findings = std::iter::once(late).chain(more).collect();
            RunResult { limits: vec![open.clone()], ..result(verdict, findings) }
        };
        let late = Outcome::Untried(Untried::HarnessWasLate(String::new()));
        assert_eq!(outcome(&timed, &expected, &withheld(Verdict::Inconclusive, None)), late);
        let told = Expected { told: &["resent-in-step"], ..Expected::PASS };
        let in_step = Case { expected: told, ..CORRUPT }.counted(Counted::Not("why")).rests_on_time();
        let only_late = result(Verdict::Pass, vec![finding("harness-was-the-limit", Level::Warning, 1, "")]);
        assert_eq!(outcome(&in_step, &told, &only_late), late);
        let differences = missed(&in_step, &result(Verdict::Pass, Vec::new()));
        assert_eq!(differences, ["no warning or info `resent-in-step`"], "a punctual harness is no excuse");
        let lost = finding("lost-acknowledged", Level::Failure, 1, "");
        let differences = missed(&timed, &withheld(Verdict::Fail, Some(lost)));
        assert!(differences.contains(&"failure `lost-acknowledged` is not expected".to_owned()), "{differences:?}");
    }
}
