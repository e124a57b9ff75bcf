//! A harness that is paused in mid-run, as by Ctrl-Z, blames nobody for what came of it.

use crate::external::sink_address;
use crate::rig::{Ended, Started, small, start};
use rustix::process::Signal;
use spanproof_harness::embedded::{Compression, Destination, EmbeddedConfig, EmbeddedTarget, Protocol, RetryConfig};
use std::time::Duration;

/// Four seconds of load.
const LONG: [&str; 6] =
    ["--set", "traffic.rate=2000", "--set", "run.spans=8000", "--set", "traffic.batch.timeout=250ms"];

/// Runs it and pauses it for so long in the middle of its load.
fn paused_for(lasting: Duration, more: &[&str]) -> Ended {
    let arguments = small("quickstart", &[&LONG[..], more].concat());
    let aloud: Vec<&str> = arguments.into_iter().filter(|argument| *argument != "--quiet").collect();
    let mut run: Started = start(&aloud);
    // The first line of progress is written when the load begins.
    run.wait_until("the load", |run| run.said().contains("in flight").then_some(()));
    std::thread::sleep(Duration::from_millis(1_000));
    run.signal(Signal::STOP);
    std::thread::sleep(lasting);
    run.signal(Signal::CONT);
    run.wait()
}

#[track_caller]
fn expect_open(run: &Ended, id: &str) {
    assert_eq!(run.ids("failure"), [""; 0], "{run}");
    let found = run.findings_of(id);
    assert_eq!(found.len(), 1, "{run}");
    let message = found[0]["message"].as_str().unwrap();
    assert_eq!(found[0]["level"], "inconclusive", "{run}");
    assert!(message.contains("spanproof itself stood still "), "{message}");
    assert!(found[0]["try"].as_str().unwrap().contains("CPU"), "{run}");
}

#[test]
fn what_comes_late_because_we_were_paused_is_open_and_judged_so_again() {
    let late =
        ["--plant", "deliver-late=500ms,every=1", "--set", "run.late_after=1s", "--set", "limits=[spans.late == 0]"];
    let run = paused_for(Duration::from_secs(3), &late).expect(3);
    expect_open(&run, "late");
    assert!(run.spans("late") > 0, "{run}");
    assert_eq!(run.result()["limits"][0]["verdict"], "inconclusive", "{run}");
    let (before, run) = (run.result(), run.then(&["judge", "out"]).expect(3));
    assert_eq!(run.result(), before);
}

#[test]
fn what_comes_late_although_we_were_paused_at_another_time_fails_as_ever() {
    let late = ["--plant", "deliver-late=9s,every=20", "--set", "run.late_after=4s"];
    let run = paused_for(Duration::from_millis(700), &late).expect(1);
    assert_eq!(run.ids("failure"), ["late"], "{run}");
}

/// A target of somebody else's that gives up waiting for an answer soon, and delivers over HTTP.
#[test]
fn what_comes_twice_because_we_were_paused_is_open() {
    let host = sink_address().replace(":5317", "");
    let sink = format!("{host}:5318");
    let destination =
        Destination { endpoint: format!("http://{sink}"), protocol: Protocol::Http, compression: Compression::None };
    let retry = RetryConfig {
        initial_interval: Duration::from_millis(300),
        max_interval: Duration::from_millis(300),
        multiplier: 1.0,
        randomization: 0.0,
        max_elapsed: Some(Duration::from_secs(60)),
    };
    let target = EmbeddedTarget::start(EmbeddedConfig {
        export: vec![destination],
        retry: Some(retry),
        timeout: Duration::from_secs(1),
        defects: vec!["deliver-late=500ms,every=1".parse().unwrap()],
        ..EmbeddedConfig::default()
    })
    .unwrap();
    let endpoint = format!("http://{}", target.grpc_addr());
    let more = ["--target", "external", "--endpoint", &endpoint, "--sink-http", &sink];
    let run = paused_for(Duration::from_secs(3), &more);
    target.shutdown(Duration::from_secs(5));
    expect_open(&run.expect(3), "duplicated");
}
