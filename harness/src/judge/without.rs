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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_left_out_and_named_and_everything_else_goes_on() {
        let all = [Without::Nothing, Without::Check("a"), Without::Limits, Without::Finding("a")];
        assert_eq!(all.map(|without| without.runs("a")), [true, false, true, true]);
        assert_eq!(all.map(|without| without.makes("a")), [true, true, true, false]);
        assert_eq!(all.map(Without::judges_limits), [true, true, false, true]);
        assert!(all.iter().all(|without| without.runs("b") && without.makes("b")));
        assert_eq!(all.map(|without| without.to_string()), ["nothing", "check a", "all limits", "finding a"]);
    }
}
