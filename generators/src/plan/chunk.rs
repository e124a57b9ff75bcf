//! One chunk of the plan, opened: its traces placed in time, its requests, and the judgement of what was received of it.

use super::{CHUNK_TRACES, Packing, Plan};
use crate::encoded::{Frame, SpanRecipe};
use crate::identity::TraceKeys;
use crate::model::{Ordinal, Stratum, TraceVariant};
use crate::walk::{Filing, SpanView};
use std::ops::Range;

/// A request of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it is to be sent, nanoseconds from the start of the run.
    pub due_ns: u64,
    /// Which simulated exporter sends it; for whole traces, the request's number.
    pub exporter: u32,
    /// Spans in it.
    pub spans: u32,
    pub(super) parts: Range<u32>,
}

/// A piece of a trace inside a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub trace: u16,
    pub instance: u16,
    pub piece: u32,
}

/// A record's place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// The chunk.
    pub chunk: u64,
    /// Number of the record inside the chunk.
    pub offset: u32,
}

/// A record of a chunk, looked up. It means something only to the chunk that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Number of the record inside the chunk.
    pub offset: u32,
    /// Number inside the chunk of the request that it is sent in.
    pub request: u32,
    trace: u32,
    recipe: u32,
}

impl Found {
    pub(super) fn recipe(self) -> u32 {
        self.recipe
    }
}

/// What a record ought to look like on arrival.
pub(super) struct Expected {
    pub trace_id: [u8; 16],
    pub span_id: u64,
    pub parent_id: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    pub trace_state: u64,
    pub content: u64,
    pub resource: u64,
    pub resource_schema: u64,
    pub scope: u64,
    pub scope_schema: u64,
}

/// What the sink finds of a span that claims to be of this chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Exactly what was planned.
    Intact {
        /// Number of the record inside the chunk.
        offset: u32,
    },
    /// The record exists, but something about it differs: a full decode must say what.
    Different {
        /// Number of the record inside the chunk.
        offset: u32,
    },
    /// No such record.
    Invented,
}

/// A chunk.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub(super) number: u64,
    pub(super) shapes: Vec<u32>,
    pub(super) starts_ns: Vec<u64>,
    pub(super) keys: Vec<TraceKeys>,
    /// Records before each trace, and at the end the total.
    first_record: Vec<u32>,
    pub(super) requests: Vec<Request>,
    pub(super) parts: Vec<Part>,
    /// Pieces before each trace.
    first_piece: Vec<u32>,
    /// The request of each piece.
    request_of: Vec<u32>,
}

impl Chunk {
    pub(super) fn open(plan: &Plan, number: u64) -> Self {
        let (first, count) = (number * CHUNK_TRACES, plan.traces_in(number));
        // Drawn as if the chunk were full, then cut: an extent in spans may end in mid-chunk.
        let available = ((plan.profile.total() + 1e-6) as u64 - first).min(CHUNK_TRACES) as usize;
        let mut shapes = plan.draw.shapes(first, available);
        shapes.truncate(count);
        let mut starts_ns =
            crate::schedule::starts(&plan.profile, plan.spec.arrivals, plan.spec.seed, first, available);
        starts_ns.truncate(count);
        let keys = plan.identity.traces(first, count);
        let mut chunk = Self {
            number,
            first_record: prefix_sums(shapes.iter().map(|shape| plan.pool.shapes[*shape as usize].spans)),
            first_piece: prefix_sums(shapes.iter().map(|shape| plan.pool.shapes[*shape as usize].pieces.len() as u32)),
            shapes,
            starts_ns,
            keys,
            requests: Vec::new(),
            parts: Vec::new(),
            request_of: Vec::new(),
        };
        match plan.spec.packing {
            Packing::PerService => super::request::pack_per_service(&mut chunk, plan),
            Packing::WholeTraces => super::request::pack_whole_traces(&mut chunk, plan),
        }
        chunk.note_requests(plan);
        chunk
    }

    fn note_requests(&mut self, plan: &Plan) {
        self.request_of = vec![0; self.parts.len()];
        for (number, request) in self.requests.iter().enumerate() {
            for part in &self.parts[request.parts.start as usize..request.parts.end as usize] {
                let shape = &plan.pool.shapes[self.shapes[usize::from(part.trace)] as usize];
                let at = self.first_piece[usize::from(part.trace)] + (part.piece - shape.pieces.start);
                self.request_of[at as usize] = number as u32;
            }
        }
    }

    /// The chunk's number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its requests, in the order in which they are to be sent.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Records in it.
    pub fn records(&self) -> u32 {
        self.first_record.last().copied().unwrap_or(0)
    }

    /// Which shape a trace has: its position in the workload's pool, counted through the sets.
    pub fn shape(&self, trace: usize) -> u32 {
        self.shapes[trace]
    }

    /// When a trace starts, nanoseconds from the start of the run.
    pub fn start_ns(&self, trace: usize) -> u64 {
        self.starts_ns[trace]
    }

