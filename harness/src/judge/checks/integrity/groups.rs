//! Corrupt records in groups that a person would call one defect: those in which the same fields differ, where a field that
//! differs in nearly every span is a group of its own and leaves the others.

use crate::judge::corruption::{CorruptExample, Fields, field};
use crate::judge::evidence::Evidence;
use crate::judge::explain::Difference;
use roaring::RoaringTreemap;
use std::collections::{BTreeMap, BTreeSet};

/// A field that differs in this share of the records that arrived is a defect by itself, whatever else differs in them: a few
/// may arrive intact, as those that went out before a change took hold.
const NEARLY_ALL: f64 = 0.99;

/// Examples kept of one group.
const EXAMPLES_MAX: usize = 5;

/// Groups told apart; of more, the smallest are told as one.
const GROUPS_MAX: usize = 20;

/// The records of one defect.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Group {
    /// What differs.
    pub fields: Fields,
    /// In which records.
    pub records: RoaringTreemap,
    /// The first few.
    pub examples: Vec<CorruptExample>,
    /// Every span that could have shown it is among them: each that arrived, however late, in copies intact or changed. What never
    /// left the client, was lost, or has not come yet could not, and does not count. One span alone makes no pattern.
    pub of_all: bool,
}

impl Group {
    /// Whether a difference belongs to this defect.
    pub(super) fn holds(&self, difference: &Difference) -> bool {
        // The kind of those beyond the bound names no field of its own.
        self.fields.iter().all(|field| field.starts_with('(')) || self.fields.contains(&field(difference))
    }

    fn take(&mut self, records: &RoaringTreemap, examples: &[CorruptExample]) {
        self.records |= records;
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(examples.iter().take(room).cloned());
    }
}

/// All groups.
pub(super) fn of(evidence: &Evidence) -> Vec<Group> {
    let counts = &evidence.account.counts;
    let arrived = counts.delivered + counts.corrupted_only;
    let everywhere = fields_everywhere(evidence, NEARLY_ALL * arrived as f64);
    let mut groups: BTreeMap<Fields, Group> = BTreeMap::new();
    for (fields, kind) in &evidence.corruptions {
        let (common, own): (Fields, Fields) = fields.iter().cloned().partition(|field| everywhere.contains(field));
        for (fields, is_common) in [(common, true), (own, false)] {
            if !fields.is_empty() {
                // Fields that differ everywhere are one defect, also where a few spans lack one of them.
                let fields = if is_common { everywhere.iter().cloned().collect() } else { fields };
                let group = groups.entry(fields.clone()).or_insert_with(|| Group { fields, ..Group::default() });
                group.take(&kind.records, &kind.examples);
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group.of_all = arrived > 1 && group.records.len() == arrived;
    }
    fold(groups)
}

/// The fields that differ in at least so many records.
fn fields_everywhere(evidence: &Evidence, enough: f64) -> BTreeSet<String> {
    let mut records: BTreeMap<&str, RoaringTreemap> = BTreeMap::new();
    for (fields, kind) in &evidence.corruptions {
        for field in fields {
            *records.entry(field).or_default() |= &kind.records;
        }
    }
    // A single record is every record of a tiny run; that makes no pattern.
    let everywhere = |records: &RoaringTreemap| records.len() > 1 && records.len() as f64 >= enough;
    records.iter().filter(|(_, records)| everywhere(records)).map(|(field, _)| (*field).to_owned()).collect()
}

/// Puts the smallest of too many groups together.
fn fold(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by_key(|group| std::cmp::Reverse(group.records.len()));
    if groups.len() > GROUPS_MAX {
        let rest = groups.split_off(GROUPS_MAX - 1);
        let mut together = Group::default();
        let mut fields = BTreeSet::new();
        for group in rest {
            fields.extend(group.fields.iter().cloned());
            together.take(&group.records, &group.examples);
        }
        together.fields = fields.into_iter().collect();
        groups.push(together);
    }
    groups
}
