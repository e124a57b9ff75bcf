//! The same promises against a real OpenTelemetry Collector, whose path `SPANPROOF_OTELCOL` names. Without it these tests are
//! skipped with a message, except with `CI=true`, where that is a failure.

use crate::passing::{expect_pass, skip};
use crate::rig::{Ended, Started, small, spanproof, start};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// `--target`'s value, or `None` where there is no collector and none is required.
pub fn collector() -> Option<String> {
    let named = std::env::var("SPANPROOF_OTELCOL").ok().filter(|path| !path.is_empty());
    if named.is_none() {
        skip("SPANPROOF_OTELCOL names no collector");
    }
    named.map(|path| format!("process:{path}"))
}

/// A small run of a scenario against it.
pub fn against(scenario: &str, more: &[&str]) -> Option<Ended> {
    let target = collector()?;
    Some(spanproof(&small(scenario, &[&["--target", &target], more].concat())))
}

#[test]
fn quickstart_passes_with_a_hundred_thousand_spans() {
    let Some(run) = against("quickstart", &["--set", "run.spans=100000"]) else { return };
    let run = expect_pass(run);
    assert!(run.spans("planned") >= 100_000);
    let result = run.result();
    assert_eq!(result["target"]["kind"], "process");
    let version = std::process::Command::new(std::env::var_os("SPANPROOF_OTELCOL").unwrap()).arg("--version").output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    assert!(version.contains(result["target"]["version"].as_str().unwrap()), "{version}\n{run}");
    assert!(result["target"]["cpu_seconds"].as_f64().unwrap() > 0.0);
    assert!(result["target"]["memory"]["peak_bytes"].as_u64().unwrap() > 1 << 20);
    assert_eq!(
        (&result["target"]["exit"]["code"], &result["target"]["exit"]["unexpected"]),
        (&0.into(), &false.into())
    );
    assert!(run.artefact("target.log").contains("Everything is ready"));
}

/// It batches for five seconds and is stopped after one: what it still held comes out then, and nobody can say that it was late.
#[test]
fn what_a_collector_still_holds_after_too_short_a_settling_is_neither_late_nor_lost() {
    let config = with_processor("batch", "{ timeout: 5s, send_batch_size: 1000000 }");
    let Some(run) = against("quickstart", &["--set", &config, "--set", "run.settle=1s"]) else { return };
    let run = run.expect(3);
    assert!(run.ids("failure").is_empty(), "{run}");
    assert_eq!(run.ids("inconclusive"), ["settled-short"], "{run}");
    assert_eq!((run.spans("late"), run.spans("delivered")), (0, run.spans("planned")), "{run}");
    let warnings = run.result()["warnings"].to_string();
    assert!(warnings.contains("run.settle (1.0 s) is shorter than the target may hold a span (15.0 s)"), "{warnings}");
}

#[test]
fn http_with_gzip_passes() {
    if let Some(run) = against("http-gzip", &[]) {
        expect_pass(run);
    }
}

#[test]
fn full_batches_through_the_batch_processor_pass() {
    let Some(target) = collector() else { return };
    let more = ["--target", &target, "--rate", "20000", "--set", "run.warmup=500ms", "--duration", "2s"];
    let out = ["run", "throughput", "--quiet", "--out", "out"];
    // Of the limits only the one on the driver may be open, on a busy machine.
    let run = spanproof(&[&out[..], &more].concat());
    let open = !run.findings_of("harness-was-the-limit").is_empty();
    assert!(run.code == Some(0) || open && run.code == Some(3), "{run}");
    assert!(run.ids("failure").is_empty() && run.spans("delivered") == run.spans("planned"), "{run}");
    run.expect_sound_ledger();
}

#[test]
fn one_span_dropped_behind_it_is_named() {
    let Some(run) = against("quickstart", &["--plant-behind", "drop-nth=5000", "--set", "run.late_after=4s"]) else {
        return;
    };
    let run = run.expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    assert_eq!((run.spans("lost_acknowledged"), run.spans("delivered")), (1, run.spans("planned") - 1));
    let [finding] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    assert_eq!(finding["where"], "between the target's answer and the sink: traces: otlp -> otlp_grpc -> embedded");
    let [example] = &finding["examples"].as_array().unwrap()[..] else { panic!("{finding}") };
    for id in ["trace_id", "span_id"] {
        assert!(run.stdout.contains(example[id].as_str().unwrap()), "{run}");
    }
}

#[test]
fn changes_and_repeats_behind_it_are_told_apart() {
    let plants = ["--plant-behind", "change-kind,every=2000", "--plant-behind", "duplicate-one-in=3000"];
    let Some(run) = against("quickstart", &plants) else { return };
    assert_eq!(run.expect(1).ids("failure"), ["corrupted", "duplicated"]);
}

