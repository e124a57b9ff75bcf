//! A trace rebuilt from the plan, with the evidence beside each of its spans.

use super::find::{HexId, place};
use crate::evidence::Frozen;
use crate::judge::instants::Instants;
use crate::judge::ledger::Copies;
use crate::judge::outcomes::{Outcome, RequestId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{Span as WireSpan, span::SpanKind, status::StatusCode};
use prost::Message;
use serde::Serialize;
use spanproof_generators::identity::OWN_ID_KEY;
use spanproof_generators::plan::{Chunk, Described};
use spanproof_reports::figures::hex;
use std::collections::BTreeMap;
use std::time::Duration;

/// A trace of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// The id of its first span's trace; a trace may be sent under several.
    pub trace_id: String,
    /// Its index in the plan.
    pub index: u64,
    /// Traces in the plan.
    pub of: u64,
    /// What kind of trace it is.
    pub stratum: &'static str,
    /// When its first span starts, in seconds from the start of the run.
    pub start_seconds: f64,
    /// Its spans, parents before their children.
    pub spans: Vec<Span>,
    /// Span ids that arrived under its id and were never planned; examples only.
    pub invented: Vec<String>,
}

/// A span of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// The trace id that it is sent under.
    pub trace_id: String,
    /// Its id.
    pub span_id: String,
    /// The id of its parent, if it names one.
    pub parent_span_id: Option<String>,
    /// How many ancestors it has in the trace.
    pub depth: usize,
    /// True if it names a parent that is not in the trace.
    pub orphan: bool,
    /// True if the id asked for is this span's.
    pub wanted: bool,
    /// Its number in the trace.
    pub ordinal: u32,
    /// The service that exports it, and which of its instances.
    pub service: String,
    /// Which of the service's instances exports it.
    pub instance: u16,
    /// Its name.
    pub name: String,
    /// Its kind, e.g. `server`.
    pub span_kind: String,
    /// Its status, e.g. `error`.
    pub status: String,
    /// Its start, in seconds from the start of the run.
    pub start_seconds: f64,
    /// How long it lasts, in milliseconds.
    pub duration_ms: f64,
    /// Its size on the wire, in bytes.
    pub bytes: u32,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// The request that carries it.
    pub request: Request,
    /// What arrived of it.
    pub arrived: Arrived,
    /// Whether a copy arrived that differs.
    pub corrupt: bool,
    /// Whether a copy arrived as it was sent.
    pub intact: bool,
    /// Whether its first copy, intact or changed, came later than allowed.
    pub late: bool,
    /// The fields that differ in some copy.
    pub changed: Vec<String>,
    /// What differs, if this span is among the examples.
    pub differences: Vec<Difference>,
}

/// A request of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// Its chunk of the plan.
    pub chunk: u64,
    /// Its number in the chunk.
    pub number: u32,
    /// Which connection it goes over.
    pub connection: Option<u64>,
    /// Spans in it.
    pub spans: u32,
    /// When it was to be sent, in seconds from the start of the run.
    pub due_seconds: f64,
    /// How it ended: `acknowledged`, `partial`, `refused`, `unknown` or `not-sent`.
    pub outcome: &'static str,
    /// How often it was sent.
    pub attempts: u32,
    /// The last answer, if it did not simply succeed.
    pub answer: Option<String>,
    /// When it was first begun to be sent, in seconds from the start of the run.
    pub sent_seconds: Option<f64>,
    /// When its last answer came, or it was given up, likewise.
    pub ended_seconds: Option<f64>,
    /// When the first and the last span of it arrived, likewise.
    pub arrived_seconds: Option<[f64; 2]>,
}

/// How many copies arrived, intact or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrived {
    /// None; whether that is a loss the request's outcome says.
    Missing,
    /// One.
    Once,
    /// Two or more.
    Repeated,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where.
    pub path: String,
    /// What was sent.
    pub sent: String,
    /// What was received.
    pub received: String,
}

