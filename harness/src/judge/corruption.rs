//! What is known of corrupt records: exact counts by what differs, and a few examples of each.

use super::explain::Difference;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Examples kept of each kind.
const EXAMPLES_MAX: usize = 5;

/// Kinds kept; further ones are counted under [`OTHER`].
const KINDS_MAX: usize = 200;

/// The kind of those beyond [`KINDS_MAX`].
const OTHER: &str = "(other fields)";

/// One corrupt copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptExample {
    /// Number of the record in the plan.
    pub record: u64,
    /// When it arrived, nanoseconds from the start of the run.
    pub received_ns: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// All copies in which the same fields differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorruptionKind {
    /// How many copies.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<CorruptExample>,
}

/// Corrupt copies by the fields that differ.
#[derive(Debug, Default)]
pub struct Corruptions {
    kinds: Mutex<BTreeMap<String, CorruptionKind>>,
}

impl Corruptions {
    /// Counts a corrupt copy.
    pub fn note(&self, record: u64, differences: Vec<Difference>, received_ns: u64) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut name = differences.iter().map(|difference| difference.path.as_str()).collect::<Vec<_>>().join(", ");
        if !kinds.contains_key(&name) && kinds.len() >= KINDS_MAX {
            OTHER.clone_into(&mut name);
        }
        let kind = kinds.entry(name).or_default();
        kind.count += 1;
        if kind.examples.len() < EXAMPLES_MAX {
            kind.examples.push(CorruptExample { record, received_ns, differences });
        }
    }

    /// All kinds, by the names of their fields.
    pub fn kinds(&self) -> BTreeMap<String, CorruptionKind> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
