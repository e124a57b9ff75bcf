//! `spanproof shrink`: the faults that matter are found among many, less load and time are tried, and a failure that is gone is no
//! failure. The search itself has tests of its own; here it is tried on runs.

use crate::http_target::PROGRAM;
use crate::rig::{Ended, Started, small, start_in};
use crate::starting::script;
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

mod collector;

/// Brief faults before the two outages.
const BRIEF_BEFORE: usize = 6;

/// Brief faults behind them.
const BRIEF_AFTER: usize = 12;

/// Two seconds of load, and twenty faults. The target tries for 700 ms and then gives a span up. Each outage lasts for 450 ms, so that
/// either alone is survived; one begins where the other ends, and what came early in the first is given up in the second. Of the
/// others, which come before and after, every other one answers late and the rest refuse for 30 ms.
fn scenario() -> String {
    let brief = |number: usize, at: usize| {
        let fault = if number.is_multiple_of(2) { "slow: {by: 10ms}" } else { "grpc_status: {code: UNAVAILABLE}" };
        format!("  - {{name: brief-{number}, at: {at}ms, for: 30ms, fault: {{{fault}}}}}\n")
    };
    let outage = |name: &str, at: usize| {
        format!("  - {{name: {name}, at: {at}ms, for: 450ms, fault: {{grpc_status: {{code: UNAVAILABLE}}}}}}\n")
    };
    let before = (0..BRIEF_BEFORE).map(|number| brief(number, 100 + 50 * number));
    let outages = [outage("first-outage", 400), outage("second-outage", 850)];
    let after = (0..BRIEF_AFTER).map(|number| brief(BRIEF_BEFORE + number, 1_330 + 50 * number));
    let faults: String = before.chain(outages).chain(after).collect();
    format!(
        "scenario: 1\nname: two-of-twenty\n\
         target: {{embedded: {{consumers: 200, retry: {{initial_interval: 20ms, max_interval: 40ms, budget: 700ms}}}}}}\n\
         traffic:\n  workload: {{uniform: {{spans_per_trace: 2}}}}\n  rate: 500\n  batch: {{spans: 10, timeout: 50ms}}\n\
         run: {{duration: 2s, settle: 1s}}\nlimits:\n  - spans.lost_acknowledged == 0\nfaults:\n{faults}"
    )
}

/// The run that is to be shrunk, in `out`, with more arguments. It fails.
fn failed(more: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("twenty.yaml"), scenario()).unwrap();
    let run = [&["run", "twenty.yaml", "--quiet", "--out", "out"], more].concat();
    let run = start_in(folder, &run, &[]).wait().expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    run
}

fn document(run: &Ended) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

