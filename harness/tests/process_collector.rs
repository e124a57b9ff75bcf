//! The process target against a real OpenTelemetry Collector, whose path `SPANPROOF_OTELCOL` names. Without it these tests
//! are skipped with a message, except with `CI=true`, where that is a failure.

use spanproof_harness::process::{
    ConfigFile, Exit, ProcessSpec, ProcessTarget, SinkAddresses, StartError, become_keeper_if_asked, detect_version,
};
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
        eprintln!("SKIPPED: set SPANPROOF_OTELCOL to the path of an OpenTelemetry Collector to run this test");
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
    assert_eq!((stopped.exit, stopped.killed), (Exit::Code(0), false));
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