    /// Traces in it.
    pub fn traces(&self) -> usize {
        self.shapes.len()
    }

    /// Appends the protobuf bytes of a request to `out`.
    pub fn encode(&self, plan: &Plan, request: usize, out: &mut Vec<u8>) {
        super::request::encode(self, plan, &self.requests[request], out);
    }

    /// Judges a span that claims to be a record of this chunk. For a whole request, [`Chunk::find`] the records of all
    /// spans first and [`Chunk::judge_found`] them then: their expectations are fetched from memory side by side.
    pub fn judge(&self, plan: &Plan, claim: super::Claim, span: &SpanView, filing: &Filing) -> Judgement {
        let found = self.find(plan, claim);
        found.map_or(Judgement::Invented, |found| self.judge_found(plan, claim, found, span, filing))
    }

    /// The record that a span claims to be; `None` if the chunk has no such record.
    #[inline(always)]
    pub fn find(&self, plan: &Plan, claim: super::Claim) -> Option<Found> {
        let (trace, ordinal) = match claim {
            super::Claim::Record { trace, ordinal, .. } | super::Claim::Own { trace, ordinal } => (trace, ordinal),
            super::Claim::Invented | super::Claim::Foreign => return None,
        };
        let at = usize::try_from(trace.checked_sub(self.number * CHUNK_TRACES)?).ok()?;
        let recipe = plan.pool.recipe(*self.shapes.get(at)?, ordinal)?;
        let piece = u32::from(plan.pool.recipes[recipe as usize].piece);
        let request = self.request_of[(self.first_piece[at] + piece) as usize];
        Some(Found { offset: self.first_record[at] + ordinal, request, trace: at as u32, recipe })
    }

    /// Judges a span whose claim led to a record of this chunk. With `spanproof.id`, the wire ids are content.
    #[inline]
    pub fn judge_found(
        &self,
        plan: &Plan,
        claim: super::Claim,
        found: Found,
        span: &SpanView,
        filing: &Filing,
    ) -> Judgement {
        let (recipe, offset) = (&plan.pool.recipes[found.recipe as usize], found.offset);
        // A record found under an id that the plan never gave to any part of its trace was made up.
        if let super::Claim::Record { variant, .. } = claim
            && (variant != recipe.variant.number || recipe.variant.padded)
        {
            return Judgement::Invented;
        }
        let regular = !span.irregular && !filing.irregular;
        if regular && self.is_intact(plan, found.trace as usize, recipe, span, filing) {
            Judgement::Intact { offset }
        } else {
            Judgement::Different { offset }
        }
    }

    #[inline]
    fn is_intact(&self, plan: &Plan, at: usize, recipe: &SpanRecipe, span: &SpanView, filing: &Filing) -> bool {
        let expected = self.expected_of(plan, at, recipe);
        span.trace_id == expected.trace_id
            && span.span_id == expected.span_id
            && span.parent_id == expected.parent_id
            && span.start_ns == expected.start_ns
            && span.end_ns == expected.end_ns
            && span.trace_state == expected.trace_state
            && filing.resource == expected.resource
            && filing.resource_schema == expected.resource_schema
            && filing.scope == expected.scope
            && filing.scope_schema == expected.scope_schema
            && span.content == expected.content
    }

    pub(super) fn expected(&self, plan: &Plan, found: Found) -> Expected {
        self.expected_of(plan, found.trace as usize, &plan.pool.recipes[found.recipe as usize])
    }

    /// All that a received span is compared with. In line, so that the compiler computes each part only when it is asked for.
    #[inline(always)]
    fn expected_of(&self, plan: &Plan, at: usize, recipe: &SpanRecipe) -> Expected {
        let frame = self.frame(plan, at);
        let keys = frame.keys(recipe.variant);
        let emitter = &plan.pool.emitters[usize::from(recipe.emitter)];
        let instance = frame.keys.instance(recipe.emitter, emitter.instances.len() as u16);
        let resource = &emitter.instances[usize::from(instance)];
        let scope = &plan.pool.scopes[usize::from(recipe.scope)];
        Expected {
            trace_id: keys.id,
            span_id: keys.span_id(recipe.ordinal),
            parent_id: if recipe.has_parent {
                frame.keys(recipe.parent_variant).span_id(recipe.parent_ordinal)
            } else {
                0
            },
            start_ns: frame.start_unix_ns + recipe.start_ns,
            end_ns: frame.start_unix_ns + recipe.end_ns,
            trace_state: recipe.trace_state,
            content: self.content(plan, recipe, &frame),
            resource: resource.hash,
            resource_schema: resource.schema_hash,
            scope: scope.hash,
            scope_schema: scope.schema_hash,
        }
    }

    /// The hash of all content that the record ought to have.
    #[inline]
    fn content(&self, plan: &Plan, recipe: &SpanRecipe, frame: &Frame<'_>) -> u64 {
        let run = plan.pool.bytes_from(recipe.run_start);
        let varying = plan.pool.varying_of(recipe).iter();
        varying.fold(recipe.content, |sum, varying| sum.wrapping_add(varying.contribution(run, frame)))
    }

