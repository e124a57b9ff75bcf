//! The self-test from outside: its whole list passes, alone and behind a real collector; a wrong expectation is a miss; what
//! could not be tried is no pass; and an interrupted one leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "these are tests; clippy only knows functions marked so")]

use serde_json::Value;
use spanproof_harness::selftest::case::{Case, Counted, Expected, Place};
use spanproof_harness::selftest::summary::Summary;
use spanproof_harness::selftest::{Setup, TRIES_MAX, named, table};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const BINARY: &str = env!("CARGO_BIN_EXE_spanproof");

/// One at a time: some cases rest on time, and a second self-test beside them would make the harness the limit.
static ALONE: Mutex<()> = Mutex::new(());

/// Keepers are this binary, started again with the name of this test.
#[test]
fn __keeper() {
    spanproof_harness::process::become_keeper_if_asked();
}

fn selftest(more: &[&str]) -> Output {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Command::new(BINARY).arg("selftest").args(more).stdin(Stdio::null()).output().unwrap()
}

/// Where a person sees it although tests are silent.
fn say(line: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What to look at when an assertion fails: the cases that did not come out as expected, the counts, and the talk. All sixty
/// cases would be longer than what a CI log shows.
fn unlike_expected(summary: &Value, talk: &str) -> String {
    let mut short = summary.clone();
    if let Some(cases) = short["cases"].as_array_mut() {
        cases.retain(|case| case["outcome"] != "as-expected");
    }
    format!("{short:#}\n{talk}")
}

/// Every case came out as expected. On a desk it may be that a busy machine did not let those be tried that rest on time, which
/// is then said and is exit 3. So many checks and findings are left out in turn, and so many cases altered.
fn expect_all_caught(output: &Output, left_out: u64, altered: u64) {
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let said = unlike_expected(&summary, &text(&output.stderr));
    let cases = summary["cases"].as_array().unwrap();
    let of = |outcome: &str| cases.iter().filter(|case| case["outcome"] == outcome).collect::<Vec<_>>();
    assert!(of("missed").is_empty(), "{said}");
    let timed: Vec<&str> = table::table().iter().filter(|case| case.rests_on_time).map(|case| case.name).collect();
    assert!(!in_ci() || of("untried").is_empty(), "with CI=true every case must be tried\n{said}");
    for case in of("untried") {
        let because = case["because"][0].as_str().unwrap();
        assert!(timed.contains(&case["name"].as_str().unwrap()), "{said}");
        assert!(because.contains("the harness was the limit") && case["tries"] == TRIES_MAX, "{said}");
        say(&format!("not tried: {because}"));
    }
    let needed = &summary["needed"];
    assert_eq!(needed["left_out"], left_out, "{said}");
    assert_eq!(needed["not_missed"], needed["untried"], "{said}");
    assert_eq!((&summary["altered"], &summary["seen"]), (&altered.into(), &altered.into()), "{said}");
    let open = of("untried").len();
    let count = |name: &str| summary[name].as_u64().unwrap() as usize;
    assert_eq!((count("caught") + open, count("passed")), (count("planted"), count("controls")), "{said}");
    assert_eq!(output.status.code(), Some(if open == 0 { 0 } else { 3 }), "{said}");
}

#[test]
fn every_planted_defect_is_caught_under_its_right_name_and_every_check_is_needed() {
    let keep = TempDir::new().unwrap();
    let output = selftest(&["--format", "json", "--keep", &keep.path().display().to_string()]);
    // The seven checks, the limits and all forty-three findings.
    expect_all_caught(&output, 51, 8);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let here = table::table().iter().filter(|case| case.expected_at(Place::Embedded).is_ok()).count();
    assert_eq!(summary["cases"].as_array().unwrap().len(), here, "nothing is left out");
    expect_failures_told_in_full(keep.path());
}

/// No failure of any case leaves a reader without what happened, where, and what to try; nor, where records are concerned, without
/// when and an example. Requests that were not read, or not kept, have neither, and of a rate no single span is wrong.
fn expect_failures_told_in_full(results: &Path) {
    let mut failures = 0;
    let files = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path().join("result.json"));
    for file in files.filter(|file| file.exists()) {
        let result: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let findings =
            result["checks"].as_array().unwrap().iter().flat_map(|check| check["findings"].as_array().unwrap());
        for finding in findings.filter(|finding| finding["level"] == "failure") {
            failures += 1;
            let has = |part: &str| !finding[part].is_null();
            assert!(has("message") && has("where") && has("try"), "{}: {finding:#}", file.display());
            let id = finding["id"].as_str().unwrap();
            let unread = ["malformed", "foreign-signal"].contains(&id);
            let of_rate = ["above-rate", "below-rate"].contains(&id) && has("at_seconds");
            let dated = has("at_seconds") && has("examples");
            assert!(dated || of_rate || unread, "{}: {finding:#}", file.display());
        }
    }
    assert!(failures > 40, "only {failures} failures were seen");
}

