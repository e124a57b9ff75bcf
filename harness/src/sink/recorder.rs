//! The backend that knows the plan: identifies, judges and records every span, then lets the server answer.

use super::refusals::unreadable;
use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::judge::corruption::{CorruptExample, Corruptions};
use crate::judge::explain::{Form, explain};
use crate::judge::ledger::{Ledger, Marks};
use crate::judge::outcomes::{Outcomes, RequestId};
use crate::judge::strangers::Strangers;
use crate::wire::server::{Backend, Decision, Export};
use crate::wire::{Protocol, Signal};
use roaring::RoaringTreemap;
use spanproof_generators::plan::{CHUNK_TRACES, Chunk, Claim, Claims, Found, Judgement, Plan};
use spanproof_generators::walk::{Filing, SpanView, Walk};
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::latency::Series;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the sink knows when a run has ended, and while it lasts.
pub struct Recorder {
    chunks: Arc<OpenChunks>,
    clock: RunClock,
    ledger: Ledger,
    latency: Arc<LatencyRecorder>,
    corruptions: Corruptions,
    strangers: Strangers,
    late_after: Duration,
    /// Latencies of records that were due before this are not recorded: the warm-up.
    measured_from_ns: u64,
    last_record_ns: AtomicU64,
    /// When a first copy came late, the last time; 0 for never.
    last_late_ns: AtomicU64,
    /// What comes first after this came only because the target was stopped.
    closed_ns: AtomicU64,
    drained: AtomicU64,
    /// Knows of requests that began later than intended, if there is a driver.
    outcomes: Option<Arc<Outcomes>>,
    /// When faults of the scenario end, and for each how long after its end the last record came that was due before it.
    heals: Vec<Heal>,
}

/// A moment from which all is well again.
struct Heal {
    at_ns: u64,
    /// The last first arrival of a record that was due before, from the start of the run; 0 without any.
    drained_ns: AtomicU64,
}

thread_local! {
    /// Where a request is read into; one a thread, since a thread records one request at a time.
    static READING: RefCell<Reading> = RefCell::new(Reading::default());
}

/// What is read of a request, step by step.
#[derive(Default)]
struct Reading {
    walk: Walk,
    claims: Claims,
    finds: Vec<Find>,
}

/// Room for so many spans is kept from request to request; a larger request gives its memory back.
const SPANS_KEPT: usize = 1 << 16;

impl Reading {
    fn trim(&mut self) {
        if self.walk.spans.capacity() > SPANS_KEPT || self.walk.filings.capacity() > SPANS_KEPT {
            *self = Self::default();
        }
    }
}

/// Where the plan has what a span claims to be.
#[derive(Clone, Copy)]
enum Find {
    /// In the chunk at this place of [`Pass::chunks`].
    Record {
        chunk: u32,
        found: Found,
    },
    Invented,
    Foreign,
}

impl Recorder {
    /// A recorder for the plan of `chunks`. A record whose first copy, intact or changed, arrives more than `late_after` after the
    /// intended instant of its request is late; requests due before `warm_up` give no latencies.
    pub fn new(
        chunks: Arc<OpenChunks>,
        clock: RunClock,
        latency: Arc<LatencyRecorder>,
        late_after: Duration,
        warm_up: Duration,
    ) -> Self {
        let plan = chunks.plan();
        let ledger = Ledger::new((0..plan.chunks()).map(|chunk| plan.spans_in(chunk)));
        Self {
            chunks,
            clock,
            ledger,
            latency,
            corruptions: Corruptions::default(),
            strangers: Strangers::default(),
            late_after,
            measured_from_ns: warm_up.as_nanos() as u64,
            last_record_ns: AtomicU64::new(0),
            last_late_ns: AtomicU64::new(0),
            closed_ns: AtomicU64::new(u64::MAX),
            drained: AtomicU64::new(0),
            outcomes: None,
            heals: Vec::new(),
        }
    }

    /// Notes how long after each of these instants, from the start of the run, records came that were due before it.
    #[must_use]
    pub fn with_heals(self, heals: impl IntoIterator<Item = Duration>) -> Self {
        let heal = |at: Duration| Heal { at_ns: at.as_nanos() as u64, drained_ns: AtomicU64::new(0) };
        Self { heals: heals.into_iter().map(heal).collect(), ..self }
    }

