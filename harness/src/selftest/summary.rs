//! What a self-test found, in words and as a document.

use super::case::{Expected, Kind};
use super::judged::Came;
use super::seen::Outcome;
use serde::Serialize;
use spanproof_reports::figures::several;
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
    /// Cases in whose run something is wrong that shows at this place.
    pub planted: usize,
    /// Those of them that came out exactly as expected.
    pub caught: usize,
    /// Further cases in whose run something is wrong, of which nothing reaches the sink at this place.
    pub not_visible: usize,
    /// Those of them in which indeed nothing was claimed.
    pub nothing_claimed: usize,
    /// Cases in which the evidence of another run is altered, since nothing can be planted that leads to it.
    pub altered: usize,
    /// Those of them that came out exactly as expected.
    pub seen: usize,
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
    /// Checks that were not left out, since they had nothing to judge in any case at this place.
    pub not_made: Vec<String>,
}

/// One case that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// The planted defect.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub plant: &'static str,
    /// `planted`, `not-visible`, `altered` or `control`.
    pub kind: Kind,
    /// Why nothing of its defect is visible at this place, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_visible: Option<&'static str>,
    /// How its run was made.
    #[serde(flatten)]
    pub how: How,
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
}

/// How the run of a case was made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct How {
    /// Its seed.
    pub seed: u64,
    /// How often it was run: more than once where it rests on time and the harness was late.
    pub tries: u32,
    /// How long the last one took.
    pub took_seconds: f64,
}

impl How {
    /// Says so where once was not enough.
    pub fn tries_in_words(&self) -> Option<String> {
        (self.tries > 1).then(|| format!("tried {} times: the harness was late", self.tries))
    }
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
    /// What came of a case.
    pub(super) fn new(came: &Came, how: How) -> Self {
        let Came { case, expected, outcome, result, .. } = came;
        let (word, because) = match outcome {
            Outcome::AsExpected => ("as-expected", Vec::new()),
            Outcome::Missed(differences) => ("missed", differences.clone()),
            Outcome::Untried(reason) => ("untried", vec![reason.to_string()]),
        };
        Self {
            name: case.name.to_owned(),
            plant: case.plant(),
            kind: case.kind(expected),
            not_visible: case.not_visible(expected),
            how,
            outcome: word,
            because,
            expected: Said::expected(expected),
            came: result.as_ref().map(Said::of),
        }
    }
}

impl Summary {
    /// Counts what came of the cases.
    pub(super) fn new(place: &'static str, cases: Vec<Tried>, needed: Option<Needed>, took_seconds: f64) -> Self {
        let all = |kind: Kind| cases.iter().filter(|tried| tried.kind == kind).count();
        let good = |tried: &&Tried| tried.outcome == "as-expected";
        let good = |kind: Kind| cases.iter().filter(good).filter(|tried| tried.kind == kind).count();
        Self {
            schema: SCHEMA,
            place,
            planted: all(Kind::Planted),
            caught: good(Kind::Planted),
            not_visible: all(Kind::NotVisible),
            nothing_claimed: good(Kind::NotVisible),
            altered: all(Kind::Altered),
            seen: good(Kind::Altered),
            controls: all(Kind::Control),
            passed: good(Kind::Control),
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
        text.push_str(&self.counts());
        for (tried, words) in self.cases.iter().filter_map(|tried| Some((tried, tried.how.tries_in_words()?))) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}, seed {}: {words}", tried.name, tried.how.seed);
        }
        for (tried, why) in self.cases.iter().filter_map(|tried| Some((tried, tried.not_visible?))) {
            let _ = writeln!(text, "not visible here: {}: {why}", tried.name);
        }
        text.push_str(&self.not_tried());
        if let Some(needed) = &self.needed {
            text.push_str(&needed.text());
        }
        text
    }

    fn counts(&self) -> String {
        let Self { planted, caught, not_visible, nothing_claimed, altered, seen, controls, passed, place, .. } = self;
        let beside = match not_visible {
            0 => String::new(),
            some => format!("{nothing_claimed}/{some} not visible here and nothing claimed, "),
        };
        format!(
            "{place}: {caught}/{planted} planted defects caught, {beside}{seen}/{altered} altered evidence seen, \
             {passed}/{controls} controls passed\n"
        )
    }

    /// How many cases are not tried at this place, and under each reason which.
    fn not_tried(&self) -> String {
        let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, why) in &self.left_out {
            match by_reason.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, names)) => names.push(name),
                None => by_reason.push((why, vec![name])),
            }
        }
        let lines = by_reason.iter().map(|(why, names)| format!("         {why}: {}\n", names.join(", ")));
        let lines: String = lines.collect();
        match self.left_out.len() {
            0 => String::new(),
            count => format!("not tried here: {}\n{lines}", several(count as u64, "case")),
        }
    }
}

