//! Sets of records by their number in the plan, as roaring bitmaps in the portable 64-bit serialisation.

use super::error::EvidenceError;
use super::manifest::{File, Files};
use crate::judge::ledger::{Arrivals, Copies, Exceptions, Ledger};
use roaring::RoaringTreemap;
use spanproof_generators::plan::Plan;

const MISSING: &str = "missing.roaring";
const REPEATED: &str = "repeated.roaring";
const CORRUPT: &str = "corrupt.roaring";
const ALSO_INTACT: &str = "also-intact.roaring";
const LATE: &str = "late.roaring";

/// The files of the records of which it was foretold that they would be lost, for certain and perhaps.
pub(super) const FORETOLD: [&str; 2] = ["foretold-lost.roaring", "foretold-open.roaring"];

/// The sets of a ledger with their file names: missing (no copy), repeated (two or more, intact or changed), corrupt (a changed
/// copy), those of them that came intact too, late. Chunks that were never opened are nobody's loss and left out.
pub(super) fn of(ledger: &Ledger, chunks_opened: u64) -> [(&'static str, RoaringTreemap); 5] {
    let (mut missing, mut repeated) = (RoaringTreemap::new(), RoaringTreemap::new());
    for chunk in 0..chunks_opened.min(ledger.chunks()) {
        ledger.for_each_exception(chunk, |offset, copies| {
            let set = if copies == Copies::None { &mut missing } else { &mut repeated };
            set.insert(ledger.number(chunk, offset));
        });
    }
    let Exceptions { corrupt, also_intact, late } = ledger.exceptions().clone();
    [(MISSING, missing), (REPEATED, repeated), (CORRUPT, corrupt), (ALSO_INTACT, also_intact), (LATE, late)]
}

pub(super) fn to_bytes(mut records: RoaringTreemap) -> Vec<u8> {
    records.optimize();
    let mut bytes = Vec::with_capacity(records.serialized_size());
    // Writing to memory does not fail.
    drop(records.serialize_into(&mut bytes));
    bytes
}

/// Reads one set off the front of `rest`; every record in it must be below `records`.
pub(super) fn read_set(file: &File<'_>, rest: &mut &[u8], records: u64) -> Result<RoaringTreemap, EvidenceError> {
    let set = RoaringTreemap::deserialize_from(rest).map_err(|error| file.malformed(error.to_string()))?;
    if set.max().is_some_and(|last| last >= records) {
        return Err(file.malformed("it holds more than the plan"));
    }
    Ok(set)
}

/// The sets, read back.
pub(super) struct Sets {
    missing: RoaringTreemap,
    repeated: RoaringTreemap,
    exceptions: Exceptions,
}

/// The only set of a file.
pub(super) fn whole_set(file: &File<'_>, records: u64) -> Result<RoaringTreemap, EvidenceError> {
    let mut rest = file.bytes;
    let set = read_set(file, &mut rest, records)?;
    if rest.is_empty() { Ok(set) } else { Err(file.malformed("it holds more than one set")) }
}

/// The files of the records that a fault touched, and of those that the sink took without telling the target; by its place among the
/// faults.
pub(super) fn of_fault(number: usize) -> [String; 2] {
    [format!("fault-{number}.roaring"), format!("fault-{number}-unanswered.roaring")]
}

impl Sets {
    /// Reads the sets of a plan of so many records.
    pub(super) fn read(files: &Files, records: u64) -> Result<Self, EvidenceError> {
        let set = |name| whole_set(&files.get(name)?, records);
        let sets = Self {
            missing: set(MISSING)?,
            repeated: set(REPEATED)?,
            exceptions: Exceptions { corrupt: set(CORRUPT)?, also_intact: set(ALSO_INTACT)?, late: set(LATE)? },
        };
        sets.contradiction().map_or(Ok(sets), |(name, what)| Err(EvidenceError::inconsistent(&files.path(name), what)))
    }

    /// The file that contradicts another, and how.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let Exceptions { corrupt, also_intact, late } = &self.exceptions;
        let rules = [
            (self.missing.is_disjoint(&self.repeated), MISSING, "a missing record is repeated, too"),
            (self.missing.is_disjoint(corrupt), MISSING, "of a missing record a corrupt copy arrived"),
            (self.missing.is_disjoint(late), MISSING, "a missing record came late"),
            (also_intact.is_subset(corrupt), ALSO_INTACT, "a record that also came intact never came corrupt"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map(|(_, name, what)| (name, what))
    }

    /// The ledger that these sets were taken from.
    pub(super) fn into_ledger(self, plan: &Plan, chunks_opened: u64, invented: u64, foreign: u64) -> Ledger {
        let records_by_chunk = (0..plan.chunks()).map(|chunk| plan.spans_in(chunk));
        let Self { missing, repeated, exceptions } = self;
        Ledger::rebuilt(records_by_chunk, chunks_opened, Arrivals { missing, repeated, exceptions, invented, foreign })
    }
}
