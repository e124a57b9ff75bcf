//! What a self-test found, in words and as a document.

use super::case::{Case, Expected};
use super::seen::Outcome;
use serde::Serialize;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::Level;
use spanproof_reports::result::verdict::Verdict;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The name and version of the document.
pub const SCHEMA: &str = "spanproof.selftest/1";

/// What a self-test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// `embedded`, or `behind` a collector.
    pub place: &'static str,
    /// Cases in which something is wrong.
    pub planted: usize,
    /// Those of them that came out exactly as expected.
    pub caught: usize,
    /// Cases in which nothing is wrong.
    pub controls: usize,
    /// Those of them that passed.
    pub passed: usize,
    /// Whether each check is needed; none where only some cases were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<Needed>,
    /// Every case that was tried.
    pub cases: Vec<Tried>,
    /// Cases that are not tried at this place, each with why.
    pub left_out: Vec<(String, String)>,
    /// How long it took.
    pub took_seconds: f64,
}

/// Whether each check is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// Checks and findings that were left out in turn.
    pub left_out: usize,
    /// Those of them without which no case was missed.
    pub not_missed: Vec<String>,
    /// Of those, the ones that rest on a case that could not be tried.
    pub untried: Vec<String>,
}

/// One case that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// The planted defect.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub plant: &'static str,
    /// The seed of its run.
    pub seed: u64,
    /// `as-expected`, `missed`, or `untried`.
    pub outcome: &'static str,
    /// What differs, or why it could not be tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What was expected.
    pub expected: Said,
    /// What came; none if there was no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<Said>,
    /// How long its run took.
    pub took_seconds: f64,
}

/// A verdict with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// Ids of the findings that fail or are inconclusive, each once.
    pub findings: Vec<String>,
}

impl Said {
    /// What is expected.
    pub(super) fn expected(expected: &Expected) -> Self {
        let ids: BTreeSet<&str> = expected.failing.iter().chain(expected.open).copied().collect();
        Self { verdict: expected.verdict(), findings: ids.into_iter().map(str::to_owned).collect() }
    }

    /// What a result says.
    pub(super) fn of(result: &RunResult) -> Self {
        let findings = result.checks.iter().flat_map(|check| &check.findings);
        let heavy = findings.filter(|found| matches!(found.level, Level::Failure | Level::Inconclusive));
        let ids: BTreeSet<&str> = heavy.map(|found| found.id.as_str()).collect();
        Self { verdict: result.verdict, findings: ids.into_iter().map(str::to_owned).collect() }
    }

    fn text(&self) -> String {
        let findings = if self.findings.is_empty() { "no finding".to_owned() } else { self.findings.join(", ") };
        format!("{}: {findings}", self.verdict)
    }
}

impl Tried {
    /// A case with how it ended.
    pub(super) fn new(
        case: &Case,
        expected: &Expected,
        seed: u64,
        (outcome, result): (&Outcome, Option<&RunResult>),
        took_seconds: f64,
    ) -> Self {
        let (word, because) = match outcome {
            Outcome::AsExpected => ("as-expected", Vec::new()),
            Outcome::Missed(differences) => ("missed", differences.clone()),
            Outcome::Untried(reason) => ("untried", vec![reason.clone()]),
        };
        Self {
            name: case.name.to_owned(),
            plant: case.plant(),
            seed,
            outcome: word,
            because,
            expected: Said::expected(expected),
            came: result.map(Said::of),
            took_seconds,
        }
    }

    fn is_control(&self) -> bool {
        self.expected.verdict == Verdict::Pass
    }
}

impl Summary {
    /// Counts what came of the cases.
    pub(super) fn new(place: &'static str, cases: Vec<Tried>, needed: Option<Needed>, took_seconds: f64) -> Self {
        let count = |control: bool, only_good: bool| {
            let wanted =
                |tried: &&Tried| tried.is_control() == control && (!only_good || tried.outcome == "as-expected");
            cases.iter().filter(wanted).count()
        };
        Self {
            schema: SCHEMA,
            place,
            planted: count(false, false),
            caught: count(false, true),
            controls: count(true, false),
            passed: count(true, true),
            needed,
            cases,
            left_out: Vec::new(),
            took_seconds,
        }
    }

    /// 0 when everything came out as expected, 1 when something was missed, 3 when something could not be tried.
    pub fn exit_code(&self) -> u8 {
        let any = |outcome| self.cases.iter().any(|tried| tried.outcome == outcome);
        let decoration = self.needed.as_ref().is_some_and(|needed| needed.not_missed.len() > needed.untried.len());
        let unknown = self.needed.as_ref().is_some_and(|needed| !needed.untried.is_empty());
        match (any("missed") || decoration, any("untried") || unknown || self.cases.is_empty()) {
            (true, _) => 1,
            (false, true) => 3,
            (false, false) => 0,
        }
    }

