//! What the ledger keeps of one chunk: nothing, a list of what is out of the ordinary, or the whole plane.

use super::Copies;
use super::plane::{self, Plane};
use std::sync::OnceLock;

/// One chunk of the ledger. The plane, once there, is the truth; what was folded is what the plane begins with.
#[derive(Debug, Default)]
pub(super) struct Slot {
    plane: OnceLock<Plane>,
    folded: Folded,
}

/// A chunk without a plane.
#[derive(Debug, Default)]
enum Folded {
    /// No copy of any record.
    #[default]
    Untouched,
    /// One copy of each record, but for these.
    Once(Few),
}

/// Records of a chunk that have not exactly one copy, in order. Without any, which is the rule, this takes no memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Few {
    pub(super) missing: Box<[u32]>,
    pub(super) repeated: Box<[u32]>,
}

/// So many exceptions fold into a list: less than one record in a hundred, where the list takes less than a sixth of the plane.
pub(super) fn few(records: u32) -> usize {
    records.saturating_sub(1) as usize / 100
}

impl Slot {
    /// A chunk in which each record has one copy but for these.
    pub(super) fn once_but(records: u32, but: Few) -> Self {
        if but.missing.len() == records as usize {
            return Self::default();
        }
        if but.missing.len() + but.repeated.len() > few(records) {
            return Self { plane: OnceLock::from(unfold(records, &but)), folded: Folded::Untouched };
        }
        Self { plane: OnceLock::new(), folded: Folded::Once(but) }
    }

    /// The plane, made from what was folded if it is not there. `records` gives the number of the chunk's records.
    #[inline]
    pub(super) fn plane(&self, records: impl FnOnce() -> u32) -> &Plane {
        self.plane.get_or_init(|| match &self.folded {
            Folded::Untouched => Plane::new(records()),
            Folded::Once(but) => unfold(records(), but),
        })
    }

    pub(super) fn has_plane(&self) -> bool {
        self.plane.get().is_some()
    }

    /// What would be folded: the exceptions, if there is a plane and no more than `most` of them.
    pub(super) fn foldable(&self, records: u32, most: usize) -> Option<Few> {
        let exceptions: Vec<_> = self.plane.get()?.exceptions(records).take(most + 1).collect();
        if exceptions.len() > most {
            return None;
        }
        let (missing, repeated): (Vec<_>, Vec<_>) =
            exceptions.into_iter().partition(|(_, copies)| *copies == Copies::None);
        let offsets = |exceptions: Vec<(u32, Copies)>| exceptions.into_iter().map(|(offset, _)| offset).collect();
        Some(Few { missing: offsets(missing), repeated: offsets(repeated) })
    }

    /// Folds the plane, if there is one with no more than `most` exceptions, and gives it to whoever wants to free it.
    pub(super) fn fold(&mut self, records: u32, most: usize) -> Option<Plane> {
        self.folded = Folded::Once(self.foldable(records, most)?);
        self.plane.take()
    }

    pub(super) fn copies(&self, offset: u32) -> Copies {
        match (self.plane.get(), &self.folded) {
            (Some(plane), _) => plane.copies(offset),
            (None, Folded::Untouched) => Copies::None,
            (None, Folded::Once(but)) if but.missing.binary_search(&offset).is_ok() => Copies::None,
            (None, Folded::Once(but)) if but.repeated.binary_search(&offset).is_ok() => Copies::More,
            (None, Folded::Once(_)) => Copies::One,
        }
    }

    /// Calls `each` with every record that has not exactly one copy, in order.
    pub(super) fn for_each_exception(&self, records: u32, mut each: impl FnMut(u32, Copies)) {
        match (self.plane.get(), &self.folded) {
            (Some(plane), _) => plane.exceptions(records).for_each(|(offset, copies)| each(offset, copies)),
            (None, Folded::Untouched) => (0..records).for_each(|offset| each(offset, Copies::None)),
            (None, Folded::Once(but)) => but.for_each(each),
        }
    }
}

impl Few {
    fn for_each(&self, mut each: impl FnMut(u32, Copies)) {
        let mut repeated = self.repeated.iter().copied().peekable();
        for missing in &self.missing {
            while let Some(offset) = repeated.next_if(|offset| offset < missing) {
                each(offset, Copies::More);
            }
            each(*missing, Copies::None);
        }
        repeated.for_each(|offset| each(offset, Copies::More));
    }
}

fn unfold(records: u32, but: &Few) -> Plane {
    let plane = Plane::once(records);
    for offset in &but.missing {
        plane.unmark(*offset);
    }
    for offset in &but.repeated {
        let (word, bit) = plane::place(*offset);
        plane.mark(word, bit);
    }
    plane
}
