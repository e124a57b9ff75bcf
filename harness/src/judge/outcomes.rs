//! What became of each request, as its sender saw it.
//!
//! What a request contains is fixed by the plan, so only requests that did *not* end acknowledged at the first attempt are
//! stored; all others are acknowledged by their absence, once the chunk has been sent.

use super::instants::InstantsBook;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A request of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// Its chunk.
    pub chunk: u64,
    /// Its number inside the chunk.
    pub number: u32,
}

/// How a send ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The target said yes, all of it.
    Acknowledged,
    /// The target said yes, but not to so many of the request's spans.
    Partial {
        /// Spans that it says it rejected.
        rejected: u32,
    },
    /// The target said no for good.
    Refused,
    /// Nobody can tell: timed out, reset, or a retryable answer with no retry left.
    Unknown,
    /// It never left: the client's queue was full, or the run ended first.
    NotSent,
}

/// What is kept of a request that did not simply succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// How often it was sent.
    pub attempts: u32,
    /// The last answer, in words; capped.
    pub answer: String,
    /// When it ended, nanoseconds from the start of the run.
    pub ended_ns: u64,
}

/// Sums over requests and their spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Requests that were sent.
    pub requests: u64,
    /// Sends beyond the first of their requests.
    pub resent: u64,
    /// Spans of requests that ended acknowledged (of partial ones, those not rejected).
    pub acknowledged: u64,
    /// Spans of refused requests, and the rejected ones of partial successes.
    pub refused: u64,
    /// Spans of requests whose fate is unknown.
    pub unknown: u64,
    /// Spans of requests that never left.
    pub not_sent: u64,
}

impl RequestRecord {
    /// Whether the target took all of it and its answer said more than that, as a success with a warning does.
    pub fn is_oddly_taken(&self) -> bool {
        self.outcome == Outcome::Acknowledged && !self.answer.is_empty()
    }

    /// Whether it did not simply succeed, and there are words for why.
    pub fn is_failure_in_words(&self) -> bool {
        self.outcome != Outcome::Acknowledged && !self.answer.is_empty()
    }
}

/// The outcomes of all requests.
#[derive(Debug, Default)]
pub struct Outcomes {
    inner: Mutex<Inner>,
    instants: InstantsBook,
}

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<RequestId, RequestRecord>,
    sums: Sums,
    /// When the last attempt began of requests that could not simply be sent at their intended instant.
    begun_ns: BTreeMap<RequestId, u64>,
}

impl Outcomes {
    /// Notes how a request of so many spans ended. Each request is noted once.
    pub fn note(&self, id: RequestId, spans: u32, record: RequestRecord) {
        let mut inner = self.inner();
        let spans = u64::from(spans);
        let sums = &mut inner.sums;
        match record.outcome {
            Outcome::Acknowledged => sums.acknowledged += spans,
            Outcome::Partial { rejected } => {
                let rejected = u64::from(rejected).min(spans);
                sums.refused += rejected;
                sums.acknowledged += spans - rejected;
            }
            Outcome::Refused => sums.refused += spans,
            Outcome::Unknown => sums.unknown += spans,
            Outcome::NotSent => sums.not_sent += spans,
        }
        if record.outcome != Outcome::NotSent {
            sums.requests += 1;
            sums.resent += u64::from(record.attempts.saturating_sub(1));
        }
        if record.outcome != Outcome::Acknowledged || record.attempts > 1 || !record.answer.is_empty() {
            inner.records.insert(id, record);
        }
    }

    /// Notes that a request is sent now, `at_ns` from the start of the run: again, or well after its intended instant because
    /// the client had to wait. Until then the target had no chance to deliver what it refused or had not seen.
    pub fn note_begun(&self, id: RequestId, at_ns: u64) {
        self.inner().begun_ns.insert(id, at_ns);
    }

    /// When the last attempt of such a request began; `None` if it was sent once, at its intended instant.
    pub fn begun_ns(&self, id: RequestId) -> Option<u64> {
        self.inner().begun_ns.get(&id).copied()
    }

    /// When requests were sent and answered, and when their spans arrived.
    pub fn instants(&self) -> &InstantsBook {
        &self.instants
    }

    /// The sums so far.
    pub fn sums(&self) -> Sums {
        self.inner().sums
    }

    /// The records of all requests that did not simply succeed.
    pub fn exceptions(&self) -> BTreeMap<RequestId, RequestRecord> {
        self.inner().records.clone()
    }

    /// Of the requests so far that failed in so many words, the first of the plan.
    pub fn first_failure(&self) -> Option<RequestRecord> {
        self.inner().records.values().find(|record| record.is_failure_in_words()).cloned()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> RequestId {
        RequestId { chunk: 0, number }
    }

    fn ended(outcome: Outcome, attempts: u32) -> RequestRecord {
        RequestRecord { outcome, attempts, answer: String::new(), ended_ns: 0 }
    }

    /// Requests of 1, 10, 100 and so on spans, so that a sum says which ones it is of.
    #[test]
    fn every_request_is_summed_under_its_outcome_and_kept_unless_it_simply_succeeded() {
        let outcomes = Outcomes::default();
        let all = [
            ended(Outcome::Acknowledged, 1),
            ended(Outcome::Acknowledged, 3),
            ended(Outcome::Partial { rejected: 40 }, 1),
            ended(Outcome::Refused, 2),
            ended(Outcome::Unknown, 4),
            ended(Outcome::NotSent, 0),
            ended(Outcome::Partial { rejected: u32::MAX }, 1),
        ];
        for (number, record) in (0..).zip(&all) {
            outcomes.note(id(number), 10_u32.pow(number), record.clone());
        }
        let expected = Sums {
            requests: 6,
            resent: 2 + 1 + 3,
            acknowledged: 1 + 10 + 60,
            refused: 40 + 1000 + 1_000_000,
            unknown: 10_000,
            not_sent: 100_000,
        };
        assert_eq!(outcomes.sums(), expected);
        let kept = (0..).zip(all).skip(1).map(|(number, record)| (id(number), record));
        assert_eq!(outcomes.exceptions(), kept.collect());
    }

    #[test]
    fn the_first_failure_is_the_first_of_the_plan_that_failed_in_words() {
        let outcomes = Outcomes::default();
        let said = |outcome, answer: &str| RequestRecord { answer: answer.to_owned(), ..ended(outcome, 1) };
        outcomes.note(id(0), 1, said(Outcome::Acknowledged, "taken, and take care"));
        outcomes.note(id(1), 1, said(Outcome::NotSent, ""));
        assert_eq!(outcomes.first_failure(), None);
        outcomes.note(id(4), 1, said(Outcome::Refused, "no"));
        outcomes.note(id(2), 1, said(Outcome::Unknown, "gone"));
        assert_eq!(outcomes.first_failure().map(|failure| failure.answer), Some("gone".to_owned()));
    }

    #[test]
    fn when_a_request_was_begun_again_is_known_of_those_that_were() {
        let outcomes = Outcomes::default();
        outcomes.note_begun(id(3), 500);
        outcomes.note_begun(id(3), 700);
        assert_eq!((outcomes.begun_ns(id(3)), outcomes.begun_ns(id(4))), (Some(700), None));
    }

    #[test]
    fn instants_are_those_of_these_requests() {
        let outcomes = Outcomes::default();
        let second = std::time::Duration::from_secs(1);
        outcomes.instants().note_sent(id(0), second, second);
        assert_eq!(outcomes.instants().take_down().len(), 1);
    }
}
