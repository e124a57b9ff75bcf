//! Checks: pure functions from evidence to findings and verdicts.
//!
//! [`delivery`] asks whether every record arrived, once and in time; [`integrity`] whether what arrived is what was sent;
//! [`driver`] whether the harness itself may be believed. Limits of the scenario are judged by [`limits`].

pub mod delivery;
pub mod driver;
mod example;
pub mod integrity;
pub mod limits;
mod uninvited;

use super::evidence::Evidence;
use spanproof_reports::plain_text::one_line;
use spanproof_reports::result::check::{Check, Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A check by its id.
type Named = (&'static str, fn(&Evidence) -> Check);

/// Every check, in the order of the report.
const ALL: [Named; 3] = [("delivery", delivery::check), ("integrity", integrity::check), ("driver", driver::check)];

/// Runs every check.
pub fn run(evidence: &Evidence) -> Vec<Check> {
    run_each(&ALL, evidence)
}

/// A check that crashes takes neither the others nor the verdict with it: what it would have said cannot be told.
fn run_each(checks: &[Named], evidence: &Evidence) -> Vec<Check> {
    let run = |(id, check): &Named| {
        // Evidence is only read, so a check that ended in the middle leaves nothing half done.
        let checked = catch_unwind(AssertUnwindSafe(|| check(evidence)));
        checked.unwrap_or_else(|panic| crashed(id, panic.as_ref()))
    };
    checks.iter().map(run).collect()
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

#[cfg(test)]
mod tests;