impl Trace {
    /// Rebuilds trace `index` of the plan, which must have it, and marks what `id` names, be it a span id or a `spanproof.id`.
    pub fn rebuild(frozen: &Frozen, index: u64, id: &HexId) -> Self {
        let plan = &frozen.evidence.plan;
        let (chunk, (first, described)) = place(plan, index);
        let mut differences = differences(frozen);
        let spans = (first..first + described.trace_spans).map(|offset| {
            let number = plan.spans_before(chunk.number()) + u64::from(offset);
            let differences = differences.remove(&number).unwrap_or_default();
            Span::rebuild(frozen, &chunk, offset, id, differences)
        });
        let spans = in_tree_order(spans.collect());
        let strangers = frozen.evidence.strangers.invented.iter();
        let of_it = strangers.filter(|one| spans.iter().any(|span| span.trace_id == hex(&one.trace_id)));
        Self {
            trace_id: hex(&described.trace_id),
            index,
            of: plan.traces(),
            stratum: described.stratum.name(),
            start_seconds: spans.iter().map(|span| span.start_seconds).fold(f64::INFINITY, f64::min),
            invented: of_it.map(|one| hex(&one.span_id)).collect(),
            spans,
        }
    }
}

/// What differs in the examples of corrupt records, by their number in the plan.
fn differences(frozen: &Frozen) -> BTreeMap<u64, Vec<Difference>> {
    let mut all: BTreeMap<u64, Vec<Difference>> = BTreeMap::new();
    for example in frozen.evidence.corruptions.values().flat_map(|kind| &kind.examples) {
        let of = all.entry(example.record).or_default();
        of.extend(example.differences.iter().map(|difference| Difference {
            path: difference.path.clone(),
            sent: difference.expected.clone(),
            received: difference.received.clone(),
        }));
    }
    all
}

/// The fields that differ in some copy of a record.
fn changed(frozen: &Frozen, number: u64) -> Vec<String> {
    let kinds = frozen.evidence.corruptions.iter().filter(|(_, kind)| kind.records.contains(number));
    kinds.flat_map(|(fields, _)| fields.iter().cloned()).collect()
}

impl Span {
    fn rebuild(frozen: &Frozen, chunk: &Chunk, offset: u32, id: &HexId, differences: Vec<Difference>) -> Self {
        let plan = &frozen.evidence.plan;
        let described = chunk.describe(plan, offset);
        let mut bytes = Vec::new();
        chunk.encode_record(plan, offset, &mut bytes);
        let sent = decode(&bytes).unwrap_or_default();
        let number = plan.spans_before(chunk.number()) + u64::from(offset);
        let arrived = match frozen.ledger.copies(chunk.number(), offset) {
            Copies::None => Arrived::Missing,
            Copies::One => Arrived::Once,
            Copies::More => Arrived::Repeated,
        };
        let attributes: BTreeMap<_, _> = sent.attributes.iter().map(attribute).collect();
        let has_own_id = attributes.get(OWN_ID_KEY).is_some_and(|own| own == id.as_str());
        let exceptions = frozen.ledger.exceptions();
        let corrupt = exceptions.corrupt.contains(number);
        let intact = arrived != Arrived::Missing && (!corrupt || exceptions.also_intact.contains(number));
        Self {
            trace_id: hex(&described.trace_id),
            span_id: hex(&described.span_id),
            parent_span_id: (!sent.parent_span_id.is_empty()).then(|| hex(&sent.parent_span_id)),
            depth: 0,
            orphan: false,
            wanted: has_own_id || (id.as_str().len() == 16 && id.fits(&described.span_id)),
            ordinal: described.ordinal,
            start_seconds: described.start_ns as f64 / 1e9,
            duration_ms: described.end_ns.saturating_sub(described.start_ns) as f64 / 1e6,
            bytes: described.bytes,
            attributes,
            span_kind: word(SpanKind::try_from(sent.kind).map(|kind| kind.as_str_name()), "SPAN_KIND_"),
            status: word(
                sent.status
                    .map_or(Ok(StatusCode::Unset), |status| StatusCode::try_from(status.code))
                    .map(|code| code.as_str_name()),
                "STATUS_CODE_",
            ),
            name: sent.name,
            request: Request::of(frozen, chunk, &described),
            arrived,
            corrupt,
            intact,
            late: exceptions.late.contains(number),
            changed: changed(frozen, number),
            differences,
            service: described.service,
            instance: described.instance,
        }
    }

    /// Whether anything happened to it that ought not to.
    pub fn is_eventful(&self) -> bool {
        self.arrived != Arrived::Once || self.corrupt || self.late || self.request.outcome != "acknowledged"
    }
}

