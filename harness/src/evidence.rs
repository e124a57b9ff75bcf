//! `evidence/` in a result directory: all that a verdict rests on, written by `run`, read by `judge` and `show`.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan.json` | what the plan was made from, and its fingerprint |
//! | `requests.json` | what became of the requests that did not simply succeed |
//! | `arrivals.json` | what differs in corrupt records, and records that are not in the plan |
//! | `changes.roaring` | which records are corrupt in which way, one set for each kind in `arrivals.json` |
//! | `instants.bin` | when each request was sent and answered, and when its spans arrived |
//! | `run.json` | how far the driver got, how it behaved, the scenario's limits, and the facts that the result shows |
//! | `missing.roaring`, `repeated.roaring`, `corrupt.roaring`, `also-intact.roaring`, `late.roaring` | records by their number in the plan |
//! | `foretold-lost.roaring`, `foretold-open.roaring` | records of which the target's configuration foretold that they would be lost, for certain and perhaps; where anything was foretold |
//! | `fault-N.roaring`, `fault-N-unanswered.roaring` | records in the requests that a fault of the scenario touched, and of these the ones that the sink took without telling the target; for each fault, in the order of their names |
//! | `sampling.json` | the rules by which the target keeps traces; where its configuration has any that can be followed |
//! | `manifest.json` | version, and size and SHA-256 of every other file; written last |
//!
//! [`write()`] freezes a run and [`read`] rebuilds it; a run judges itself from what it has just read back, so that whoever
//! judges the directory again comes to the same bytes. While [`marker::UNFINISHED`] is there, the evidence is not whole
//! and nothing may be concluded. What is kept is bounded: of each set of records two bytes a record in it and at worst one bit of
//! every record, some fifty bytes a request that did not succeed, and capped lists of examples.

pub mod error;
mod manifest;
pub mod marker;

mod arrivals;
mod bounds;
mod course;
mod exact;
mod instants;
mod plan;
mod records;
mod requests;
mod sampling;

pub use course::Course;

use crate::judge::account::Account;
use crate::judge::conclusion::conclude;
use crate::judge::corruption::{CorruptionKind, Fields};
use crate::judge::declared::{self, Deaths, Kill};
use crate::judge::doubted::{Doubted, Known};
use crate::judge::evidence::{Evidence, FaultEvidence, Foretold};
use crate::judge::instants::{Instants, Packed};
use crate::judge::ledger::Ledger;
use crate::judge::outcomes::{RequestId, RequestRecord};
use crate::judge::sampling::{self as judged, Promised, Rules};
use crate::judge::standstill::{Excused, Lateness};
use crate::judge::strangers::StrangerExamples;
use crate::judge::without::Without;
use error::EvidenceError;
use manifest::Manifest;
use roaring::{MultiOps, RoaringTreemap};
use spanproof_generators::plan::Plan;
use spanproof_reports::directory::{WriteError, write_bytes};
use spanproof_reports::result::RunResult;
use spanproof_reports::result::faults::Link;
use spanproof_scenarios::limits::Limit;
use spanproof_scenarios::promises::Promise;
use spanproof_scenarios::scenario::Guarantee;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The name and version of the format.
pub const FORMAT: &str = "spanproof.evidence/1";

/// The folder in the result directory.
pub const FOLDER: &str = "evidence";

