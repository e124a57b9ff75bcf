//! Marks for many records at a time, and their counts.
//!
//! Neighbours share a word of the plane, and all threads share words, counters and side lists; so marks for one word are
//! gathered and made at once, what belongs in the side lists is noted under one lock, and the counters are touched once.

use super::plane;
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
    /// Rare, and so kept elsewhere: a loop that marks has all the rest in registers, as long as it lends none of it.
    aside: Option<Box<Aside>>,
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
        let slots = ledger.slots();
        Self { ledger, slots, gathered: None, late: false, aside: None, first: 0, unique: 0, extra: 0 }
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
        self.aside.get_or_insert_default().corrupt.push((chunk, offset));
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
    #[inline]
    pub fn first(&mut self) -> u64 {
        self.settle();
        std::mem::take(&mut self.first)
    }

    #[inline(always)]
    fn make(&mut self) {
        let Some(Gathered { chunk, word, bits, count }) = self.gathered.take() else { return };
        let ledger = self.ledger;
        let again = ledger.plane(&self.slots, chunk).mark(word, bits);
        let extra = if again == 0 { 0 } else { u64::from(again.count_ones()) };
        self.count(count - extra, extra);
        if again != 0 || self.late {
            let late = if self.late { bits & !again } else { 0 };
            let aside = self.aside.take().unwrap_or_default();
            self.aside = Some(put_aside(aside, ledger.number(chunk, 0), word, again, late));
        }
    }

    #[inline(always)]
    fn count(&mut self, first: u64, extra: u64) {
        self.first += first;
        self.unique += first;
        self.extra += extra;
    }

    /// Makes what is still to be made and brings the side lists up to date, under one lock.
    #[inline(always)]
    fn settle(&mut self) {
        self.make();
        if let Some(aside) = self.aside.take() {
            let (first, extra) = note(self.ledger, &self.slots, *aside, self.late);
            self.count(first, extra);
        }
    }
}

/// Puts records of a word aside that came again or late, given by their first bits.
#[cold]
fn put_aside(mut aside: Box<Aside>, first_of_chunk: u64, word: u32, again: u64, late: u64) -> Box<Aside> {
    let numbers = |bits| plane::offsets(word, bits).map(|offset| first_of_chunk + u64::from(offset));
    aside.again.extend(numbers(again));
    aside.late.extend(numbers(late));
    aside
}

/// Marks corrupt copies and brings the side lists up to date. Gives how many of these copies were the first of their records,
/// and how many were not.
#[cold]
fn note(ledger: &Ledger, slots: &[Slot], aside: Aside, late: bool) -> (u64, u64) {
    let (mut first, mut extra) = (0, 0);
    // The side lists are locked before a corrupt copy marks the plane, and an intact one that is not the first looks into
    // them after it has marked the plane. So whichever of the two comes second, on whatever thread, knows of the other.
    let mut exceptions = ledger.exceptions();
    let Exceptions { corrupt, also_intact, late: tardy } = &mut *exceptions;
    for (chunk, offset) in aside.corrupt {
        let number = ledger.number(chunk, offset);
        let (word, bit) = plane::place(offset);
        let is_first = ledger.plane(slots, chunk).mark(word, bit) == 0;
        // Copies before the first corrupt one were intact.
        if corrupt.insert(number) && !is_first {
            also_intact.insert(number);
        }
        if is_first && late {
            tardy.insert(number);
        }
        *(if is_first { &mut first } else { &mut extra }) += 1;
    }
    also_intact.extend(aside.again.into_iter().filter(|number| corrupt.contains(*number)));
    tardy.extend(aside.late);
    (first, extra)
}

impl Drop for Marks<'_> {
    #[inline]
    fn drop(&mut self) {
        self.settle();
        self.ledger.unique.fetch_add(self.unique, Ordering::Relaxed);
        self.ledger.extra.fetch_add(self.extra, Ordering::Relaxed);
    }
}
