//! How many runs of a candidate must fail for it to count as failing.
//!
//! A run that fails proves that the failure is there: spans are counted one by one, so nothing fails by chance. A run that holds
//! proves nothing of a failure that comes and goes. So one failing run would do to say that a candidate *can* fail. But then each
//! step may take a candidate that fails more rarely than the one before: with three runs each, one that fails once in ten is taken
//! with 27 %, and the command at the end repeats nothing. So a candidate must fail in half as many runs as the original did, rounded
//! up, out of as many: of an original that failed in three of three, in two. Then that candidate is taken with 3 %, one that fails
//! nine times in ten with 97 %, and one that always fails always. To pass over one by mistake only leaves more than is needed.

use serde::Serialize;
use std::num::NonZeroU32;

/// So many runs of a candidate must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Runs that are decided, at most.
    pub runs: NonZeroU32,
    /// Of these, runs that must fail.
    pub needed: NonZeroU32,
}

/// What came of the runs of one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Runs with the failure.
    pub fails: u32,
    /// Runs without it.
    pub holds: u32,
    /// Runs that could not be decided; they count as neither.
    pub open: u32,
}

impl Tally {
    /// Runs in all.
    pub fn runs(&self) -> u32 {
        self.fails + self.holds + self.open
    }

    /// With one more run.
    #[must_use]
    pub fn and(self, seen: super::Outcome) -> Self {
        match seen {
            super::Outcome::Fails => Self { fails: self.fails + 1, ..self },
            super::Outcome::Holds => Self { holds: self.holds + 1, ..self },
            super::Outcome::Open => Self { open: self.open + 1, ..self },
        }
    }
}

impl Rule {
    /// Follows from how often the original failed in so many runs; none if it never did.
    pub fn of_original(runs: NonZeroU32, failed: u32) -> Option<Self> {
        NonZeroU32::new(failed.min(runs.get()).div_ceil(2)).map(|needed| Self { runs, needed })
    }

    /// The outcome, as soon as no further run could change it. As many runs may stay open as are decided at most; then nobody can
    /// tell.
    pub fn decide(&self, tally: &Tally) -> Option<super::Outcome> {
        let (runs, needed) = (self.runs.get(), self.needed.get());
        if tally.fails >= needed {
            Some(super::Outcome::Fails)
        } else if tally.holds > runs - needed.min(runs) {
            Some(super::Outcome::Holds)
        } else if tally.open >= runs {
            Some(super::Outcome::Open)
        } else {
            None
        }
    }

    /// The fewest runs that decide anything.
    pub fn runs_min(&self) -> u32 {
        self.needed.get().min(self.runs.get() - self.needed.get() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{self, Fails, Holds, Open};
    use super::*;
    use proptest::prelude::*;

    fn rule(runs: u32, failed: u32) -> Rule {
        Rule::of_original(NonZeroU32::new(runs).unwrap(), failed).unwrap()
    }

    fn decided(rule: Rule, seen: &[Outcome]) -> Option<(Outcome, u32)> {
        let mut tally = Tally::default();
        seen.iter().find_map(|seen| {
            tally = tally.and(*seen);
            rule.decide(&tally).map(|outcome| (outcome, tally.runs()))
        })
    }

    #[test]
    fn half_as_many_runs_must_fail_as_did_of_the_original() {
        let needed = |runs, failed| rule(runs, failed).needed.get();
        assert_eq!(
            [needed(3, 3), needed(3, 2), needed(3, 1), needed(1, 1), needed(5, 5), needed(5, 4)],
            [2, 1, 1, 1, 3, 2]
        );
        assert_eq!(Rule::of_original(NonZeroU32::MIN, 0), None);
    }

    #[test]
    fn it_ends_as_soon_as_the_answer_is_certain() {
        let two_of_three = rule(3, 3);
        assert_eq!(decided(two_of_three, &[Fails, Fails, Holds]), Some((Fails, 2)));
        assert_eq!(decided(two_of_three, &[Holds, Holds, Fails]), Some((Holds, 2)));
        assert_eq!(decided(two_of_three, &[Fails, Holds, Fails]), Some((Fails, 3)));
        assert_eq!(decided(two_of_three, &[Fails, Open, Open, Holds, Open]), Some((Open, 5)));
        assert_eq!(decided(two_of_three, &[Open, Fails, Open]), None);
        assert_eq!(decided(rule(3, 1), &[Holds, Holds, Fails]), Some((Fails, 3)));
    }

    proptest! {
        /// With enough runs there is always an answer; it takes at most as many open runs as decided ones, and the runs that are left
        /// could not have changed it.
        #[test]
        fn there_is_an_answer_and_no_later_run_would_change_it(
            runs in 1_u32..8,
            failed in 1_u32..8,
            seen in prop::collection::vec(prop_oneof![Just(Fails), Just(Holds), Just(Open)], 16),
        ) {
            let rule = rule(runs, failed);
            let (outcome, took) = decided(rule, &seen).unwrap();
            prop_assert!((rule.runs_min()..2 * runs).contains(&took) || took == rule.runs_min(), "{took}");
            let tally = seen[..took as usize].iter().fold(Tally::default(), |tally, seen| tally.and(*seen));
            let rest = runs.saturating_sub(tally.fails + tally.holds);
            match outcome {
                Fails => prop_assert!(tally.fails >= rule.needed.get()),
                Holds => prop_assert!(tally.fails + rest < rule.needed.get()),
                Open => prop_assert!(tally.open == runs),
            }
        }
    }
}
