//! The suite tried on targets of our own: two that do everything right must pass, and one that does one thing wrong must be caught
//! under the requirement whose breaking that is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails best where it stands")]

#[path = "conformance/command.rs"]
mod command;
#[path = "conformance/scripts.rs"]
mod scripts;

use spanproof_harness::conformance::deviations::{self, Deviation, Twist};
use spanproof_harness::conformance::plan::{State, Wanted, plan};
use spanproof_harness::conformance::reference::Reference;
use spanproof_harness::conformance::registry;
use spanproof_harness::conformance::run::{Setup, Tried, run};
use spanproof_harness::conformance::scripted::{Answer, Deed};
use spanproof_reports::conformance::{Finding, Verdict};
use spanproof_scenarios::conformance::Table;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// As long as a server that hangs is waited for. What comes later is called broken, which only a deviation is to be.
const HANGS: Duration = Duration::from_secs(5);

/// Deviating servers at once: each waits for most of its time.
const AT_ONCE: usize = 6;

async fn judge(reference: &Reference, select: &[&str], within: Duration) -> Tried {
    // What is asked before would be the first to meet a deviation.
    judge_when_ready(reference, select, within, Duration::ZERO).await
}

async fn judge_when_ready(reference: &Reference, select: &[&str], within: Duration, ready: Duration) -> Tried {
    let select = select.iter().map(|pattern| (*pattern).to_owned()).collect();
    let wanted = Wanted { select, is_quick: false, reads_back: true };
    let planned = plan(&Table::embedded().unwrap(), &registry::all(), &reference.profile, &wanted);
    let setup = Setup {
        profile: Arc::new(reference.profile.clone()),
        readback: Some(reference.readback.clone()),
        jobs: NonZeroUsize::new(8).unwrap(),
        seed: 7,
        within,
        ready,
        command: "spanproof conformance server".to_owned(),
    };
    assert!(planned.iter().any(|planned| planned.state == State::Tried), "nothing would be tried");
    run(&planned, &setup, &CancellationToken::new(), |_, _| {}).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// What must not be there when everything is right.
fn amiss(tried: &Tried) -> Vec<String> {
    let bad = |finding: &&Finding| {
        matches!(finding.verdict, Verdict::Fail | Verdict::Error | Verdict::Warn) || finding.is_broken
    };
    let told = |finding: &Finding| {
        let kept = finding.conserved.clone().unwrap_or_default();
        format!("{} {}: {} {kept}", finding.verdict, finding.name(), finding.actual_text())
    };
    tried.findings.iter().filter(bad).map(told).collect()
}

fn passes(reference: Reference) {
    let tried = runtime().block_on(judge_when_ready(&reference, &[], PATIENCE, PATIENCE));
    // Ending its servers blocks, which no task may.
    drop(reference);
    assert_eq!(amiss(&tried), Vec::<String>::new());
    assert_eq!(tried.no_longer, Vec::<String>::new());
    let passed = tried.findings.iter().filter(|finding| finding.verdict == Verdict::Pass).count();
    assert!(passed > 50, "{passed}");
    let sum = tried.conservation.unwrap();
    assert_eq!(sum.sent, sum.acknowledged + sum.rejected + sum.refused + sum.unknown);
    assert!(sum.stored >= sum.acknowledged && sum.acknowledged > 0, "{sum:?}");
}

#[test]
fn our_own_sink_does_everything_right() {
    passes(Reference::sink().unwrap());
}

#[test]
fn the_embedded_target_does_everything_right() {
    passes(Reference::embedded().unwrap());
}

/// Whether a deviation is caught under its requirement's id, and else what was found.
fn caught(deviation: Deviation) -> Result<(), String> {
    let runtime = runtime();
    let reference = Reference::sink().unwrap();
    let (reference, tried) = runtime.block_on(async {
        let reference = reference.deviating(deviation).await.unwrap();
        let tried = judge(&reference, &[deviation.requirement], HANGS).await;
        (reference, tried)
    });
    drop(runtime);
    drop(reference);
    let findings = &tried.findings;
    let is_caught = findings.iter().any(|finding| finding.is_broken && finding.requirement == deviation.requirement);
    let seen = |finding: &Finding| format!("{} {}: {}", finding.verdict, finding.name(), finding.actual_text());
    if is_caught { Ok(()) } else { Err(findings.iter().map(seen).collect::<Vec<_>>().join("\n    ")) }
}

#[test]
fn every_planted_deviation_is_caught_under_its_requirement() {
    let planted = deviations::all();
    let (next, missed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(deviation) = planted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(found) = caught(*deviation) {
                        let told = format!("{} ({}):\n    {found}", deviation.requirement, deviation.what);
                        missed.lock().unwrap_or_else(PoisonError::into_inner).push(told);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    println!("caught {} of {} planted deviations", planted.len() - missed.len(), planted.len());
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

#[test]
fn a_loss_without_a_word_fails_whatever_a_case_is_about() {
    let lost = deviations::all().into_iter().find(|deviation| deviation.requirement == "PARTIAL-02").unwrap();
    let runtime = runtime();
    let reference = Reference::sink().unwrap();
    let (reference, tried) = runtime.block_on(async {
        let reference = reference.deviating(lost).await.unwrap();
        // It is about something else, and at a level at which nothing fails.
        let tried = judge(&reference, &["DATA-01"], PATIENCE).await;
        (reference, tried)
    });
    drop(runtime);
    drop(reference);
    for finding in &tried.findings {
        assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.name());
        assert!(finding.conserved.as_ref().unwrap().contains("lost without a word"));
        assert!(!finding.wire.is_empty());
    }
}

#[test]
fn a_control_that_fails_makes_errors_and_no_failures() {
    let refuses = deviations::all().into_iter().find(|deviation| deviation.requirement == "HTTP-02").unwrap();
    let runtime = runtime();
    let reference = Reference::sink().unwrap();
    let (reference, tried) = runtime.block_on(async {
        let reference = reference.deviating(refuses).await.unwrap();
        let tried = judge(&reference, &["HTTP-14/undecodable[http-protobuf,traces]"], PATIENCE).await;
        (reference, tried)
    });
    drop(runtime);
    drop(reference);
    let [finding] = &tried.findings[..] else { panic!("{} findings", tried.findings.len()) };
    assert_eq!(finding.verdict, Verdict::Error);
    assert!(finding.actual_text().starts_with("its control fails"), "{}", finding.actual_text());
}

#[test]
fn a_target_that_is_there_no_more_in_the_end_is_told() {
    // It answers three requests and then no more, whatever is asked.
    let ends = Deviation {
        requirement: "HTTP-24",
        what: "gives up after three requests",
        twist: Twist::Instead(|asked| (asked.number >= 3).then_some(Deed::Close)),
    };
    let runtime = runtime();
    let reference = Reference::sink().unwrap();
    let (reference, tried) = runtime.block_on(async {
        let reference = reference.deviating(ends).await.unwrap();
        let tried = judge(&reference, &["HTTP-24"], PATIENCE).await;
        (reference, tried)
    });
    drop(runtime);
    drop(reference);
    let [why] = &tried.no_longer[..] else { panic!("{:?}", tried.no_longer) };
    assert!(why.starts_with("http-protobuf,traces: a good request:"), "{why}");
}

/// What is found of one case where a target does something else in the beginning.
fn found_when_ready(twist: Twist, ready: Duration) -> Finding {
    let deviation = Deviation { requirement: "HTTP-10", what: "is not ready", twist };
    let runtime = runtime();
    let reference = Reference::sink().unwrap();
    let (reference, mut tried) = runtime.block_on(async {
        let reference = reference.deviating(deviation).await.unwrap();
        let select = ["HTTP-10/status[http-protobuf,traces]"];
        let tried = judge_when_ready(&reference, &select, PATIENCE, ready).await;
        (reference, tried)
    });
    drop(runtime);
    drop(reference);
    tried.findings.pop().unwrap()
}

fn come_again() -> Option<Deed> {
    Some(Deed::Answer(Answer { status: 503, ..Answer::default() }))
}

#[test]
fn a_target_that_is_ready_later_is_waited_for() {
    let later = Twist::Instead(|asked| if asked.number < 3 { come_again() } else { None });
    let finding = found_when_ready(later, PATIENCE);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.actual_text());
}

#[test]
fn a_target_that_is_never_ready_is_an_error_and_no_failure() {
    let soon = Duration::from_millis(600);
    let refusing = found_when_ready(Twist::Instead(|_| come_again()), soon);
    assert_eq!(refusing.verdict, Verdict::Error);
    assert!(refusing.actual_text().contains("HTTP 503"), "{}", refusing.actual_text());
    // It takes everything, and nothing comes out: a sink at another address looks just so.
    let taken = Twist::Instead(|_| {
        let fields = vec![("content-type".to_owned(), "application/x-protobuf".to_owned())];
        Some(Deed::Answer(Answer { status: 200, fields, ..Answer::default() }))
    });
    let silent = found_when_ready(taken, soon);
    assert_eq!(silent.verdict, Verdict::Error);
    assert!(silent.actual_text().contains("nothing comes out"), "{}", silent.actual_text());
}
