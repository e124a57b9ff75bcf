//! Requests that a fault sent away, and what the target did with them: how often they came again, when, and whether OTLP lets them.
//!
//! A request is known by the ids of its first span. Who sends one again sends it as it was; of one that was put together anew
//! nothing is told. Rules: OTLP 1.11, "Failures", "Throttling" and "Partial Success".

use spanproof_generators::walk::SpanIds;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many requests are remembered at a time; of further ones nothing is told.
const REMEMBERED_MAX: usize = 1 << 18;

/// So many first pauses are kept of each fault.
const PAUSES_MAX: usize = 1 << 12;

/// Examples that are kept of each thing that ought not to have happened.
const EXAMPLES_MAX: usize = 3;

/// What the target may do with a request after the answer that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Send it again when it likes, which is to say after a pause in which there is chance.
    AfterAPause,
    /// Send it again when it likes; what it waits for besides, as a time-out, is not known.
    SomeTime,
    /// Send it again, but not before it has waited for so long.
    NotWithin(Duration),
    /// Never send it again.
    Never,
}

/// What the target did with the requests that one fault sent away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Returns {
    /// Requests that were sent away, each counted once.
    pub sent_away: u64,
    /// How often one of them came again.
    pub came_again: u64,
    /// The most often that one of them came, its first time included.
    pub attempts_max: u32,
    /// The longest, of those that were taken in the end, from the first time until then.
    pub oldest_taken: Option<Duration>,
    /// From the first time to the second, where the answer was a refusal that names no time; of the first few thousand requests.
    pub first_pauses: Vec<Duration>,
    /// Came again although OTLP has nobody send again what was answered so.
    pub after_final: Wrong,
    /// Came again before the time that the answer named.
    pub too_early: Wrong,
}

/// Something that ought not to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wrong {
    /// How often it did.
    pub times: u64,
    /// The first few: the first span of the request, when it was sent away, and when it came again, from the start of the run.
    pub examples: Vec<(SpanIds, Duration, Duration)>,
}

impl Wrong {
    fn note(&mut self, request: SpanIds, away: Duration, again: Duration) {
        self.times += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push((request, away, again));
        }
    }
}

/// The requests that were sent away and have not been taken since.
#[derive(Debug)]
pub(super) struct SentAway {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    remembered: HashMap<SpanIds, Remembered>,
    /// Of each fault, by its place in the book.
    returns: Vec<Returns>,
}

/// A request, from the last time that it was sent away.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    fault: usize,
    then: Then,
    first: Duration,
    last: Duration,
    attempts: u32,
}

impl SentAway {
    /// None yet, by any of so many faults.
    pub(super) fn new(faults: usize) -> Self {
        Self { state: Mutex::new(State { remembered: HashMap::new(), returns: vec![Returns::default(); faults] }) }
    }

    /// A request came at this instant of the run, whatever becomes of it.
    pub(super) fn came(&self, at: Duration, request: SpanIds) {
        let mut state = self.lock();
        let State { remembered, returns } = &mut *state;
        let Some(known) = remembered.get_mut(&request) else { return };
        known.attempts = known.attempts.saturating_add(1);
        returns[known.fault].note(request, *known, at);
    }

