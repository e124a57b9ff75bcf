//! From an id, or its beginning, to a trace of the plan.
//!
//! A whole trace id is decrypted, and so is a whole `spanproof.id`. Everything else is compared with the ids of all traces of the
//! plan, which takes some ten nanoseconds a trace; of several traces that fit, the one that something happened to is meant.

use crate::evidence::Frozen;
use crate::judge::strangers::Stranger;
use spanproof_generators::identity::{GHOST_ORDINAL, ORDINALS_MAX, TraceKeys};
use spanproof_generators::model::{Stratum, TraceVariant};
use spanproof_generators::plan::{CHUNK_TRACES, Chunk, Claim, Described, Plan};
use spanproof_reports::figures::hex;
use std::str::FromStr;

/// Digits of a trace id and of a span id.
const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;

/// More traces than this with one beginning, and it is too short to be of use.
const CANDIDATES_MAX: usize = 100;

/// Ids named in the error about an ambiguous one.
const NAMED_MAX: usize = 5;

/// An id or its beginning: 1 to 32 hex digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HexId(String);

/// A text that is no id. Give hex digits: 32 for a trace, 16 for a span, or the first few of a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: give the 32 hex digits of a trace id or their beginning, or the 16 of a span id")]
pub struct NotHex(String);

impl HexId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn trace_id(&self) -> Option<[u8; 16]> {
        let id = u128::from_str_radix(&self.0, 16).ok()?;
        (self.0.len() == TRACE_DIGITS).then(|| id.to_be_bytes())
    }

    /// The span id in the form that ordinals are read from.
    fn span_id(&self) -> Option<u64> {
        let id = u64::from_str_radix(&self.0, 16).ok()?;
        (self.0.len() == SPAN_DIGITS).then(|| id.swap_bytes())
    }

    /// Whether an id is this one, or begins with it.
    pub fn fits(&self, id: &[u8]) -> bool {
        hex(id).starts_with(&self.0)
    }

    /// Whether a span is named, be it by its trace or by itself.
    fn names(&self, trace_id: &[u8], span_id: &[u8]) -> bool {
        self.fits(trace_id) || (self.0.len() == SPAN_DIGITS && self.fits(span_id))
    }
}

impl FromStr for HexId {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        let digits = (1..=TRACE_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotHex(spanproof_reports::plain_text::one_line(text, 60)))
        }
    }
}

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A trace of the plan, by its index.
    Trace(u64),
    /// It carries this run's tag and was never planned. When it arrived, if it is among the examples.
    Invented(Option<u64>),
    /// It is not of this run. When it arrived, if it is among the examples.
    Foreign(Option<u64>),
    /// A span id that is not in the plan, in a run in which more spans were invented than examples are kept: it is foreign or
    /// invented, which only its trace id could tell.
    Unplanned,
}

/// Why an id leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// Nothing in the plan has it, and nothing that arrived is known to have it.
    #[error(
        "nothing in this run has an id that begins with {id}: it is foreign, invented or mistyped; give all 32 digits of \
         a trace id to be told which"
    )]
    Unknown {
        /// The id.
        id: String,
    },
    /// Several traces fit.
    #[error("{id} is the beginning of several trace ids{}; give more digits", named_ids(candidates))]
    Ambiguous {
        /// The id.
        id: String,
        /// Some of them; none where it may be the beginning of a great many.
        candidates: Vec<String>,
    },
}

fn named_ids(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) }
}

