//! When requests were turned away because of the server's own bounds, and how much they were.
//!
//! Whoever judges what is absent asks whether it may have been in one of them: see [`crate::judge::doubted`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that the server turned away: one, or several that are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnedAway {
    /// When the first of them began to come.
    pub from: Instant,
    /// When the last of them was over: nothing that was sent later was in any.
    pub to: Instant,
    /// How many they were.
    pub requests: u64,
    /// So many bytes at most were in all of them together, as they came over the wire; `None` where that is not known.
    pub bytes: Option<u64>,
}

impl TurnedAway {
    fn and(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            requests: self.requests + other.requests,
            bytes: self.bytes.zip(other.bytes).map(|(one, other)| one.saturating_add(other)),
        }
    }
}

/// No more are kept apart: of more, the two with the least between them are told together.
const KEPT_MAX: usize = 256;

#[derive(Default)]
struct Noted {
    /// In the order in which they began.
    over: Vec<TurnedAway>,
    /// Turned away, and yet coming.
    under_way: BTreeMap<u64, Instant>,
    next: u64,
}

impl Noted {
    fn add(&mut self, turned: TurnedAway) {
        let at = self.over.partition_point(|other| other.from < turned.from);
        self.over.insert(at, turned);
        if self.over.len() > KEPT_MAX {
            self.join_nearest();
        }
    }

    /// Those of known size rather with each other than with one of which anything may be thought.
    fn join_nearest(&mut self) {
        let between = |at: &usize| {
            let (one, other) = (self.over[*at], self.over[at + 1]);
            (one.bytes.is_some() != other.bytes.is_some(), other.from.saturating_duration_since(one.to))
        };
        if let Some(at) = (0..self.over.len() - 1).min_by_key(between) {
            let joined = self.over.remove(at + 1);
            self.over[at] = self.over[at].and(joined);
        }
    }
}

/// Of one server.
#[derive(Default)]
pub(super) struct TurnedAwayLog(Mutex<Noted>);

impl TurnedAwayLog {
    /// One that began then is turned away. It is over when what is given is dropped.
    pub fn begin(self: &Arc<Self>, from: Instant) -> Turning {
        let mut noted = self.noted();
        let number = noted.next;
        noted.next += 1;
        noted.under_way.insert(number, from);
        Turning { log: Arc::clone(self), number, bytes: None }
    }

    /// One of which nobody knows what was in it; whoever sent it hears of that within `unheard`.
    pub fn note_unseen(&self, unheard: Duration) {
        let from = Instant::now();
        let to = from.checked_add(unheard).unwrap_or(from);
        self.noted().add(TurnedAway { from, to, requests: 1, bytes: None });
    }

    /// All so far, those that are not over included.
    pub fn all(&self) -> Vec<TurnedAway> {
        let noted = self.noted();
        let to = Instant::now();
        let under_way = noted.under_way.values().map(|from| TurnedAway { from: *from, to, requests: 1, bytes: None });
        noted.over.iter().copied().chain(under_way).collect()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is turned away, until it is over.
pub(super) struct Turning {
    log: Arc<TurnedAwayLog>,
    number: u64,
    bytes: Option<u64>,
}

impl Turning {
    /// It is over, and was of so many bytes at most, if that is known.
    pub fn over(mut self, bytes: Option<u64>) {
        self.bytes = bytes;
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        let mut noted = self.log.noted();
        let Some(from) = noted.under_way.remove(&self.number) else { return };
        noted.add(TurnedAway { from, to: Instant::now(), requests: 1, bytes: self.bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_turned_away_is_told_while_it_comes_and_when_it_is_over() {
        let log = Arc::new(TurnedAwayLog::default());
        let from = Instant::now();
        let turning = log.begin(from);
        let unheard = log.begin(from);
        let told = || log.all().iter().map(|one| (one.requests, one.bytes, one.from)).collect::<Vec<_>>();
        assert_eq!(told(), [(1, None, from), (1, None, from)]);
        turning.over(Some(700));
        assert_eq!(told(), [(1, Some(700), from), (1, None, from)]);
        drop(unheard);
        let mut told = told();
        told.sort();
        assert_eq!(told, [(1, None, from), (1, Some(700), from)], "once each, and no more than is known");
        assert!(log.all().iter().all(|one| one.to >= from));
    }

    #[test]
    fn what_is_turned_away_with_its_connection_may_come_until_the_peer_hears_of_it() {
        let log = TurnedAwayLog::default();
        log.note_unseen(Duration::from_secs(1));
        let [one] = log.all()[..] else { panic!() };
        assert_eq!((one.to - one.from, one.requests, one.bytes), (Duration::from_secs(1), 1, None));
    }

    /// A flood is told in bounded space: no request is forgotten, none gets smaller, and none leaves the time in which it came.
    #[test]
    fn of_a_flood_the_nearest_are_told_together() {
        let (mut noted, begin) = (Noted::default(), Instant::now());
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let all: Vec<_> = (0..3 * KEPT_MAX as u64)
            .map(|number| {
                let from = number * 100 + number % 7;
                let bytes = (number % 50 != 0).then_some(number);
                TurnedAway { from: at(from), to: at(from + 20), requests: 1, bytes }
            })
            .collect();
        all.iter().rev().for_each(|one| noted.add(*one));
        assert_eq!(noted.over.len(), KEPT_MAX);
        assert_eq!(noted.over.iter().map(|one| one.requests).sum::<u64>(), all.len() as u64);
        assert!(noted.over.is_sorted_by_key(|one| one.from));
        for one in &all {
            let holds = |told: &&TurnedAway| told.from <= one.from && one.to <= told.to;
            let told = noted.over.iter().find(holds).unwrap_or_else(|| panic!("{one:?}"));
            assert!(told.bytes.is_none_or(|told| one.bytes.is_some_and(|bytes| bytes <= told)), "{one:?} {told:?}");
        }
        let unknown = noted.over.iter().filter(|told| told.bytes.is_none()).map(|told| told.requests).sum::<u64>();
        assert_eq!(unknown, 16, "those of known size stay so");
    }
}