    /// The fault at this place of the book sent it away.
    pub(super) fn sent_away(&self, fault: usize, at: Duration, request: SpanIds, then: Then) {
        let mut state = self.lock();
        let is_full = state.remembered.len() >= REMEMBERED_MAX;
        match state.remembered.entry(request) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                (known.fault, known.then, known.last) = (fault, then, at);
            }
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(new) => {
                new.insert(Remembered { fault, then, first: at, last: at, attempts: 1 });
                state.returns[fault].sent_away += 1;
            }
        }
    }

    /// It was taken.
    pub(super) fn taken(&self, at: Duration, request: SpanIds) {
        let mut state = self.lock();
        let State { remembered, returns } = &mut *state;
        // What must never come again is remembered for ever.
        if remembered.get(&request).is_none_or(|known| known.then == Then::Never) {
            return;
        }
        if let Some(known) = remembered.remove(&request) {
            let oldest = &mut returns[known.fault].oldest_taken;
            *oldest = (*oldest).max(Some(at.saturating_sub(known.first)));
        }
    }

    /// What became of those that the fault at this place of the book sent away.
    pub(super) fn returns(&self, fault: usize) -> Returns {
        self.lock().returns[fault].clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Returns {
    /// It came again, for the `known.attempts`th time.
    fn note(&mut self, request: SpanIds, known: Remembered, at: Duration) {
        self.came_again += 1;
        self.attempts_max = self.attempts_max.max(known.attempts);
        // The target's own pause begins when it has the answer, which is later than the instant at which the request came.
        let pause = at.saturating_sub(known.last);
        match known.then {
            Then::Never => self.after_final.note(request, known.last, at),
            Then::NotWithin(wait) if pause < wait => self.too_early.note(request, known.last, at),
            Then::AfterAPause if known.attempts == 2 && self.first_pauses.len() < PAUSES_MAX => {
                self.first_pauses.push(pause);
            }
            Then::NotWithin(_) | Then::AfterAPause | Then::SomeTime => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u8) -> SpanIds {
        SpanIds { trace_id: [number; 16], span_id: [1; 8] }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Comes at these seconds, and is sent away each time but for the last, when it is taken.
    fn life(book: &SentAway, request: SpanIds, then: Then, at: &[u64]) {
        for (number, second) in at.iter().enumerate() {
            book.came(s(*second), request);
            if number + 1 < at.len() {
                book.sent_away(0, s(*second), request, then);
            } else {
                book.taken(s(*second), request);
            }
        }
    }

    #[test]
    fn what_comes_again_as_it_may_is_counted_and_nothing_is_wrong() {
        let book = SentAway::new(1);
        life(&book, request(1), Then::AfterAPause, &[10, 12, 16, 24]);
        life(&book, request(2), Then::AfterAPause, &[10, 13]);
        life(&book, request(3), Then::NotWithin(s(3)), &[10, 13]);
        life(&book, request(4), Then::SomeTime, &[10, 10]);
        // Never sent away, and so not known.
        life(&book, request(5), Then::Never, &[10]);
        let returns = book.returns(0);
        let expected = Returns {
            sent_away: 4,
            came_again: 6,
            attempts_max: 4,
            oldest_taken: Some(s(14)),
            first_pauses: vec![s(2), s(3)],
            ..Returns::default()
        };
        assert_eq!(returns, expected);
    }

    #[test]
    fn what_was_refused_for_good_must_not_come_again_ever() {
        let book = SentAway::new(1);
        life(&book, request(1), Then::Never, &[10, 12]);
        book.came(s(100), request(1));
        let wrong = book.returns(0).after_final;
        assert_eq!((wrong.times, wrong.examples), (2, vec![(request(1), s(10), s(12)), (request(1), s(10), s(100))]));
    }

    #[test]
    fn what_is_asked_to_wait_must() {
        let book = SentAway::new(1);
        life(&book, request(1), Then::NotWithin(s(5)), &[10, 14, 19]);
        let returns = book.returns(0);
        assert_eq!((returns.too_early.times, returns.too_early.examples), (1, vec![(request(1), s(10), s(14))]));
        assert!(returns.first_pauses.is_empty(), "a pause that was asked for has no chance in it");
    }

    #[test]
    fn the_fault_that_sent_it_away_last_is_the_one_whose_rule_holds() {
        let book = SentAway::new(2);
        book.sent_away(0, s(10), request(1), Then::Never);
        book.sent_away(1, s(20), request(1), Then::AfterAPause);
        book.came(s(21), request(1));
        assert_eq!((book.returns(0).after_final.times, book.returns(1).came_again), (0, 1));
    }

    #[test]
    fn taken_is_forgotten_and_only_so_many_are_remembered() {
        let book = SentAway::new(1);
        life(&book, request(1), Then::SomeTime, &[1, 2]);
        book.came(s(3), request(1));
        assert_eq!(book.returns(0).came_again, 1, "a repeat of what was taken is another matter");
        for number in 0..REMEMBERED_MAX as u64 + 5 {
            let request = SpanIds { trace_id: [0; 16], span_id: number.to_le_bytes() };
            book.sent_away(0, s(1), request, Then::SomeTime);
        }
        assert_eq!(book.returns(0).sent_away, 1 + REMEMBERED_MAX as u64);
    }
}