/// Finds what an id stands for.
///
/// # Errors
/// See [`NotFound`].
pub fn find(frozen: &Frozen, id: &HexId) -> Result<Found, NotFound> {
    let plan = &frozen.evidence.plan;
    if let Some(trace_id) = id.trace_id() {
        return Ok(whole(frozen, id, trace_id));
    }
    let mut traces = search(plan, id);
    if traces.len() > CANDIDATES_MAX {
        return Err(ambiguous(plan, id, &traces));
    }
    traces.retain(|index| named(plan, *index, id).is_some());
    if traces.len() > 1 {
        let exceptions = frozen.exceptions();
        let eventful = |index: &u64| {
            let (chunk, first) = place(plan, *index);
            let first_number = plan.spans_before(chunk.number()) + u64::from(first.0);
            exceptions.range_cardinality(first_number..first_number + u64::from(first.1.trace_spans)) > 0
        };
        let some: Vec<u64> = traces.iter().copied().filter(eventful).collect();
        traces = if some.is_empty() { traces } else { some };
    }
    match (traces.as_slice(), stranger(frozen, id)) {
        ([index], _) => Ok(Found::Trace(*index)),
        ([], Some(found)) => Ok(found),
        // As long as a span id, and no span of the plan nor beginning of a trace id.
        ([], None) if id.span_id().is_some() => Ok(unplanned(frozen)),
        ([], None) => Err(NotFound::Unknown { id: id.as_str().to_owned() }),
        (several, _) => Err(ambiguous(plan, id, several)),
    }
}

/// What a span id is that is not in the plan and not among the examples.
fn unplanned(frozen: &Frozen) -> Found {
    let evidence = &frozen.evidence;
    let all_are_kept = evidence.invented <= evidence.strangers.invented.len() as u64;
    if all_are_kept { Found::Foreign(None) } else { Found::Unplanned }
}

fn ambiguous(plan: &Plan, id: &HexId, traces: &[u64]) -> NotFound {
    // Of those that may be meant some are not: not every trace is sent under each of its ids.
    let candidates = traces.iter().filter_map(|index| named(plan, *index, id)).take(NAMED_MAX);
    NotFound::Ambiguous { id: id.as_str().to_owned(), candidates: candidates.collect() }
}

/// What a whole trace id stands for, or a whole `spanproof.id`, which looks like one.
fn whole(frozen: &Frozen, id: &HexId, trace_id: [u8; 16]) -> Found {
    let plan = &frozen.evidence.plan;
    let strangers = &frozen.evidence.strangers;
    let arrived = |examples: &[Stranger]| {
        examples.iter().find(|stranger| stranger.trace_id == trace_id).map(|stranger| stranger.received_ns)
    };
    match plan.identity().origin(trace_id) {
        Some(origin) => {
            let planned = origin.lane == plan.spec().lane && origin.index < plan.traces();
            if planned && named(plan, origin.index, id).is_some() {
                Found::Trace(origin.index)
            } else {
                Found::Invented(arrived(&strangers.invented))
            }
        }
        // A padded id has lost the half that would say whose it is.
        None => own(plan, id).unwrap_or_else(|| {
            match search(plan, id).into_iter().find(|index| named(plan, *index, id).is_some()) {
                Some(index) => Found::Trace(index),
                None => Found::Foreign(arrived(&strangers.foreign)),
            }
        }),
    }
}

/// What an id stands for as a `spanproof.id`, which is under a key of its own; `None` if it is none of this run.
fn own(plan: &Plan, id: &HexId) -> Option<Found> {
    let claim = plan.identify_own(id.as_str().as_bytes());
    match claim {
        Claim::Own { trace, .. } if plan.open(trace / CHUNK_TRACES).find(plan, claim).is_some() => {
            Some(Found::Trace(trace))
        }
        Claim::Own { .. } | Claim::Invented => Some(Found::Invented(None)),
        Claim::Record { .. } | Claim::Foreign => None,
    }
}

fn stranger(frozen: &Frozen, id: &HexId) -> Option<Found> {
    let strangers = &frozen.evidence.strangers;
    let find = |examples: &[Stranger]| {
        examples.iter().find(|one| id.names(&one.trace_id, &one.span_id)).map(|one| one.received_ns)
    };
    let invented = find(&strangers.invented).map(|at| Found::Invented(Some(at)));
    invented.or_else(|| find(&strangers.foreign).map(|at| Found::Foreign(Some(at))))
}

