//! What was sent in a trial and what was said of it, to be held against what arrived.
//!
//! Sent = acknowledged + rejected, stored = sent - rejected. Requests of which nobody can tell (no answer, a broken one) excuse both
//! their being stored and their not being stored.

use super::reply::Outcome;
use spanproof_reports::conformance::Conservation;
use std::sync::{Mutex, PoisonError};

/// A request that carried items which can be found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What its items carry.
    pub marker: String,
    /// How many there are.
    pub items: u64,
    /// What was said of it; none where nothing was.
    pub outcome: Option<Outcome>,
}

/// The requests of a trial.
#[derive(Debug, Default)]
pub struct Book(Mutex<Vec<Entry>>);

impl Book {
    /// Writes a request down.
    pub fn note(&self, marker: &str, items: u64, outcome: Option<Outcome>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { marker: marker.to_owned(), items, outcome });
    }

    /// All of them, by marker: requests that carried the same items are one, with the best that was said of any.
    pub fn entries(&self) -> Vec<Entry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged: Vec<Entry> = Vec::new();
        for entry in entries.iter() {
            match merged.iter_mut().find(|other| other.marker == entry.marker) {
                Some(other) if rank(entry) > rank(other) => *other = entry.clone(),
                Some(_) => {}
                None => merged.push(entry.clone()),
            }
        }
        merged
    }
}

/// Once one of two has been taken, the items are to be there.
fn rank(entry: &Entry) -> u8 {
    match entry.outcome {
        Some(Outcome::Taken { .. }) => 2,
        None => 1,
        Some(Outcome::Refused { .. }) => 0,
    }
}

/// What is wrong with what arrived of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amiss {
    /// It was taken, and not all of it that was not rejected came out.
    Lost(String),
    /// It was refused, and came out all the same, or more came out than was left by what was rejected.
    Kept(String),
}

/// Holds a request against how many of its items came out, each counted once.
pub fn weigh(entry: &Entry, stored: u64) -> Option<Amiss> {
    let items = entry.items;
    match &entry.outcome {
        // Who is told to come again may find that it need not have.
        None | Some(Outcome::Refused { is_retryable: true, .. }) => None,
        Some(Outcome::Refused { words, .. }) if stored > 0 => {
            Some(Amiss::Kept(format!("{items} sent, refused ({words}), and {stored} came out")))
        }
        Some(Outcome::Refused { .. }) => None,
        Some(Outcome::Taken { rejected, .. }) => {
            let rejected = u64::try_from(*rejected).unwrap_or(0).min(items);
            let told =
                format!("{items} sent, {} acknowledged, {rejected} rejected, {stored} came out", items - rejected);
            match stored.cmp(&(items - rejected)) {
                std::cmp::Ordering::Less => Some(Amiss::Lost(told)),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(Amiss::Kept(told)),
            }
        }
    }
}

/// Adds a request to what became of everything.
pub fn add(sum: &mut Conservation, entry: &Entry, stored: u64) {
    sum.sent += entry.items;
    sum.stored += stored;
    match &entry.outcome {
        None => sum.unknown += entry.items,
        Some(Outcome::Refused { .. }) => sum.refused += entry.items,
        Some(Outcome::Taken { rejected, .. }) => {
            let rejected = u64::try_from(*rejected).unwrap_or(0).min(entry.items);
            sum.rejected += rejected;
            sum.acknowledged += entry.items - rejected;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(items: u64, outcome: Option<Outcome>) -> Entry {
        Entry { marker: "m".to_owned(), items, outcome }
    }

    fn taken(rejected: i64) -> Option<Outcome> {
        Some(Outcome::Taken { rejected, message: String::new(), has_partial: rejected > 0 })
    }

    fn refused() -> Option<Outcome> {
        Some(Outcome::Refused { is_retryable: false, words: "HTTP 400".to_owned() })
    }

    #[test]
    fn stored_is_sent_less_rejected_or_something_is_amiss() {
        assert_eq!(weigh(&entry(5, taken(2)), 3), None);
        assert!(matches!(weigh(&entry(5, taken(2)), 2), Some(Amiss::Lost(_))));
        assert!(matches!(weigh(&entry(5, taken(2)), 4), Some(Amiss::Kept(_))));
        assert!(
            matches!(weigh(&entry(5, taken(-1)), 4), Some(Amiss::Lost(_))),
            "a count that cannot be excuses nothing"
        );
        assert_eq!(weigh(&entry(5, refused()), 0), None);
        assert!(matches!(weigh(&entry(5, refused()), 1), Some(Amiss::Kept(_))));
        assert_eq!((weigh(&entry(5, None), 0), weigh(&entry(5, None), 5)), (None, None));
    }

    #[test]
    fn what_was_sent_twice_counts_once_and_by_the_best_that_was_said() {
        let book = Book::default();
        book.note("a", 1, None);
        book.note("b", 2, refused());
        book.note("a", 1, taken(0));
        book.note("b", 2, None);
        let entries = book.entries();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].outcome.clone(), entries[1].outcome.clone()), (taken(0), None));
        let mut sum = Conservation::default();
        entries.iter().for_each(|entry| add(&mut sum, entry, 1));
        assert_eq!(sum, Conservation { sent: 3, acknowledged: 1, unknown: 2, stored: 2, ..Conservation::default() });
    }
}
