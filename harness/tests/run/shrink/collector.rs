//! Shrinking a run against the real collector: of its faults the two are left that together outlast its retries, and an interrupt in
//! the middle of a trial leaves what was found, and nothing running.

use super::{document_in, expect_both_are_needed, files, names};
use crate::collector::{collector, collectors_of, configuration, lives};
use crate::rig::{Ended, Started, start_in};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// It tries for 700 ms and then gives a span up.
const EXPORTER: &str = "{ otlp_grpc: { endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: { insecure: true }, timeout: 400ms,
    retry_on_failure: { initial_interval: 50ms, max_interval: 100ms, max_elapsed_time: 700ms } } }";

/// Either outage alone is survived. The other faults are over long before or begin long after.
const SCENARIO: &str = "scenario: 1
name: two-of-five
traffic: {workload: {uniform: {spans_per_trace: 2}}, rate: 200, batch: {spans: 10, timeout: 50ms}}
run: {duration: 1700ms, late_after: 1s}
limits: [spans.lost_acknowledged == 0]
faults:
  - {name: rising, at: 50ms, for: 100ms, share: 0%, share_to: 60%, fault: {grpc_status: {code: UNAVAILABLE}}}
  - {name: slow, at: 200ms, for: 100ms, share: 50%, share_of: connections, fault: {slow: {by: 20ms}}}
  - {name: first-outage, at: 500ms, for: 500ms, fault: {grpc_status: {code: UNAVAILABLE}}}
  - {name: second-outage, at: 1s, for: 500ms, fault: {http_status: {status: 503, retry_after_form: words}}}
  - {name: none-rejected, at: 1600ms, for: 50ms, fault: {partial_success: {rejected: 0}}}
";

/// In the target's environment, and nobody's argument.
const SECRET: &str = "sesame-of-the-shrink-tests";

/// The run that is to be shrunk, in `out`; `None` without a collector.
fn failed() -> Option<Ended> {
    let target = collector()?;
    let config = configuration("{}", EXPORTER, "{ traces: { receivers: [otlp], exporters: [otlp_grpc] } }");
    let secret = format!("collector.env.TOKEN={SECRET}");
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("five.yaml"), SCENARIO).unwrap();
    let run = ["run", "five.yaml", "--quiet", "--out", "out", "--target", &target, "--set", &config, "--set", &secret];
    let run = start_in(folder, &run, &[]).wait().expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    Some(run)
}

#[test]
fn of_five_faults_the_two_are_left_that_outlast_a_real_collectors_retries_also_after_an_interrupt() {
    let Some(failed) = failed() else { return };
    let mut shrink = start_in(failed.into_folder(), &["shrink", "out", "--runs", "1"], &[]);
    let collectors = wait_for_a_trial_behind_the_faults(&mut shrink);
    expect_no_secret_in_arguments(&shrink);
    shrink.signal(Signal::INT);
    let shrink = shrink.wait().expect(130);
    assert!(!collectors.iter().any(|pid| lives(*pid)), "{shrink}");
    assert!(shrink.stdout.starts_with("INTERRUPTED, the smallest so far   5 faults -> 2 faults"), "{shrink}");
    assert!(shrink.stdout.contains("fails    lost-acknowledged at a fault, spans.lost_acknowledged == 0"), "{shrink}");
    assert_eq!(files(&shrink.path("out/shrunk")), ["run", "shrunk.json", "shrunk.yaml"]);
    let scenario = shrink.path("out/shrunk/shrunk.yaml");
    // The target's environment is a part of the scenario.
    assert!(std::fs::read_to_string(&scenario).unwrap().contains(SECRET), "{shrink}");
    assert_eq!(scenario.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let document = document_in(&shrink.path("out/shrunk/shrunk.json"));
    assert_eq!(names(&document["smallest"]["faults"]), ["first-outage", "second-outage"], "{shrink}");
    expect_both_are_needed(&document);
    expect_it_fails_again(shrink, &document);
}

/// The faults are as few as they will be, and the next trial's collector is there: its pids.
fn wait_for_a_trial_behind_the_faults(shrink: &mut Started) -> Vec<u32> {
    let alone = |said: &str, fault: &str| said.contains(&format!("1 fault ({fault}), "));
    let both = |run: &Started| alone(&run.said(), "first-outage") && alone(&run.said(), "second-outage");
    shrink.wait_until("a trial with either outage alone", |run| both(run).then_some(()));
    shrink.wait_until("the next collector", |run| Some(collectors_of(run)).filter(|pids| !pids.is_empty()))
}

fn expect_no_secret_in_arguments(shrink: &Started) {
    let pids = spanproof_harness::resources::descendants(shrink.pid()).unwrap();
    let arguments = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let all: Vec<String> = pids.iter().map(arguments).collect();
    assert!(all.iter().any(|arguments| arguments.contains("shrunk.yaml")), "{all:?}");
    assert!(!all.iter().any(|arguments| arguments.contains(SECRET)), "{all:?}");
}

#[track_caller]
fn expect_it_fails_again(shrink: Ended, document: &Value) {
    let command = names(&document["smallest"]["command"]);
    let again = shrink.then(&[&command[1..], &["--quiet", "--out", "again"]].concat()).expect(1);
    let place = document_in(&again.path("again/result.json"))["checks"].to_string();
    assert!(place.contains("at `second-outage`"), "{again}");
}
