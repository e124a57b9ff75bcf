//! What arrived against what was expected.

use super::expect::{Expectation, Sent};
use super::watch::SinkDid;
use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::judge::account::Account;
use crate::judge::checks::{self, delivery, integrity};
use crate::judge::conclusion;
use crate::judge::doubted::{Doubted, Known};
use crate::judge::evidence::{Conduct, Evidence, Remedies, Settling};
use crate::judge::ledger::Copies;
use crate::judge::outcomes::Sums;
use crate::judge::standstill::{Excused, Resending};
use crate::judge::without::Without;
use crate::sink::recorder::Recorder;
use roaring::RoaringTreemap;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::check::Check;
use spanproof_reports::result::epoch::{Epoch, RunTag};
use spanproof_reports::result::ledger::SpanLedger;
use spanproof_reports::result::verdict::Verdict;
use spanproof_reports::result::{RunResult, Scenario};
use std::sync::Arc;
use std::time::Duration;

/// Chunks kept open; each takes about 0.6 MB.
const CHUNKS_OPEN_MAX: usize = 96;

/// No record is late: nobody said how long what stands before the sink may hold it.
const NEVER_LATE: Duration = Duration::from_secs(1 << 34);

/// A recorder for what is expected.
pub(super) fn recorder(expectation: &Expectation) -> Arc<Recorder> {
    let plan = &expectation.plan;
    let chunks = Arc::new(OpenChunks::new(Arc::clone(plan), CHUNKS_OPEN_MAX));
    Arc::new(Recorder::new(chunks, clock(expectation), Arc::new(LatencyRecorder::new()), NEVER_LATE, Duration::ZERO))
}

/// The clock of whoever sends.
fn clock(expectation: &Expectation) -> RunClock {
    RunClock::of_epoch(expectation.plan.spec().epoch_unix_ns)
}

/// True when every record has arrived, intact or not.
pub(super) fn everything_arrived(expectation: &Expectation, recorder: &Recorder) -> bool {
    recorder.ledger().unique() >= expectation.plan.spans()
}

/// The judgement.
pub(super) struct Judged {
    /// Delivery and integrity.
    pub(super) checks: Vec<Check>,
    /// Every planned record under one word.
    pub(super) spans: SpanLedger,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
}

impl Judged {
    /// The merged verdict of the checks.
    pub(super) fn verdict(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).collect()
    }
}

/// Judges delivery and integrity. `cut_short` says why what is absent may still be under way, if it may; `did` is what the sink itself did.
pub(super) fn judge(
    expectation: &Expectation,
    recorder: &Recorder,
    sent: Sent,
    foreign_fails: bool,
    cut_short: Option<String>,
    did: SinkDid,
) -> Judged {
    let chunks = sent.chunks;
    let cut_short = cut_short.or(sent.doubt);
    let mut account = Account::draw_up(&expectation.plan, recorder.ledger(), &sent.requests, |chunk| chunk < chunks);
    account.explain_repeats(&did.unanswered);
    let standstills = did.pulse.standstills(clock(expectation));
    // Neither when anything was sent is known here nor who sends.
    let excused = Excused::without_instants(&account, standstills, Resending::default());
    let mut evidence = Evidence {
        plan: Arc::clone(&expectation.plan),
        account,
        requests: sent.requests,
        sums: Sums::default(),
        corruptions: recorder.corruptions().kinds(),
        unexplained: recorder.corruptions().unexplained(),
        chunks_opened: chunks,
        connections: 0,
        absence_is_unknown: false,
        strangers: recorder.strangers().examples(),
        invented: recorder.ledger().invented(),
        foreign: recorder.ledger().foreign(),
        foreign_fails,
        conduct: Conduct::default(),
        refusals: did.refusals,
        settling: Settling::default(),
        may_leave_out: Vec::new(),
        may_change: Vec::new(),
        ways: Vec::new(),
        pipelines: Vec::new(),
        late_after: NEVER_LATE,
        cut_short,
        target_ended: None,
        never_bit: Vec::new(),
        excused,
        doubted: None,
        faults: Vec::new(),
        died_inside: RoaringTreemap::new(),
        foretold: None,
        remedies: Remedies::default(),
        sampled: None,
        promised: Vec::new(),
    };
    evidence.doubted = doubted(&evidence);
    let checks = checks::run(&[delivery::CHECK, integrity::CHECK], &evidence, Without::Nothing);
    Judged { checks, spans: conclusion::spans(&evidence), notes: sent.notes }
}

/// What may be the doing of this sink: no more than fits into what it turned away.
fn doubted(evidence: &Evidence) -> Option<Doubted> {
    let known = Known {
        turned_away: evidence.refusals.turned_away(),
        has_early_end: evidence.has_early_end(),
        waited_until: None,
        hold: evidence.late_after,
    };
    Doubted::without_instants(&evidence.account, &known)
}

/// What is known while records still come in, for `--until`: absent records count as lost.
pub(super) fn so_far(expectation: &Expectation, recorder: &Recorder) -> RunResult {
    let named = Scenario { name: expectation.name.clone(), about: None, path: None };
    let spec = expectation.plan.spec();
    let mut result = RunResult::new(named, spec.seed.0, RunTag::default(), Epoch::from_unix_ns(spec.epoch_unix_ns));
    let (ledger, planned) = (recorder.ledger(), expectation.plan.spans());
    let spans = &mut result.ledger.spans;
    (spans.planned, spans.sent, spans.acknowledged) = (planned, planned, planned);
    (spans.delivered, spans.corrupted, spans.corrupted_only) =
        (ledger.delivered(), ledger.corrupt(), ledger.corrupted_only());
    spans.lost_acknowledged = planned.saturating_sub(ledger.unique());
    (spans.invented, spans.foreign) = (ledger.invented(), ledger.foreign());
    spans.duplicated = duplicated(recorder);
    spans.duplicated_unexplained = spans.duplicated;
    result.ledger.traces.planned = expectation.plan.traces();
    result
}

/// Records with more than one copy, looked for only if there are further copies at all.
fn duplicated(recorder: &Recorder) -> u64 {
    let ledger = recorder.ledger();
    if ledger.extra() == 0 {
        return 0;
    }
    let mut records = 0;
    for chunk in 0..ledger.chunks() {
        ledger.for_each_exception(chunk, |_, copies| records += u64::from(copies == Copies::More));
    }
    records
}
