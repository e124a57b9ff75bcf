//! A plan of which much is out of the ordinary: shares of all records are lost, repeated, changed, late, touched by faults, foretold to
//! be lost. What it takes to mark them, to write the evidence, and to read it back with the account, all in one process as in a run.

use super::{mark_all, memory, plan};
use roaring::RoaringTreemap;
use spanproof_generators::mix::scramble;
use spanproof_generators::plan::{Deviation, Plan, PlanError};
use spanproof_harness::evidence::error::EvidenceError;
use spanproof_harness::evidence::{self, Course, Findings, Frozen, marker};
use spanproof_harness::judge::corruption::{CorruptExample, Corruptions};
use spanproof_harness::judge::evidence::{Conduct, Refusals, Remedies, Settling};
use spanproof_harness::judge::explain::Difference;
use spanproof_harness::judge::ledger::Ledger;
use spanproof_harness::judge::outcomes::Sums;
use spanproof_harness::judge::standstill::{Resending, Standstills};
use spanproof_harness::judge::strangers::StrangerExamples;
use spanproof_reports::directory::WriteError;
use spanproof_reports::result::epoch::{Epoch, RunTag, RunTagError};
use spanproof_reports::result::faults::Fault;
use spanproof_reports::result::prediction::Prediction;
use spanproof_reports::result::{RunResult, Scenario};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a [`Share`] is counted in.
const WHOLE: u32 = 1_000_000;

/// A share of all records, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share(u32);

/// A text that is no share. Write per cent, from 0 to 100: `2%`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no share; write per cent, as in 2%")]
pub struct ShareError(String);

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let per_cent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
        let per_cent = per_cent.filter(|number| (0.0..=100.0).contains(number));
        per_cent
            .map(|number| Self((number * f64::from(WHOLE) / 100.0) as u32))
            .ok_or_else(|| ShareError(text.to_owned()))
    }
}

impl Share {
    /// Whether a record is among those of which `what` holds. What holds of a record says nothing of what else does.
    fn has(self, what: What, seed: u64, number: u64) -> bool {
        self.0 > 0 && scramble(scramble(seed ^ (what as u64) << 48) ^ number) % u64::from(WHOLE) < u64::from(self.0)
    }
}

/// What may hold of a record. The faults come behind these, each with a number of its own.
#[derive(Debug, Clone, Copy)]
enum What {
    Lost = 1,
    Repeated,
    Corrupt,
    Late,
    Foretold,
    PerhapsForetold,
    Unanswered,
    Touched,
}

/// What is out of the ordinary. Records are chosen one by one all over the plan, as suits sets of them worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exceptions {
    /// Records of which no copy arrives.
    pub lost: Share,
    /// Of the others, those of which two copies arrive.
    pub repeated: Share,
    /// Of the others, those of which the first copy is changed.
    pub corrupt: Share,
    /// Of the others, those of which the first copy is late.
    pub late: Share,
    /// Ways in which copies are changed, one as often as another.
    pub kinds: u32,
    /// Faults of the scenario.
    pub faults: u32,
    /// Records that each fault touched; of half of them the target was not told.
    pub touched: Share,
    /// Records that were foretold to be lost, and as many that perhaps were.
    pub foretold: Share,
}

/// How many records stand in each set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// No copy arrived.
    pub lost: u64,
    /// Two copies arrived.
    pub repeated: u64,
    /// A changed copy arrived.
    pub corrupt: u64,
    /// No other arrived.
    pub corrupted_only: u64,
    /// The first copy was late.
    pub late: u64,
    /// Over all kinds of changes.
    pub of_kinds: u64,
    /// Over all faults, those touched and those unanswered.
    pub of_faults: u64,
    /// Foretold, for certain and perhaps.
    pub foretold: u64,
}

/// Memory of this process once something had been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What had been done.
    pub when: &'static str,
    /// Bytes in use.
    pub in_use: Option<u64>,
    /// The most bytes that were ever in use until then.
    pub peak: Option<u64>,
}

