//! Ways in which acknowledged records are lost, by which one loss is told from another.

use crate::judge::evidence::Evidence;
use roaring::RoaringTreemap;

/// A way in which acknowledged records are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The sink did not take them when they came, for a fault of the scenario, and they did not come again.
    NotTaken,
    /// They were inside when a fault of the scenario killed the target.
    Killed,
    /// The target ended, and no fault of the scenario had it do so.
    Ended,
    /// None of these.
    Elsewhere,
}

impl Loss {
    /// The ways in which records of a run were lost.
    pub fn all(evidence: &Evidence) -> Vec<Self> {
        let lost = &evidence.account.sets.lost_acknowledged;
        if evidence.target_ended.is_some() && !lost.is_empty() {
            return vec![Self::Ended];
        }
        let touched = evidence.faults.iter().fold(RoaringTreemap::new(), |all, fault| all | &fault.touched);
        ways(lost, &evidence.died_inside, &touched)
    }

    /// The place of the failure; that of no fault has none.
    pub(super) fn place(self) -> Option<&'static str> {
        match self {
            Self::NotTaken => Some("at a fault"),
            Self::Killed => Some("inside a killed target"),
            Self::Ended => Some("by a target that ended"),
            Self::Elsewhere => None,
        }
    }
}

/// The ways in which records were lost, of which some were inside a target when it was killed, and faults touched some.
fn ways(lost: &RoaringTreemap, died_inside: &RoaringTreemap, touched: &RoaringTreemap) -> Vec<Loss> {
    let killed = lost & died_inside;
    let not_taken = (lost - &killed) & touched;
    let elsewhere = lost - &killed - &not_taken;
    let all = [(Loss::Killed, killed), (Loss::NotTaken, not_taken), (Loss::Elsewhere, elsewhere)];
    all.into_iter().filter(|(_, records)| !records.is_empty()).map(|(way, _)| way).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    #[test]
    fn a_record_is_lost_in_the_first_way_that_explains_it() {
        let of = |lost: Range<u64>, inside: Range<u64>, touched: Range<u64>| {
            ways(&lost.collect(), &inside.collect(), &touched.collect())
        };
        assert_eq!(of(0..0, 0..9, 0..9), []);
        assert_eq!(of(0..9, 0..0, 0..0), [Loss::Elsewhere]);
        assert_eq!(of(0..9, 0..0, 0..20), [Loss::NotTaken]);
        assert_eq!(of(0..9, 0..9, 0..20), [Loss::Killed]);
        assert_eq!(of(0..9, 0..5, 3..9), [Loss::Killed, Loss::NotTaken]);
        assert_eq!(of(0..9, 0..0, 8..20), [Loss::NotTaken, Loss::Elsewhere]);
    }
}
