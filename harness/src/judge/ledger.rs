//! The ledger: the only owner of what became of each record.
//!
//! Two bits a record say how many intact copies arrived: none, one, or two and more. They stand in planes, one a chunk,
//! addressed by the record's number inside the chunk, and are marked without locks from any number of threads. Everything
//! rare (corrupt, late, made up, strangers') goes to side lists that are exact in number and capped in detail.

use roaring::RoaringTreemap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Records in one word of a plane.
const RECORDS_IN_WORD: u32 = 32;

/// A word in which every record has one copy.
const ALL_ONCE: u64 = 0x5555_5555_5555_5555;

/// What a mark found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The first intact copy of its record.
    First,
    /// Another one.
    Again,
}

/// How many intact copies of a record arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Copies {
    /// None.
    None,
    /// Exactly one.
    One,
    /// Two or more.
    More,
}

/// The plane of one chunk: bit 0 of a record is set by its first copy, bit 1 by its second.
#[derive(Debug)]
struct Plane {
    words: Box<[AtomicU64]>,
}

impl Plane {
    fn new(records: u32) -> Self {
        Self { words: (0..records.div_ceil(RECORDS_IN_WORD)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Marks records of one word, given by their first bits, and gives the bits of those that had been marked before.
    #[inline]
    fn mark(&self, word: u32, bits: u64) -> u64 {
        let word = &self.words[word as usize];
        // Relaxed is enough: the bits guard no other memory, and readers come after the threads that mark have ended.
        let again = word.fetch_or(bits, Ordering::Relaxed) & bits;
        if again != 0 {
            word.fetch_or(again << 1, Ordering::Relaxed);
        }
        again
    }

    /// Gives each of `records` records one copy.
    fn fill(&self, records: u32) {
        for (at, word) in self.words.iter().enumerate() {
            let here = (records - at as u32 * RECORDS_IN_WORD).min(RECORDS_IN_WORD);
            word.store(ALL_ONCE >> (2 * (RECORDS_IN_WORD - here)), Ordering::Relaxed);
        }
    }

    fn unmark(&self, offset: u32) -> bool {
        let (word, shift) = (&self.words[(offset / RECORDS_IN_WORD) as usize], 2 * (offset % RECORDS_IN_WORD));
        word.fetch_and(!(3 << shift), Ordering::Relaxed) >> shift & 1 == 1
    }

    fn copies(&self, offset: u32) -> Copies {
        let word = self.words[(offset / RECORDS_IN_WORD) as usize].load(Ordering::Relaxed);
        match word >> (2 * (offset % RECORDS_IN_WORD)) & 3 {
            0 => Copies::None,
            1 => Copies::One,
            _ => Copies::More,
        }
    }
}

/// The side lists.
#[derive(Debug, Default, Clone)]
pub struct Exceptions {
    /// Records of which a corrupt copy arrived, by their number in the plan.
    pub corrupt: RoaringTreemap,
    /// Records whose first intact copy came later than allowed.
    pub late: RoaringTreemap,
}

/// Marks for many records at a time, and their counts. Neighbours share a word of the plane, and all threads share words
/// and counters; so marks for one word are gathered and made at once, and the counters are touched once, on dropping this.
#[derive(Debug)]
pub struct Marks<'a> {
    ledger: &'a Ledger,
    gathered: Option<Gathered<'a>>,
    first: u64,
    unique: u64,
    extra: u64,
}

/// Marks of one word that are still to be made.
#[derive(Debug)]
struct Gathered<'a> {
    plane: &'a Plane,
    chunk: u64,
    word: u32,
    bits: u64,
    count: u64,
}

impl Marks<'_> {
    /// Counts an intact copy of a record; whether it is the first, [`Marks::first`] says for all of them.
    #[inline]
    pub fn add(&mut self, chunk: u64, offset: u32) {
        let (word, bit) = (offset / RECORDS_IN_WORD, 1 << (2 * (offset % RECORDS_IN_WORD)));
        match &mut self.gathered {
            Some(gathered) if gathered.word == word && gathered.chunk == chunk && gathered.bits & bit == 0 => {
                gathered.bits |= bit;
                gathered.count += 1;
            }
            _ => {
                self.make();
                self.gathered = Some(Gathered { plane: self.ledger.plane(chunk), chunk, word, bits: bit, count: 1 });
            }
        }
    }

