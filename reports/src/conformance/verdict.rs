//! What a trial of a requirement came to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a trial came to. Seven things, since a boolean would call four of them green.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A MUST is broken, or telemetry was lost without a word.
    Fail,
    /// It could not be tried: our doing, or the set-up's.
    Error,
    /// A SHOULD is broken.
    Warn,
    /// A MAY, a convention, or what the text leaves open: something to know.
    Info,
    /// It holds.
    Pass,
    /// Not tried, for a reason that somebody can do something about.
    Skip,
    /// The target does not have what it is about.
    NotApplicable,
}

impl Verdict {
    /// Every verdict, in the order in which people want to read them.
    pub const ALL: [Self; 7] =
        [Self::Fail, Self::Error, Self::Warn, Self::Info, Self::Pass, Self::Skip, Self::NotApplicable];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::NotApplicable => "not applicable",
        }
    }

    /// Whether the target was judged at all.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::Fail | Self::Warn | Self::Info | Self::Pass)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