/// Everything of a run that is written, borrowed from its owners.
pub struct Findings<'a> {
    /// The plan, with its epoch.
    pub plan: &'a Plan,
    /// The plan's fingerprint.
    pub fingerprint: &'a str,
    /// What arrived.
    pub ledger: &'a Ledger,
    /// Requests that did not simply succeed.
    pub requests: &'a BTreeMap<RequestId, RequestRecord>,
    /// Corrupt copies by the fields that differ.
    pub corruptions: &'a BTreeMap<Fields, CorruptionKind>,
    /// Copies about which hash and full decode disagree.
    pub unexplained: u64,
    /// Records that are not in the plan.
    pub strangers: &'a StrangerExamples,
    /// When requests were sent and answered and their spans arrived, by chunk and number.
    pub instants: &'a [Vec<Packed>],
    /// Which records each fault of the scenario touched, and which of these the sink took without telling the target; in the order of
    /// the faults' names.
    pub touched: &'a [[RoaringTreemap; 2]],
    /// Records of which the target's configuration foretold that they would be lost, for certain and perhaps.
    pub foretold: Option<[&'a RoaringTreemap; 2]>,
    /// The rules by which the target keeps traces, where its configuration has any that can be followed.
    pub rules: Option<&'a Rules>,
    /// How the run went.
    pub course: &'a Course,
}

/// The evidence of a run, read back.
pub struct Frozen {
    /// What the checks read.
    pub evidence: Evidence,
    /// What arrived.
    pub ledger: Ledger,
    /// When requests were sent and answered and their spans arrived, by chunk and number.
    pub instants: Vec<Vec<Packed>>,
    /// How the run went.
    pub course: Course,
}

/// Where the evidence of a result directory is.
pub fn folder(directory: &Path) -> PathBuf {
    directory.join(FOLDER)
}

/// Writes the evidence of a run; the manifest last, so that what has a manifest is whole.
///
/// # Errors
/// When a file cannot be written.
pub fn write(directory: &Path, findings: &Findings<'_>) -> Result<(), WriteError> {
    let folder = folder(directory);
    let opened = findings.course.chunks_opened;
    let mut manifest = Manifest::new();
    let mut add = |name: &str, bytes: Vec<u8>| {
        manifest.add(name, &bytes);
        write_bytes(&folder, name, &bytes).map(drop)
    };
    add(plan::FILE, plan::to_bytes(findings.plan, findings.fingerprint)?)?;
    add(requests::FILE, requests::to_bytes(findings.requests)?)?;
    add(arrivals::FILE, arrivals::to_bytes(findings)?)?;
    add(arrivals::CHANGES, arrivals::changes(findings))?;
    add(instants::FILE, instants::to_bytes(findings.instants))?;
    add(course::FILE, course::to_bytes(findings.course)?)?;
    for (name, records) in records::of(findings.ledger, opened) {
        add(name, records::to_bytes(records))?;
    }
    for (number, sets) in findings.touched.iter().enumerate() {
        for (name, records) in records::of_fault(number).iter().zip(sets) {
            add(name, records::to_bytes(records.clone()))?;
        }
    }
    if let Some(rules) = findings.rules {
        add(sampling::FILE, sampling::to_bytes(rules)?)?;
    }
    for (name, records) in records::FORETOLD.iter().zip(findings.foretold.into_iter().flatten()) {
        add(name, records::to_bytes(records.clone()))?;
    }
    write_bytes(&folder, manifest::FILE, &manifest.to_bytes()?).map(drop)
}

/// Whether a directory seems to hold the whole evidence of a run that has ended; only [`read`] proves it.
pub fn is_whole(directory: &Path) -> bool {
    folder(directory).join(manifest::FILE).is_file() && !marker::is_there(directory)
}

/// Reads the evidence of a run that has ended.
///
/// # Errors
/// See [`EvidenceError`]; nothing of what was read may then be used.
pub fn read(directory: &Path) -> Result<Frozen, EvidenceError> {
    if !folder(directory).is_dir() {
        return Err(EvidenceError::None { directory: directory.to_owned() });
    }
    if marker::is_there(directory) {
        return Err(marker::why(directory));
    }
    read_back(directory, None)
}

