//! A target that takes OTLP/HTTP and nothing else: when it is ready, and what its answers make of its spans.

use crate::rig::{Ended, small, start_in};
use crate::starting::script;
use tempfile::TempDir;

/// It passes everything on as it came; see there for what else it can do.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/http_target.py");

/// Runs quickstart over HTTP against it.
fn against(fake: &str, more: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, &format!("exec python3 {PROGRAM}")));
    let slow = ["--target", &target, "--set", "traffic.rate=5000", "--set", "run.spans=5000"];
    let http = ["--set", "traffic.transport.protocol=http"];
    let arguments = small("quickstart", &[&slow[..], &http, more].concat());
    start_in(folder, &arguments, &[("FAKE", fake)]).wait()
}

#[test]
fn a_target_of_http_alone_is_ready_when_that_receiver_is() {
    let run = against("passes", &[]).expect(0);
    assert_eq!(run.spans("delivered"), run.spans("planned"));
    run.expect_sound_ledger();
}

#[test]
fn a_receiver_that_the_scenario_insists_on_is_waited_for() {
    let more = ["--set", "target.process.ready.on=grpc", "--set", "target.process.ready.timeout=2s"];
    let run = against("passes", &more).expect(3);
    assert!(run.stderr.contains("OTLP/gRPC receiver to listen"), "{run}");
}

#[test]
fn a_health_check_decides_where_the_scenario_says_so() {
    let health = |path: &str, timeout: &str| {
        let path = format!("target.process.ready.health_path={path}");
        let timeout = format!("target.process.ready.timeout={timeout}");
        let on = "target.process.ready.on=health";
        against("passes", &["--set", on, "--set", &path, "--set", &timeout, "--set", "run.spans=1000"])
    };
    health("/ready", "10s").expect(0);
    let run = health("/no-such-page", "2s").expect(3);
    assert!(run.stderr.contains("200 from http://") && run.stderr.contains("/no-such-page"), "{run}");
}
