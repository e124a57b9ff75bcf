//! What the judge is told to leave out: nothing, for every verdict that anybody is given. The self-test leaves out one thing
//! after another, and each time something must be missed.

/// The one thing that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Without {
    /// The judge is whole.
    #[default]
    Nothing,
    /// The check of this id does not run.
    Check(&'static str),
    /// No limit is judged.
    Limits,
    /// No check makes a finding of this id, and each concludes as if there were none to make.
    Finding(&'static str),
}

impl Without {
    /// Whether a check runs.
    pub fn runs(self, check: &str) -> bool {
        !matches!(self, Self::Check(id) if id == check)
    }

    /// Whether a finding of a check is made.
    pub fn makes(self, finding: &str) -> bool {
        !matches!(self, Self::Finding(id) if id == finding)
    }

    /// Whether limits are judged.
    pub fn judges_limits(self) -> bool {
        self != Self::Limits
    }
}

impl std::fmt::Display for Without {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Check(id) => write!(f, "check {id}"),
            Self::Limits => f.write_str("all limits"),
            Self::Finding(id) => write!(f, "finding {id}"),
        }
    }
}