/// The same, also while the run that wrote it goes on. `known` saves making the plan again if it is the one.
///
/// # Errors
/// See [`EvidenceError`].
pub fn read_back(directory: &Path, known: Option<&Arc<Plan>>) -> Result<Frozen, EvidenceError> {
    let folder = folder(directory);
    let files = Manifest::read(&folder)?.files(&folder)?;
    let plan = plan::from_bytes(files.get(plan::FILE)?, known)?;
    let requests = requests::from_bytes(files.get(requests::FILE)?, &plan)?;
    let arrivals = arrivals::from_bytes(files.get(arrivals::FILE)?, files.get(arrivals::CHANGES)?, plan.spans())?;
    let instants = instants::from_bytes(&files.get(instants::FILE)?, &plan)?;
    let mut course = course::from_bytes(files.get(course::FILE)?)?;
    // A run does so before it writes; whoever changed what it wrote did not.
    course.withhold();
    if course.chunks_opened > plan.chunks() {
        return Err(EvidenceError::inconsistent(&files.path(course::FILE), "more chunks were opened than planned"));
    }
    let sets = records::Sets::read(&files, plan.spans())?;
    let ledger = sets.into_ledger(&plan, course.chunks_opened, arrivals.invented, arrivals.foreign);
    let faults = faults(&files, &course, plan.spans())?;
    let foretold = foretold(&files, &course, plan.spans())?;
    let mut evidence = evidence(plan, requests, arrivals, faults, &course, &ledger);
    evidence.foretold = foretold;
    evidence.explain_repeats();
    evidence.declare_discarded();
    lay_on_links(&mut evidence, &instants, &course);
    evidence.died_inside = {
        let deaths = deaths(&course, &evidence.faults);
        declared::explain(&mut evidence.account, &evidence.plan, &instants, &deaths)
    };
    evidence.excused = excused(&evidence, &instants, &course);
    if files.has(sampling::FILE) {
        let file = files.get(sampling::FILE)?;
        weigh(&mut evidence, &instants, &sampling::from_bytes(&file)?).map_err(|reason| file.malformed(reason))?;
    }
    evidence.promised = promised(&evidence, &instants, &course.promises)
        .map_err(|reason| EvidenceError::inconsistent(&files.path(course::FILE), &reason))?;
    evidence.doubted = doubted(&evidence, &instants, &course);
    Ok(Frozen { evidence, ledger, instants, course })
}

fn evidence(
    plan: Arc<Plan>,
    requests: BTreeMap<RequestId, RequestRecord>,
    arrivals: arrivals::Arrivals,
    faults: Vec<FaultEvidence>,
    course: &Course,
    ledger: &Ledger,
) -> Evidence {
    let account = Account::draw_up(&plan, ledger, &requests, |chunk| chunk < course.chunks_opened);
    Evidence {
        account,
        requests,
        sums: course.sums,
        corruptions: arrivals.corruptions,
        unexplained: arrivals.unexplained,
        chunks_opened: course.chunks_opened,
        connections: course.document.driver.as_ref().map_or(0, |driver| driver.connections),
        absence_is_unknown: course.absence_is_unknown,
        strangers: arrivals.strangers,
        invented: arrivals.invented,
        foreign: arrivals.foreign,
        foreign_fails: course.foreign_fails,
        conduct: course.conduct,
        refusals: course.refusals.clone(),
        settling: course.settling.clone(),
        may_leave_out: course.may_leave_out.clone(),
        may_change: course.may_change.clone(),
        ways: course.ways.clone(),
        pipelines: course.pipelines.clone(),
        late_after: course.late_after,
        cut_short: course.cut_short.clone(),
        target_ended: course.target_ended.clone(),
        never_bit: course.never_bit.clone(),
        excused: Excused::default(),
        doubted: None,
        faults,
        died_inside: RoaringTreemap::new(),
        foretold: None,
        remedies: course.remedies.clone(),
        sampled: None,
        promised: Vec::new(),
        plan,
    }
}

/// Holds every trace against the rules of the target, and lays what these leave out under its own words.
fn weigh(evidence: &mut Evidence, instants: &[Vec<Packed>], rules: &Rules) -> Result<(), String> {
    let disturbed = disturbed(evidence);
    let sampled = judged::weigh(rules, &books(evidence, instants, &disturbed))?;
    evidence.account.leave_out(&sampled.left_out, &sampled.open);
    evidence.sampled = Some(sampled);
    Ok(())
}

