//! Where most records are affected, the pattern is in the few that are not: all but one service, all but the first seconds.

use super::survey::{Among, Selection, Survey};
use super::{Compared, InCommon, Incomparable};
use crate::judge::evidence::Evidence;
use roaring::RoaringTreemap;
use spanproof_reports::figures::count;

/// What the spared records have in common, with how many they are; `None` where the affected are not the most, or where what they
/// have in common themselves says as much.
pub(super) fn in_common(
    evidence: &Evidence,
    affected: &RoaringTreemap,
    among: Among,
    chunks: u64,
    compared: &Compared,
) -> Option<InCommon> {
    if compared.totals.affected <= compared.totals.others || compared.says_it_exactly() {
        return None;
    }
    // Among them are records that do not belong to those compared. They only decide which part of a long run is looked at.
    let mut rest = RoaringTreemap::new();
    rest.insert_range(0..evidence.plan.spans_before(evidence.chunks_opened));
    rest -= affected;
    let selection = Selection::of(evidence, &rest, chunks);
    let nothing_left_out = vec![false; evidence.plan.recipes()];
    let survey = Survey::take_turned(&selection, evidence, affected, among, &nothing_left_out);
    let totals = survey.totals();
    let spared = match Compared::of(&survey) {
        // Nothing but an exact fact tells all records from one other, and that has been told by now.
        Err(one @ Incomparable::One) => vec![one.to_string()],
        Ok(spared) if spared.says_more_than(compared) => spared.told(&survey).said,
        _ => return None,
    };
    let mut said = vec![format!("all but {} of {}", count(totals.affected), count(totals.all()))];
    said.extend(spared.iter().map(|what| format!("the spared: {what}")));
    Some(InCommon { said, intended: None }.counted_in(&survey))
}

impl Compared {
    /// Whether its best fact separates better than the other's; whole requests say more than nothing. Whole traces say the same of
    /// either side.
    fn says_more_than(&self, other: &Self) -> bool {
        let best = |compared: &Self| compared.told.first().map(|fact| compared.totals.separation(fact));
        match (best(self), best(other)) {
            (Some(this), Some(that)) => this > that,
            (Some(_), None) => !other.whole.traces_only(),
            (None, None) => self.whole.requests_only(),
            (None, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::separate::{Candidate, Totals};
    use super::super::whole::Whole;
    use super::*;

    /// Of four records on either side so many show a fact; without one where none of the affected do.
    fn compared(affected: u64) -> Compared {
        let having = Totals { affected, others: 0 };
        let fact = Candidate { text: "x".to_owned(), rank: 0, a_filter_could: false, is_of_spans: true, having };
        let told = (affected > 0).then_some(fact).into_iter().collect();
        Compared { totals: Totals { affected: 4, others: 4 }, whole: Whole::default(), told, raising: Vec::new() }
    }

    #[test]
    fn the_spared_are_told_only_where_they_say_more() {
        let says_more = |spared, affected| compared(spared).says_more_than(&compared(affected));
        assert!(says_more(3, 2) && says_more(4, 1), "their fact separates better");
        assert!(!says_more(2, 2), "just as well");
        assert!(!says_more(1, 3), "worse");
        assert!(says_more(1, 0), "the affected have none");
        assert!(!says_more(0, 1), "the spared have none");
    }
}