    #[inline(always)]
    pub(super) fn frame<'a>(&self, plan: &'a Plan, at: usize) -> Frame<'a> {
        Frame {
            identity: &plan.identity,
            index: self.number * CHUNK_TRACES + at as u64,
            keys: self.keys[at],
            start_unix_ns: plan.spec.epoch_unix_ns + self.starts_ns[at],
        }
    }

    /// The trace (place in the chunk) and ordinal of a record.
    pub fn trace_of(&self, offset: u32) -> (usize, Ordinal) {
        let at = self.first_record.partition_point(|first| *first <= offset) - 1;
        (at, offset - self.first_record[at])
    }

    /// The number of a record inside the chunk, given its trace (place in the chunk) and ordinal.
    pub fn offset_of(&self, trace: usize, ordinal: Ordinal) -> u32 {
        self.first_record[trace] + ordinal
    }

    /// The request that a record is sent in.
    #[inline]
    pub fn request_of(&self, plan: &Plan, trace: usize, ordinal: Ordinal) -> u32 {
        let Some(recipe) = plan.pool.recipe(self.shapes[trace], ordinal) else { return 0 };
        let piece = u32::from(plan.pool.recipes[recipe as usize].piece);
        self.request_of[(self.first_piece[trace] + piece) as usize]
    }

    /// Numbers inside the chunk of all records in a request.
    pub fn records_of(&self, plan: &Plan, request: u32) -> Vec<u32> {
        let request = &self.requests[request as usize];
        let mut offsets = Vec::with_capacity(request.spans as usize);
        for part in &self.parts[request.parts.start as usize..request.parts.end as usize] {
            let piece = &plan.pool.pieces[part.piece as usize];
            for run in &plan.pool.runs[piece.runs.start as usize..piece.runs.end as usize] {
                for recipe in &plan.pool.recipes[run.recipes.start as usize..run.recipes.end as usize] {
                    offsets.push(self.first_record[usize::from(part.trace)] + recipe.ordinal);
                }
            }
        }
        offsets
    }

    /// All that is known of a record before it is sent.
    pub fn describe(&self, plan: &Plan, offset: u32) -> Described {
        let (trace, ordinal) = self.trace_of(offset);
        let shape = &plan.pool.shapes[self.shapes[trace] as usize];
        let frame = self.frame(plan, trace);
        let index = plan.pool.recipe(self.shapes[trace], ordinal);
        let recipe = index.map(|index| &plan.pool.recipes[index as usize]);
        let variant = recipe.map_or(TraceVariant::default(), |recipe| recipe.variant);
        let keys = frame.keys(variant);
        let request = self.request_of(plan, trace, ordinal);
        let emitter = recipe.map_or(0, |recipe| recipe.emitter);
        let instances = plan.pool.emitters[usize::from(emitter)].instances.len() as u16;
        Described {
            trace_index: frame.index,
            ordinal,
            trace_id: keys.id,
            span_id: keys.span_id(ordinal).to_le_bytes(),
            stratum: shape.stratum,
            trace_spans: shape.spans,
            service: plan.pool.emitters[usize::from(emitter)].label.clone(),
            instance: frame.keys.instance(emitter, instances),
            start_ns: self.starts_ns[trace] + recipe.map_or(0, |recipe| recipe.start_ns),
            end_ns: self.starts_ns[trace] + recipe.map_or(0, |recipe| recipe.end_ns),
            bytes: index.map_or(0, |index| plan.pool.places[index as usize].bytes),
            request,
            due_ns: self.requests[request as usize].due_ns,
        }
    }

    /// The request message that carries just this record: one `ResourceSpans` with one `ScopeSpans` with one span, as sent.
    pub fn encode_record(&self, plan: &Plan, offset: u32, out: &mut Vec<u8>) {
        super::request::encode_record(self, plan, offset, out);
    }
}

/// A record of the plan, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The trace's index in the plan.
    pub trace_index: u64,
    /// The span's ordinal in its trace.
    pub ordinal: Ordinal,
    /// The trace id that it is sent under.
    pub trace_id: [u8; 16],
    /// The span id's bytes.
    pub span_id: [u8; 8],
    /// What kind of trace it is in.
    pub stratum: Stratum,
    /// Spans in the trace.
    pub trace_spans: u32,
    /// The service that exports it.
    pub service: String,
    /// Which of the service's instances.
    pub instance: u16,
    /// Its start, nanoseconds from the start of the run.
    pub start_ns: u64,
    /// Its end, likewise.
    pub end_ns: u64,
    /// Bytes that it takes in its request.
    pub bytes: u32,
    /// Number of its request inside the chunk.
    pub request: u32,
    /// When that request is to be sent, nanoseconds from the start of the run.
    pub due_ns: u64,
}

fn prefix_sums(counts: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut sum = 0;
    let mut sums = vec![0];
    sums.extend(counts.map(|count| {
        sum += count;
        sum
    }));
    sums
}