fn document_in(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn of_twenty_faults_the_two_that_matter_are_left_and_one_command_repeats_the_failure() {
    let shrunk = failed(&[]).then(&["shrink", "--runs", "1", "--format", "json"]).expect(0);
    let document = document(&shrunk);
    let smallest = &document["smallest"];
    assert_eq!(document["state"], "reduced", "{shrunk}");
    assert_eq!(names(&smallest["faults"]), ["first-outage", "second-outage"], "{shrunk}");
    assert_eq!(smallest["yaml"].as_str().unwrap().lines().count(), 3, "{shrunk}");
    // The second outage ends at 1.3 s, and the load may not end before.
    let seconds = smallest["duration_seconds"].as_f64().unwrap();
    assert!((1.3..=2.0).contains(&seconds), "{shrunk}");
    assert_ne!(smallest["rate"], document["original"]["rate"], "{shrunk}");
    expect_both_are_needed(&document);
    // The cost is said first, then every trial.
    let lines: Vec<&str> = shrunk.stderr.lines().collect();
    assert!(lines[0].starts_with("shrink   20 faults") && lines[2].starts_with("cost     "), "{shrunk}");
    let trials = document["trials"].as_array().unwrap().len();
    assert_eq!(lines.iter().filter(|line| line.contains(" runs   ")).count(), trials, "{shrunk}");
    assert_eq!(files(&shrunk.path("out/shrunk")), ["run", "shrunk.json", "shrunk.yaml"]);
    expect_the_command_repeats_it(shrunk, smallest);
}

/// It was tried without either, and then it did not fail.
fn expect_both_are_needed(document: &Value) {
    for alone in ["first-outage", "second-outage"] {
        let trials = document["trials"].as_array().unwrap();
        let tried = trials.iter().find(|trial| names(&trial["faults"]) == [alone]).unwrap();
        assert_eq!(tried["outcome"], "holds", "{tried}");
    }
}

#[track_caller]
fn expect_the_command_repeats_it(shrunk: Ended, smallest: &Value) {
    let command: Vec<String> = names(&smallest["command"]).into_iter().map(str::to_owned).collect();
    assert_eq!(command[..2], ["spanproof", "run"], "{shrunk}");
    // What was kept says the same of itself, and the last run is still the one that was shrunk.
    let kept = shrunk.path("out/shrunk/run/result.json");
    let kept = document_in(&kept);
    assert_eq!((&kept["command"], &kept["verdict"]), (&smallest["command"], &Value::from("fail")));
    assert_eq!(std::fs::read_to_string(shrunk.path("spanproof-runs/last")).unwrap(), "out\n");
    let again = [&command[1..], &["--quiet", "--out", "again"].map(str::to_owned)].concat();
    let again = shrunk.then(&again).expect(1);
    let result = document_in(&again.path("again/result.json"));
    assert_eq!(result["limits"][0]["verdict"], "fail", "{again}");
    assert_eq!(result["faults"].as_object().unwrap().len(), 2, "{again}");
}

#[test]
fn a_budget_ends_it_between_two_runs_with_the_smallest_so_far() {
    let original = failed(&[]);
    let shrink = ["shrink", "out", "--runs", "1", "--budget", "12s", "--out", "small", "--format", "json"];
    let shrunk = original.then(&shrink);
    let document = document(&shrunk);
    assert_eq!(document["state"], "stopped", "{shrunk}");
    // A run is not begun if it would not end in time; that one was as slow as any before is all that is known of it.
    assert!(shrunk.took < Duration::from_secs(20), "{shrunk}");
    let left = names(&document["smallest"]["faults"]);
    assert!(["first-outage", "second-outage"].iter().all(|outage| left.contains(outage)), "{shrunk}");
    assert_eq!(shrunk.code, Some(if left.len() < 20 { 0 } else { 3 }), "{shrunk}");
    assert!(shrunk.path("small/shrunk.yaml").is_file() && !shrunk.path("out/shrunk").exists(), "{shrunk}");
}

#[test]
fn an_interrupt_ends_the_run_at_work_and_gives_the_smallest_so_far() {
    let folder = failed(&[]).into_folder();
    let mut shrink = start_in(folder, &["shrink", "out", "--runs", "1"], &[]);
    wait_for_a_trial(&mut shrink);
    shrink.signal(Signal::INT);
    let shrink = shrink.wait().expect(130);
    assert!(shrink.stdout.starts_with("INTERRUPTED, the smallest so far"), "{shrink}");
    assert!(shrink.stdout.contains("again    spanproof run out/shrunk/shrunk.yaml"), "{shrink}");
    assert!(shrink.took < Duration::from_secs(40), "{shrink}");
    assert_eq!(files(&shrink.path("out/shrunk")), ["run", "shrunk.json", "shrunk.yaml"]);
}

/// The search has begun, and its first candidate is being run.
fn wait_for_a_trial(shrink: &mut Started) {
    shrink.wait_until("a trial", |run| run.said().contains("search   for").then_some(()));
    shrink.wait_until("its run", |run| run.folder.path().join("out/shrunk/trial/run").is_dir().then_some(()));
}

/// A run of a target that goes wrong as its environment says, and comes up only after a nap if that says so.
fn troubled() -> Ended {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, &format!("sleep ${{NAP:-0}}; exec python3 {PROGRAM}")));
    let http = ["--target", &target, "--set", "traffic.transport.protocol=http", "--set", "run.late_after=1s"];
    let few = ["--set", "traffic.rate=5000", "--set", "run.spans=5000", "--set", "traffic.batch.spans=20"];
    let few =
        [&few[..], &["--set", "limits=[spans.refused == 0]", "--set", "target.process.ready.timeout=1m"]].concat();
    start_in(folder, &small("quickstart", &[&http[..], &few].concat()), &[("FAKE", "troubles")]).wait().expect(1)
}

/// The target is well when it is run again.
#[test]
fn a_failure_that_does_not_show_again_is_told_with_its_counts_and_proves_nothing() {
    let folder = troubled().into_folder();
    let shrunk =
        start_in(folder, &["shrink", "--runs", "2", "--format", "json"], &[("FAKE", "passes")]).wait().expect(3);
    let document = document(&shrunk);
    assert_eq!(document["state"], "not_shown", "{shrunk}");
    let original = &document["original"];
    assert_eq!((&original["fails"], &original["holds"]), (&Value::from(0), &Value::from(2)), "{shrunk}");
    assert!(document["smallest"].is_null() && names(&original["faults"]).is_empty(), "{shrunk}");
    assert!(!shrunk.path("out/shrunk").exists(), "{shrunk}");
}

