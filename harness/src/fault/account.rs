//! What a fault of a sink has done so far: its evidence.

use crate::wire::server::Answered;
use roaring::RoaringTreemap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The account of one fault.
#[derive(Debug)]
pub struct FaultAccount {
    touched: AtomicU64,
    /// The records in what it touched.
    records: Mutex<RoaringTreemap>,
    /// Of requests that were taken: the records whose answer was kept back, and those whose answer may yet be given.
    unanswered: Mutex<Unanswered>,
    /// From the start of the run; meaningless while nothing was touched.
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct Unanswered {
    /// Never answered, as is known already.
    kept_back: RoaringTreemap,
    /// Answered late, unless the target gives up before.
    pending: Vec<(Answered, RoaringTreemap)>,
    /// From this many on those that were answered meanwhile are dropped.
    look_at: usize,
}

impl Unanswered {
    fn add(&mut self, answered: Answered, records: RoaringTreemap) {
        self.pending.push((answered, records));
        if self.pending.len() > self.look_at {
            self.pending.retain(|(answered, _)| !answered.is_so());
            self.look_at = 2 * self.pending.len() + 64;
        }
    }

    /// What had not been answered by now.
    fn all(&self) -> RoaringTreemap {
        let pending = self.pending.iter().filter(|(answered, _)| !answered.is_so());
        pending.fold(self.kept_back.clone(), |all, (_, records)| all | records)
    }
}

impl Default for FaultAccount {
    fn default() -> Self {
        Self {
            touched: AtomicU64::new(0),
            records: Mutex::default(),
            unanswered: Mutex::default(),
            first_ns: AtomicU64::new(u64::MAX),
            last_ns: AtomicU64::new(0),
        }
    }
}

impl FaultAccount {
    /// It decides about a request that arrived at this instant, from the start of the run.
    pub fn note_touched(&self, at: Duration) {
        let at = at.as_nanos() as u64;
        self.first_ns.fetch_min(at, Relaxed);
        self.last_ns.fetch_max(at, Relaxed);
        self.touched.fetch_add(1, Relaxed);
    }

    /// These records were in what it touched.
    pub fn note_records(&self, records: &RoaringTreemap) {
        *lock(&self.records) |= records;
    }

    /// These were in it, were taken, and their answer never comes.
    pub fn note_unanswered(&self, records: &RoaringTreemap) {
        self.note_records(records);
        self.note_kept_back(records);
    }

    /// These were in it, were taken, and their answer comes late, unless the target gives up before that.
    pub fn note_answered_late(&self, answered: Answered, records: RoaringTreemap) {
        self.note_records(&records);
        lock(&self.unanswered).add(answered, records);
    }

    /// The answer for these records may be lost, touched or not.
    pub fn note_kept_back(&self, records: &RoaringTreemap) {
        lock(&self.unanswered).kept_back |= records;
    }

    /// Requests that it touched.
    pub fn touched(&self) -> u64 {
        self.touched.load(Relaxed)
    }

    /// The records of the plan that were in them.
    pub fn records(&self) -> RoaringTreemap {
        lock(&self.records).clone()
    }

    /// The records that were taken without the target having been told by now.
    pub fn unanswered(&self) -> RoaringTreemap {
        lock(&self.unanswered).all()
    }

    /// When it touched the first request and the last, from the start of the run.
    pub fn between(&self) -> Option<(Duration, Duration)> {
        let instant = |ns: &AtomicU64| Duration::from_nanos(ns.load(Relaxed));
        (self.touched() > 0).then(|| (instant(&self.first_ns), instant(&self.last_ns)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_late_is_unanswered_only_while_it_is_not() {
        let account = FaultAccount::default();
        let witnesses: Vec<Answered> = (0..200).map(|_| Answered::default()).collect();
        for (number, witness) in witnesses.iter().enumerate() {
            account.note_answered_late(witness.clone(), [number as u64].into_iter().collect());
            if number % 2 == 0 {
                witness.note();
            }
        }
        account.note_unanswered(&[500].into_iter().collect());
        let unanswered = account.unanswered();
        assert_eq!((account.records().len(), unanswered.len()), (201, 101));
        assert!(unanswered.contains(500) && !unanswered.contains(0));
        assert!(account.unanswered.lock().unwrap().pending.len() < 200, "what was answered is let go");
    }
}