/// What became of the scenario's promises.
fn promised(evidence: &Evidence, instants: &[Vec<Packed>], promises: &[Promise]) -> Result<Vec<Promised>, String> {
    judged::keep(promises, &books(evidence, instants, &[]))
}

fn books<'a>(
    evidence: &'a Evidence,
    instants: &'a [Vec<Packed>],
    disturbed: &'a [(Duration, Duration)],
) -> judged::Books<'a> {
    judged::Books {
        plan: &evidence.plan,
        account: &evidence.account,
        requests: &evidence.requests,
        instants,
        chunks_opened: evidence.chunks_opened,
        disturbed,
        cut_at: evidence.cut_short.as_ref().map(|_| last_answer(&evidence.plan, instants)),
    }
}

/// When the target was not itself, so that nothing can be said of what it held: for the sake of a fault, or by itself at a time that
/// nobody knows.
fn disturbed(evidence: &Evidence) -> Vec<(Duration, Duration)> {
    if evidence.target_ended.is_some() {
        return vec![(Duration::ZERO, Duration::MAX)];
    }
    let of_target = evidence.faults.iter().filter(|fault| fault.told.is_of_acts());
    of_target.flat_map(|fault| fault.told.windows()).collect()
}

/// When the last answer of the target came.
fn last_answer(plan: &Plan, instants: &[Vec<Packed>]) -> Duration {
    let answered = |chunk: u64, requests: &[Packed]| {
        let open = plan.open(chunk);
        let due = open.requests().iter().map(|request| Duration::from_nanos(request.due_ns));
        let ended = requests.iter().map(|packed| Instants::unpack(*packed).ended);
        due.zip(ended).filter_map(|(due, ended)| Some(due.saturating_add(ended?))).max()
    };
    let begun = (0..plan.chunks()).zip(instants).filter(|(_, requests)| !requests.is_empty());
    begun.filter_map(|(chunk, requests)| answered(chunk, requests)).max().unwrap_or_default()
}

/// What our own standing still explains.
fn excused(evidence: &Evidence, instants: &[Vec<Packed>], course: &Course) -> Excused {
    let lateness = Lateness { after: course.late_after, margin: course.late_margin };
    let Evidence { account, plan, .. } = evidence;
    Excused::of((account, plan, instants), course.standstills.clone(), course.resending, lateness)
}

/// What our sink's own bounds, and an early end, may be the reason for. While we stand still the target can deliver nothing.
fn doubted(evidence: &Evidence, instants: &[Vec<Packed>], course: &Course) -> Option<Doubted> {
    let known = Known {
        turned_away: evidence.refusals.turned_away(),
        has_early_end: evidence.has_early_end(),
        waited_until: course.waited_until,
        hold: course.late_after.saturating_add(evidence.excused.delay),
    };
    Doubted::of((&evidence.account, &evidence.plan, instants), &known)
}

/// Lays what was acknowledged and lost on the links that were broken while the target had it: what a link swallows nobody else sees.
fn lay_on_links(evidence: &mut Evidence, instants: &[Vec<Packed>], course: &Course) {
    let Evidence { faults, account, plan, .. } = evidence;
    for fault in faults.iter_mut().filter(|fault| fault.told.link == Some(Link::Egress) && fault.told.has_bitten()) {
        let windows = fault.told.windows();
        fault.touched |=
            declared::inside_during(&account.sets.lost_acknowledged, plan, instants, course.may_hold, &windows);
    }
}

