//! What a conformance run found: one record for each trial of a requirement, and everything that is rendered from it.
//!
//! Start at [`Suite`]. [`console`], [`json_lines`], [`junit`] and [`markdown`] are pure functions of it. Like the rest of this crate
//! nothing here knows OTLP: requirements, axes and what went over the wire are texts, and hostile ones.

pub mod console;
pub mod finding;
pub mod json_lines;
pub mod junit;
pub mod markdown;
#[cfg(test)]
mod samples;
pub mod tally;
pub mod verdict;

pub use finding::{About, Direction, Finding, WireEntry};
pub use tally::{Conservation, Tally};
pub use verdict::Verdict;

use serde::{Deserialize, Serialize};

/// The version of the form of [`Suite`] and of its JSON lines; it changes when a reader would have to.
pub const FORMAT: u32 = 1;

/// A finished conformance run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// What was tried, with what.
    pub about: About,
    /// One for each case and permutation that was asked for, whether or not it could be tried.
    pub findings: Vec<Finding>,
    /// Requirements of those asked for that nothing tries yet.
    pub without_case: Vec<String>,
    /// What became of everything that was sent, where what arrived can be read.
    pub conservation: Option<Conservation>,
    /// What was amiss of the run as a whole, as a target that was there no more when all was done.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Suite {
    /// How many of each verdict.
    pub fn tally(&self) -> Tally {
        Tally::of(self.findings.iter().map(|finding| finding.verdict))
    }

    /// 1 if something failed (or warned, when `strict`), else 3 if something could not be tried, was amiss as a whole, or nothing was
    /// judged at all, else 0.
    pub fn exit_code(&self, strict: bool) -> u8 {
        let tally = self.tally();
        if tally.of_verdict(Verdict::Fail) > 0 || strict && tally.of_verdict(Verdict::Warn) > 0 {
            1
        } else if tally.of_verdict(Verdict::Error) > 0 || tally.judged() == 0 || !self.remarks.is_empty() {
            3
        } else {
            0
        }
    }

    /// The findings with a verdict, in their order.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samples::suite;

    #[test]
    fn the_exit_code_is_that_of_the_gravest() {
        let with = |verdicts: &[Verdict]| {
            let mut suite = suite();
            let finding = suite.findings[0].clone();
            suite.remarks.clear();
            suite.findings = verdicts.iter().map(|verdict| Finding { verdict: *verdict, ..finding.clone() }).collect();
            suite
        };
        use Verdict::{Error, Fail, Info, NotApplicable, Pass, Skip, Warn};
        assert_eq!(with(&[Pass, Warn, Info]).exit_code(false), 0);
        assert_eq!(with(&[Pass, Warn]).exit_code(true), 1);
        assert_eq!(with(&[Pass, Error]).exit_code(true), 3);
        assert_eq!(with(&[Error, Fail]).exit_code(false), 1);
        assert_eq!(with(&[Skip, NotApplicable]).exit_code(false), 3, "what never ran makes nothing green");
        assert_eq!(with(&[]).exit_code(false), 3);
        let remarked = |verdict| Suite { remarks: vec!["it is gone".to_owned()], ..with(&[verdict]) };
        assert_eq!((remarked(Pass).exit_code(false), remarked(Fail).exit_code(false)), (3, 1));
    }
}