/// Traces of which some id may be meant. Too many only if the id is too short.
fn search(plan: &Plan, id: &HexId) -> Vec<u64> {
    let numbers = 0..=plan.pool().variant_max();
    let padding: &[bool] = if plan.holds(Stratum::TraceIdPadded) { &[false, true] } else { &[false] };
    let variants: Vec<TraceVariant> = numbers
        .flat_map(|number| padding.iter().map(move |padded| TraceVariant { number, padded: *padded }))
        .skip(1)
        .collect();
    let span_id = id.span_id();
    let prefix = Prefix::of(id);
    let fits = |keys: &TraceKeys| {
        let ours = |span_id| keys.ordinal(span_id) < u64::from(ORDINALS_MAX) || is_ghost(keys, span_id);
        prefix.fits(&keys.id) || span_id.is_some_and(ours)
    };
    let mut found = Vec::new();
    for first in (0..plan.traces()).step_by(CHUNK_TRACES as usize) {
        let count = (plan.traces() - first).min(CHUNK_TRACES) as usize;
        for (at, keys) in plan.identity().traces(first, count).iter().enumerate() {
            let index = first + at as u64;
            if fits(keys) || variants.iter().any(|variant| fits(&plan.identity().trace(index, *variant))) {
                found.push(index);
            }
        }
        if found.len() > CANDIDATES_MAX {
            break;
        }
    }
    found
}

/// The beginning of a trace id as a number under a mask: quicker than digits.
struct Prefix {
    value: u128,
    mask: u128,
}

impl Prefix {
    fn of(id: &HexId) -> Self {
        let shift = 4 * (TRACE_DIGITS - id.as_str().len()) as u32;
        // A hex id always reads as a number.
        let value = u128::from_str_radix(id.as_str(), 16).unwrap_or_default() << shift;
        Self { value, mask: u128::MAX << shift }
    }

    fn fits(&self, id: &[u8; 16]) -> bool {
        u128::from_be_bytes(*id) & self.mask == self.value
    }
}

/// Whether this is the id of a parent that spans under this trace id name and nobody sends.
fn is_ghost(keys: &TraceKeys, span_id: u64) -> bool {
    u32::try_from(keys.ordinal(span_id)).is_ok_and(|ordinal| ordinal >= GHOST_ORDINAL)
}

/// The trace id under which a trace of the plan has what the id names; `None` if it names nothing of it.
fn named(plan: &Plan, index: u64, id: &HexId) -> Option<String> {
    let (chunk, (first, described)) = place(plan, index);
    let mut spans = (first..first + described.trace_spans).map(|offset| chunk.describe(plan, offset));
    let names_parent =
        |span: &Described| id.span_id().is_some_and(|parent| is_ghost(&plan.identity().keys(span.trace_id), parent));
    let found = spans.find(|span| id.names(&span.trace_id, &span.span_id) || names_parent(span));
    found.map(|span| hex(&span.trace_id))
}

/// A trace's chunk, and its first record there.
pub(super) fn place(plan: &Plan, index: u64) -> (Chunk, (u32, Described)) {
    let chunk = plan.open(index / CHUNK_TRACES);
    let first = chunk.offset_of((index % CHUNK_TRACES) as usize, 0);
    let described = chunk.describe(plan, first);
    (chunk, (first, described))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_fits_several_traces_names_some_if_they_are_known() {
        let ambiguous = |candidates: &[&str]| {
            let candidates = candidates.iter().map(|one| (*one).to_owned()).collect();
            NotFound::Ambiguous { id: "00".to_owned(), candidates }.to_string()
        };
        assert_eq!(ambiguous(&[]), "00 is the beginning of several trace ids; give more digits");
        assert_eq!(ambiguous(&["00a", "00b"]), "00 is the beginning of several trace ids: 00a, 00b; give more digits");
    }
}
