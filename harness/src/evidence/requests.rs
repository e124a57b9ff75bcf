//! `requests.json`: what became of the requests that did not simply succeed. Answers repeat, so each is kept once; requests
//! may be many, so each takes one line.

use super::error::EvidenceError;
use super::manifest::File;
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use serde::{Deserialize, Serialize};
use spanproof_generators::plan::Plan;
use spanproof_reports::directory::WriteError;
use std::collections::BTreeMap;

pub(super) const FILE: &str = "requests.json";

/// Different answers that are kept; a target that writes a number into each would otherwise fill the disk.
const ANSWERS_MAX: usize = 1000;

/// What stands for an answer beyond those.
const OTHER: &str = "(one of many other answers)";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestsFile {
    answers: Vec<String>,
    requests: Vec<Row>,
}

/// Chunk, number in it, outcome, spans rejected, attempts, end in nanoseconds from the start of the run, answer.
type Row = (u64, u32, Word, u32, u32, u64, u32);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Acknowledged,
    Partial,
    Refused,
    Unknown,
    NotSent,
}

pub(super) fn to_bytes(requests: &BTreeMap<RequestId, RequestRecord>) -> Result<Vec<u8>, WriteError> {
    let (mut answers, mut known) = (Vec::new(), BTreeMap::new());
    let mut number_of = |answer: &str| {
        let answer = if answers.len() >= ANSWERS_MAX && !known.contains_key(answer) { OTHER } else { answer };
        *known.entry(answer.to_owned()).or_insert_with(|| {
            answers.push(answer.to_owned());
            answers.len() as u32 - 1
        })
    };
    let row = |(id, record): (&RequestId, &RequestRecord)| {
        let (word, rejected) = match record.outcome {
            Outcome::Acknowledged => (Word::Acknowledged, 0),
            Outcome::Partial { rejected } => (Word::Partial, rejected),
            Outcome::Refused => (Word::Refused, 0),
            Outcome::Unknown => (Word::Unknown, 0),
            Outcome::NotSent => (Word::NotSent, 0),
        };
        (id.chunk, id.number, word, rejected, record.attempts, record.ended_ns, number_of(&record.answer))
    };
    let rows: Vec<Row> = requests.iter().map(row).collect();
    let failed = |error: serde_json::Error| WriteError::Render { artefact: FILE, reason: error.to_string() };
    write_lines(&answers, &rows).map_err(failed)
}

/// An answer a line, then a request a line.
fn write_lines(answers: &[String], rows: &[Row]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = b"{\n\"answers\": [".to_vec();
    list(&mut bytes, answers)?;
    bytes.extend_from_slice(b"],\n\"requests\": [");
    list(&mut bytes, rows)?;
    bytes.extend_from_slice(b"]\n}\n");
    Ok(bytes)
}

fn list(bytes: &mut Vec<u8>, items: &[impl Serialize]) -> Result<(), serde_json::Error> {
    for (at, item) in items.iter().enumerate() {
        bytes.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut *bytes, item)?;
    }
    Ok(())
}

pub(super) fn from_bytes(file: File<'_>, plan: &Plan) -> Result<BTreeMap<RequestId, RequestRecord>, EvidenceError> {
    let read: RequestsFile = file.json()?;
    let (mut requests, mut open) = (BTreeMap::new(), None);
    for (chunk, number, word, rejected, attempts, ended_ns, answer) in read.requests {
        let answer = read.answers.get(answer as usize).ok_or_else(|| file.malformed(format!("no answer {answer}")))?;
        if chunk >= plan.chunks() {
            return Err(file.malformed(format!("the plan has no chunk {chunk}")));
        }
        if number as usize >= requests_in(plan, chunk, &mut open) {
            return Err(file.malformed(format!("chunk {chunk} of the plan has no request {number}")));
        }
        let outcome = match word {
            Word::Acknowledged => Outcome::Acknowledged,
            Word::Partial => Outcome::Partial { rejected },
            Word::Refused => Outcome::Refused,
            Word::Unknown => Outcome::Unknown,
            Word::NotSent => Outcome::NotSent,
        };
        let record = RequestRecord { outcome, attempts, answer: answer.clone(), ended_ns };
        if requests.insert(RequestId { chunk, number }, record).is_some() {
            return Err(file.malformed(format!("request {number} of chunk {chunk} is in it twice")));
        }
    }
    Ok(requests)
}

/// How many requests a chunk has. Rows are in order of their chunks, so the last answer is remembered.
fn requests_in(plan: &Plan, chunk: u64, last: &mut Option<(u64, usize)>) -> usize {
    match *last {
        Some((known, requests)) if known == chunk => requests,
        _ => {
            let requests = plan.open(chunk).requests().len();
            *last = Some((chunk, requests));
            requests
        }
    }
}
