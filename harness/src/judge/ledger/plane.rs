//! Two bits for each record of one chunk, marked without locks.

use super::Copies;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records in one word of a plane.
const RECORDS_IN_WORD: u32 = 32;

/// A word in which every record has one copy.
const ALL_ONCE: u64 = 0x5555_5555_5555_5555;

/// The plane of one chunk: bit 0 of a record is set by its first copy, bit 1 by its second.
#[derive(Debug)]
pub(super) struct Plane {
    words: Box<[AtomicU64]>,
}

/// The word of a record, and its first bit there.
#[inline]
pub(super) fn place(offset: u32) -> (u32, u64) {
    (offset / RECORDS_IN_WORD, 1 << (2 * (offset % RECORDS_IN_WORD)))
}

/// The records of a word that first bits stand for.
pub(super) fn offsets(word: u32, mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(word * RECORDS_IN_WORD + at / 2)
    })
}

impl Plane {
    pub(super) fn new(records: u32) -> Self {
        Self { words: (0..records.div_ceil(RECORDS_IN_WORD)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Marks records of one word, given by their first bits, and gives the bits of those that had been marked before.
    #[inline]
    pub(super) fn mark(&self, word: u32, bits: u64) -> u64 {
        let word = &self.words[word as usize];
        // Relaxed is enough: the bits guard no other memory, and readers come after the threads that mark have ended.
        let again = word.fetch_or(bits, Ordering::Relaxed) & bits;
        if again != 0 {
            word.fetch_or(again << 1, Ordering::Relaxed);
        }
        again
    }

    /// A plane in which each record has one copy; what stands beyond the last record is never looked at.
    pub(super) fn once(records: u32) -> Self {
        Self { words: (0..records.div_ceil(RECORDS_IN_WORD)).map(|_| AtomicU64::new(ALL_ONCE)).collect() }
    }

    /// Takes the only copy of a record back.
    pub(super) fn unmark(&self, offset: u32) {
        let (word, bit) = place(offset);
        self.words[word as usize].fetch_and(!bit, Ordering::Relaxed);
    }

    pub(super) fn copies(&self, offset: u32) -> Copies {
        let word = self.words[(offset / RECORDS_IN_WORD) as usize].load(Ordering::Relaxed);
        match word >> (2 * (offset % RECORDS_IN_WORD)) & 3 {
            0 => Copies::None,
            1 => Copies::One,
            _ => Copies::More,
        }
    }

    /// The records, of so many, that have not exactly one copy, in order. Complete words are passed over 32 records at a time.
    pub(super) fn exceptions(&self, records: u32) -> impl Iterator<Item = (u32, Copies)> {
        let words = self.words.iter().zip(0..);
        let open = words.filter(|(word, _)| word.load(Ordering::Relaxed) != ALL_ONCE);
        let offsets = open.flat_map(move |(_, at)| {
            let first = at * RECORDS_IN_WORD;
            first..first + RECORDS_IN_WORD.min(records - first)
        });
        offsets.map(|offset| (offset, self.copies(offset))).filter(|(_, copies)| *copies != Copies::One)
    }
}