    /// For people: what was missed or could not be tried, and then the counts.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for tried in self.cases.iter().filter(|tried| tried.outcome != "as-expected") {
            text.push_str(&told(tried));
        }
        let Self { planted, caught, controls, passed, place, .. } = self;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{place}: caught {caught}/{planted}, controls passed {passed}/{controls}");
        for (name, why) in &self.left_out {
            let _ = writeln!(text, "not tried here: {name}: {why}");
        }
        if let Some(needed) = &self.needed {
            text.push_str(&needed.text());
        }
        text
    }
}

fn told(tried: &Tried) -> String {
    let came = tried.came.as_ref().map_or("nothing".to_owned(), Said::text);
    let Tried { outcome, name, seed, expected, .. } = tried;
    let plant = if tried.plant.is_empty() { String::new() } else { format!("   {}", tried.plant) };
    let because = tried.because.iter().map(|reason| format!("         {reason}\n")).collect::<String>();
    format!(
        "{outcome:<8} {name}{plant}   seed {seed}\n{because}         expected {}\n         came     {came}\n",
        expected.text()
    )
}

impl Needed {
    fn text(&self) -> String {
        let needed = self.left_out - self.not_missed.len();
        let mut text = format!("each check is needed: {needed} of {}\n", self.left_out);
        for name in &self.not_missed {
            let why = if self.untried.contains(name) {
                "rests on a case that could not be tried"
            } else {
                "nothing is missed without it"
            };
            let _ = writeln!(text, "         {name}: {why}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(outcome: &'static str, verdict: Verdict) -> Tried {
        let expected = Said { verdict, findings: Vec::new() };
        Tried {
            name: "some".to_owned(),
            plant: "drop-nth=1",
            seed: 7,
            outcome,
            because: vec!["a reason".to_owned()],
            expected,
            came: None,
            took_seconds: 1.0,
        }
    }

    fn exit_code(cases: Vec<Tried>, needed: Option<Needed>) -> u8 {
        Summary::new("embedded", cases, needed, 1.0).exit_code()
    }

    #[test]
    fn only_when_everything_came_as_expected_is_it_a_pass() {
        let good = || tried("as-expected", Verdict::Fail);
        let control = |outcome| tried(outcome, Verdict::Pass);
        assert_eq!(exit_code(vec![good(), control("as-expected")], None), 0);
        assert_eq!(exit_code(vec![good(), control("missed")], None), 1);
        assert_eq!(exit_code(vec![good(), tried("missed", Verdict::Fail), tried("untried", Verdict::Fail)], None), 1);
        assert_eq!(exit_code(vec![good(), tried("untried", Verdict::Fail)], None), 3);
        assert_eq!(exit_code(Vec::new(), None), 3, "nothing tried proves nothing");
    }

    #[test]
    fn a_check_that_nothing_needs_is_a_failure_unless_its_case_could_not_be_tried() {
        let needed = |not_missed: &[&str], untried: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            Some(Needed { left_out: 5, not_missed: owned(not_missed), untried: owned(untried) })
        };
        let cases = || vec![tried("as-expected", Verdict::Fail)];
        assert_eq!(exit_code(cases(), needed(&[], &[])), 0);
        assert_eq!(exit_code(cases(), needed(&["check x"], &[])), 1);
        assert_eq!(exit_code(cases(), needed(&["finding late"], &["finding late"])), 3);
        assert_eq!(exit_code(cases(), needed(&["check x", "finding late"], &["finding late"])), 1);
    }

    #[test]
    fn misses_are_told_with_what_was_expected_and_what_came() {
        let cases = vec![tried("as-expected", Verdict::Pass), tried("missed", Verdict::Fail)];
        let needed = Needed { left_out: 5, not_missed: vec!["check x".to_owned()], untried: Vec::new() };
        let mut summary = Summary::new("embedded", cases, Some(needed), 1.0);
        summary.left_out = vec![("other".to_owned(), "why".to_owned())];
        insta::assert_snapshot!(summary.text(), @r"
        missed   some   drop-nth=1   seed 7
                 a reason
                 expected fail: no finding
                 came     nothing
        embedded: caught 0/1, controls passed 1/1
        not tried here: other: why
        each check is needed: 4 of 5
                 check x: nothing is missed without it
        ");
    }
}
