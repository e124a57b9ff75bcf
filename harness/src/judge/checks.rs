//! Checks: pure functions from evidence to findings and verdicts.
//!
//! [`delivery`] asks whether every record arrived, once and in time; [`integrity`] whether what arrived is what was sent;
//! [`driver`] whether the harness itself may be believed; [`prediction`] whether what was lost is what was foretold; [`reactions`]
//! whether the target sent again what it may; [`sampling`] whether it kept the traces that its configuration keeps, [`promises`] whether
//! those that the scenario promises. Limits of the scenario are judged by [`limits`].

pub mod delivery;
pub mod driver;
mod example;
pub mod integrity;
pub mod limits;
mod place;
pub mod prediction;
pub mod promises;
pub mod reactions;
pub mod sampling;
mod uninvited;

use super::evidence::Evidence;
use super::without::Without;
use spanproof_reports::plain_text::one_line;
use spanproof_reports::result::check::{Check, Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A check: from evidence to findings. Its verdict follows from their levels.
#[derive(Debug, Clone, Copy)]
pub struct Examination {
    /// Its id.
    pub id: &'static str,
    /// What holds if it passes.
    about: &'static str,
    /// Whether there is anything for it to look at. Where there is not it is no part of the result: it would pass, and say nothing.
    applies: fn(&Evidence) -> bool,
    /// What is wrong or worth telling.
    findings: fn(&Evidence) -> Vec<Finding>,
}

/// Every check, in the order of the report.
pub const ALL: [Examination; 7] = [
    delivery::CHECK,
    integrity::CHECK,
    driver::CHECK,
    prediction::CHECK,
    reactions::CHECK,
    sampling::CHECK,
    promises::CHECK,
];

/// Runs these checks. What is left out leaves no trace: a check does not run, a finding is not made.
pub fn run(checks: &[Examination], evidence: &Evidence, without: Without) -> Vec<Check> {
    let wanted = checks.iter().filter(|check| without.runs(check.id) && (check.applies)(evidence));
    wanted.map(|check| check.run(evidence, without)).collect()
}

/// Of a check that has something to look at in every run.
fn always(_: &Evidence) -> bool {
    true
}

impl Examination {
    /// A check that crashes takes neither the others nor the verdict with it: what it would have said cannot be told.
    fn run(&self, evidence: &Evidence, without: Without) -> Check {
        // Evidence is only read, so a check that ended in the middle leaves nothing half done.
        match catch_unwind(AssertUnwindSafe(|| (self.findings)(evidence))) {
            Ok(mut findings) => {
                findings.retain(|finding| without.makes(&finding.id));
                conclude(self.id, self.about, findings)
            }
            Err(panic) => crashed(self.id, panic.as_ref()),
        }
    }
}

fn crashed(id: &str, panic: &(dyn Any + Send)) -> Check {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let said = one_line(said.unwrap_or("no reason given"), 200);
    let message = format!(
        "the check `{id}` crashed ({said}): what it would have found cannot be told; this is an error of spanproof"
    );
    conclude(id, "this check could not be made", vec![finding("check-crashed", Level::Inconclusive, 1, message)])
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

/// Every finding that fails a check, by its id.
#[cfg(test)]
pub(crate) const FAILURES: [&str; 16] = [
    "above-rate",
    "below-rate",
    "corrupted",
    "dropped-wrongly",
    "duplicated",
    "foreign",
    "foreign-signal",
    "invented",
    "kept-wrongly",
    "late",
    "lost-acknowledged",
    "malformed",
    "promise-broken",
    "refused-delivered",
    "resent-after-final",
    "split",
];

#[cfg(test)]
mod tests;