impl Memory {
    fn when(when: &'static str) -> Self {
        Self { when, in_use: memory("VmRSS"), peak: memory("VmHWM") }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Spans of the plan.
    pub spans: u64,
    /// What was done to the records.
    pub done: Counted,
    /// What the evidence says that was read back.
    pub found: Counted,
    /// Bytes of the evidence.
    pub evidence_bytes: u64,
    /// CPU time of all threads for marking.
    pub marking_cpu: Duration,
    /// Memory, step by step.
    pub memory: Vec<Memory>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// No such plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan's run tag is none for a result.
    #[error(transparent)]
    RunTag(#[from] RunTagError),
    /// The evidence cannot be written. Free space, or name another directory.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The evidence cannot be read back.
    #[error(transparent)]
    Read(#[from] EvidenceError),
}

/// Marks a plan with its exceptions, writes the evidence into a directory, and reads it back. All that a run keeps until its end is
/// kept until then. Nothing is folded, as if the horizon were wider than the run.
///
/// # Errors
/// See [`ExceptionsError`].
pub fn run(
    spans: u64,
    seed: u64,
    pool_size: u32,
    exceptions: &Exceptions,
    directory: &Path,
) -> Result<Outcome, ExceptionsError> {
    let plan = Arc::new(plan(spans, seed, pool_size)?);
    let mut memory = vec![Memory::when("the plan is made")];
    let ledger = Ledger::new((0..plan.chunks()).map(|chunk| plan.spans_in(chunk)));
    let corruptions = Corruptions::default();
    let (mut done, marking_cpu) = mark(&ledger, &corruptions, seed, exceptions);
    memory.push(Memory::when("all is marked"));
    let noted = Noted { faults: faults(&plan, seed, exceptions), foretold: foretold(&plan, seed, exceptions) };
    done.of_faults = noted.faults.iter().flatten().map(RoaringTreemap::len).sum();
    done.foretold = noted.foretold.iter().flatten().map(RoaringTreemap::len).sum();
    memory.push(Memory::when("what faults touched and what was foretold is noted"));
    // As a run does: with the mark of one that goes on, until all has been read back.
    let _hold = marker::set(directory)?;
    write(&plan, (&ledger, &corruptions), &noted, &course(&plan, exceptions)?, directory)?;
    memory.push(Memory::when("the evidence is written"));
    let frozen = evidence::read_back(directory, Some(&plan))?;
    memory.push(Memory::when("it is read back, and the account drawn up"));
    let (found, evidence_bytes) = (counted(&frozen), bytes_in(&evidence::folder(directory)));
    marker::clear(directory)?;
    Ok(Outcome { spans: plan.spans(), done, found, evidence_bytes, marking_cpu, memory })
}

/// Records that are noted beside the ledger.
struct Noted {
    /// What each fault touched, and of that what the target was not told.
    faults: Vec<[RoaringTreemap; 2]>,
    /// For certain and perhaps.
    foretold: Option<[RoaringTreemap; 2]>,
}

fn write(
    plan: &Plan,
    (ledger, corruptions): (&Ledger, &Corruptions),
    noted: &Noted,
    course: &Course,
    directory: &Path,
) -> Result<(), WriteError> {
    let findings = Findings {
        rules: None,
        plan,
        fingerprint: &plan.fingerprint(),
        ledger,
        requests: &BTreeMap::new(),
        corruptions: &corruptions.kinds(),
        unexplained: 0,
        strangers: &StrangerExamples::default(),
        instants: &[],
        touched: &noted.faults,
        foretold: noted.foretold.as_ref().map(|[lost, open]| [lost, open]),
        course,
    };
    evidence::write(directory, &findings)
}

/// Marks all records, each as it is to be, and counts what was done.
fn mark(ledger: &Ledger, corruptions: &Corruptions, seed: u64, exceptions: &Exceptions) -> (Counted, Duration) {
    let [lost, repeated, corrupt, corrupted_only, late] = [const { AtomicU64::new(0) }; 5];
    let count = |counter: &AtomicU64, counts: bool| counter.fetch_add(u64::from(counts), Ordering::Relaxed);
    let cpu = mark_all(ledger, seed, |marks, record| {
        let holds = |share: Share, what| share.has(what, seed, record.number);
        if holds(exceptions.lost, What::Lost) {
            count(&lost, true);
            return;
        }
        let (is_late, is_repeated) = (holds(exceptions.late, What::Late), holds(exceptions.repeated, What::Repeated));
        marks.late(is_late);
        if holds(exceptions.corrupt, What::Corrupt) {
            marks.add_corrupt(record.chunk, record.offset);
            note(corruptions, record.number, exceptions.kinds);
            count(&corrupt, true);
            count(&corrupted_only, !is_repeated);
        } else {
            marks.add(record.chunk, record.offset);
        }
        if is_repeated {
            marks.add(record.chunk, record.offset);
            count(&repeated, true);
        }
        if is_late {
            count(&late, true);
        }
    });
    let [lost, repeated, corrupt, corrupted_only, late] =
        [lost, repeated, corrupt, corrupted_only, late].map(AtomicU64::into_inner);
    (Counted { lost, repeated, corrupt, corrupted_only, late, of_kinds: corrupt, ..Counted::default() }, cpu)
}

/// Notes a changed copy the way the sink does: what differs is found out only as long as it is not known.
fn note(corruptions: &Corruptions, record: u64, kinds: u32) {
    let kind = scramble(record) % u64::from(kinds.max(1));
    let deviation = Deviation { content: kind, ..Deviation::default() };
    if !corruptions.note_known(record, &deviation) {
        let path = format!("attributes[\"key.{kind}\"]");
        let differences = vec![Difference { path, expected: "\"sent\"".to_owned(), received: String::new() }];
        corruptions.note(CorruptExample { record, received_ns: 0, differences }, deviation);
    }
}

/// The records that each fault touched, and of these the ones of which the target was not told.
fn faults(plan: &Plan, seed: u64, exceptions: &Exceptions) -> Vec<[RoaringTreemap; 2]> {
    let half = Share(WHOLE / 2);
    let of = |fault: u32| {
        let seed = scramble(seed ^ u64::from(fault));
        let touched: RoaringTreemap =
            (0..plan.spans()).filter(|number| exceptions.touched.has(What::Touched, seed, *number)).collect();
        let unanswered = touched.iter().filter(|number| half.has(What::Unanswered, seed, *number)).collect();
        [touched, unanswered]
    };
    (0..exceptions.faults).map(of).collect()
}

/// The records that were foretold to be lost, and those that perhaps were.
fn foretold(plan: &Plan, seed: u64, exceptions: &Exceptions) -> Option<[RoaringTreemap; 2]> {
    let set = |what| (0..plan.spans()).filter(|number| exceptions.foretold.has(what, seed, *number)).collect();
    (exceptions.foretold != Share::default()).then(|| [set(What::Foretold), set(What::PerhapsForetold)])
}

/// A run in which nothing else happened.
fn course(plan: &Plan, exceptions: &Exceptions) -> Result<Course, ExceptionsError> {
    let spec = plan.spec();
    let epoch = Epoch::from_unix_ns(spec.epoch_unix_ns);
    let mut document = RunResult::new(Scenario::default(), spec.seed.0, RunTag::new(spec.tag.get())?, epoch);
    document.faults = (0..exceptions.faults).map(|fault| (format!("fault-{fault:04}"), Fault::default())).collect();
    document.prediction = (exceptions.foretold != Share::default()).then(Prediction::default);
    let settled = Duration::from_secs(15);
    Ok(Course {
        chunks_opened: plan.chunks(),
        sums: Sums { acknowledged: plan.spans(), ..Sums::default() },
        conduct: Conduct { achieved_ratio: 1.0, ..Conduct::default() },
        refusals: Refusals::default(),
        settling: Settling::default(),
        may_leave_out: Vec::new(),
        may_change: Vec::new(),
        ways: Vec::new(),
        pipelines: Vec::new(),
        forewarned: Vec::new(),
        late_after: settled,
        late_margin: settled,
        cut_short: None,
        waited_until: None,
        target_ended: None,
        never_bit: Vec::new(),
        guarantee: Default::default(),
        may_hold: Duration::ZERO,
        pause: Duration::ZERO,
        foreign_fails: true,
        absence_is_unknown: false,
        standstills: Standstills::default(),
        resending: Resending::default(),
        remedies: Remedies::default(),
        limits: Vec::new(),
        promises: Vec::new(),
        document,
    })
}

fn counted(frozen: &Frozen) -> Counted {
    let (evidence, counts) = (&frozen.evidence, &frozen.evidence.account.counts);
    Counted {
        lost: counts.lost_acknowledged,
        repeated: counts.duplicated,
        corrupt: counts.corrupted,
        corrupted_only: counts.corrupted_only,
        late: counts.late,
        of_kinds: evidence.corruptions.values().map(|kind| kind.records.len()).sum(),
        of_faults: evidence.faults.iter().map(|fault| fault.touched.len() + fault.unanswered.len()).sum(),
        foretold: evidence.foretold.as_ref().map_or(0, |foretold| foretold.lost.len() + foretold.open.len()),
    }
}

/// What the files in a folder hold together; a file that is gone meanwhile holds nothing.
fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(per_cent: &str) -> Share {
        per_cent.parse().unwrap()
    }

    fn outcome(exceptions: &Exceptions) -> Outcome {
        let directory = tempfile::tempdir().unwrap();
        run(100_000, 1, 64, exceptions, directory.path()).unwrap()
    }

    #[test]
    fn what_is_read_back_is_what_was_done_and_in_the_shares_that_were_asked_for() {
        let two = share("2%");
        let all = Exceptions {
            lost: two,
            repeated: two,
            corrupt: two,
            late: two,
            kinds: 300,
            faults: 2,
            touched: share("4%"),
            foretold: share("1%"),
        };
        let Outcome { spans, done, found, evidence_bytes, .. } = outcome(&all);
        assert_eq!(found, done);
        let near = |count: u64, per_cent: f64| (count as f64 / spans as f64 * 100.0 - per_cent).abs() < per_cent / 10.0;
        for count in [done.lost, done.repeated, done.corrupt, done.corrupted_only, done.late, done.of_kinds] {
            assert!(near(count, 2.0), "{done:?}");
        }
        assert!(near(done.of_faults, 2.0 * (4.0 + 2.0)) && near(done.foretold, 2.0), "{done:?}");
        assert!(done.corrupted_only < done.corrupt, "some came again: {done:?}");
        assert!(evidence_bytes > 0);
    }

    #[test]
    fn where_nothing_is_asked_for_nothing_is_found() {
        let Outcome { done, found, .. } = outcome(&Exceptions::default());
        assert_eq!((done, found), (Counted::default(), Counted::default()));
    }

    #[test]
    fn shares_are_written_in_per_cent() {
        assert_eq!([share("2%"), share("0.5%"), share("100%")], [Share(20_000), Share(5_000), Share(WHOLE)]);
        for wrong in ["2", "%", "-1%", "101%", "NaN%", "two%"] {
            assert_eq!(wrong.parse::<Share>(), Err(ShareError(wrong.to_owned())));
        }
    }
}
