//! `junit.xml`: one test case a check and one a limit, as CI systems read them.
//!
//! Fail is a `failure`, inconclusive an `error` (it could not be decided, and CI must not call that green), skipped is
//! `skipped`.

use crate::figures::count;
use crate::headline;
use crate::plain_text::one_line;
use crate::result::RunResult;
use crate::result::check::{Check, Finding, LimitOutcome};
use crate::result::verdict::Verdict;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The longest text from outside that is written.
const TEXT_MAX: usize = 2_000;

/// How many findings of a check are described.
const FINDINGS_MAX: usize = 100;

/// The document.
///
/// # Errors
/// When the XML writer fails, which takes a want of memory.
pub fn junit(result: &RunResult) -> Result<String, SerializeError> {
    of_all(std::slice::from_ref(result), &[])
}

/// A scenario that was to run and has no result.
pub(crate) struct Unrun<'a> {
    /// Its name.
    pub name: &'a str,
    /// Why there is none.
    pub why: &'a str,
}

/// The document of several runs.
pub(crate) fn of_all(results: &[RunResult], unrun: &[Unrun<'_>]) -> Result<String, SerializeError> {
    let mut report = Report::new("spanproof");
    report.set_time(results.iter().map(time_of).sum());
    report.add_test_suites(results.iter().map(suite_of));
    report.add_test_suites(unrun.iter().map(|one| {
        let mut suite = TestSuite::new(clean(one.name));
        suite.add_test_case(case("run", "has a result", Verdict::Inconclusive, one.why, String::new()));
        suite
    }));
    report.to_string()
}

fn time_of(result: &RunResult) -> Duration {
    Duration::try_from_secs_f64(result.duration_seconds).unwrap_or_default()
}

fn suite_of(result: &RunResult) -> TestSuite {
    let mut suite = TestSuite::new(clean(&result.scenario.name));
    suite.set_time(time_of(result));
    for (name, value) in properties(result) {
        suite.add_property((name, clean(&value).as_str()));
    }
    suite.add_test_cases(result.checks.iter().map(check_case));
    suite.add_test_cases(result.limits.iter().map(limit_case));
    // A run that was stopped is not green, whatever its checks said about the part that was run.
    if let Some(what) = headline::stopped(result) {
        suite.add_test_case(case("run", "runs to its end", Verdict::Inconclusive, what, String::new()));
    }
    suite
}

fn properties(result: &RunResult) -> Vec<(&'static str, String)> {
    let target = headline::target(result).map(|target| ("target", target));
    let run = [
        ("seed", result.seed.to_string()),
        ("run_tag", result.run_tag.to_string()),
        ("epoch", result.epoch.time.clone()),
        ("verdict", result.verdict.name().to_owned()),
        ("command", result.command.join(" ")),
    ];
    run.into_iter().chain(target).collect()
}

fn check_case(check: &Check) -> TestCase {
    let loud = check.findings.iter().find(|f| matches!(f.level.name(), "failure" | "inconclusive"));
    let message = loud.map(|f| f.message.as_str()).or(check.about.as_deref()).unwrap_or_default();
    let text = check.findings.iter().take(FINDINGS_MAX).map(describe).collect::<Vec<_>>().join("\n");
    case("checks", &check.id, check.verdict, message, text)
}

fn limit_case(outcome: &LimitOutcome) -> TestCase {
    let value = outcome.value.as_ref().map(|value| format!("found {value}"));
    let message = [value, outcome.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    case("limits", &outcome.limit, outcome.verdict, &message, details(&outcome.told()).join("\n"))
}

fn case(class: &str, name: &str, verdict: Verdict, message: &str, text: String) -> TestCase {
    let mut status = match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skipped => TestCaseStatus::skipped(),
    };
    if verdict != Verdict::Pass {
        status.set_message(clean(message));
    }
    if matches!(verdict, Verdict::Fail | Verdict::Inconclusive) {
        status.set_type(verdict.name());
        status.set_description(text);
    }
    let mut case = TestCase::new(clean(name), status);
    case.set_classname(format!("spanproof.{class}"));
    case
}

/// A finding on a few lines.
fn describe(finding: &Finding) -> String {
    let mut lines = vec![format!("{} ({}): {}", clean(&finding.id), count(finding.count), clean(&finding.message))];
    lines.extend(details(finding));
    lines.join("\n")
}

fn details(finding: &Finding) -> Vec<String> {
    let details = [
        ("when", headline::when(finding)),
        ("where", finding.place.clone()),
        ("e.g.", headline::example(finding)),
        ("try", finding.advice.clone()),
    ];
    details.into_iter().filter_map(|(label, text)| Some(format!("  {label} {}", clean(&text?)))).collect()
}

/// Text on one line without anything that XML 1.0 cannot say.
fn clean(text: &str) -> String {
    one_line(text, TEXT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::RunStatus;
    use crate::result::samples::{failing, hostile, passing};

    #[test]
    fn the_document_of_a_failure() {
        let mut result = failing();
        result.checks[1].verdict = Verdict::Inconclusive;
        result.checks[2].verdict = Verdict::Skipped;
        insta::assert_snapshot!(junit(&result).unwrap());
    }

    #[test]
    fn the_document_reads_back_with_every_check_and_limit() {
        let report = Report::deserialize_from_str(&junit(&failing()).unwrap()).unwrap();
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (6, 2, 0, 0));
    }

    #[test]
    fn a_stopped_run_is_an_error_although_every_check_passed() {
        let result = RunResult { status: RunStatus::Interrupted { reason: "SIGINT".to_owned() }, ..passing() };
        let report = Report::deserialize_from_str(&junit(&result).unwrap()).unwrap();
        assert_eq!((report.tests, report.errors), (7, 1));
    }

    #[test]
    fn hostile_text_stays_text() {
        let xml = junit(&hostile()).unwrap();
        assert!(!xml.contains("<script") && !xml.contains("]]>"));
        let legal =
            |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(xml.chars().all(legal));
        let report = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!((report.tests, report.failures, report.errors), (6, 2, 1));
        let name = report.test_suites[0].name.as_str();
        assert!(name.starts_with("<script>alert(1)</script>") && name.contains("]]>"), "{name}");
    }
}
