//! The process target against a real OpenTelemetry Collector, whose path `SPANPROOF_OTELCOL` names. Without it these tests
//! are skipped with a message, except with `CI=true`, where that is a failure.
#![expect(clippy::unwrap_used, reason = "the functions here serve tests only; clippy sees only the tests themselves")]

use spanproof_harness::collector_config::{CollectorConfig, Source};
use spanproof_harness::explain::{Asked, Subject};
use spanproof_harness::process::{
    ConfigFile, Exit, ProcessSpec, ProcessTarget, SinkAddresses, StartError, become_keeper_if_asked, detect_version,
};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const CONFIG: &str = "
extensions:
  health_check: { endpoint: '${env:SPANPROOF_HEALTH}' }
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '${env:SPANPROOF_RECEIVER_GRPC}' }
      http: { endpoint: '${env:SPANPROOF_RECEIVER_HTTP}' }
processors:
  batch: { timeout: 1s }
exporters:
  otlp_grpc: { endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: { insecure: true } }
service:
  extensions: [health_check]
  pipelines:
    traces: { receivers: [otlp], processors: [batch], exporters: [otlp_grpc] }
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus: { host: '${env:SPANPROOF_TELEMETRY_HOST}', port: '${env:SPANPROOF_TELEMETRY_PORT}' }
";

#[test]
fn __keeper() {
    become_keeper_if_asked();
}

/// The collector, or `None` where there is none and none is required.
fn collector() -> Option<PathBuf> {
    let named = std::env::var_os("SPANPROOF_OTELCOL").map(PathBuf::from);
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(named.is_some() || !required, "CI=true needs a real collector: set SPANPROOF_OTELCOL to its path");
    if named.is_none() {
        // Not through `eprintln!`, whose text is shown for failed tests only.
        let message = b"SKIPPED: set SPANPROOF_OTELCOL to the path of an OpenTelemetry Collector to run this test\n";
        std::io::stderr().write_all(message).unwrap();
    }
    named
}

/// A backend that takes connections and never answers.
fn backend() -> (TcpListener, SinkAddresses) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, SinkAddresses { grpc: address, http: address })
}

fn spec(command: PathBuf, folder: &TempDir, more: &[(&str, String)]) -> ProcessSpec {
    let mut config = vec![ConfigFile::new("collector.yaml", CONFIG)];
    config.extend(more.iter().map(|(name, text)| ConfigFile::new(*name, text.clone())));
    let mut spec = ProcessSpec::collector(command, folder.path(), config);
    spec.ready.health_path = Some("/".to_owned());
    spec
}

#[test]
fn a_real_collector_starts_listens_everywhere_and_stops() {
    let Some(command) = collector() else { return };
    let folder = TempDir::new().unwrap();
    let (_listener, sink) = backend();
    let mut target = ProcessTarget::start(&spec(command, &folder, &[]), sink, &CancellationToken::new()).unwrap();
    let endpoints = target.endpoints();
    for address in [endpoints.receiver_grpc, endpoints.receiver_http, endpoints.health, endpoints.telemetry] {
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)).unwrap();
    }
    let mut sampler = target.usage_sampler();
    let usage = sampler.sample().unwrap().unwrap();
    assert_eq!((usage.processes, target.try_exit()), (1, None));
    assert!(usage.memory_bytes > 5 << 20 && usage.memory_bytes < 1 << 30, "{usage:?}");
    let stopped = target.stop();
    // It handles SIGTERM only some milliseconds after it listens and is healthy; one that comes earlier ends it at once.
    assert!(matches!(stopped.exit, Exit::Code(0) | Exit::Signal(15)) && !stopped.killed, "{stopped:?}");
    assert!(stopped.cpu.unwrap() >= sampler.summary().cpu, "{stopped:?}");
}

#[test]
fn a_real_collector_tells_its_version() {
    let Some(command) = collector() else { return };
    let version = detect_version(&command, Duration::from_secs(10)).unwrap().unwrap();
    assert!((version.major, version.minor) >= (0, 100), "{version}");
}

