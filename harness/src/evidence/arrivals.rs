//! `arrivals.json`: what differs in corrupt records, with examples, and records that are not in the plan. Which records are
//! of which kind stands in `changes.roaring`: one set a kind, in the same order.

use super::Findings;
use super::error::EvidenceError;
use super::manifest::{File, json};
use super::records;
use crate::judge::corruption::{CorruptExample, CorruptionKind, Fields};
use crate::judge::explain::Difference;
use crate::judge::strangers::{Stranger, StrangerExamples};
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use spanproof_reports::directory::WriteError;
use std::collections::BTreeMap;

pub(super) const FILE: &str = "arrivals.json";
pub(super) const CHANGES: &str = "changes.roaring";

/// The file's content in the judge's own types.
pub(super) struct Arrivals {
    pub corruptions: BTreeMap<Fields, CorruptionKind>,
    pub unexplained: u64,
    pub strangers: StrangerExamples,
    pub invented: u64,
    pub foreign: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrivalsFile {
    invented: u64,
    foreign: u64,
    invented_examples: Vec<StrangerEntry>,
    foreign_examples: Vec<StrangerEntry>,
    other_signals: [u64; 4],
    unexplained: u64,
    corruptions: Vec<KindEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrangerEntry {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    received_ns: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindEntry {
    fields: Fields,
    count: u64,
    examples: Vec<ExampleEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleEntry {
    record: u64,
    received_ns: u64,
    /// Path, what was sent, what was received.
    differences: Vec<[String; 3]>,
}

pub(super) fn to_bytes(findings: &Findings<'_>) -> Result<Vec<u8>, WriteError> {
    let strangers = findings.strangers;
    let file = ArrivalsFile {
        invented: findings.ledger.invented(),
        foreign: findings.ledger.foreign(),
        invented_examples: strangers.invented.iter().map(StrangerEntry::from).collect(),
        foreign_examples: strangers.foreign.iter().map(StrangerEntry::from).collect(),
        other_signals: strangers.signals,
        unexplained: findings.unexplained,
        corruptions: findings.corruptions.iter().map(KindEntry::of).collect(),
    };
    json(FILE, &file)
}

/// The number of kinds, 32 bits little-endian, then the records of each kind.
pub(super) fn changes(findings: &Findings<'_>) -> Vec<u8> {
    let mut bytes = (findings.corruptions.len() as u32).to_le_bytes().to_vec();
    for kind in findings.corruptions.values() {
        bytes.extend(records::to_bytes(kind.records.clone()));
    }
    bytes
}

/// `planned` is how many records the plan has.
pub(super) fn from_bytes(file: File<'_>, changes: File<'_>, planned: u64) -> Result<Arrivals, EvidenceError> {
    let read: ArrivalsFile = file.json()?;
    let mut examples = read.corruptions.iter().flat_map(|kind| &kind.examples);
    if let Some(example) = examples.find(|example| example.record >= planned) {
        return Err(file.malformed(format!("the plan has no record {}", example.record)));
    }
    let (count, mut rest) =
        changes.bytes.split_first_chunk::<4>().ok_or_else(|| changes.malformed("it says of no number of kinds"))?;
    if u32::from_le_bytes(*count) as usize != read.corruptions.len() {
        return Err(changes.malformed("it does not hold as many sets as there are kinds"));
    }
    let mut corruptions = BTreeMap::new();
    for entry in read.corruptions {
        let fields = entry.fields.clone();
        let records = records::read_set(&changes, &mut rest, planned)?;
        if records.len() > entry.count {
            return Err(changes.malformed(format!("more records than copies: {} of {}", records.len(), entry.count)));
        }
        corruptions.insert(fields, entry.into_kind(records));
    }
    if !rest.is_empty() {
        return Err(changes.malformed("it holds more sets than there are kinds"));
    }
    let strangers = |entries: Vec<StrangerEntry>| entries.into_iter().map(Stranger::from).collect();
    Ok(Arrivals {
        corruptions,
        unexplained: read.unexplained,
        strangers: StrangerExamples {
            invented: strangers(read.invented_examples),
            foreign: strangers(read.foreign_examples),
            signals: read.other_signals,
        },
        invented: read.invented,
        foreign: read.foreign,
    })
}

impl From<&Stranger> for StrangerEntry {
    fn from(stranger: &Stranger) -> Self {
        Self { trace_id: stranger.trace_id, span_id: stranger.span_id, received_ns: stranger.received_ns }
    }
}

impl From<StrangerEntry> for Stranger {
    fn from(entry: StrangerEntry) -> Self {
        Self { trace_id: entry.trace_id, span_id: entry.span_id, received_ns: entry.received_ns }
    }
}

impl KindEntry {
    fn of((fields, kind): (&Fields, &CorruptionKind)) -> Self {
        let example = |example: &CorruptExample| ExampleEntry {
            record: example.record,
            received_ns: example.received_ns,
            differences: example
                .differences
                .iter()
                .map(|difference| [&difference.path, &difference.expected, &difference.received].map(Clone::clone))
                .collect(),
        };
        Self { fields: fields.clone(), count: kind.count, examples: kind.examples.iter().map(example).collect() }
    }

    fn into_kind(self, records: RoaringTreemap) -> CorruptionKind {
        let difference = |[path, expected, received]: [String; 3]| Difference { path, expected, received };
        let example = |example: ExampleEntry| CorruptExample {
            record: example.record,
            received_ns: example.received_ns,
            differences: example.differences.into_iter().map(difference).collect(),
        };
        CorruptionKind { count: self.count, records, examples: self.examples.into_iter().map(example).collect() }
    }
}
