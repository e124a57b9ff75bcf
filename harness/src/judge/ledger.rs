//! The ledger: the only owner of what became of each record.
//!
//! Two bits a record say how many copies arrived, intact or changed: none, one, or two and more. They stand in planes, one
//! a chunk, addressed by the record's number inside the chunk, and are marked without locks from any number of threads.
//! Everything rare (corrupt, late) is in side lists; what is not in the plan is only counted here.
//!
//! A plane is needed only while a chunk's records come in: [`Ledger::fold`] replaces those that are complete by nothing, and
//! those that have settled with few exceptions by a list. What still comes later unfolds them again.

mod marks;
mod plane;
mod slot;
#[cfg(test)]
mod tests;

pub use marks::Marks;

use plane::Plane;
use roaring::RoaringTreemap;
use slot::{Few, Slot};
use std::iter::Peekable;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// Planes looked at when the ledger folds, so that folding takes less than a millisecond at a time.
const LOOKS_MAX: usize = 256;

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

/// What a ledger is made again from.
#[derive(Debug, Default, Clone)]
pub struct Arrivals {
    /// Records of which no copy arrived.
    pub missing: RoaringTreemap,
    /// Records of which two or more copies arrived.
    pub repeated: RoaringTreemap,
    /// The side lists.
    pub exceptions: Exceptions,
    /// Invented records.
    pub invented: u64,
    /// Foreign records.
    pub foreign: u64,
}

/// The ledger of one destination.
#[derive(Debug)]
pub struct Ledger {
    /// Records before each chunk; the last entry is the total.
    first_record: Vec<u64>,
    /// What is kept of each chunk. Whoever marks or looks shares the lock; whoever folds a plane has it alone, for some
    /// microseconds, so that no mark is made on a plane that is gone.
    slots: RwLock<Vec<Slot>>,
    /// The chunk that folding looks at next.
    next_fold: AtomicU64,
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
        let slots = (1..first_record.len()).map(|_| Slot::default()).collect();
        Self {
            first_record,
            slots: RwLock::new(slots),
            next_fold: AtomicU64::new(0),
            unique: AtomicU64::new(0),
            extra: AtomicU64::new(0),
            invented: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            exceptions: Mutex::default(),
        }
    }

    /// The ledger from which these sets were taken when so many chunks had been opened, but that of copies beyond the second
    /// nothing is known. It needs no more memory than the sets do.
    pub fn rebuilt(records_by_chunk: impl IntoIterator<Item = u32>, chunks_opened: u64, arrivals: Arrivals) -> Self {
        let mut ledger = Self::new(records_by_chunk);
        let (mut missing, mut repeated) = (arrivals.missing.iter().peekable(), arrivals.repeated.iter().peekable());
        let (mut slots, mut unique, mut extra) = (Vec::new(), 0, 0);
        for chunk in 0..chunks_opened.min(ledger.chunks()) {
            let (first, records) = (ledger.number(chunk, 0), ledger.records_in(chunk));
            let range = first..first + u64::from(records);
            let but =
                Few { missing: offsets(&mut missing, range.clone()), repeated: offsets(&mut repeated, range.clone()) };
            unique += u64::from(records) - but.missing.len() as u64;
            extra += but.repeated.len() as u64;
            slots.push(Slot::once_but(records, but));
        }
        slots.resize_with(ledger.chunks() as usize, Slot::default);
        ledger.slots = RwLock::new(slots);
        ledger.unique = AtomicU64::new(unique);
        ledger.extra = AtomicU64::new(extra);
        ledger.invented = AtomicU64::new(arrivals.invented);
        ledger.foreign = AtomicU64::new(arrivals.foreign);
        ledger.exceptions = Mutex::new(arrivals.exceptions);
        ledger
    }

    /// Chunks in the ledger.
    pub fn chunks(&self) -> u64 {
        self.first_record.len() as u64 - 1
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

    /// Gives back what the planes of complete chunks take, and those of the first `settled` chunks in which less than one
    /// record in a hundred has not exactly one copy. Nothing is forgotten: a copy that comes later brings its plane back. To
    /// be called from time to time, since only some hundred planes are looked at, in turn.
    pub fn fold(&self, settled: u64) {
        for chunk in self.to_be_looked_at() {
            let records = self.records_in(chunk);
            let most = if chunk < settled { slot::few(records) } else { 0 };
            // Looked at while others mark, so that they wait only for planes that can go.
            if self.slots()[chunk as usize].foldable(records, most).is_some() {
                let plane =
                    self.slots.write().unwrap_or_else(PoisonError::into_inner)[chunk as usize].fold(records, most);
                // Freed when nobody waits any more.
                drop(plane);
            }
        }
    }

    /// The next chunks with planes.
    fn to_be_looked_at(&self) -> Vec<u64> {
        let (slots, next) = (self.slots(), self.next_fold.load(Ordering::Relaxed));
        let in_turn = (next..self.chunks()).chain(0..next.min(self.chunks()));
        let chunks: Vec<u64> = in_turn.filter(|chunk| slots[*chunk as usize].has_plane()).take(LOOKS_MAX).collect();
        self.next_fold.store(chunks.last().map_or(0, |last| last + 1), Ordering::Relaxed);
        chunks
    }

    /// Chunks that have a plane: those whose records are coming in, and those in which much is out of the ordinary.
    pub fn planes(&self) -> u64 {
        self.slots().iter().filter(|slot| slot.has_plane()).count() as u64
    }

    /// The plane of a chunk, made if it is not there.
    #[inline]
    fn plane<'a>(&self, slots: &'a [Slot], chunk: u64) -> &'a Plane {
        slots[chunk as usize].plane(|| self.records_in(chunk))
    }

    fn slots(&self) -> RwLockReadGuard<'_, Vec<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
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
        self.slots()[chunk as usize].copies(offset)
    }

    /// Calls `each` with the offset of every record of `chunk` that has not exactly one copy, in order. It must not mark.
    pub fn for_each_exception(&self, chunk: u64, each: impl FnMut(u32, Copies)) {
        self.slots()[chunk as usize].for_each_exception(self.records_in(chunk), each);
    }

    /// The side lists. A thread that panicked while it held them leaves counts that are still true.
    pub fn exceptions(&self) -> MutexGuard<'_, Exceptions> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the numbers that lie in `range` from the beginning, as offsets in it; earlier ones belong nowhere.
fn offsets(numbers: &mut Peekable<impl Iterator<Item = u64>>, range: Range<u64>) -> Box<[u32]> {
    let here = std::iter::from_fn(|| numbers.next_if(|number| *number < range.end));
    here.filter(|number| range.contains(number)).map(|number| (number - range.start) as u32).collect()
}