    /// Counts an intact copy of a record and says at once which copy it is.
    pub fn mark(&mut self, chunk: u64, offset: u32) -> Mark {
        self.make();
        let unique = self.unique;
        self.add(chunk, offset);
        self.make();
        if self.unique > unique { Mark::First } else { Mark::Again }
    }

    /// How many first copies were counted since this was last asked.
    pub fn first(&mut self) -> u64 {
        self.make();
        std::mem::take(&mut self.first)
    }

    #[inline]
    fn make(&mut self) {
        let Some(Gathered { plane, word, bits, count, .. }) = self.gathered.take() else { return };
        let again = plane.mark(word, bits);
        let extra = if again == 0 { 0 } else { u64::from(again.count_ones()) };
        self.first += count - extra;
        self.unique += count - extra;
        self.extra += extra;
    }
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        self.make();
        self.ledger.unique.fetch_add(self.unique, Ordering::Relaxed);
        self.ledger.extra.fetch_add(self.extra, Ordering::Relaxed);
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
        Marks { ledger: self, gathered: None, first: 0, unique: 0, extra: 0 }
    }

    fn plane(&self, chunk: u64) -> &Plane {
        self.planes[chunk as usize].get_or_init(|| Plane::new(self.records_in(chunk)))
    }

    /// Counts a copy whose content differs.
    pub fn mark_corrupt(&self, chunk: u64, offset: u32) {
        self.exceptions().corrupt.insert(self.number(chunk, offset));
    }

    /// Notes that a record's first intact copy came late.
    pub fn mark_late(&self, chunk: u64, offset: u32) {
        self.exceptions().late.insert(self.number(chunk, offset));
    }

    /// Counts a record that claims to be ours and is not in the plan.
    pub fn mark_invented(&self) {
        self.invented.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a record of somebody else.
    pub fn mark_foreign(&self) {
        self.foreign.fetch_add(1, Ordering::Relaxed);
    }

    /// Records of which at least one intact copy has arrived.
    pub fn unique(&self) -> u64 {
        self.unique.load(Ordering::Relaxed)
    }

    /// Intact copies beyond the first of their records.
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

    /// How many copies of a record have arrived.
    pub fn copies(&self, chunk: u64, offset: u32) -> Copies {
        self.planes[chunk as usize].get().map_or(Copies::None, |plane| plane.copies(offset))
    }

    /// Calls `each` with the offset of every record of `chunk` that has not exactly one copy. Complete words are passed
    /// over 32 records at a time.
    pub fn for_each_exception(&self, chunk: u64, mut each: impl FnMut(u32, Copies)) {
        let records = self.records_in(chunk);
        let Some(plane) = self.planes[chunk as usize].get() else {
            (0..records).for_each(|offset| each(offset, Copies::None));
            return;
        };
        for (at, word) in plane.words.iter().enumerate() {
            let first = at as u32 * RECORDS_IN_WORD;
            if word.load(Ordering::Relaxed) == ALL_ONCE && first + RECORDS_IN_WORD <= records {
                continue;
            }
            for offset in first..(first + RECORDS_IN_WORD).min(records) {
                match plane.copies(offset) {
                    Copies::One => {}
                    copies => each(offset, copies),
                }
            }
        }
    }

    /// The side lists. A thread that panicked while it held them leaves counts that are still true.
    pub fn exceptions(&self) -> MutexGuard<'_, Exceptions> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_ledger_counts_like_a_map(chunks in proptest::collection::vec(0u32..100, 1..5), marks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..300)) {
            let ledger = Ledger::new(chunks.clone());
            let mut model: BTreeMap<(u64, u32), u32> = BTreeMap::new();
            for (chunk, offset) in marks {
                let chunk = chunk.index(chunks.len());
                if chunks[chunk] == 0 { continue; }
                let offset = offset.index(chunks[chunk] as usize) as u32;
                let count = model.entry((chunk as u64, offset)).or_default();
                *count += 1;
                let expected = if *count == 1 { Mark::First } else { Mark::Again };
                prop_assert_eq!(ledger.mark(chunk as u64, offset), expected);
            }
            prop_assert_eq!(ledger.unique(), model.len() as u64);
            prop_assert_eq!(ledger.extra(), model.values().map(|count| u64::from(count - 1)).sum::<u64>());
            for (chunk, records) in chunks.iter().enumerate() {
                let mut seen = BTreeMap::new();
                ledger.for_each_exception(chunk as u64, |offset, copies| { seen.insert(offset, copies); });
                for offset in 0..*records {
                    let expected = match model.get(&(chunk as u64, offset)) { None => Copies::None, Some(1) => Copies::One, Some(_) => Copies::More };
                    prop_assert_eq!(ledger.copies(chunk as u64, offset), expected);
                    prop_assert_eq!(seen.get(&offset).copied().unwrap_or(Copies::One), expected);
                    let number = ledger.number(chunk as u64, offset);
                    prop_assert_eq!(ledger.place(number), (chunk as u64, offset));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn marks_made_together_equal_marks_made_one_by_one(offsets in proptest::collection::vec((0u64..2, 0u32..70), 0..200)) {
            let (together, single) = (Ledger::new([70, 70]), Ledger::new([70, 70]));
            let mut marks = together.marks();
            let mut first = 0;
            for (at, (chunk, offset)) in offsets.iter().enumerate() {
                marks.add(*chunk, *offset);
                first += u64::from(single.mark(*chunk, *offset) == Mark::First);
                if at % 7 == 0 {
                    prop_assert_eq!(marks.first(), std::mem::take(&mut first));
                }
            }
            drop(marks);
            prop_assert_eq!((together.unique(), together.extra()), (single.unique(), single.extra()));
            for chunk in 0..2 {
                for offset in 0..70 {
                    prop_assert_eq!(together.copies(chunk, offset), single.copies(chunk, offset));
                }
            }
        }
    }

    #[test]
    fn threads_that_mark_the_same_records_lose_no_count() {
        let ledger = Ledger::new([10_000]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for offset in 0..10_000 {
                        ledger.mark(0, offset);
                    }
                });
            }
        });
        assert_eq!((ledger.unique(), ledger.extra()), (10_000, 30_000));
        assert_eq!(ledger.copies(0, 9_999), Copies::More);
    }

    proptest! {
        #[test]
        fn a_ledger_is_rebuilt_from_what_is_missing_and_repeated(chunks in proptest::collection::vec(0u32..100, 1..5), opened: prop::sample::Index, copies in proptest::collection::vec(0u32..3, 400)) {
            let opened = opened.index(chunks.len() + 1) as u64;
            let ledger = Ledger::new(chunks.clone());
            let rebuilt = Ledger::complete(chunks.clone(), opened, Exceptions::default(), [3, 4]);
            let mut copies = copies.into_iter();
            for chunk in 0..opened {
                for offset in 0..ledger.records_in(chunk) {
                    let copies = copies.next().unwrap_or(1);
                    (0..copies).for_each(|_| _ = ledger.mark(chunk, offset));
                    match copies {
                        0 => rebuilt.unmark(rebuilt.number(chunk, offset)),
                        1 => {}
                        _ => _ = rebuilt.mark(chunk, offset),
                    }
                }
            }
            for (chunk, records) in chunks.iter().enumerate() {
                for offset in 0..*records {
                    prop_assert_eq!(rebuilt.copies(chunk as u64, offset), ledger.copies(chunk as u64, offset));
                }
            }
            prop_assert_eq!((rebuilt.unique(), rebuilt.extra()), (ledger.unique(), ledger.extra()));
            prop_assert_eq!((rebuilt.invented(), rebuilt.foreign()), (3, 4));
        }
    }
}
