//! Marks for many records at a time, and their counts.
//!
//! Neighbours share a word of the plane, and all threads share words, counters and side lists; so marks for one word are
//! gathered and made at once, what belongs in the side lists is noted under one lock, and the counters are touched once.

use super::plane::{self, Plane};
use super::slot::Slot;
use super::{Exceptions, Ledger, Mark};
use std::sync::RwLockReadGuard;
use std::sync::atomic::Ordering;

/// Marks for many records at a time. Nothing of them need be seen by others before [`Marks::first`] is asked or this is dropped.
///
/// No plane is folded as long as this lives, so it is for one request. A thread must not look at the ledger's copies, nor begin
/// other marks, while it holds one: it would wait for itself if another thread is about to fold.
#[derive(Debug)]
pub struct Marks<'a> {
    ledger: &'a Ledger,
    slots: RwLockReadGuard<'a, Vec<Slot>>,
    gathered: Option<Gathered>,
    late: bool,
    aside: Aside,
    first: u64,
    unique: u64,
    extra: u64,
}

/// Marks of one word that are still to be made.
#[derive(Debug)]
struct Gathered {
    chunk: u64,
    word: u32,
    bits: u64,
    count: u64,
}

/// What is to be looked up in the side lists or noted there.
#[derive(Debug, Default)]
struct Aside {
    /// Corrupt copies, not yet marked.
    corrupt: Vec<(u64, u32)>,
    /// Records of which an intact copy came that was not the first.
    again: Vec<u64>,
    /// Records whose first copy came late.
    late: Vec<u64>,
}

impl<'a> Marks<'a> {
    pub(super) fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            slots: ledger.slots(),
            gathered: None,
            late: false,
            aside: Aside::default(),
            first: 0,
            unique: 0,
            extra: 0,
        }
    }

    /// Whether what comes for the first time from here on is late.
    pub fn late(&mut self, late: bool) {
        if late != self.late {
            self.settle();
            self.late = late;
        }
    }

    /// Counts an intact copy of a record; whether it is the first, [`Marks::first`] says for all of them.
    #[inline]
    pub fn add(&mut self, chunk: u64, offset: u32) {
        let (word, bit) = plane::place(offset);
        match &mut self.gathered {
            Some(gathered) if gathered.word == word && gathered.chunk == chunk && gathered.bits & bit == 0 => {
                gathered.bits |= bit;
                gathered.count += 1;
            }
            _ => {
                self.make();
                self.gathered = Some(Gathered { chunk, word, bits: bit, count: 1 });
            }
        }
    }

    /// Counts a copy whose content differs, likewise.
    pub fn add_corrupt(&mut self, chunk: u64, offset: u32) {
        self.aside.corrupt.push((chunk, offset));
    }

    /// Counts an intact copy of a record and says at once which copy it is.
    pub fn mark(&mut self, chunk: u64, offset: u32) -> Mark {
        self.told(|marks| marks.add(chunk, offset))
    }

    /// Counts a copy whose content differs and says at once which copy it is.
    pub fn mark_corrupt(&mut self, chunk: u64, offset: u32) -> Mark {
        self.told(|marks| marks.add_corrupt(chunk, offset))
    }

    fn told(&mut self, add: impl FnOnce(&mut Self)) -> Mark {
        self.settle();
        let unique = self.unique;
        add(self);
        self.settle();
        if self.unique > unique { Mark::First } else { Mark::Again }
    }

    /// How many first copies were counted since this was last asked.
    pub fn first(&mut self) -> u64 {
        self.settle();
        std::mem::take(&mut self.first)
    }

    #[inline]
    fn make(&mut self) {
        let Some(Gathered { chunk, word, bits, count }) = self.gathered.take() else { return };
        let again = self.plane(chunk).mark(word, bits);
        let extra = if again == 0 { 0 } else { u64::from(again.count_ones()) };
        self.count(count - extra, extra);
        if again != 0 || self.late {
            self.put_aside(chunk, word, bits, again);
        }
    }

    #[inline]
    fn plane(&self, chunk: u64) -> &Plane {
        self.slots[chunk as usize].plane(|| self.ledger.records_in(chunk))
    }

    fn count(&mut self, first: u64, extra: u64) {
        self.first += first;
        self.unique += first;
        self.extra += extra;
    }

    #[cold]
    fn put_aside(&mut self, chunk: u64, word: u32, bits: u64, again: u64) {
        let numbers = |bits| plane::offsets(word, bits).map(|offset| self.ledger.number(chunk, offset));
        self.aside.again.extend(numbers(again));
        if self.late {
            self.aside.late.extend(numbers(bits & !again));
        }
    }

    /// Makes what is still to be made and brings the side lists up to date, under one lock.
    fn settle(&mut self) {
        self.make();
        let Aside { corrupt, again, late } = std::mem::take(&mut self.aside);
        if corrupt.is_empty() && again.is_empty() && late.is_empty() {
            return;
        }
        // The side lists are locked before a corrupt copy marks the plane, and an intact one that is not the first looks into
        // them after it has marked the plane. So whichever of the two comes second, on whatever thread, knows of the other.
        let mut exceptions = self.ledger.exceptions();
        let Exceptions { corrupt: changed, also_intact, late: tardy } = &mut *exceptions;
        for (chunk, offset) in corrupt {
            let number = self.ledger.number(chunk, offset);
            let (word, bit) = plane::place(offset);
            let is_first = self.plane(chunk).mark(word, bit) == 0;
            self.count(u64::from(is_first), u64::from(!is_first));
            // Copies before the first corrupt one were intact.
            if changed.insert(number) && !is_first {
                also_intact.insert(number);
            }
            if is_first && self.late {
                tardy.insert(number);
            }
        }
        also_intact.extend(again.into_iter().filter(|number| changed.contains(*number)));
        tardy.extend(late);
    }
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        self.settle();
        self.ledger.unique.fetch_add(self.unique, Ordering::Relaxed);
        self.ledger.extra.fetch_add(self.extra, Ordering::Relaxed);
    }
}