/// The run that was to be shrunk took a few seconds, and this one would take almost a minute until the target is up.
#[test]
fn a_budget_also_ends_a_run_that_takes_longer_than_any_before() {
    let folder = troubled().into_folder();
    let shrink = ["shrink", "--runs", "1", "--budget", "20s", "--format", "json"];
    let shrunk = start_in(folder, &shrink, &[("FAKE", "troubles"), ("NAP", "50")]).wait().expect(3);
    let document = document(&shrunk);
    assert_eq!((&document["state"], &document["runs"]), (&Value::from("stopped"), &Value::from(0)), "{shrunk}");
    assert!((20.0..40.0).contains(&shrunk.took.as_secs_f64()), "{shrunk}");
    assert!(!shrunk.path("out/shrunk").exists(), "{shrunk}");
}

/// Without faults there is less load and less time to try; what was planted is a part of the run.
#[test]
fn a_run_without_faults_is_shrunk_in_load_and_time() {
    let folder = TempDir::new().unwrap();
    let planted = ["--plant", "drop-one-in=20", "--set", "run.late_after=1s", "--set", "traffic.rate=2000"];
    let run = start_in(folder, &small("quickstart", &[&planted[..], &["--set", "run.spans=3000"]].concat()), &[]);
    let shrunk = run.wait().expect(1).then(&["shrink", "--runs", "1", "--failing", "lost-acknowledged"]).expect(0);
    assert!(shrunk.stdout.starts_with("SHRUNK   no faults   2000 spans/s -> "), "{shrunk}");
    assert!(shrunk.stdout.contains("fails    lost-acknowledged\n"), "{shrunk}");
    let text = std::fs::read_to_string(shrunk.path("out/shrunk/shrunk.yaml")).unwrap();
    assert!(text.contains("drop-one-in=20") && !text.contains("spans: 3000"), "{text}");
}

#[test]
fn what_cannot_be_shrunk_is_refused_before_anything_is_started() {
    let nowhere = start_in(TempDir::new().unwrap(), &["shrink", "nowhere"], &[]).wait().expect(2);
    assert!(nowhere.stderr.contains("no evidence in nowhere"), "{nowhere}");
    let passing = start_in(TempDir::new().unwrap(), &small("quickstart", &["--set", "run.spans=2000"]), &[]).wait();
    let passing = passing.expect(0).then(&["shrink"]).expect(2);
    assert!(passing.stderr.contains("nothing failed there (pass)"), "{passing}");
    let mut run = failed(&[]);
    for (arguments, words) in [
        (&["--budget", "2s"][..], "to run the original 3 times takes"),
        (&["--budget", "soon"], "soon"),
        (&["--failing", "corrupted"], "what did: lost-acknowledged at a fault, spans.lost_acknowledged == 0"),
        (&["--out", "out"], "it holds what no shrink wrote"),
    ] {
        run = run.then(&[&["shrink", "--format", "json"], arguments].concat()).expect(2);
        assert!(run.stdout.contains(words), "{words}\n{run}");
    }
    run = run.then(&["shrink", "--budget", "soon", "--failing", "x", "--out", "out"]).expect(2);
    assert!(run.stderr.contains("3 problems in --budget, --failing, --out"), "{run}");
    let cost = run.then(&["shrink", "--dry-run", "--format", "json"]).expect(0);
    assert!(document(&cost)["candidates"]["typical"].as_u64().unwrap() > 8, "{cost}");
    expect_another_scenario_is_noticed(cost);
}

/// A scenario that was changed since would be another run, and what it shows another failure.
fn expect_another_scenario_is_noticed(run: Ended) {
    let path = run.path("twenty.yaml");
    std::fs::write(&path, scenario().replace("at: 850ms", "at: 900ms").replace("rate: 500", "rate: 600")).unwrap();
    let run = run.then(&["shrink", "out", "--format", "json"]).expect(2);
    assert!(run.stdout.contains("makes another run by now: rate, faults differ"), "{run}");
    std::fs::remove_file(path).unwrap();
    let run = run.then(&["shrink", "out"]).expect(2);
    assert!(
        run.stderr.contains("it was run as `spanproof run twenty.yaml") && run.stderr.contains("cannot read"),
        "{run}"
    );
    assert_eq!(files(&run.path("out")).iter().filter(|name| *name == "shrunk").count(), 0, "{run}");
}
