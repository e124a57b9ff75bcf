//! The backend that knows the plan: identifies, judges and records every span, then lets the server answer.

use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::judge::corruption::Corruptions;
use crate::judge::explain::explain;
use crate::judge::ledger::{Ledger, Mark};
use crate::judge::strangers::Strangers;
use crate::wire::Signal;
use crate::wire::server::{Backend, Decision, Export};
use spanproof_generators::plan::{CHUNK_TRACES, Chunk, Claim, Judgement, Plan};
use spanproof_generators::walk::{SpanView, Walk};
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
}

thread_local! {
    /// Where a request is read into; one a thread, since a thread records one request at a time.
    static WALK: RefCell<Walk> = RefCell::new(Walk::default());
}

impl Recorder {
    /// A recorder for the plan of `chunks`. A record whose first intact copy arrives more than `late_after` after the
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
        }
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

    /// When a record last arrived, from the start of the run.
    pub fn last_record(&self) -> Duration {
        Duration::from_nanos(self.last_record_ns.load(Ordering::Relaxed))
    }

    fn record(&self, walk: &Walk, body: &[u8], received_ns: u64) {
        let mut pass = Pass { recorder: self, body, received_ns, chunk: None, keys: None, run: None };
        for span in &walk.spans {
            pass.span(walk, span);
        }
        pass.end_run();
        self.last_record_ns.fetch_max(received_ns, Ordering::Relaxed);
    }
}

impl Backend for Recorder {
    fn export(&self, export: Export) -> Decision {
        if export.signal != Signal::Traces {
            self.strangers.note_signal(export.signal);
            return Decision::Accept;
        }
        WALK.with_borrow_mut(|walk| match walk.read(&export.body) {
            Ok(()) => {
                self.record(walk, &export.body, self.clock.ns(export.received));
                Decision::Accept
            }
            Err(error) => Decision::Malformed { message: format!("not an ExportTraceServiceRequest: {error}") },
        })
    }
}

/// One pass over the spans of a request. Neighbours tend to share trace, chunk and planned request; what they share is
/// looked up once.
struct Pass<'a> {
    recorder: &'a Recorder,
    body: &'a [u8],
    received_ns: u64,
    chunk: Option<Arc<Chunk>>,
    keys: Option<spanproof_generators::identity::TraceKeys>,
    run: Option<Run>,
}

/// Records of one planned request that arrived one after another: they share their latency.
struct Run {
    chunk: u64,
    request: u32,
    due_ns: u64,
    first_copies: u64,
}

impl Pass<'_> {
    fn span(&mut self, walk: &Walk, span: &SpanView) {
        let plan = Arc::clone(self.recorder.chunks.plan());
        let claim = self.claim(&plan, span);
        let (trace, ordinal) = match claim {
            Claim::Record { trace, ordinal, .. } | Claim::Own { trace, ordinal } => (trace, ordinal),
            Claim::Invented => return self.invented(span),
            Claim::Foreign => return self.foreign(span),
        };
        let chunk = self.chunk(trace / CHUNK_TRACES);
        let filing = &walk.filings[span.filing as usize];
        match chunk.judge(&plan, claim, span, filing) {
            Judgement::Intact { offset } => self.intact(&plan, &chunk, trace, ordinal, offset),
            Judgement::Different { offset } => {
                let mut planned = Vec::new();
                chunk.encode_record(&plan, offset, &mut planned);
                let differences = explain(&planned, self.body, span, filing);
                if differences.is_empty() {
                    self.intact(&plan, &chunk, trace, ordinal, offset);
                } else {
                    self.recorder.ledger.mark_corrupt(chunk.number(), offset);
                    let number = self.recorder.ledger.number(chunk.number(), offset);
                    self.recorder.corruptions.note(number, differences, self.received_ns);
                }
            }
            Judgement::Invented => self.invented(span),
        }
    }

    fn claim(&mut self, plan: &Plan, span: &SpanView) -> Claim {
        if !span.own_id.is_empty() {
            return plan.identify_own(&self.body[span.own_id.start as usize..span.own_id.end as usize]);
        }
        let keys = match self.keys {
            Some(keys) if keys.id == span.trace_id => keys,
            _ => plan.identity().keys(span.trace_id),
        };
        self.keys = Some(keys);
        plan.identify(&keys, span.span_id)
    }

    fn chunk(&mut self, number: u64) -> Arc<Chunk> {
        match &self.chunk {
            Some(chunk) if chunk.number() == number => Arc::clone(chunk),
            _ => {
                let chunk = self.recorder.chunks.get(number);
                self.chunk = Some(Arc::clone(&chunk));
                chunk
            }
        }
    }

    fn intact(&mut self, plan: &Plan, chunk: &Chunk, trace: u64, ordinal: u32, offset: u32) {
        let request = chunk.request_of(plan, (trace % CHUNK_TRACES) as usize, ordinal);
        let same = self.run.as_ref().is_some_and(|run| run.request == request && run.chunk == chunk.number());
        if !same {
            self.end_run();
            let due_ns = chunk.requests()[request as usize].due_ns;
            self.run = Some(Run { chunk: chunk.number(), request, due_ns, first_copies: 0 });
        }
        if self.recorder.ledger.mark(chunk.number(), offset) == Mark::First
            && let Some(run) = &mut self.run
        {
            run.first_copies += 1;
            if self.received_ns.saturating_sub(run.due_ns) > self.recorder.late_after.as_nanos() as u64 {
                self.recorder.ledger.mark_late(chunk.number(), offset);
            }
        }
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        if run.first_copies > 0 && run.due_ns >= self.recorder.measured_from_ns {
            let latency = Duration::from_nanos(self.received_ns.saturating_sub(run.due_ns));
            let at = Duration::from_nanos(self.received_ns);
            self.recorder.latency.lock(Series::IntendedToDelivered).record(at, latency, run.first_copies);
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
