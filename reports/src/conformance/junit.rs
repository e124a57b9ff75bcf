//! A conformance run as JUnit: a suite a group of requirements, a test case a trial.
//!
//! A warning is a success with a word in its output, an error an error (CI must not call it green), and what was skipped or is not
//! applicable is skipped, with the reason. What was amiss of the run as a whole is an error of its own.

use super::Suite;
use super::finding::Finding;
use super::verdict::Verdict;
use crate::plain_text::one_line;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest text from outside that is written.
const TEXT_MAX: usize = 2_000;

/// The document. Where warnings fail (`strict`) they are failures here, too.
///
/// # Errors
/// When the XML writer fails, which takes a want of memory.
pub fn junit(suite: &Suite, strict: bool) -> Result<String, SerializeError> {
    let time = Duration::try_from_secs_f64(suite.seconds).unwrap_or_default();
    let mut report = Report::new("spanproof conformance");
    report.set_time(time);
    let mut groups: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &suite.findings {
        let group = finding.requirement.split('-').next().unwrap_or_default();
        groups.entry(group).or_default().push(finding);
    }
    for (group, findings) in groups {
        let mut tests = TestSuite::new(clean(group));
        for (name, value) in &suite.about.target {
            tests.add_property((clean(name).as_str(), clean(value).as_str()));
        }
        tests.add_property(("seed", suite.about.seed.to_string().as_str()));
        tests.add_test_cases(findings.into_iter().map(|finding| case(finding, strict)));
        report.add_test_suite(tests);
    }
    if !suite.remarks.is_empty() {
        let mut tests = TestSuite::new("run");
        tests.add_test_case(as_a_whole(&suite.remarks));
        report.add_test_suite(tests);
    }
    report.to_string()
}

/// The run itself: its exit code says that something was amiss, so a reader of this file must not find everything green.
fn as_a_whole(remarks: &[String]) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let words = remarks.iter().map(|remark| clean(remark)).collect::<Vec<_>>().join("\n");
    status.set_type("remark").set_message(words);
    let mut case = TestCase::new("as a whole", status);
    case.set_classname("spanproof.conformance");
    case
}

fn case(finding: &Finding, strict: bool) -> TestCase {
    let verdict = finding.verdict;
    let fails = verdict == Verdict::Fail || strict && verdict == Verdict::Warn;
    let mut status = match verdict {
        _ if fails => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skip | Verdict::NotApplicable => TestCaseStatus::skipped(),
        _ => TestCaseStatus::success(),
    };
    let actual = clean(&finding.actual_text());
    if fails || verdict == Verdict::Error {
        status.set_type(verdict.name());
        status.set_description(description(finding));
    }
    if !matches!(verdict, Verdict::Pass | Verdict::Info) && (fails || verdict != Verdict::Warn) {
        status.set_message(actual.clone());
    }
    let mut case = TestCase::new(clean(&finding.name()), status);
    case.set_classname(format!("spanproof.conformance.{}", clean(&finding.requirement)));
    case.set_time(Duration::from_millis(finding.took_ms));
    if !fails && matches!(verdict, Verdict::Warn | Verdict::Info) {
        case.set_system_out(format!("{verdict} ({}): {actual}", clean(&finding.level)));
    }
    case
}

fn description(finding: &Finding) -> String {
    let told = [
        ("asks", format!("{}, {}", finding.level, finding.source)),
        ("expected", finding.expected.clone()),
        ("actual", finding.actual_text()),
        ("kept", finding.conserved.clone().unwrap_or_default()),
        ("connections", finding.conduct.clone().unwrap_or_default()),
        ("again", finding.again.clone()),
    ];
    let told = told.iter().filter(|(_, words)| !words.is_empty());
    let mut lines: Vec<String> = told.map(|(label, words)| format!("{label}: {}", clean(words))).collect();
    lines.extend(finding.wire.iter().map(|entry| clean(&entry.text())));
    lines.join("\n")
}

/// Text on one line without anything that XML 1.0 cannot say.
fn clean(text: &str) -> String {
    one_line(text, TEXT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::samples::suite;

    #[test]
    fn every_trial_reads_back_with_its_verdict() {
        let suite = suite();
        let read = |strict| Report::deserialize_from_str(&junit(&suite, strict).unwrap()).unwrap();
        let report = read(false);
        assert_eq!((report.tests, report.failures, report.errors), (suite.findings.len() + 1, 1, 2));
        let quiet = junit(&Suite { remarks: Vec::new(), ..suite.clone() }, false).unwrap();
        assert_eq!(Report::deserialize_from_str(&quiet).unwrap().tests, suite.findings.len(), "nothing was amiss");
        let skipped = report.test_suites.iter().flat_map(|tests| &tests.test_cases);
        let skipped = skipped.filter(|case| matches!(case.status, TestCaseStatus::Skipped { .. })).count();
        assert_eq!(skipped, 2);
        assert_eq!(read(true).failures, 2, "where warnings fail");
    }

    #[test]
    fn hostile_text_stays_text() {
        let xml = junit(&suite(), false).unwrap();
        assert!(!xml.contains("<script"));
        insta::assert_snapshot!(xml);
    }
}
