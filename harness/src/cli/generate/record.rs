//! What `gen --result FILE` writes: who sent what, so that a sink elsewhere can tell what it should have received.
//!
//! The file is written twice: before the first request, so that a sink that is already up knows what to expect, and at the
//! end with what became of it. Within one version of the format fields are only ever added.

use super::traffic::GenTraffic;
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord, Sums};
use rustix::fs::Access;
use serde::{Deserialize, Serialize};
use spanproof_reports::directory::{WriteError, remove_leftovers, write_file};
use spanproof_reports::result::epoch::{Epoch, RunTag};
use std::collections::BTreeMap;
use std::path::Path;

/// The name and version of the format.
pub(crate) const SCHEMA: &str = "spanproof.gen/1";

/// Requests told one by one; more than that, and a reader knows sums only.
const REQUESTS_MAX: usize = 100_000;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GenRecord {
    /// Always [`SCHEMA`].
    pub(crate) schema: String,
    /// The version of spanproof that wrote it.
    pub(crate) spanproof_version: String,
    /// How far it is.
    pub(crate) state: State,
    /// What decides the plan, besides run tag and epoch.
    pub(crate) traffic: GenTraffic,
    /// The seed as a number.
    pub(crate) seed: u64,
    /// Tells these records from all others.
    pub(crate) run_tag: RunTag,
    /// What all times count from.
    pub(crate) epoch: Epoch,
    /// A digest of the plan.
    pub(crate) fingerprint: String,
    /// Counts of spans.
    pub(crate) spans: SpanCounts,
    /// Of the plan, so many chunks were begun; the requests of the others were not sent.
    pub(crate) chunks_sent: u64,
    /// Requests that did not simply succeed at the first attempt.
    pub(crate) requests: Vec<RequestEntry>,
    /// How many of those are not in the list.
    pub(crate) requests_left_out: u64,
}

/// How far a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has not finished; the counts are those of before the start.
    Running,
    /// The whole plan was gone through.
    Complete,
    /// It was stopped early.
    Interrupted,
}

/// Spans by how their requests ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SpanCounts {
    /// In the plan.
    pub(crate) planned: u64,
    /// The target took them.
    pub(crate) acknowledged: u64,
    /// The target refused them for good.
    pub(crate) refused: u64,
    /// No final answer came.
    pub(crate) unknown: u64,
    /// They never left.
    pub(crate) not_sent: u64,
}

/// A request that did not simply succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestEntry {
    /// Its chunk of the plan.
    pub(crate) chunk: u64,
    /// Its number inside the chunk.
    pub(crate) number: u32,
    /// How it ended.
    pub(crate) outcome: OutcomeName,
    /// Spans rejected by a partial success.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rejected: u32,
    /// How often it was sent.
    pub(crate) attempts: u32,
}

/// The words for outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutcomeName {
    /// Taken, after more than one attempt.
    Acknowledged,
    /// Taken in part.
    Partial,
    /// Refused for good.
    Refused,
    /// No final answer.
    Unknown,
    /// Never left.
    NotSent,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl GenRecord {
    /// Takes in how the sending went.
    pub(crate) fn finish(
        &mut self,
        state: State,
        sums: Sums,
        chunks_sent: u64,
        requests: &BTreeMap<RequestId, RequestRecord>,
    ) {
        self.state = state;
        let planned = self.spans.planned;
        let ended = sums.acknowledged + sums.refused + sums.unknown;
        // What was never even due was not sent either.
        let not_sent = planned.saturating_sub(ended);
        let Sums { acknowledged, refused, unknown, .. } = sums;
        self.spans = SpanCounts { planned, acknowledged, refused, unknown, not_sent };
        self.chunks_sent = chunks_sent;
        self.requests = requests.iter().take(REQUESTS_MAX).map(|(id, record)| entry(*id, record)).collect();
        self.requests_left_out = requests.len().saturating_sub(REQUESTS_MAX) as u64;
    }

    /// The requests that did not simply succeed, as the judge knows them.
    pub(crate) fn outcomes(&self) -> BTreeMap<RequestId, RequestRecord> {
        self.requests.iter().map(RequestEntry::record).collect()
    }

    /// Writes the file so that a reader sees the old content or the new.
    pub(crate) fn write(&self, path: &Path) -> Result<(), WriteError> {
        let failed = |reason: String| WriteError::Render { artefact: "the result of gen", reason };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.to_string()))? + "\n";
        let (directory, name) = place(path)?;
        remove_leftovers(directory, |left| left == name);
        write_file(directory, name, &text).map(drop)
    }
}

/// Finds out, without writing, whether a file may be written there.
pub(crate) fn check_place(path: &Path) -> Result<(), WriteError> {
    let (directory, _) = place(path)?;
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    // To make a file in a directory takes the right to write and to pass.
    let allowed = rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK);
    allowed.map_err(|errno| failed(errno.into()))
}

/// The directory and the name of a file.
fn place(path: &Path) -> Result<(&Path, &str), WriteError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str());
    let reason = || format!("{} names no file", path.display());
    let name = name.ok_or_else(|| WriteError::Render { artefact: "the result of gen", reason: reason() })?;
    Ok((directory, name))
}

fn entry(id: RequestId, record: &RequestRecord) -> RequestEntry {
    let (outcome, rejected) = match record.outcome {
        Outcome::Acknowledged => (OutcomeName::Acknowledged, 0),
        Outcome::Partial { rejected } => (OutcomeName::Partial, rejected),
        Outcome::Refused => (OutcomeName::Refused, 0),
        Outcome::Unknown => (OutcomeName::Unknown, 0),
        Outcome::NotSent => (OutcomeName::NotSent, 0),
    };
    RequestEntry { chunk: id.chunk, number: id.number, outcome, rejected, attempts: record.attempts }
}

impl RequestEntry {
    fn record(&self) -> (RequestId, RequestRecord) {
        let outcome = match self.outcome {
            OutcomeName::Acknowledged => Outcome::Acknowledged,
            OutcomeName::Partial => Outcome::Partial { rejected: self.rejected },
            OutcomeName::Refused => Outcome::Refused,
            OutcomeName::Unknown => Outcome::Unknown,
            OutcomeName::NotSent => Outcome::NotSent,
        };
        let record = RequestRecord { outcome, attempts: self.attempts, answer: String::new(), ended_ns: 0 };
        (RequestId { chunk: self.chunk, number: self.number }, record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Acknowledged),
            (1u32..100).prop_map(|rejected| Outcome::Partial { rejected }),
            Just(Outcome::Refused),
            Just(Outcome::Unknown),
            Just(Outcome::NotSent),
        ]
    }

    proptest! {
        #[test]
        fn an_outcome_survives_the_file(outcome in outcome(), chunk: u64, number: u32, attempts: u32) {
            let record = RequestRecord { outcome, attempts, answer: String::new(), ended_ns: 0 };
            let id = RequestId { chunk, number };
            let text = serde_json::to_string(&entry(id, &record)).unwrap();
            let read: RequestEntry = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.record(), (id, record));
        }
    }
}