fn told(tried: &Tried) -> String {
    let came = tried.came.as_ref().map_or("nothing".to_owned(), Said::text);
    let Tried { outcome, name, how: How { seed, .. }, expected, .. } = tried;
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
        for name in &self.not_made {
            let _ = writeln!(text, "         not among these: {name}, which had nothing to judge in any case here");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(outcome: &'static str, kind: Kind) -> Tried {
        let expected = Said { verdict: Verdict::Fail, findings: Vec::new() };
        Tried {
            name: "some".to_owned(),
            plant: "drop-nth=1",
            kind,
            not_visible: None,
            how: How { seed: 7, tries: 1, took_seconds: 1.0 },
            outcome,
            because: vec!["a reason".to_owned()],
            expected,
            came: None,
        }
    }

    fn exit_code(cases: Vec<Tried>, needed: Option<Needed>) -> u8 {
        Summary::new("embedded", cases, needed, 1.0).exit_code()
    }

    #[test]
    fn only_when_everything_came_as_expected_is_it_a_pass() {
        let good = || tried("as-expected", Kind::Planted);
        let control = |outcome| tried(outcome, Kind::Control);
        assert_eq!(exit_code(vec![good(), control("as-expected")], None), 0);
        assert_eq!(exit_code(vec![good(), control("missed")], None), 1);
        assert_eq!(exit_code(vec![good(), tried("missed", Kind::Planted), tried("untried", Kind::Planted)], None), 1);
        assert_eq!(exit_code(vec![good(), tried("untried", Kind::Altered)], None), 3);
        assert_eq!(exit_code(Vec::new(), None), 3, "nothing tried proves nothing");
    }

    #[test]
    fn a_check_that_nothing_needs_is_a_failure_unless_its_case_could_not_be_tried() {
        let needed = |not_missed: &[&str], untried: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            Some(Needed { left_out: 5, not_missed: owned(not_missed), untried: owned(untried), not_made: Vec::new() })
        };
        let cases = || vec![tried("as-expected", Kind::Planted)];
        assert_eq!(exit_code(cases(), needed(&[], &[])), 0);
        assert_eq!(exit_code(cases(), needed(&["check x"], &[])), 1);
        assert_eq!(exit_code(cases(), needed(&["finding late"], &["finding late"])), 3);
        assert_eq!(exit_code(cases(), needed(&["check x", "finding late"], &["finding late"])), 1);
    }

    #[test]
    fn misses_are_told_with_what_was_expected_and_what_came() {
        let mut cases = vec![tried("as-expected", Kind::Control), tried("missed", Kind::Planted)];
        let how = How { tries: 3, ..cases[0].how };
        cases.push(Tried { name: "other".to_owned(), how, ..tried("as-expected", Kind::Altered) });
        let hidden = tried("as-expected", Kind::NotVisible);
        cases.push(Tried { name: "hidden".to_owned(), not_visible: Some("a wall"), ..hidden });
        let names = |name: &str| vec![name.to_owned()];
        let (not_missed, not_made) = (names("check x"), names("check y"));
        let needed = Needed { left_out: 5, not_missed, untried: Vec::new(), not_made };
        let mut summary = Summary::new("embedded", cases, Some(needed), 1.0);
        let left_out = [("another", "why"), ("a third", "no"), ("a fourth", "why")];
        summary.left_out = left_out.map(|(name, why)| (name.to_owned(), why.to_owned())).to_vec();
        insta::assert_snapshot!(summary.text(), @r"
        missed   some   drop-nth=1   seed 7
                 a reason
                 expected fail: no finding
                 came     nothing
        embedded: 0/1 planted defects caught, 1/1 not visible here and nothing claimed, 1/1 altered evidence seen, 1/1 controls passed
        other, seed 7: tried 3 times: the harness was late
        not visible here: hidden: a wall
        not tried here: 3 cases
                 why: another, a fourth
                 no: a third
        each check is needed: 4 of 5
                 check x: nothing is missed without it
                 not among these: check y, which had nothing to judge in any case here
        ");
    }
}