    /// Counts a record's time from the last attempt to send its request, where `outcomes` knows that the client had to wait
    /// or to send again.
    #[must_use]
    pub fn with_outcomes(self, outcomes: Arc<Outcomes>) -> Self {
        Self { outcomes: Some(outcomes), ..self }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was found of corrupt records.
    pub fn corruptions(&self) -> &Corruptions {
        &self.corruptions
    }

    /// What was found of records that are not in the plan.
    pub fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Settling has ended: what arrives for the first time from now on does so only because the target is being stopped. What
    /// is not late by then is counted as drained.
    pub fn close(&self) {
        self.closed_ns.store(self.clock.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Records whose first copy, intact or changed, came after settling had ended, and yet was not late.
    pub fn drained(&self) -> u64 {
        self.drained.load(Ordering::Relaxed)
    }

    /// Takes a request but for its last spans, so many, and tells which records of the plan these are. `look` is shown what is taken, as
    /// it was read, before it is judged: not what cannot be read, and no signal but traces.
    pub fn export_in_part(
        &self,
        export: &Export,
        left_out: usize,
        look: impl FnOnce(&Walk),
    ) -> (Decision, RoaringTreemap) {
        let mut not_taken = RoaringTreemap::new();
        let decision = self.take(export, |reading| {
            if left_out > 0 {
                let kept = reading.walk.spans.len().saturating_sub(left_out);
                not_taken = self.numbers(reading, &export.body, kept);
                reading.walk.spans.truncate(kept);
            }
            look(&reading.walk);
        });
        (decision, not_taken)
    }

    /// Takes what is left of a request after `adjust` has seen it.
    fn take(&self, export: &Export, adjust: impl FnOnce(&mut Reading)) -> Decision {
        if export.signal != Signal::Traces {
            self.strangers.note_signal(export.signal);
            return Decision::Accept;
        }
        READING.with_borrow_mut(|reading| {
            if let Err(error) = reading.walk.read(&export.body) {
                return unreadable(Signal::Traces, error);
            }
            adjust(reading);
            self.record(reading, export, self.clock.ns(export.received));
            reading.trim();
            Decision::Accept
        })
    }

    /// The records of the plan in a request that is not taken. None where it cannot be read.
    pub fn identify(&self, export: &Export) -> RoaringTreemap {
        if export.signal != Signal::Traces {
            return RoaringTreemap::new();
        }
        READING.with_borrow_mut(|reading| {
            if reading.walk.read(&export.body).is_err() {
                return RoaringTreemap::new();
            }
            let records = self.numbers(reading, &export.body, 0);
            reading.trim();
            records
        })
    }

    /// The records of the plan among the spans of a request that was read, from the one at `from` on.
    fn numbers(&self, reading: &mut Reading, body: &[u8], from: usize) -> RoaringTreemap {
        let Reading { walk, claims, .. } = reading;
        let mut pass = self.pass(body, 0);
        let claims = claims.read(self.chunks.plan(), walk, body);
        claims.iter().skip(from).filter_map(|claim| pass.number(*claim)).collect()
    }

    /// For each heal, in the order given: how long after it the last record came, for the first time, that was due before it; zero
    /// where none did. `None` for one that had not come when settling ended.
    pub fn drained_after(&self) -> Vec<Option<Duration>> {
        let closed_ns = self.closed_ns.load(Ordering::Relaxed);
        let after = |heal: &Heal| {
            let after = heal.drained_ns.load(Ordering::Relaxed).saturating_sub(heal.at_ns);
            (heal.at_ns <= closed_ns).then_some(Duration::from_nanos(after))
        };
        self.heals.iter().map(after).collect()
    }

    /// Gives back memory that the ledger needs no more. To be called about once a second.
    ///
    /// A chunk has settled when all of its traces began longer ago than a record may be late. Those that go on for longer
    /// still cost a plane that is made twice, and no truth.
    pub fn fold(&self) {
        let began_before = self.clock.elapsed().saturating_sub(self.late_after).as_nanos() as u64;
        self.ledger.fold(self.chunks.plan().chunks_begun_before(began_before));
    }

    /// When a record last arrived, from the start of the run.
    pub fn last_record(&self) -> Duration {
        Duration::from_nanos(self.last_record_ns.load(Ordering::Relaxed))
    }

    /// When a record's first copy came late, the last time; `None` if none has.
    pub fn last_late(&self) -> Option<Duration> {
        Some(self.last_late_ns.load(Ordering::Relaxed)).filter(|ns| *ns > 0).map(Duration::from_nanos)
    }

    fn pass<'a>(&'a self, body: &'a [u8], received_ns: u64) -> Pass<'a> {
        Pass {
            recorder: self,
            plan: self.chunks.plan(),
            body,
            form: Form::Protobuf,
            received_ns,
            chunks: Vec::new(),
            marks: self.ledger.marks(),
            run: None,
            arrivals: Vec::new(),
        }
    }

    fn record(&self, reading: &mut Reading, export: &Export, received_ns: u64) {
        let Reading { walk, claims, finds } = reading;
        let claims = claims.read(self.chunks.plan(), walk, &export.body);
        let mut pass = self.pass(&export.body, received_ns);
        if export.protocol == Protocol::HttpJson {
            pass.form = Form::Json;
        }
        // All are found before the first is judged: what one span is compared with is fetched while another is judged.
        finds.clear();
        finds.extend(claims.iter().map(|claim| pass.find(*claim)));
        let chunks = std::mem::take(&mut pass.chunks);
        for ((span, claim), find) in walk.spans.iter().zip(claims).zip(finds.iter()) {
            match *find {
                Find::Record { chunk, found } => {
                    pass.record(&chunks[chunk as usize], *claim, found, span, &walk.filings[span.filing as usize]);
                }
                Find::Invented => pass.invented(span),
                Find::Foreign => pass.foreign(span),
            }
        }
        pass.end_run();
        if let Some(outcomes) = &self.outcomes {
            outcomes.instants().note_arrivals(pass.arrivals.drain(..));
        }
        self.last_record_ns.fetch_max(received_ns, Ordering::Relaxed);
    }
}

impl Backend for Recorder {
    fn export(&self, export: Export) -> Decision {
        self.take(&export, |_| ())
    }
}

/// One pass over the spans of a request. Neighbours tend to share chunk and planned request; what they share is looked up
/// once.
struct Pass<'a> {
    recorder: &'a Recorder,
    plan: &'a Plan,
    body: &'a [u8],
    /// The form in which that came, before it was made protobuf.
    form: Form,
    received_ns: u64,
    /// The chunks of this request's records; one or two as a rule.
    chunks: Vec<Arc<Chunk>>,
    marks: Marks<'a>,
    run: Option<Run>,
    /// The planned requests of which spans arrived, and how long after their intended instants.
    arrivals: Vec<(RequestId, Duration)>,
}

/// Records of one planned request that arrived one after another, intact or changed: they share their latency.
struct Run {
    chunk: u64,
    request: u32,
    due_ns: u64,
    late: bool,
}

impl Pass<'_> {
    #[inline(always)]
    fn find(&mut self, claim: Claim) -> Find {
        let trace = match claim {
            Claim::Record { trace, .. } | Claim::Own { trace, .. } => trace,
            Claim::Invented => return Find::Invented,
            Claim::Foreign => return Find::Foreign,
        };
        let chunk = self.chunk(trace / CHUNK_TRACES);
        self.chunks[chunk as usize].find(self.plan, claim).map_or(Find::Invented, |found| Find::Record { chunk, found })
    }

    /// The number in the plan of what a span claims to be.
    fn number(&mut self, claim: Claim) -> Option<u64> {
        let Find::Record { chunk, found } = self.find(claim) else { return None };
        Some(self.recorder.ledger.number(self.chunks[chunk as usize].number(), found.offset))
    }

    #[inline(always)]
    fn chunk(&mut self, number: u64) -> u32 {
        match self.chunks.iter().position(|chunk| chunk.number() == number) {
            Some(known) => known as u32,
            None => self.open(number),
        }
    }

    #[cold]
    fn open(&mut self, number: u64) -> u32 {
        self.chunks.push(self.recorder.chunks.get(number));
        self.chunks.len() as u32 - 1
    }

    fn record(&mut self, chunk: &Chunk, claim: Claim, found: Found, span: &SpanView, filing: &Filing) {
        match chunk.judge_found(self.plan, claim, found, span, filing) {
            Judgement::Intact { .. } => self.intact(chunk, found),
            Judgement::Different { .. } => self.different(chunk, found, span, filing),
            Judgement::Invented => self.invented(span),
        }
    }

    #[cold]
    fn different(&mut self, chunk: &Chunk, found: Found, span: &SpanView, filing: &Filing) {
        let corruptions = &self.recorder.corruptions;
        let number = self.recorder.ledger.number(chunk.number(), found.offset);
        let deviation = chunk.deviation(self.plan, found, span, filing);
        if deviation.is_irregular() || !corruptions.note_known(number, &deviation) {
            let mut planned = Vec::new();
            chunk.encode_record(self.plan, found.offset, &mut planned);
            let differences = explain(&planned, self.body, span, filing, self.form);
            if differences.is_empty() {
                // Hash and comparison agree that these differ, where what came can tell apart what does.
                if !deviation.is_irregular() && self.form == Form::Protobuf {
                    corruptions.note_unexplained();
                }
                return self.intact(chunk, found);
            }
            let received_ns = self.received_ns;
            corruptions.note(CorruptExample { record: number, received_ns, differences }, deviation);
        }
        self.enter_run(chunk, found.request);
        self.marks.add_corrupt(chunk.number(), found.offset);
    }

    fn intact(&mut self, chunk: &Chunk, found: Found) {
        self.enter_run(chunk, found.request);
        self.marks.add(chunk.number(), found.offset);
    }

    /// Begins the next run unless the record belongs to the one that goes on.
    fn enter_run(&mut self, chunk: &Chunk, request: u32) {
        match &self.run {
            Some(run) if run.request == request && run.chunk == chunk.number() => {}
            _ => self.begin_run(chunk, request),
        }
    }

    fn begin_run(&mut self, chunk: &Chunk, request: u32) {
        self.end_run();
        let due_ns = chunk.requests()[request as usize].due_ns;
        let late = self.is_late_from(due_ns) && self.is_late_from(self.begun_ns(chunk, request).max(due_ns));
        self.marks.late(late);
        self.run = Some(Run { chunk: chunk.number(), request, due_ns, late });
    }

    fn is_late_from(&self, from_ns: u64) -> bool {
        Duration::from_nanos(self.received_ns.saturating_sub(from_ns)) > self.recorder.late_after
    }

    /// When the request was last begun to be sent, if that was not at its intended instant.
    #[cold]
    fn begun_ns(&self, chunk: &Chunk, request: u32) -> u64 {
        let id = RequestId { chunk: chunk.number(), number: request };
        self.recorder.outcomes.as_ref().and_then(|outcomes| outcomes.begun_ns(id)).unwrap_or(0)
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        let first_copies = self.marks.first();
        if !run.late && self.received_ns > self.recorder.closed_ns.load(Ordering::Relaxed) {
            self.recorder.drained.fetch_add(first_copies, Ordering::Relaxed);
        }
        if run.late && first_copies > 0 {
            self.recorder.last_late_ns.fetch_max(self.received_ns, Ordering::Relaxed);
        }
        if first_copies > 0 {
            for heal in self.recorder.heals.iter().filter(|heal| (run.due_ns..self.received_ns).contains(&heal.at_ns)) {
                heal.drained_ns.fetch_max(self.received_ns, Ordering::Relaxed);
            }
        }
        let latency = Duration::from_nanos(self.received_ns.saturating_sub(run.due_ns));
        self.arrivals.push((RequestId { chunk: run.chunk, number: run.request }, latency));
        if first_copies > 0 && run.due_ns >= self.recorder.measured_from_ns {
            let at = Duration::from_nanos(self.received_ns);
            self.recorder.latency.lock(Series::IntendedToDelivered).record(at, latency, first_copies);
        }
    }

    fn invented(&self, span: &SpanView) {
        self.recorder.ledger.mark_invented();
        self.recorder.strangers.note_invented(span, self.received_ns);
    }

    fn foreign(&self, span: &SpanView) {
        self.recorder.ledger.mark_foreign();
        self.recorder.strangers.note_foreign(span, self.received_ns);
    }
}