impl Request {
    fn of(frozen: &Frozen, chunk: &Chunk, described: &Described) -> Self {
        let id = RequestId { chunk: chunk.number(), number: described.request };
        let planned = &chunk.requests()[described.request as usize];
        let record = frozen.evidence.requests.get(&id);
        let never = chunk.number() >= frozen.course.chunks_opened;
        let evidence = &frozen.evidence;
        let noted = frozen.instants.get(id.chunk as usize).and_then(|requests| requests.get(id.number as usize));
        let instants = noted.map_or(Instants::default(), |packed| Instants::unpack(*packed));
        let seconds = |after_due: Duration| planned.due_ns as f64 / 1e9 + after_due.as_secs_f64();
        let connection = (evidence.connections > 0).then(|| evidence.connection_of(planned, id.number));
        Self {
            chunk: id.chunk,
            number: id.number,
            connection,
            spans: planned.spans,
            due_seconds: planned.due_ns as f64 / 1e9,
            outcome: record.map_or(if never { "not-sent" } else { "acknowledged" }, |record| outcome(record.outcome)),
            attempts: record.map_or(u32::from(!never), |record| record.attempts),
            answer: record.map(|record| record.answer.clone()).filter(|answer| !answer.is_empty()),
            sent_seconds: instants.sent.map(seconds),
            ended_seconds: instants.ended.map(seconds),
            arrived_seconds: instants.first_arrival.zip(instants.last_arrival).map(|(a, b)| [seconds(a), seconds(b)]),
        }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Acknowledged => "acknowledged",
        Outcome::Partial { .. } => "partial",
        Outcome::Refused => "refused",
        Outcome::Unknown => "unknown",
        Outcome::NotSent => "not-sent",
    }
}

/// The one span of a planned record.
fn decode(request: &[u8]) -> Option<WireSpan> {
    let message = ExportTraceServiceRequest::decode(request).ok()?;
    let resource_spans = message.resource_spans.into_iter().next()?;
    resource_spans.scope_spans.into_iter().next()?.spans.into_iter().next()
}

/// An enum's name without its prefix, as people write it.
fn word<E>(name: Result<&str, E>, prefix: &str) -> String {
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim_start_matches(prefix).to_ascii_lowercase())
}

fn attribute(attribute: &KeyValue) -> (String, String) {
    (attribute.key.clone(), value(attribute.value.as_ref()))
}

fn value(of: Option<&AnyValue>) -> String {
    match of.and_then(|any| any.value.as_ref()) {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BytesValue(bytes)) => hex(bytes),
        Some(Value::ArrayValue(array)) => {
            let values: Vec<String> = array.values.iter().map(|one| value(Some(one))).collect();
            format!("[{}]", values.join(", "))
        }
        Some(Value::KvlistValue(list)) => {
            let values: Vec<String> =
                list.values.iter().map(|one| format!("{}: {}", one.key, value(one.value.as_ref()))).collect();
            format!("{{{}}}", values.join(", "))
        }
        Some(other) => format!("{other:?}"),
    }
}

/// Parents before their children, siblings by start; spans whose parent is not in the trace stand at the top.
fn in_tree_order(spans: Vec<Span>) -> Vec<Span> {
    let mut children: BTreeMap<Option<String>, Vec<Span>> = BTreeMap::new();
    let known: std::collections::BTreeSet<String> = spans.iter().map(|span| span.span_id.clone()).collect();
    for mut span in spans {
        let parent = span.parent_span_id.clone().filter(|parent| known.contains(parent) && *parent != span.span_id);
        span.orphan = span.parent_span_id.is_some() && parent.is_none();
        children.entry(parent).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by(|a, b| a.start_seconds.total_cmp(&b.start_seconds).then(a.ordinal.cmp(&b.ordinal)));
    }
    let mut ordered = Vec::new();
    let mut waiting: Vec<(usize, Span)> =
        children.remove(&None).into_iter().flatten().rev().map(|span| (0, span)).collect();
    while let Some((depth, mut span)) = waiting.pop() {
        let below = children.remove(&Some(span.span_id.clone())).into_iter().flatten();
        waiting.extend(below.rev().map(|child| (depth + 1, child)));
        span.depth = depth;
        ordered.push(span);
    }
    // Parents that go round in a circle are under no root; nothing is left out for that.
    ordered.extend(children.into_values().flatten());
    ordered
}
