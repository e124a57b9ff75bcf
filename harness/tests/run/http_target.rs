//! A target that takes OTLP/HTTP and nothing else: when it is ready, and what its answers make of its spans.

use crate::rig::{Ended, small, start_in};
use crate::starting::script;
use tempfile::TempDir;

/// It passes everything on as it came; see there for what else it can do.
pub const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/http_target.py");

/// A client that soon sends again what was not answered for good.
const RETRY: &str = "traffic.client.retry={enabled: true, initial_interval: 50ms, max_interval: 200ms, budget: 20s}";

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

/// Of every fifty requests one is delivered although its answer says to come again, one although its answer says to come in
/// an hour, and one is rejected in full by a success.
#[test]
fn what_became_of_every_span_is_told_apart_when_answers_go_wrong() {
    let many = ["--set", "traffic.batch.spans=20", "--set", RETRY, "--set", "run.settle=3s"];
    let limits = "limits=[spans.lost_acknowledged == 0, spans.duplicated_unexplained == 0]";
    let run = against("troubles", &[&many[..], &["--set", limits]].concat());
    let words = ["recovered", "duplicated_explained", "refused"];
    for word in words {
        assert!(run.spans(word) > 0, "nothing {word}\n{run}");
    }
    assert_eq!(run.spans("duplicated_unexplained"), 0, "{run}");
    assert_eq!(run.spans("recovered"), run.spans("unknown"), "all of them had been passed on\n{run}");
    assert_eq!(run.spans("lost_refused"), run.spans("refused"), "a partial success counts what it rejected\n{run}");
    assert_eq!(run.spans("lost_acknowledged"), 0, "{run}");
    assert!(run.result()["driver"]["resent"].as_u64().unwrap() > 0, "{run}");
    run.expect_sound_ledger();
    run.expect(0);
}

#[test]
fn what_is_refused_when_it_comes_again_may_have_been_delivered_before() {
    let run = against("turns", &["--set", "traffic.batch.spans=20", "--set", RETRY]);
    assert!(run.spans("refused_delivered") > 0, "{run}");
    let [found] = &run.findings_of("refused-delivered-explained")[..] else { panic!("{run}") };
    assert_eq!(found["count"], run.spans("refused_delivered"), "{run}");
    assert_eq!((run.spans("refused"), run.spans("lost_refused")), (run.spans("refused_delivered"), 0), "{run}");
    run.expect_sound_ledger();
    run.expect(0);
}

/// No request is answered in time, and every one is passed on two seconds later.
#[test]
fn what_was_never_answered_is_waited_for_though_nothing_was_acknowledged() {
    let run = against("sleeps", &["--set", "traffic.client.timeout=1s", "--set", "run.spans=2000"]);
    assert_eq!((run.spans("acknowledged"), run.spans("unknown")), (0, run.spans("planned")), "{run}");
    assert_eq!(run.spans("recovered"), run.spans("planned"), "{run}");
    assert_eq!(run.result()["settle"]["ended"], "everything-arrived", "{run}");
    run.expect_sound_ledger();
}

#[test]
fn a_target_that_refuses_everything_is_not_waited_for() {
    let run = against("refuses", &[]).expect(3);
    assert_eq!(
        (run.spans("refused"), run.spans("lost_refused")),
        (run.spans("planned"), run.spans("planned")),
        "{run}"
    );
    assert_eq!(run.ids("inconclusive"), ["nothing-delivered", "refused"], "{run}");
    let settle = &run.result()["settle"];
    assert_eq!(settle["ended"], "nothing-taken", "{run}");
    assert!(settle["took_seconds"].as_f64().unwrap() < 2.0, "{run}");
}

/// Everything arrives at once, and one request three seconds later once more. To stop this target would bring out nothing.
#[test]
fn a_repeat_that_a_target_sends_when_everything_has_arrived_is_seen() {
    let run = against("repeats-later", &[]).expect(1);
    assert_eq!(run.ids("failure"), ["duplicated"], "{run}");
    assert!(run.spans("duplicated") > 0 && run.spans("delivered") == run.spans("planned"), "{run}");
    assert!(run.result()["settle"]["took_seconds"].as_f64() > Some(5.0), "{run}");
}

/// By its configuration it holds nothing, and to stop it brings out nothing of what it holds all the same.
const HOLDS_NOTHING: &str = "collector.config_inline=\"{receivers: {otlp: {protocols: {http: {}}}}, \
                             exporters: {otlp_http: {endpoint: 'http://${env:SPANPROOF_SINK_HTTP}'}}, \
                             service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}}}\"";

/// Three seconds is a second more than it may take; the last of it comes when settling was to be over.
#[test]
fn what_a_target_delays_that_is_not_emptied_by_its_end_is_late_and_not_lost() {
    let slow = ["--set", HOLDS_NOTHING, "--set", "run.late_after=2s", "--set", "traffic.rate=1500"];
    let run = against("delays", &[&slow[..], &["--set", "run.spans=6000"]].concat()).expect(1);
    assert_eq!((run.ids("failure"), run.spans("lost_acknowledged")), (vec!["late".to_owned()], 0), "{run}");
    assert_eq!((run.spans("late"), run.spans("delivered")), (run.spans("planned"), run.spans("planned")), "{run}");
    let settle = &run.result()["settle"];
    assert_eq!(settle["planned_seconds"], 2.0, "{run}");
    assert!(settle["took_seconds"].as_f64() > Some(2.0), "{run}");
    assert!(run.artefact("events.ndjson").contains("spans still come late"), "{run}");
}

#[test]
fn which_spans_a_target_refuses_is_told() {
    let run = against("is-particular", &[]);
    let [found] = &run.findings_of("refused")[..] else { panic!("{run}") };
    let said = found["common"][0].as_str().unwrap_or_else(|| panic!("{found}"));
    assert!(said.starts_with("service email: all ") && said.contains(", none of the "), "{found}");
    assert!(found["examples"][0]["trace_id"].is_string(), "{found}");
    assert!(found["message"].as_str().unwrap().ends_with("one answer: HTTP 400"), "{found}");
}

#[test]
fn limits_on_memory_and_cpu_of_a_process_fail_the_run() {
    let run = against("passes", &["--set", "limits=[target.memory.peak < 1MiB, target.cpu_seconds < 1us]"]).expect(1);
    let verdicts: Vec<_> = run.result()["limits"].as_array().unwrap().iter().map(|l| l["verdict"].clone()).collect();
    assert_eq!(verdicts, ["fail", "fail"], "{run}");
    assert!(run.ids("failure").is_empty(), "all spans arrived\n{run}");
    assert!(run.stdout.contains("target.memory.peak"), "{run}");
}

#[test]
fn a_run_ended_by_its_memory_is_open_unless_a_limit_on_the_same_figure_fails() {
    let abort = ["--set", "abort=[target.memory.peak > 1MiB]", "--set", "run.spans=50000"];
    let run = against("passes", &abort).expect(3);
    assert_eq!(run.result()["status"]["state"], "aborted", "{run}");
    assert!(run.spans("not_sent") > 0, "{run}");
    let both = [&abort[..], &["--set", "limits=[target.memory.peak < 1MiB]"]].concat();
    let run = against("passes", &both).expect(1);
    assert_eq!(run.result()["status"]["state"], "aborted", "{run}");
}
