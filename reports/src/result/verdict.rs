//! The four verdicts and how they merge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a check, a limit or a whole run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Looked, and found what ought to be.
    Pass,
    /// Looked, and found what ought not to be.
    Fail,
    /// Could not be decided.
    Inconclusive,
    /// Was not asked, or does not apply. The default: nothing is good because nobody looked.
    #[default]
    Skipped,
}

impl Verdict {
    /// Both verdicts in one: fail dominates inconclusive dominates pass, and skipped says nothing.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
        }
    }

    /// The name as reports shout it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Skipped => "SKIPPED",
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Pass => 1,
            Self::Inconclusive => 2,
            Self::Fail => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Merges all; skipped when there are none.
impl FromIterator<Verdict> for Verdict {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        verdicts.into_iter().fold(Self::Skipped, Self::merge)
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Fail, Inconclusive, Pass, Skipped};
    use proptest::prelude::*;

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Pass), Just(Fail), Just(Inconclusive), Just(Skipped)]
    }

    proptest! {
        #[test]
        fn merging_is_commutative(a in verdict(), b in verdict()) {
            prop_assert_eq!(a.merge(b), b.merge(a));
        }

        #[test]
        fn merging_is_associative(a in verdict(), b in verdict(), c in verdict()) {
            prop_assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
        }

        #[test]
        fn merging_is_idempotent_and_skipped_is_neutral(a in verdict()) {
            prop_assert_eq!(a.merge(a), a);
            prop_assert_eq!(a.merge(Skipped), a);
        }

        #[test]
        fn a_failure_anywhere_fails_all(mut all in prop::collection::vec(verdict(), 0..20), at in any::<prop::sample::Index>()) {
            all.insert(at.index(all.len() + 1), Fail);
            prop_assert_eq!(all.into_iter().collect::<Verdict>(), Fail);
        }

        #[test]
        fn all_pass_only_when_each_passed_or_was_skipped(all in prop::collection::vec(verdict(), 0..20)) {
            let passed = all.contains(&Pass) && all.iter().all(|v| matches!(v, Pass | Skipped));
            prop_assert_eq!(all.into_iter().collect::<Verdict>() == Pass, passed);
        }
    }

    #[test]
    fn inconclusive_dominates_pass_and_yields_to_fail() {
        assert_eq!(Inconclusive.merge(Pass), Inconclusive);
        assert_eq!(Inconclusive.merge(Fail), Fail);
    }

    /// What reads a result goes by these words.
    #[test]
    fn each_verdict_has_the_name_and_the_word_that_documents_and_reports_use() {
        let all = [Pass, Fail, Inconclusive, Skipped];
        assert_eq!(all.map(Verdict::name), ["pass", "fail", "inconclusive", "skipped"]);
        assert_eq!(all.map(Verdict::word), ["PASS", "FAIL", "INCONCLUSIVE", "SKIPPED"]);
        for verdict in all {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.to_string());
            assert_eq!(verdict.to_string(), verdict.name());
        }
    }
}
