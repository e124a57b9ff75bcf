//! The plan of a run: which traces, when, in which requests; all of it a function of the seed.
//!
//! Traces come in **chunks** of [`CHUNK_TRACES`]. A chunk's shapes, start instants and requests are computed when it is
//! opened, by whoever needs them (the driver to send, the sink to judge, a report to explain), and forgotten again.
//! A request belongs to one chunk, so its number tells its records and a record tells its request.

mod chunk;
mod claims;
mod deviation;
mod draw;
mod facts;
mod request;

pub use chunk::{Chunk, Described, Found, Judgement, Record, Request};
pub use claims::Claims;
pub use deviation::Deviation;
pub use draw::{Mix, Ppb};
pub use facts::{ExporterFacts, Placed, SpanFacts};

use crate::encoded::{EncodeError, EncodedPool, PieceLimits};
use crate::identity::{Identity, ORDINALS_MAX, RunTag, TRACES_MAX, TraceKeys, TraceOrigin};
use crate::model::Stratum;
use crate::schedule::{Arrivals, Profile, Segment};
use crate::seed::Seed;
use crate::workload::{UnsupportedAnomaly, Workload};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Traces in a chunk.
pub const CHUNK_TRACES: u64 = 4096;

/// How spans are put into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Each service instance exports its own spans in its own batches, as SDKs do: a trace arrives in pieces.
    PerService,
    /// Whole traces in each request: for raw speed.
    WholeTraces,
}

/// When a batch is sent: full, or this long after its first span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRule {
    /// Most spans in a batch. A trace (or its part at one service) is not cut, so a batch may close early.
    pub spans: u32,
    /// Nanoseconds from the first span's end to sending what there is.
    pub timeout_ns: u64,
}

/// How much is offered, before it is known how many spans a trace has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Spans per second, all services together.
    Spans(f64),
    /// Traces per second.
    Traces(f64),
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spans(rate) => write!(f, "{rate} spans/s"),
            Self::Traces(rate) => write!(f, "{rate} traces/s"),
        }
    }
}

/// How the rate changes over time, as factors of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Segments whose `from` and `to` are factors of the rate.
    pub segments: Vec<Segment>,
}

/// How far the run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that the profile starts.
    Profile,
    /// As many whole traces as it takes to have this many spans; the last segment of the profile goes on as long as needed.
    Spans(u64),
}

/// All that a plan is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSpec {
    /// The seed.
    pub seed: Seed,
    /// The run's tag.
    pub tag: RunTag,
    /// Which of several machines this is.
    pub lane: u16,
    /// Start of the run, nanoseconds since the Unix epoch.
    pub epoch_unix_ns: u64,
    /// What kind of traffic.
    pub workload: Workload,
    /// How many of each anomaly.
    pub mix: Mix,
    /// How spans are put into requests.
    pub packing: Packing,
    /// When batches are sent.
    pub batch: BatchRule,
    /// Most bytes in a request.
    pub request_bytes_max: u32,
    /// How much is offered.
    pub rate: Rate,
    /// How that changes over time.
    pub shape: Shape,
    /// How starts are spread.
    pub arrivals: Arrivals,
    /// How far the run goes.
    pub extent: Extent,
}

/// Why there can be no such plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The workload has no such anomaly.
    #[error(transparent)]
    Anomaly(#[from] UnsupportedAnomaly),
    /// The shapes cannot be encoded within the limits.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The plan holds no trace. Raise the rate or the duration.
    #[error(
        "the plan holds no trace: {rate} for {seconds} s is less than one of about {mean_spans:.1} spans; raise `traffic.rate` or \
         `run.duration`"
    )]
    Empty {
        /// The rate asked for.
        rate: Rate,
        /// The duration asked for.
        seconds: f64,
        /// Spans of a trace on average.
        mean_spans: f64,
    },
    /// More traces or spans than ids can tell apart. Lower the rate or the duration.
    #[error("the plan holds {traces} traces, more than ids can tell apart (2^40); lower the rate or the duration")]
    TooMany {
        /// How many it would hold.
        traces: u64,
    },
}