#[test]
fn a_real_collector_with_a_bad_configuration_is_quoted() {
    let Some(command) = collector() else { return };
    let folder = TempDir::new().unwrap();
    let (_listener, sink) = backend();
    let bad = "processors: { batch: { timeout: soon } }\n".to_owned();
    let spec = spec(command, &folder, &[("override.yaml", bad)]);
    let error = ProcessTarget::start(&spec, sink, &CancellationToken::new()).unwrap_err();
    let StartError::Died { exit: Exit::Code(1), log, .. } = &error else { panic!("{error:?}") };
    assert!(log.lines.iter().any(|line| line.contains("invalid duration")), "{error}");
}

#[test]
fn a_real_collector_on_a_port_in_use_is_tried_twice_and_then_quoted() {
    let Some(command) = collector() else { return };
    let folder = TempDir::new().unwrap();
    let (taken, sink) = backend();
    let address: SocketAddr = taken.local_addr().unwrap();
    let port_taken = format!("receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: '{address}' }} }} }} }}\n");
    let spec = spec(command, &folder, &[("override.yaml", port_taken)]);
    let error = ProcessTarget::start(&spec, sink, &CancellationToken::new()).unwrap_err();
    assert!(matches!(error, StartError::Died { .. }), "{error:?}");
    assert!(error.to_string().contains("address already in use"), "{error}");
    let log = std::fs::read_to_string(folder.path().join("target.log")).unwrap();
    assert!(
        log.matches("Starting otelcol").count() >= 2 || log.matches("address already in use").count() >= 2,
        "{log}"
    );
}

/// Our reading of configurations against the collector's own, for texts that people and chance write.
#[test]
fn configurations_are_read_as_the_real_collector_reads_them() {
    let Some(command) = collector() else { return };
    let folder = TempDir::new().unwrap();
    let values = reference_texts(300);
    let texts = [with_values(&values), OVERRIDE.to_owned()];
    let paths = ["a.yaml", "b.yaml"].map(|name| folder.path().join(name));
    paths.iter().zip(&texts).for_each(|(path, text)| std::fs::write(path, text).unwrap());
    let env = [("NUM", "42"), ("TEXT", "a b"), ("REC", "${env:NUM}x"), ("DOLLAR", "$$"), ("WAIT", "7s")];
    let mut print = std::process::Command::new(command);
    print.args(["print-config", "--mode=unredacted", "--config"]).arg(&paths[0]).arg("--config").arg(&paths[1]);
    let out = print.env_clear().envs(env).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let theirs = String::from_utf8(out.stdout).unwrap();
    let sources = |texts: &[String]| {
        let sources: Vec<_> = texts.iter().map(|text| Source { name: "x.yaml", text }).collect();
        // What the collector prints is expanded already and holds no reference that we would expand again.
        CollectorConfig::read(&sources, &env.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap()
    };
    let ours = sources(&texts);
    let theirs = sources(&[theirs.replace('$', "$$")]);
    for (index, text) in values.iter().enumerate() {
        let path = format!("/processors/attributes/actions/{index}/value");
        assert_eq!(ours.value().pointer(&path), theirs.value().pointer(&path), "{text:?}");
    }
    for path in ["/service/pipelines", "/processors/batch/timeout", "/exporters/otlp_grpc/endpoint"] {
        assert_eq!(ours.value().pointer(path), theirs.value().pointer(path), "{path}");
    }
}

/// What `explain` refuses of settings, the collector refuses too, and nothing else. What it refuses only when it starts is not here:
/// `validate` does not start anything.
#[test]
fn settings_are_refused_as_the_real_collector_refuses_them() {
    let Some(command) = collector() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("collector.yaml");
    for (kind, settings) in SETTINGS {
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: 'localhost:0'}}}}}}}}\nexporters: {{nop: }}\n\
             processors: {{{kind}: {settings}}}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], processors: [{kind}], exporters: [nop]}}}}}}\n"
        );
        std::fs::write(&path, &text).unwrap();
        let theirs = std::process::Command::new(&command).arg("validate").arg("--config").arg(&path).output().unwrap();
        let ours = Subject::read(&Asked { files: vec![("x".to_owned(), text)], ..Asked::default() });
        let told = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!(ours.is_ok(), theirs.status.success(), "{kind}: {settings}\n{told}\n{:?}", ours.err());
    }
}