/// A configuration with these processors, exporters and pipelines.
pub fn configuration(processors: &str, exporters: &str, pipelines: &str) -> String {
    format!(
        "collector.config_inline={}",
        serde_json::json!(format!(
            "receivers:
  otlp:
    protocols:
      grpc: {{ endpoint: '${{env:SPANPROOF_RECEIVER_GRPC}}' }}
processors: {processors}
exporters: {exporters}
service:
  pipelines: {pipelines}
  telemetry:
    metrics:
      readers:
        - pull: {{ exporter: {{ prometheus: {{ host: '${{env:SPANPROOF_TELEMETRY_HOST}}', port: '${{env:SPANPROOF_TELEMETRY_PORT}}' }} }} }}
"
        ))
    )
}

/// Settings of an exporter to the sink over gRPC.
pub const TO_SINK: &str = "{ endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: { insecure: true } }";

/// The configuration of quickstart with one processor more.
pub fn with_processor(name: &str, settings: &str) -> String {
    configuration(
        &format!("{{ {name}: {settings} }}"),
        &format!("{{ otlp_grpc: {TO_SINK} }}"),
        &format!("{{ traces: {{ receivers: [otlp], processors: [{name}], exporters: [otlp_grpc] }} }}"),
    )
}

/// Whatever the traffic has, doubles above all, comes through JSON as it was.
#[test]
fn json_out_of_a_collector_passes() {
    let config = configuration(
        "{}",
        "{ otlp_http: { endpoint: 'http://${env:SPANPROOF_SINK_HTTP}', encoding: json } }",
        "{ traces: { receivers: [otlp], exporters: [otlp_http] } }",
    );
    if let Some(run) = against("quickstart", &["--set", &config]) {
        let run = run.expect(0);
        assert_eq!((run.spans("delivered"), run.spans("corrupted")), (run.spans("planned"), 0), "{run}");
    }
}

/// A filter with a function of which spanproof knows nothing. It drops messages that are produced.
const UNREADABLE: &str =
    "{ trace_conditions: ['Len(span.name) > 0 and span.kind == SPAN_KIND_PRODUCER'], error_mode: ignore }";

/// What a filter that can be read leaves out is left out on purpose, and nothing is open.
#[test]
fn what_a_filter_drops_is_sampled_out_and_all_else_is_there() {
    let config =
        with_processor("filter", "{ trace_conditions: ['span.kind == SPAN_KIND_PRODUCER'], error_mode: ignore }");
    let Some(run) = against("quickstart", &["--set", &config, "--set", "run.late_after=3s"]) else { return };
    let run = run.expect(0);
    assert!(run.spans("sampled_out") > 0, "{run}");
    assert_eq!((run.spans("absent"), run.spans("lost_acknowledged")), (0, 0), "{run}");
}

#[test]
fn absence_behind_a_filter_that_nobody_can_read_is_open_and_that_is_said_once() {
    let config = with_processor("filter", UNREADABLE);
    let more = ["--set", &config, "--set", "run.late_after=3s"];
    let Some(run) = against("quickstart", &more) else { return };
    let run = run.expect(3);
    assert!(run.spans("absent") > 0, "{run}");
    assert_eq!(run.spans("lost_acknowledged"), 0, "absence is not called loss\n{run}");
    assert_eq!(run.ids("inconclusive"), ["fate-unknown"], "{run}");
    assert!(run.ids("failure").is_empty());
    assert_eq!(run.findings_of("fate-unknown").len(), 1);
    // The limit on lost spans is open for the same reason; it must not repeat the sentence, let alone call it loss.
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("should have come out cannot be told").count(), 1, "{run}");
    assert!(!run.stdout.contains("FAIL"), "{run}");
}

#[test]
fn what_a_sampler_leaves_out_and_writes_is_not_held_against_it() {
    let config = with_processor("probabilistic_sampler", "{ sampling_percentage: 50 }");
    let Some(run) = against("quickstart", &["--set", &config, "--set", "run.late_after=3s"]) else { return };
    let run = run.expect(3);
    assert!(run.ids("failure").is_empty(), "{run}");
    // It writes its threshold into the trace state of every span that it keeps.
    assert_eq!(run.ids("inconclusive"), ["changed-by-design"]);
    assert!(!run.stdout.contains("FAIL"), "{run}");
}

#[test]
fn what_no_configuration_explains_fails_behind_a_filter_too() {
    let config = with_processor("filter", UNREADABLE);
    let more = ["--set", &config, "--set", "run.late_after=3s", "--plant-behind", "change-kind,every=1000"];
    let Some(run) = against("quickstart", &more) else { return };
    let run = run.expect(1);
    assert_eq!(
        (run.ids("failure"), run.ids("inconclusive")),
        (vec!["corrupted".to_owned()], vec!["fate-unknown".to_owned()])
    );
}