/// The plan of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    spec: PlanSpec,
    identity: Identity,
    /// Tens of megabytes, so copies of the plan share it.
    pool: Arc<EncodedPool>,
    draw: draw::Draw,
    profile: Profile,
    traces: u64,
    /// Spans before each chunk, and at the end the total.
    first_span: Vec<u64>,
    strata: BTreeMap<Stratum, u64>,
    /// The last request's intended instant, nanoseconds from the start of the run.
    last_due_ns: u64,
}

impl Plan {
    /// Makes the plan: samples and encodes the pool, and counts what each chunk will hold.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn new(spec: PlanSpec) -> Result<Self, PlanError> {
        let to_make = spec.workload.pool(spec.seed.0, &spec.mix.anomalies())?;
        let limits = PieceLimits {
            spans: spec.batch.spans,
            // What a request needs besides its pieces: tags and lengths, one resource and its scopes.
            bytes: spec.request_bytes_max.saturating_sub(request::OVERHEAD_MAX),
        };
        let pool = Arc::new(EncodedPool::new(to_make, limits)?);
        let draw = draw::Draw::new(&pool, &spec.mix, spec.seed);
        let per_second = match spec.rate {
            Rate::Spans(rate) => rate / draw.mean_spans(),
            Rate::Traces(rate) => rate,
        };
        let profile = profile(&spec.shape, per_second, spec.extent);
        let identity = Identity::new(spec.seed, spec.tag, spec.lane);
        let mut plan = Self {
            spec,
            identity,
            pool,
            draw,
            profile,
            traces: 0,
            first_span: vec![0],
            strata: BTreeMap::new(),
            last_due_ns: 0,
        };
        let longest = plan.count()?;
        plan.last_due_ns = plan.find_last_due(&longest);
        Ok(plan)
    }

    /// Walks over all chunks' draws once, so that every total is known before anything is sent. Gives the length of the
    /// longest trace of each chunk, in nanoseconds.
    fn count(&mut self) -> Result<Vec<u64>, PlanError> {
        // What was asked for and comes to none is told all the same.
        self.strata.extend(self.spec.mix.anomalies().into_iter().map(|stratum| (stratum, 0)));
        let mut longest = Vec::new();
        let wanted = match self.spec.extent {
            Extent::Profile => u64::MAX,
            Extent::Spans(spans) => spans,
        };
        let available = (self.profile.total() + 1e-6) as u64;
        let (mut traces, mut spans) = (0, 0);
        while traces < available && spans < wanted {
            if traces >= TRACES_MAX {
                return Err(PlanError::TooMany { traces: available });
            }
            let count = (available - traces).min(CHUNK_TRACES) as usize;
            let mut shapes = self.draw.shapes(traces, count);
            self.cut_to(&mut shapes, wanted - spans);
            let mut longest_ns = 0;
            for shape in &shapes {
                let shape = &self.pool.shapes[*shape as usize];
                spans += u64::from(shape.spans);
                longest_ns = longest_ns.max(shape.end_ns);
                *self.strata.entry(shape.stratum).or_insert(0) += 1;
            }
            longest.push(longest_ns);
            traces += shapes.len() as u64;
            self.first_span.push(spans);
        }
        self.traces = traces;
        if traces == 0 {
            let (rate, seconds) = (self.spec.rate, self.profile.seconds());
            return Err(PlanError::Empty { rate, seconds, mean_spans: self.mean_spans() });
        }
        Ok(longest)
    }

    /// The last intended instant of all requests. A trace's last piece goes when the trace has ended and was batched, so a slow
    /// trace of an early chunk may be last. Only the few chunks that could still hold it are opened.
    fn find_last_due(&self, longest_ns: &[u64]) -> u64 {
        let end_at_most = |chunk: u64| {
            let starts_until = self.profile.instant(((chunk + 1) * CHUNK_TRACES).min(self.traces) as f64);
            (starts_until * 1e9) as u64 + longest_ns[chunk as usize] + self.spec.batch.timeout_ns
        };
        let mut candidates: Vec<(u64, u64)> = (0..self.chunks()).map(|chunk| (end_at_most(chunk), chunk)).collect();
        candidates.sort_unstable();
        let mut last = 0;
        while let Some((_, chunk)) = candidates.pop_if(|(end, _)| *end > last) {
            last = last.max(self.open(chunk).requests().last().map_or(0, |request| request.due_ns));
        }
        last
    }

    /// Keeps only as many traces as it takes to reach `spans`.
    fn cut_to(&self, shapes: &mut Vec<u32>, spans: u64) {
        let mut sum = 0;
        let enough = shapes.iter().position(|shape| {
            sum += u64::from(self.pool.shapes[*shape as usize].spans);
            sum >= spans
        });
        if let Some(last) = enough {
            shapes.truncate(last + 1);
        }
    }

    /// The same plan with its start on the wall clock, nanoseconds since the Unix epoch. Nothing but times depends on it.
    #[must_use]
    pub fn starting_at(mut self, epoch_unix_ns: u64) -> Self {
        self.spec.epoch_unix_ns = epoch_unix_ns;
        self
    }

    /// What the plan was made from.
    pub fn spec(&self) -> &PlanSpec {
        &self.spec
    }

    /// The run's ids.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The encoded pool.
    pub fn pool(&self) -> &EncodedPool {
        &self.pool
    }

    /// Traces in the plan.
    pub fn traces(&self) -> u64 {
        self.traces
    }

    /// Spans in the plan.
    pub fn spans(&self) -> u64 {
        self.first_span.last().copied().unwrap_or(0)
    }

    /// How many traces of each stratum the plan holds, 0 of an anomaly whose share comes to none. Exact.
    pub fn strata(&self) -> &BTreeMap<Stratum, u64> {
        &self.strata
    }

    /// Whether the plan holds any trace of a stratum.
    pub fn holds(&self, stratum: Stratum) -> bool {
        self.strata.get(&stratum).is_some_and(|traces| *traces > 0)
    }

    /// Mean spans of a trace that the rate was converted with.
    pub fn mean_spans(&self) -> f64 {
        self.draw.mean_spans()
    }

    /// Chunks in the plan.
    pub fn chunks(&self) -> u64 {
        self.first_span.len() as u64 - 1
    }

    /// Spans in the chunks before `chunk`; for the number of chunks, the total.
    pub fn spans_before(&self, chunk: u64) -> u64 {
        self.first_span[chunk as usize]
    }

    /// Spans in `chunk`.
    pub fn spans_in(&self, chunk: u64) -> u32 {
        (self.first_span[chunk as usize + 1] - self.first_span[chunk as usize]) as u32
    }

    /// The chunk that holds span number `span` of the plan.
    pub fn chunk_of(&self, span: u64) -> u64 {
        self.first_span.partition_point(|first| *first <= span) as u64 - 1
    }

    /// Seconds from the start of the run to the last request's intended instant. The last trace has started by
    /// [`Plan::starts_seconds`]; the spans of slow traces follow when those have ended.
    pub fn seconds(&self) -> f64 {
        self.last_due_ns as f64 / 1e9
    }

    /// Seconds from the start of the run in which traces start, at the scenario's rate.
    pub fn starts_seconds(&self) -> f64 {
        self.profile.instant(self.traces as f64)
    }

    /// Instant of the trace that starts first in `chunk`, nanoseconds from the start of the run, or a little before it.
    pub fn chunk_start_ns(&self, chunk: u64) -> u64 {
        (self.profile.instant((chunk * CHUNK_TRACES) as f64) * 1e9) as u64
    }

    /// How many chunks have had all of their traces' starts before `instant_ns` from the start of the run.
    pub fn chunks_begun_before(&self, instant_ns: u64) -> u64 {
        let (mut begun, mut not_begun) = (0, self.chunks() + 1);
        while not_begun - begun > 1 {
            let middle = begun + (not_begun - begun) / 2;
            // The next chunk begins where this one's share of the schedule ends; the last one ends with the plan.
            let end = (self.profile.instant((middle * CHUNK_TRACES).min(self.traces) as f64) * 1e9) as u64;
            if end < instant_ns { begun = middle } else { not_begun = middle }
        }
        begun
    }

    fn traces_in(&self, chunk: u64) -> usize {
        (self.traces - chunk * CHUNK_TRACES).min(CHUNK_TRACES) as usize
    }

    /// Computes a chunk.
    ///
    /// # Panics
    /// When `chunk` is not below [`Plan::chunks`].
    pub fn open(&self, chunk: u64) -> Chunk {
        assert!(chunk < self.chunks(), "chunk {chunk} of {}", self.chunks());
        Chunk::open(self, chunk)
    }

    /// Which record of the plan a received id pair claims to be. For a whole request, see [`Claims`].
    pub fn identify(&self, keys: &TraceKeys, span_id: u64) -> Claim {
        self.claim(keys, self.identity.origin(keys.id), span_id)
    }

    /// The claim of a span under a trace id of this origin.
    #[inline]
    fn claim(&self, keys: &TraceKeys, origin: Option<TraceOrigin>, span_id: u64) -> Claim {
        let Some(origin) = origin else { return Claim::Foreign };
        let ordinal = keys.ordinal(span_id);
        if origin.lane != self.spec.lane || origin.index >= self.traces || ordinal >= u64::from(ORDINALS_MAX) {
            return Claim::Invented;
        }
        Claim::Record { trace: origin.index, ordinal: ordinal as u32, variant: origin.variant }
    }

    /// The same for a record that carries `spanproof.id`.
    pub fn identify_own(&self, text: &[u8]) -> Claim {
        match self.identity.own_origin(text) {
            None => Claim::Foreign,
            Some((origin, _)) if origin.lane != self.spec.lane || origin.index >= self.traces => Claim::Invented,
            Some((origin, ordinal)) => Claim::Own { trace: origin.index, ordinal },
        }
    }

    /// A digest of what the plan would send with run tag 0 and epoch 0: equal plans have equal fingerprints.
    ///
    /// It covers the whole encoded pool, how many spans each chunk has, and byte for byte the requests of the first and the last
    /// chunk with their instants. A generator that makes other requests of the same sizes only in between goes unnoticed: to hash
    /// them all would take as long as to send them.
    pub fn fingerprint(&self) -> String {
        let mut golden = self.clone();
        golden.spec.tag = RunTag::ZERO;
        golden.spec.epoch_unix_ns = 0;
        golden.identity = Identity::new(self.spec.seed, RunTag::ZERO, self.spec.lane);
        let mut digest = Sha256::new();
        golden.pool.runs_bytes().for_each(|run| digest.update(run));
        for first in &golden.first_span {
            digest.update(first.to_le_bytes());
        }
        let mut chunks = vec![0, golden.chunks() - 1];
        chunks.dedup();
        let mut bytes = Vec::new();
        for number in chunks {
            let chunk = golden.open(number);
            for request in 0..chunk.requests().len() {
                bytes.clear();
                chunk.encode(&golden, request, &mut bytes);
                digest.update(chunk.requests()[request].due_ns.to_le_bytes());
                digest.update(&bytes);
            }
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a received id says it is. Whether its content is what it should be is [`Chunk::judge`]'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// A record of the plan, as far as its trace is concerned.
    Record {
        /// Trace index.
        trace: u64,
        /// Ordinal; not yet known to exist in that trace.
        ordinal: u32,
        /// Variant of the trace id.
        variant: u8,
    },
    /// A record that says so in `spanproof.id`; its wire ids are content.
    Own {
        /// Trace index.
        trace: u64,
        /// Ordinal; not yet known to exist in that trace.
        ordinal: u32,
    },
    /// It carries our tag and was never planned.
    Invented,
    /// It does not carry this run's tag.
    Foreign,
}

fn profile(shape: &Shape, per_second: f64, extent: Extent) -> Profile {
    let mut segments: Vec<Segment> = shape
        .segments
        .iter()
        .map(|segment| Segment { from: segment.from * per_second, to: segment.to * per_second, ..*segment })
        .collect();
    if let (Extent::Spans(spans), Some(last)) = (extent, segments.last().copied()) {
        // A trace has at least one span, so this many traces are more than enough.
        let rate = last.to.max(per_second * 1e-3);
        segments.push(Segment { seconds: (spans as f64 + 1.0) / rate, from: rate, to: rate });
    }
    Profile::new(&segments)
}
