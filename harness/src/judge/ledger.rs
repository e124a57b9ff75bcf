//! The ledger: the only owner of what became of each record.
//!
//! Two bits a record say how many copies arrived, intact or changed: none, one, or two and more. They stand in planes, one
//! a chunk, addressed by the record's number inside the chunk, and are marked without locks from any number of threads.
//! Everything rare (corrupt, late) is in side lists; what is not in the plan is only counted here.

mod marks;
mod plane;
#[cfg(test)]
mod tests;

pub use marks::Marks;

use plane::Plane;
use roaring::RoaringTreemap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What a mark found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The first copy of its record.
    First,
    /// Another one.
    Again,
}

/// How many copies of a record arrived, intact or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Copies {
    /// None.
    None,
    /// Exactly one.
    One,
    /// Two or more.
    More,
}

/// The side lists: records by their number in the plan.
#[derive(Debug, Default, Clone)]
pub struct Exceptions {
    /// Records of which a corrupt copy arrived.
    pub corrupt: RoaringTreemap,
    /// Those of them of which an intact copy arrived, too.
    pub also_intact: RoaringTreemap,
    /// Records whose first copy, intact or changed, came later than allowed.
    pub late: RoaringTreemap,
}

impl Exceptions {
    /// Records of which corrupt copies arrived and no intact one.
    pub fn corrupted_only(&self) -> RoaringTreemap {
        &self.corrupt - &self.also_intact
    }
}

/// The ledger of one destination.
#[derive(Debug)]
pub struct Ledger {
    /// Records before each chunk; the last entry is the total.
    first_record: Vec<u64>,
    planes: Vec<OnceLock<Plane>>,
    unique: AtomicU64,
    extra: AtomicU64,
    invented: AtomicU64,
    foreign: AtomicU64,
    exceptions: Mutex<Exceptions>,
}

impl Ledger {
    /// A ledger for chunks that hold so many records each.
    pub fn new(records_by_chunk: impl IntoIterator<Item = u32>) -> Self {
        let mut first_record = vec![0];
        let mut total = 0;
        for records in records_by_chunk {
            total += u64::from(records);
            first_record.push(total);
        }
        let planes = (1..first_record.len()).map(|_| OnceLock::new()).collect();
        Self {
            first_record,
            planes,
            unique: AtomicU64::new(0),
            extra: AtomicU64::new(0),
            invented: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            exceptions: Mutex::default(),
        }
    }

    /// A ledger in which every record of the first `chunks_opened` chunks has exactly one copy, with these side lists and
    /// these numbers of invented and foreign records: from here, marking and [`Ledger::unmark`] lead to any other ledger.
    pub fn complete(
        records_by_chunk: impl IntoIterator<Item = u32>,
        chunks_opened: u64,
        exceptions: Exceptions,
        [invented, foreign]: [u64; 2],
    ) -> Self {
        let ledger = Self::new(records_by_chunk);
        for chunk in 0..chunks_opened.min(ledger.chunks()) {
            let records = ledger.records_in(chunk);
            ledger.plane(chunk).fill(records);
            ledger.unique.fetch_add(u64::from(records), Ordering::Relaxed);
        }
        ledger.invented.store(invented, Ordering::Relaxed);
        ledger.foreign.store(foreign, Ordering::Relaxed);
        *ledger.exceptions() = exceptions;
        ledger
    }

    /// Takes the single copy of record `number` back; one without a copy stays as it is.
    pub fn unmark(&self, number: u64) {
        let (chunk, offset) = self.place(number);
        if self.plane(chunk).unmark(offset) {
            self.unique.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Records in the ledger.
    pub fn records(&self) -> u64 {
        self.first_record.last().copied().unwrap_or(0)
    }

    /// Chunks in the ledger.
    pub fn chunks(&self) -> u64 {
        self.planes.len() as u64
    }

    /// Records of `chunk`.
    pub fn records_in(&self, chunk: u64) -> u32 {
        (self.first_record[chunk as usize + 1] - self.first_record[chunk as usize]) as u32
    }

    /// The number in the plan of a chunk's record.
    pub fn number(&self, chunk: u64, offset: u32) -> u64 {
        self.first_record[chunk as usize] + u64::from(offset)
    }

    /// The chunk and the offset in it of record `number`.
    pub fn place(&self, number: u64) -> (u64, u32) {
        let chunk = self.first_record.partition_point(|first| *first <= number) - 1;
        (chunk as u64, (number - self.first_record[chunk]) as u32)
    }

    /// Counts an intact copy of a record.
    pub fn mark(&self, chunk: u64, offset: u32) -> Mark {
        self.marks().mark(chunk, offset)
    }

    /// Marks for many records at a time.
    pub fn marks(&self) -> Marks<'_> {
        Marks::new(self)
    }

    fn plane(&self, chunk: u64) -> &Plane {
        self.planes[chunk as usize].get_or_init(|| Plane::new(self.records_in(chunk)))
    }

    /// Counts a copy whose content differs.
    pub fn mark_corrupt(&self, chunk: u64, offset: u32) -> Mark {
        self.marks().mark_corrupt(chunk, offset)
    }

    /// Counts a record that claims to be ours and is not in the plan.
    pub fn mark_invented(&self) {
        self.invented.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a record of somebody else.
    pub fn mark_foreign(&self) {
        self.foreign.fetch_add(1, Ordering::Relaxed);
    }

    /// Records of which at least one copy has arrived, intact or changed.
    pub fn unique(&self) -> u64 {
        self.unique.load(Ordering::Relaxed)
    }

    /// Copies beyond the first of their records.
    pub fn extra(&self) -> u64 {
        self.extra.load(Ordering::Relaxed)
    }

    /// Invented records so far.
    pub fn invented(&self) -> u64 {
        self.invented.load(Ordering::Relaxed)
    }

    /// Foreign records so far.
    pub fn foreign(&self) -> u64 {
        self.foreign.load(Ordering::Relaxed)
    }

    /// Records with a corrupt copy so far.
    pub fn corrupt(&self) -> u64 {
        self.exceptions().corrupt.len()
    }

    /// Records so far of which corrupt copies have arrived and no intact one.
    pub fn corrupted_only(&self) -> u64 {
        let exceptions = self.exceptions();
        exceptions.corrupt.len() - exceptions.also_intact.len()
    }

    /// Records of which at least one intact copy has arrived. While copies come in, it may be behind by some requests.
    pub fn delivered(&self) -> u64 {
        self.unique().saturating_sub(self.corrupted_only())
    }

    /// How many copies of a record have arrived.
    pub fn copies(&self, chunk: u64, offset: u32) -> Copies {
        self.planes[chunk as usize].get().map_or(Copies::None, |plane| plane.copies(offset))
    }

    /// Calls `each` with the offset of every record of `chunk` that has not exactly one copy.
    pub fn for_each_exception(&self, chunk: u64, mut each: impl FnMut(u32, Copies)) {
        let records = self.records_in(chunk);
        let Some(plane) = self.planes[chunk as usize].get() else {
            (0..records).for_each(|offset| each(offset, Copies::None));
            return;
        };
        plane.for_each_exception(records, each);
    }

    /// The side lists. A thread that panicked while it held them leaves counts that are still true.
    pub fn exceptions(&self) -> MutexGuard<'_, Exceptions> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
