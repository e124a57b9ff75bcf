//! Several scenarios that ran one after another: how each ended, in a line, a document, and a JUnit file of all.

use crate::directory::{JUNIT, SUMMARY, WriteError, write_bytes};
use crate::figures::{clock, several};
use crate::junit::{self, Unrun};
use crate::plain_text::one_line;
use crate::result::RunResult;
use crate::result::verdict::Verdict;
use crate::summary::summary;
use quick_junit::SerializeError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name and version of the document.
pub const SCHEMA: &str = "spanproof.suite/1";

/// Its file in the suite's directory.
pub const SUITE: &str = "suite.json";

/// The longest text from outside that is shown in a line.
const TEXT_MAX: usize = 200;

/// How the scenarios of a suite ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Each, in the order in which they ran.
    pub scenarios: Vec<Ended>,
}

/// How one ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// What it was called on the command line.
    pub name: String,
    /// Where its result is, below the suite's directory.
    pub directory: String,
    /// What came of it; skipped if it did not run.
    pub verdict: Verdict,
    /// The exit code that it would have had alone; absent if it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Suite {
    /// A suite of these.
    pub fn new(scenarios: Vec<Ended>) -> Self {
        Self { schema: SCHEMA.to_owned(), scenarios }
    }

    /// The worst exit code: interrupted before failed before anything else that is not passed. One that was not begun has none.
    pub fn exit_code(&self) -> u8 {
        let codes = || self.scenarios.iter().filter_map(|ended| ended.exit);
        [130, 1].into_iter().find(|worst| codes().any(|code| code == *worst)).or_else(|| codes().max()).unwrap_or(0)
    }

    /// Those that did not pass, or did not run.
    pub fn failed(&self) -> impl Iterator<Item = &Ended> {
        self.scenarios.iter().filter(|ended| ended.exit != Some(0))
    }

    /// What it comes to, in a sentence.
    pub fn sentence(&self) -> String {
        let number = |verdict: Verdict| self.scenarios.iter().filter(|ended| ended.verdict == verdict).count() as u64;
        let parts = [
            (number(Verdict::Fail), "failed"),
            (number(Verdict::Inconclusive), "inconclusive"),
            (number(Verdict::Skipped), "not run"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        let all = several(self.scenarios.len() as u64, "scenario");
        if parts.is_empty() { format!("{all}, all passed") } else { format!("{all}: {}", parts.join(", ")) }
    }
}

impl Ended {
    /// The line that is printed when it has ended.
    pub fn line(&self) -> String {
        let why = self.why.as_ref().map(|why| format!("  {}", one_line(why, TEXT_MAX))).unwrap_or_default();
        format!("{:12}  {:>5}  {}{why}", self.verdict.word(), clock(self.seconds), one_line(&self.name, TEXT_MAX))
    }
}

/// Writes what the suite came to into its directory: [`SUITE`], one JUnit file and one page of all.
///
/// # Errors
/// When the file system or a renderer says no.
pub fn write(folder: &Path, suite: &Suite, results: &[RunResult]) -> Result<(), WriteError> {
    let failed = |artefact, reason: String| WriteError::Render { artefact, reason };
    let document = serde_json::to_string_pretty(suite).map_err(|error| failed(SUITE, error.to_string()))?;
    let xml = junit(suite, results).map_err(|error| failed(JUNIT, error.to_string()))?;
    let pages: String = results.iter().map(|result| summary(result) + "\n").collect();
    for (name, text) in [(SUITE, document + "\n"), (JUNIT, xml), (SUMMARY, pages)] {
        write_bytes(folder, name, text.as_bytes())?;
    }
    Ok(())
}

/// One JUnit file for all: a suite for each result, and one for each scenario without any.
fn junit(suite: &Suite, results: &[RunResult]) -> Result<String, SerializeError> {
    let unrun = suite.scenarios.iter().filter(|ended| ended.why.is_some());
    let unrun: Vec<Unrun<'_>> =
        unrun.map(|ended| Unrun { name: &ended.name, why: ended.why.as_deref().unwrap_or_default() }).collect();
    junit::of_all(results, &unrun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::{failing, hostile, passing};

    fn ended(name: &str, verdict: Verdict, exit: Option<u8>) -> Ended {
        let why = (exit != Some(0) && verdict == Verdict::Skipped).then(|| "the run was\ninterrupted".to_owned());
        Ended { name: name.to_owned(), directory: name.to_owned(), verdict, exit, seconds: 61.0, why }
    }

    #[test]
    fn the_worst_exit_code_is_the_suites() {
        let of = |codes: &[Option<u8>]| {
            let each = codes.iter().map(|code| ended("a", Verdict::Pass, *code));
            Suite::new(each.collect()).exit_code()
        };
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[Some(0), Some(0)]), 0);
        assert_eq!(of(&[Some(0), Some(3)]), 3);
        assert_eq!(of(&[Some(3), Some(1), Some(0)]), 1);
        assert_eq!(of(&[Some(1), Some(130), None]), 130);
    }

    #[test]
    fn lines_and_sentence() {
        let suite = Suite::new(vec![
            ended("drills/backend-down", Verdict::Pass, Some(0)),
            ended("my.yaml", Verdict::Fail, Some(1)),
            ended("other.yaml", Verdict::Inconclusive, Some(3)),
            ended("last.yaml", Verdict::Skipped, None),
        ]);
        let lines: Vec<String> = suite.scenarios.iter().map(Ended::line).collect();
        insta::assert_snapshot!(format!("{}\n{}", lines.join("\n"), suite.sentence()));
        assert_eq!(suite.failed().count(), 3);
        assert_eq!(Suite::new(vec![ended("a", Verdict::Pass, Some(0))]).sentence(), "1 scenario, all passed");
    }

    #[test]
    fn the_document_reads_back() {
        let suite = Suite::new(vec![ended("a", Verdict::Pass, Some(0)), ended("b", Verdict::Skipped, None)]);
        let text = serde_json::to_string(&suite).unwrap();
        assert_eq!(serde_json::from_str::<Suite>(&text).unwrap(), suite);
    }

    #[test]
    fn one_junit_file_has_every_result_and_every_scenario_without_one() {
        let suite = Suite::new(vec![
            ended("good", Verdict::Pass, Some(0)),
            ended("bad", Verdict::Fail, Some(1)),
            ended("]]><b>", Verdict::Skipped, None),
        ]);
        let xml = junit(&suite, &[passing(), failing(), hostile()]).unwrap();
        let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
        assert_eq!(report.test_suites.len(), 4);
        assert!(report.failures >= 2 && report.errors >= 1, "{xml}");
    }
}
