//! `arrivals.json`: what differs in corrupt records, with examples, and records that are not in the plan.

use super::Findings;
use super::error::EvidenceError;
use super::manifest::{File, json};
use crate::judge::corruption::{CorruptExample, CorruptionKind};
use crate::judge::explain::Difference;
use crate::judge::strangers::{Stranger, StrangerExamples};
use serde::{Deserialize, Serialize};
use spanproof_reports::directory::WriteError;
use std::collections::BTreeMap;

pub(super) const FILE: &str = "arrivals.json";

/// The file's content in the judge's own types.
pub(super) struct Arrivals {
    pub corruptions: BTreeMap<String, CorruptionKind>,
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
    corruptions: BTreeMap<String, KindEntry>,
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
        corruptions: findings.corruptions.iter().map(|(fields, kind)| (fields.clone(), kind.into())).collect(),
    };
    json(FILE, &file)
}

/// `records` is how many the plan has.
pub(super) fn from_bytes(file: File<'_>, records: u64) -> Result<Arrivals, EvidenceError> {
    let read: ArrivalsFile = file.json()?;
    let mut examples = read.corruptions.values().flat_map(|kind| &kind.examples);
    if let Some(example) = examples.find(|example| example.record >= records) {
        return Err(file.malformed(format!("the plan has no record {}", example.record)));
    }
    let strangers = |entries: Vec<StrangerEntry>| entries.into_iter().map(Stranger::from).collect();
    Ok(Arrivals {
        corruptions: read.corruptions.into_iter().map(|(fields, kind)| (fields, kind.into())).collect(),
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

impl From<&CorruptionKind> for KindEntry {
    fn from(kind: &CorruptionKind) -> Self {
        let example = |example: &CorruptExample| ExampleEntry {
            record: example.record,
            received_ns: example.received_ns,
            differences: example
                .differences
                .iter()
                .map(|difference| [&difference.path, &difference.expected, &difference.received].map(Clone::clone))
                .collect(),
        };
        Self { count: kind.count, examples: kind.examples.iter().map(example).collect() }
    }
}

impl From<KindEntry> for CorruptionKind {
    fn from(entry: KindEntry) -> Self {
        let difference = |[path, expected, received]: [String; 3]| Difference { path, expected, received };
        let example = |example: ExampleEntry| CorruptExample {
            record: example.record,
            received_ns: example.received_ns,
            differences: example.differences.into_iter().map(difference).collect(),
        };
        Self { count: entry.count, examples: entry.examples.into_iter().map(example).collect() }
    }
}