const SETTINGS: [(&str, &str); 35] = [
    ("tail_sampling", "{}"),
    ("tail_sampling", "{decision_wiat: 1s}"),
    ("tail_sampling", "{num_traces: many}"),
    ("tail_sampling", "{num_traces: '5'}"),
    ("tail_sampling", "{num_traces: 5.5}"),
    ("tail_sampling", "{num_traces: -5}"),
    ("tail_sampling", "{decision_wait: soon}"),
    ("tail_sampling", "{decision_wait: 5}"),
    ("tail_sampling", "{sampling_strategy: sometimes}"),
    ("tail_sampling", "{num_shards: 2}"),
    ("tail_sampling", "{policies: [{name: a, type: latency, latency: {threshold_ms: '500'}}]}"),
    ("tail_sampling", "{policies: [{name: a, type: string_attribute, string_attribute: {key: k, values: [200]}}]}"),
    ("tail_sampling", "{policies: [{name: a, type: always_sample, latency: {threshold_ms: 5}}]}"),
    ("tail_sampling", "{policies: [{name: a, type: always_sample, always_sample: {}}]}"),
    ("tail_sampling", "{policies: [{name: a, type: latency, latncy: {threshold_ms: 5}}]}"),
    ("tail_sampling", "{policies: [{name: a, type: latency, latncy: 5}]}"),
    ("tail_sampling", "{decision_cache: {sampled_cache_size: 5, non_sampled_cache_size: 6}}"),
    (
        "tail_sampling",
        "{policies: [{name: a, type: rate_limiting, rate_limiting: {spans_per_second: 5, burst_capacity: 6}}]}",
    ),
    ("probabilistic_sampler", "{sampling_percentage: 200, hash_seed: 4294967296}"),
    ("probabilistic_sampler", "{sampling_percentage: -1}"),
    ("probabilistic_sampler", "{sampling_percentage: 1.0e-16}"),
    ("probabilistic_sampler", "{sampling_percentage: 2.0e-15}"),
    ("probabilistic_sampler", "{sampling_precision: 15}"),
    ("probabilistic_sampler", "{mode: sideways}"),
    ("filter", "{}"),
    ("filter", "{traces: {spans: ['true']}}"),
    ("filter", "{traces: {span: ['true']}, spans: {exclude: {match_type: strict, span_names: [a]}}}"),
    ("filter", "{spans: {exclude: {match_type: fuzzy, span_names: [a]}}}"),
    ("filter", "{spans: {exclude: {match_type: strict}}}"),
    ("filter", "{error_mode: loud}"),
    ("filter", "{trace_conditions: ['span.name == \"x\"']}"),
    ("memory_limiter", "{limit_mib: 100}"),
    ("memory_limiter", "{check_interval: 1s, limit_mib: 100, spike_limit_mib: 100}"),
    ("memory_limiter", "{check_interval: 1s, limit_percentage: 50, spike_limit_percentage: 60}"),
    ("memory_limiter", "{check_interval: 1s, limit_mib: 50, max_gc_interval_when_soft_limited: 1s}"),
];

const OVERRIDE: &str = "
processors: { batch: { timeout: '${env:WAIT}' } }
exporters: { otlp_grpc: { endpoint: '${env:HOST:-localhost}:${env:NUM}' } }
service: { pipelines: { traces: { processors: [attributes, batch] } } }
";

fn with_values(values: &[String]) -> String {
    let action = |value: &String| format!("      - {{ key: k, action: insert, value: '{value}' }}\n");
    let actions: String = values.iter().map(action).collect();
    format!(
        "receivers: {{ otlp: {{ protocols: {{ grpc: {{ endpoint: 'localhost:0' }} }} }} }}\n\
         processors:\n  batch: {{ timeout: 1s, send_batch_size: 7 }}\n  attributes:\n    actions:\n{actions}\
         exporters: {{ otlp_grpc: {{ endpoint: 'x:1' }} }}\n\
         service: {{ pipelines: {{ traces: {{ receivers: [otlp], processors: [batch], exporters: [otlp_grpc] }} }} }}\n"
    )
}

/// Texts put together at random, always the same ones, from pieces that the collector accepts in any order.
fn reference_texts(count: usize) -> Vec<String> {
    let pieces =
        ["${env:NUM}", "${TEXT}", "${env:REC}", "${env:NO}", "${env:NO:-d}", "${env:DOLLAR}", "$", "$$", "x", " ", "}"];
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        // Knuth's MMIX generator; its high bits are good enough to shuffle pieces.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..count).map(|_| (0..=random(5)).map(|_| pieces[random(pieces.len())]).collect()).collect()
}