#[test]
fn a_processor_that_adds_an_attribute_explains_no_other_change_of_ids() {
    let config = with_processor("attributes", "{ actions: [{ key: team, value: blue, action: insert }] }");
    let more = ["--set", &config, "--plant-behind", "invent-span=random-ids"];
    let Some(run) = against("quickstart", &more) else { return };
    let run = run.expect(1);
    assert_eq!(
        (run.ids("failure"), run.ids("inconclusive")),
        (vec!["foreign".to_owned()], vec!["changed-by-design".to_owned()])
    );
}

/// Spans that a processor changes on purpose are counted copy by copy like all others.
#[test]
fn repeats_behind_a_processor_that_changes_every_span_fail() {
    let config = with_processor("attributes", "{ actions: [{ key: team, value: blue, action: insert }] }");
    let more = ["--set", &config, "--plant-behind", "duplicate-one-in=1000"];
    let Some(run) = against("quickstart", &more) else { return };
    let run = run.expect(1);
    assert_eq!(
        (run.ids("failure"), run.ids("inconclusive")),
        (vec!["duplicated".to_owned()], vec!["changed-by-design".to_owned()]),
        "{run}"
    );
    assert!(run.spans("duplicated") > 0 && run.spans("corrupted_only") == run.spans("planned"), "{run}");
}

/// Pids of the collectors that a run has started.
pub fn collectors_of(run: &Started) -> Vec<u32> {
    let descendants = spanproof_harness::resources::descendants(run.pid()).unwrap();
    let comm = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    descendants.into_iter().filter(|pid| comm(pid).starts_with("otelcol")).collect()
}

pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Twenty seconds of load against the collector, seen to have begun, with the pid of its only collector.
fn in_mid_run() -> Option<(Started, u32)> {
    let target = collector()?;
    let long = ["--target", &target, "--set", "traffic.rate=3000", "--set", "run.spans=60000"];
    let mut arguments = small("quickstart", &long);
    arguments.retain(|argument| *argument != "--quiet");
    let mut run = start(&arguments);
    run.wait_until("the load", |run| run.said().contains("in flight").then_some(()));
    // Into the middle of the load.
    std::thread::sleep(Duration::from_millis(1_500));
    let pids = collectors_of(&run);
    let [pid] = pids[..] else { panic!("collectors: {pids:?}") };
    Some((run, pid))
}

#[test]
fn no_collector_outlives_a_killed_run() {
    let Some((run, pid)) = in_mid_run() else { return };
    run.signal(Signal::KILL);
    let killed = Instant::now();
    while lives(pid) {
        assert!(killed.elapsed() < Duration::from_secs(5), "collector {pid} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!run.folder.path().join("out/result.json").exists());
}

#[test]
fn a_collector_killed_in_mid_run_is_no_pass_and_is_said() {
    let Some((run, pid)) = in_mid_run() else { return };
    let collector = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(collector, Signal::KILL).unwrap();
    let killed = Instant::now();
    let run = run.wait();
    assert!(matches!(run.code, Some(1 | 3)), "{run}");
    assert!(run.stdout.contains("ended by itself with signal 9"), "{run}");
    assert_eq!(run.result()["target"]["exit"]["unexpected"], true);
    assert!(run.ids("inconclusive").contains(&"target-ended".to_owned()), "{run}");
    run.expect_sound_ledger();
    assert!(killed.elapsed() < Duration::from_secs(20), "there is nobody left to wait for\n{run}");
}

#[test]
fn an_interrupted_run_stops_its_collector_in_good_order() {
    let Some((run, pid)) = in_mid_run() else { return };
    run.signal(Signal::INT);
    let run = run.wait().expect(130);
    assert!(!lives(pid));
    assert_eq!(run.result()["status"]["state"], "interrupted");
    assert_eq!(run.result()["target"]["exit"]["code"], 0, "{run}");
    assert!(run.spans("delivered") > 0);
    run.expect_sound_ledger();
}

#[test]
fn a_limit_on_its_memory_that_cannot_hold_fails() {
    let Some(run) = against("quickstart", &["--set", "run.spans=5000", "--set", "limits=[target.memory.peak < 1MiB]"])
    else {
        return;
    };
    let run = run.expect(1);
    assert_eq!(run.result()["limits"][0]["verdict"], "fail", "{run}");
    assert!(run.ids("failure").is_empty(), "{run}");
}

#[test]
fn a_guarantee_that_its_configuration_cannot_give_is_warned_of_before_and_in_the_result() {
    let config = with_processor("batch", "{ timeout: 200ms }");
    let more = ["--set", &config, "--set", "run.spans=5000"];
    let Some(run) = against("quickstart", &more) else { return };
    let run = run.expect(0);
    let warnings = run.result()["warnings"].to_string();
    assert!(warnings.contains("guarantee `memory` cannot hold") && warnings.contains("has `batch`"), "{warnings}");
}
