//! Checks: pure functions from evidence to findings and verdicts.
//!
//! [`delivery`] asks whether every record arrived, once and in time; [`integrity`] whether what arrived is what was sent;
//! [`driver`] whether the harness itself may be believed. Limits of the scenario are judged by [`limits`].

pub mod delivery;
pub mod driver;
mod example;
pub mod integrity;
pub mod limits;

use super::evidence::Evidence;
use spanproof_reports::result::check::{Check, Finding, Level};
use spanproof_reports::result::verdict::Verdict;

/// Runs every check.
pub fn run(evidence: &Evidence) -> Vec<Check> {
    vec![delivery::check(evidence), integrity::check(evidence), driver::check(evidence)]
}

/// A check whose verdict follows from the levels of its findings: a failure fails it, and what could not be told makes it
/// inconclusive.
fn conclude(id: &str, about: &str, findings: Vec<Finding>) -> Check {
    let verdict = findings.iter().fold(Verdict::Pass, |verdict, finding| {
        verdict.merge(match finding.level {
            Level::Failure => Verdict::Fail,
            Level::Inconclusive => Verdict::Inconclusive,
            Level::Info | Level::Warning => Verdict::Pass,
        })
    });
    Check { id: id.to_owned(), verdict, about: Some(about.to_owned()), findings }
}

/// A finding with only its sentence and its count.
fn finding(id: &str, level: Level, count: u64, message: impl Into<String>) -> Finding {
    Finding {
        id: id.to_owned(),
        level,
        message: message.into(),
        count,
        limit: None,
        value: None,
        at_seconds: None,
        window: None,
        place: None,
        common: Vec::new(),
        examples: Vec::new(),
        advice: None,
    }
}