#[test]
fn every_planted_defect_is_caught_behind_a_real_collector() {
    let Some(collector) = collector() else { return };
    let output = selftest(&["--format", "json", "--behind", &format!("process:{collector}")]);
    // Without the findings that only a target's own setting leads to, or a client that is asked to come again.
    expect_all_caught(&output, 20, 5);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What is planted and cannot show there is no control that passed, and is told with the reason.
    let hidden = ["refuse-but-forward", "defer-but-forward=refuse", "odd-answer"];
    let cases = summary["cases"].as_array().unwrap();
    let not_visible: Vec<&Value> = cases.iter().filter(|case| case["kind"] == "not-visible").collect();
    assert!(not_visible.iter().all(|case| case["not_visible"].is_string()), "{not_visible:?}");
    assert_eq!(not_visible.iter().map(|case| case["name"].as_str().unwrap()).collect::<Vec<_>>(), hidden);
    assert_eq!((&summary["not_visible"], &summary["nothing_claimed"]), (&3.into(), &3.into()));
    assert_eq!(summary["controls"], 2);
    // Nor is what is not tried or not judged there passed over.
    assert_eq!(
        summary["needed"]["not_made"],
        serde_json::json!(["check prediction", "check promises", "check reactions", "check sampling"])
    );
    let untried = table::table().iter().filter(|case| case.expected_at(Place::Behind).is_err()).count();
    assert_eq!(summary["left_out"].as_array().unwrap().len(), untried);
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// The path of a real collector, or `None` where there is none and none is required.
fn collector() -> Option<String> {
    let named = std::env::var("SPANPROOF_OTELCOL").ok().filter(|path| !path.is_empty());
    assert!(named.is_some() || !in_ci(), "CI=true needs a real collector: set SPANPROOF_OTELCOL to its path");
    if named.is_none() {
        say("SKIPPED: SPANPROOF_OTELCOL names no collector");
    }
    named
}

/// Tries cases of our own making through the library.
fn tried(cases: &[Case]) -> Summary {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = TempDir::new().unwrap();
    let setup = Setup {
        binary: PathBuf::from(BINARY),
        behind: None,
        jobs: NonZeroUsize::MIN,
        seeds: NonZeroUsize::MIN,
        folder: folder.path().to_owned(),
        keep: false,
        whole: false,
    };
    let mut told = 0;
    let summary = spanproof_harness::selftest::run(cases, &setup, &CancellationToken::new(), |step| told = step.done);
    let summary = summary.unwrap();
    assert_eq!(told, summary.cases.len());
    summary
}

fn case(name: &str) -> Case {
    let table = table::table();
    *named(&table, name)[0]
}

#[test]
fn an_expectation_that_is_wrong_is_a_miss_and_fails() {
    let wrong = Case { expected: Expected::corrupted(&["kind"]), ..case("change-name") };
    let summary = tried(&[wrong]);
    assert_eq!((summary.caught, summary.planted, summary.exit_code()), (0, 1, 1), "{}", summary.text());
    assert!(summary.text().contains("`name` differs, which is not expected"), "{}", summary.text());
}

/// A control in which something is wrong is a false alarm waiting to happen, and as much a failure as a miss.
#[test]
fn a_control_that_does_not_pass_fails() {
    let summary = tried(&[Case { expected: Expected::PASS, counted: Counted::NoDefect, ..case("duplicate-one-in") }]);
    assert_eq!((summary.passed, summary.controls, summary.exit_code()), (0, 1, 1), "{}", summary.text());
}

/// Nor may a control carry a warning of which its row says nothing.
#[test]
fn a_control_with_a_warning_fails() {
    let summary = tried(&[Case { expected: Expected::PASS, counted: Counted::NoDefect, ..case("odd-answer") }]);
    assert_eq!((summary.passed, summary.controls, summary.exit_code()), (0, 1, 1), "{}", summary.text());
    assert!(summary.text().contains("warning `odd-answer` is not expected"), "{}", summary.text());
}

#[test]
fn a_defect_that_never_bit_proves_nothing() {
    let never = Case::defect("never", "drop-nth=1000000000", Expected::PASS, "too late to bite");
    let summary = tried(&[never]);
    assert_eq!(summary.exit_code(), 3, "{}", summary.text());
    assert!(summary.text().contains("never bit"), "{}", summary.text());
}

#[test]
fn a_run_that_cannot_be_is_untried_with_its_last_words() {
    let summary = tried(&[case("change-name").with(&["traffic.rate=nonsense"])]);
    assert_eq!(summary.exit_code(), 3, "{}", summary.text());
    assert!(summary.text().contains("exit code 2") && summary.text().contains("traffic.rate"), "{}", summary.text());
}

#[test]
fn the_list_is_data_when_asked_for() {
    let output = selftest(&["--list", "--format", "json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["case"].as_str().unwrap()).collect();
    assert_eq!(names, table::table().iter().map(|case| case.name).collect::<Vec<_>>());
    assert!(rows[0]["verdict"].is_string() && rows[0]["behind"].is_string(), "{}", rows[0]);
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    for (arguments, words) in [
        (&["--only", "drop-everything"][..], "no case has this name"),
        (&["--behind", "embedded"], "process:/path/to/otelcol"),
        (&["--seeds", "0"], "--seeds"),
    ] {
        let output = selftest(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn some_cases_are_tried_under_several_seeds_and_their_results_can_be_kept() {
    let keep = TempDir::new().unwrap();
    let path = keep.path().display().to_string();
    let output = selftest(&["--only", "change-name", "--seeds", "2", "--keep", &path]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", text(&output.stderr));
    assert_eq!(said, "embedded: 2/2 planted defects caught, 0/0 altered evidence seen, 0/0 controls passed\n");
    for seed in [7, 8] {
        let result = keep.path().join(format!("change-name-{seed}/result.json"));
        let result: Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
        assert_eq!((&result["seed"], &result["verdict"]), (&seed.into(), &"fail".into()));
    }
}

/// What is below a folder for temporary files.
fn left_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_interrupted_selftest_ends_its_runs_and_removes_their_results() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let temporary = TempDir::new().unwrap();
    let mut command = Command::new(BINARY);
    command.args(["selftest", "--quiet"]).env("TMPDIR", temporary.path()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_begun(temporary.path()) {
        assert!(Instant::now() < deadline, "no run has begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    let runs = spanproof_harness::resources::descendants(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left_in(temporary.path()), [""; 0]);
    assert!(!runs.is_empty());
    for run in runs {
        let stat = std::fs::read_to_string(format!("/proc/{run}/stat")).unwrap_or_default();
        let lives = stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']));
        assert!(!lives, "{run} is still there");
    }
}

/// True when the directory of a first run is there.
fn has_begun(temporary: &Path) -> bool {
    let folders = left_in(temporary);
    folders.iter().any(|folder| left_in(&temporary.join(folder)).iter().any(|name| !name.ends_with(".log")))
}
