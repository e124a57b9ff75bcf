//! A conformance run for a terminal: what did not pass, first and in full; then what was not tried, and why; then the sum.

use super::Suite;
use super::finding::Finding;
use super::verdict::Verdict;
use crate::plain_text::{one_line, wrapped};
use crate::terminal::style::Colour;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The widest line of text.
const WIDTH: usize = 110;

/// The longest text of one thing, in lines.
const LINES_MAX: usize = 6;

/// So many names of what was not tried for one reason.
const NAMES_MAX: usize = 12;

/// The whole page.
pub fn console(suite: &Suite, colour: Colour) -> String {
    let mut text = String::new();
    for verdict in [Verdict::Fail, Verdict::Error, Verdict::Warn] {
        suite.with(verdict).for_each(|finding| in_full(&mut text, finding, colour));
    }
    suite.with(Verdict::Info).for_each(|finding| in_short(&mut text, finding, colour));
    for verdict in [Verdict::Skip, Verdict::NotApplicable] {
        by_reason(&mut text, suite, verdict);
    }
    if !suite.without_case.is_empty() {
        let count = suite.without_case.len();
        line(&mut text, "no case", &format!("{count} requirements have none yet: {}", names(&suite.without_case)));
    }
    if let Some(conservation) = &suite.conservation {
        line(&mut text, "kept", &conservation.text());
    }
    suite.remarks.iter().for_each(|remark| line(&mut text, "remark", remark));
    let seconds = suite.seconds;
    line(&mut text, "in all", &format!("{} in {seconds:.1} s", suite.tally().text()));
    text
}

fn in_full(text: &mut String, finding: &Finding, colour: Colour) {
    heading(text, finding, colour);
    let level = format!("{}, {}", finding.level, finding.source);
    let told = [
        ("asks", Some(level)),
        ("stimulus", Some(finding.stimulus.clone())),
        ("expected", Some(finding.expected.clone())),
        ("actual", Some(finding.actual_text())),
        ("kept", finding.conserved.clone()),
        ("ended", finding.conduct.clone()),
        ("again", Some(finding.again.clone())),
    ];
    for (label, words) in told {
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            line(text, &format!("  {label}"), &words);
        }
    }
    text.push('\n');
}

fn in_short(text: &mut String, finding: &Finding, colour: Colour) {
    heading(text, finding, colour);
    line(text, "  actual", &finding.actual_text());
}

fn heading(text: &mut String, finding: &Finding, colour: Colour) {
    let verdict = finding.verdict;
    let word = match (colour, code(verdict)) {
        (Colour::On, Some(code)) => format!("\u{1b}[{code}m{verdict:<5}\u{1b}[0m"),
        _ => format!("{verdict:<5}"),
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{word} {}", one_line(&finding.name(), WIDTH));
}

fn code(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Fail => Some("1;31"),
        Verdict::Error | Verdict::Warn => Some("1;33"),
        Verdict::Pass => Some("32"),
        Verdict::Info | Verdict::Skip | Verdict::NotApplicable => None,
    }
}

/// What was not tried: for each reason how many, and their names.
fn by_reason(text: &mut String, suite: &Suite, verdict: Verdict) {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in suite.with(verdict) {
        reasons.entry(finding.actual_text()).or_default().push(finding.name());
    }
    for (reason, cases) in reasons {
        let label = if verdict == Verdict::Skip { "skipped" } else { "not applicable" };
        line(text, label, &format!("{} because {reason}: {}", cases.len(), names(&cases)));
    }
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(" ");
    match all.len().checked_sub(NAMES_MAX) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

fn line(text: &mut String, label: &str, words: &str) {
    for (number, part) in wrapped(words, WIDTH - 16, LINES_MAX).iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let _ = writeln!(text, "{label:<15} {part}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::samples::suite;

    #[test]
    fn what_did_not_pass_comes_first_and_hostile_text_is_harmless() {
        insta::assert_snapshot!(console(&suite(), Colour::Off));
    }

    #[test]
    fn colours_are_there_when_asked_for_and_only_ours() {
        let text = console(&suite(), Colour::On);
        assert!(text.contains("\u{1b}[1;31mfail \u{1b}[0m"));
        assert!(!text.contains("\u{1b}[31mred"));
    }
}