/// When the target died for a fault's sake, and whether its acknowledgements may have died with it.
fn deaths(course: &Course, faults: &[FaultEvidence]) -> Deaths {
    let seconds = |seconds: &[f64]| seconds.iter().copied().map(Duration::from_secs_f64).collect::<Vec<_>>();
    let holds_up = |fault: &&FaultEvidence| {
        !fault.told.of_target && !fault.told.for_good && fault.told.link != Some(Link::Ingress)
    };
    let outages: Vec<_> = faults.iter().filter(holds_up).flat_map(|fault| fault.told.windows()).collect();
    let kill = |at: Duration| Kill { at, hold: declared::held_at(at, course.may_hold, course.pause, &outages) };
    let kills = faults.iter().flat_map(|fault| seconds(&fault.told.kills_seconds));
    Deaths {
        kills: kills.map(kill).collect(),
        permits_loss: match course.guarantee {
            Guarantee::Memory | Guarantee::Batch => true,
            Guarantee::Sync | Guarantee::Disk | Guarantee::Unknown => false,
        },
        ends: faults.iter().flat_map(|fault| seconds(&fault.told.ends_seconds)).collect(),
        dropped: faults.iter().filter(|fault| fault.told.for_good).map(|fault| &fault.touched).union(),
    }
}

/// What was foretold, with the records that it names.
fn foretold(files: &manifest::Files, course: &Course, records: u64) -> Result<Option<Foretold>, EvidenceError> {
    let Some(told) = course.document.prediction.clone() else { return Ok(None) };
    let [lost, open] = records::FORETOLD;
    let set = |name: &str| records::whole_set(&files.get(name)?, records);
    Ok(Some(Foretold { told, lost: set(lost)?, open: set(open)? }))
}

/// What is told of each fault, with the records that it touched.
fn faults(files: &manifest::Files, course: &Course, records: u64) -> Result<Vec<FaultEvidence>, EvidenceError> {
    let told = course.document.faults.iter().enumerate();
    told.map(|(number, (name, told))| {
        let [touched, unanswered] = records::of_fault(number);
        let set = |name: &str| records::whole_set(&files.get(name)?, records);
        if let Some(problem) = bounds::problem_of_fault(told) {
            return Err(EvidenceError::inconsistent(&files.path(course::FILE), &format!("`{name}`: {problem}")));
        }
        Ok(FaultEvidence {
            name: name.clone(),
            told: told.clone(),
            touched: set(&touched)?,
            unanswered: set(&unanswered)?,
        })
    })
    .collect()
}

/// What a scenario asks of a run.
pub struct Asked {
    /// What must hold.
    pub limits: Vec<Limit>,
    /// What is promised of what comes out.
    pub promises: Vec<Promise>,
    /// Whether foreign records fail the run.
    pub foreign_fails: bool,
    /// Whether the user says that the target may leave records out on purpose.
    pub absence_is_unknown: bool,
}

impl Frozen {
    /// The result document: the run's facts, and what checks and limits say of its evidence.
    pub fn judge(&self) -> RunResult {
        self.judge_without(Without::Nothing)
    }

    /// What a judge says that leaves something out.
    pub fn judge_without(&self, without: Without) -> RunResult {
        let Course { document, forewarned, limits, .. } = &self.course;
        conclude(&self.evidence, document.clone(), forewarned, limits, without)
    }

    /// Takes limits, promises, and what foreign and absent records mean, from elsewhere; `source` names where from.
    pub fn replace_limits(&mut self, asked: Asked, source: &str) {
        let Asked { limits, promises, foreign_fails, absence_is_unknown } = asked;
        // The plan has been made again before, so its workload is there.
        self.evidence.promised = promised(&self.evidence, &self.instants, &promises).unwrap_or_default();
        (self.course.limits, self.course.promises) = (limits, promises);
        self.course.foreign_fails = foreign_fails;
        (self.course.absence_is_unknown, self.evidence.absence_is_unknown) = (absence_is_unknown, absence_is_unknown);
        self.evidence.foreign_fails = foreign_fails;
        self.course.document.warnings.push(format!("judged by the limits of {source}"));
    }

    /// Records that have not exactly one copy, or a corrupt or late one.
    pub fn exceptions(&self) -> RoaringTreemap {
        records::of(&self.ledger, self.course.chunks_opened)
            .into_iter()
            .fold(RoaringTreemap::new(), |all, (_, set)| all | set)
    }
}
