//! A target that somebody else runs: here an embedded collector inside the test, at an address that the run is only told.

use crate::collector::collector;
use crate::http_target::PROGRAM;
use crate::rig::{Ended, Started, small, start_in};
use spanproof_harness::embedded::{Compression, Destination, EmbeddedConfig, EmbeddedTarget, Protocol};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An address for the sink that nobody else uses: a loopback address of this process and this call alone, since its port must
/// be known to the target before the sink listens.
pub fn sink_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(100);
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{high}.{low}:5317", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A collector that sends everything to each of these addresses and has these defects.
pub fn target(destinations: &[&str], defects: &[&str]) -> EmbeddedTarget {
    EmbeddedTarget::start(config(destinations, defects)).unwrap()
}

fn config(destinations: &[&str], defects: &[&str]) -> EmbeddedConfig {
    let destination = |address: &&str| Destination {
        endpoint: format!("http://{address}"),
        protocol: Protocol::Grpc,
        compression: Compression::None,
    };
    let export = destinations.iter().map(destination).collect();
    let defects = defects.iter().map(|defect| defect.parse().unwrap()).collect();
    EmbeddedConfig { export, defects, ..EmbeddedConfig::default() }
}

/// The same with one destination.
pub fn target_of(sink: &str, defects: &[&str]) -> EmbeddedTarget {
    target(&[sink], defects)
}

pub fn against(target: EmbeddedTarget, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let arguments = small("quickstart", &[&["--target", "external", "--set", "run.spans=5000"], arguments].concat());
    let run = start_in(TempDir::new().unwrap(), &arguments, variables).wait();
    target.shutdown(Duration::from_secs(5));
    run
}

#[test]
fn an_external_target_named_by_flags_passes_and_is_left_alone() {
    let sink = sink_address();
    let target = target_of(&sink, &[]);
    let endpoint = format!("http://{}", target.grpc_addr());
    let run = expect_external_pass(against(target, &["--endpoint", &endpoint, "--sink-grpc", &sink], &[]));
    assert_eq!(run.result()["target"]["name"], endpoint.as_str());
}

#[test]
fn an_external_target_named_by_the_environment_passes() {
    let sink = sink_address();
    let target = target_of(&sink, &[]);
    let endpoint = format!("http://{}", target.http_addr());
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")];
    let run = expect_external_pass(against(target, &["--sink-grpc", &sink], &variables));
    assert!(run.result()["target"]["name"].as_str().unwrap().starts_with(&endpoint), "{run}");
}

/// Nothing is known of what it uses; all else is as with any target.
fn expect_external_pass(run: Ended) -> Ended {
    assert_eq!(run.result()["target"]["kind"], "external", "{run}");
    assert!(run.result()["target"].get("cpu_seconds").is_none());
    let run = run.expect(0);
    assert_eq!(run.spans("delivered"), run.spans("planned"));
    assert_eq!(run.result()["settle"]["ended"], "everything-arrived", "no need to wait longer: {run}");
    run.expect_sound_ledger();
    run
}

/// A run against an external target at `endpoint` that has no business to begin.
fn begun(endpoint: &str, sink: &[&str]) -> Ended {
    let arguments = ["--target", "external", "--endpoint", endpoint];
    start_in(TempDir::new().unwrap(), &small("quickstart", &[&arguments[..], sink].concat()), &[]).wait()
}

#[test]
fn an_endpoint_at_which_our_own_sink_listens_is_refused_before_the_load() {
    let address = sink_address();
    let port = &address[address.rfind(':').unwrap()..];
    let everywhere = format!("0.0.0.0{port}");
    for (endpoint, flag, sink) in [
        (format!("http://{address}"), "--sink-grpc", &address),
        (format!("http://{address}"), "--sink-http", &address),
        (format!("http://localhost{port}"), "--sink-grpc", &everywhere),
    ] {
        let run = begun(&endpoint, &[flag, sink]).expect(2);
        assert!(run.stderr.contains("--endpoint") && run.stderr.contains(&format!("{flag} {sink}")), "{run}");
        assert!(!run.path("out/result.json").exists(), "{run}");
    }
}

#[test]
fn an_external_target_that_is_not_there_is_told_with_what_to_try() {
    // An address that nobody else uses.
    let sink = sink_address();
    let nobody = sink.replace(":5317", ":4317");
    for within in ["0s", "300ms"] {
        let within = format!("target.external.ready.timeout={within}");
        let run = begun(&format!("http://{nobody}"), &["--sink-grpc", &sink, "--set", &within]).expect(3);
        for words in [
            &format!("http://{nobody}")[..],
            "refused",
            "tried for ",
            "start the target",
            "--endpoint",
            "ready.timeout",
        ] {
            assert!(run.stderr.contains(words), "nothing of {words}\n{run}");
        }
        assert!(!run.path("out/result.json").exists(), "{run}");
    }
}

/// A run against an external target of which the first attempt to reach it has failed, and that goes on trying.
fn waiting(endpoint: &str, sink: &str) -> Started {
    let more = ["--target", "external", "--endpoint", endpoint, "--sink-grpc", sink, "--set", "run.spans=3000"];
    let arguments = small("quickstart", &[&more[..], &["--set", "target.external.ready.timeout=60s"]].concat());
    let told: Vec<&str> = arguments.into_iter().filter(|argument| *argument != "--quiet").collect();
    let mut run = start_in(TempDir::new().unwrap(), &told, &[]);
    let words = format!("waiting up to 1:00 for the target to take a connection at {endpoint}");
    run.wait_until("the waiting", |run| run.said().contains(&words).then_some(()));
    run
}

/// As beside a collector that `docker compose` starts at the same time.
#[test]
fn an_external_target_that_is_just_starting_is_waited_for() {
    let sink = sink_address();
    let listen_grpc: SocketAddr = sink.replace(":5317", ":4317").parse().unwrap();
    let run = waiting(&format!("http://{listen_grpc}"), &sink);
    let target = EmbeddedTarget::start(EmbeddedConfig { listen_grpc, ..config(&[&sink], &[]) }).unwrap();
    expect_external_pass(run.wait());
    target.shutdown(Duration::from_secs(5));
}

#[test]
fn an_interrupt_ends_the_waiting_for_an_external_target() {
    let sink = sink_address();
    let run = waiting(&format!("http://{}", sink.replace(":5317", ":4317")), &sink);
    run.signal(rustix::process::Signal::INT);
    let run = run.wait().expect(130);
    assert!(run.stderr.contains("interrupted before the load began"), "{run}");
}

/// It takes connections and drops them: no request is ever answered, and whether any will come out nobody can tell.
#[test]
fn a_target_that_answers_nothing_is_waited_for_as_long_as_was_said() {
    let sink = sink_address();
    let address = sink.replace(":5317", ":4317");
    let listener = std::net::TcpListener::bind(&address).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let more = ["--sink-grpc", &sink, "--set", "run.spans=500", "--set", "run.settle=2s"];
    let run = begun(&format!("http://{address}"), &more).expect(3);
    assert_eq!(run.spans("acknowledged"), 0, "{run}");
    assert!(run.ids("inconclusive").contains(&"nothing-delivered".to_owned()), "{run}");
    assert_eq!(run.result()["settle"]["ended"], "deadline", "{run}");
}

/// A program of somebody else's, killed when dropped.
struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Takes OTLP/HTTP with a header alone, and delivers over HTTP.
fn guarded(host: &str, header: &str) -> Elsewhere {
    let mut command = Command::new("python3");
    command.arg(PROGRAM).env("HEADER", header);
    for (name, port) in [("RECEIVER_HTTP", 4318), ("HEALTH", 13133), ("SINK_HTTP", 5318)] {
        command.env(format!("SPANPROOF_{name}"), format!("{host}:{port}"));
    }
    listening(command, &format!("{host}:4318"))
}

/// A program that listens at an address soon after it was started.
fn listening(mut command: Command, address: &str) -> Elsewhere {
    let elsewhere = Elsewhere(command.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {address}");
        // Nothing tells when it listens.
        std::thread::sleep(Duration::from_millis(10));
    }
    elsewhere
}

/// A real collector that knows nothing of us but where to send.
const COLLECTOR: &str = "
receivers: { otlp: { protocols: { grpc: { endpoint: 'HOST:4317' } } } }
exporters: { otlp_grpc: { endpoint: 'HOST:5317', tls: { insecure: true } } }
service:
  telemetry: { metrics: { level: none }, logs: { level: error } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } }
";

#[test]
fn a_real_collector_that_somebody_else_runs_passes_and_is_left_alone() {
    let Some(program) = collector() else { return };
    let host = sink_address().replace(":5317", "");
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("collector.yaml");
    std::fs::write(&config, COLLECTOR.replace("HOST", &host)).unwrap();
    let mut command = Command::new(program.trim_start_matches("process:"));
    command.arg("--config").arg(&config);
    let mut theirs = listening(command, &format!("{host}:4317"));
    let (endpoint, sink) = (format!("http://{host}:4317"), format!("{host}:5317"));
    let more = ["--target", "external", "--endpoint", &endpoint, "--sink-grpc", &sink, "--set", "run.spans=20000"];
    expect_external_pass(start_in(TempDir::new().unwrap(), &small("quickstart", &more), &[]).wait());
    assert!(theirs.0.try_wait().unwrap().is_none(), "the run ended a collector that is not its own");
}

#[test]
fn headers_of_the_environment_reach_an_external_target_which_may_deliver_over_http() {
    let host = sink_address().replace(":5317", "");
    let _target = guarded(&host, "x-team:blue green");
    let (endpoint, sink) = (format!("http://{host}:4318"), format!("{host}:5318"));
    let more = ["--endpoint", &endpoint, "--sink-http", &sink, "--set", "traffic.transport.protocol=http"];
    let slow = ["--target", "external", "--set", "run.spans=3000", "--set", "traffic.rate=5000"];
    let arguments = small("quickstart", &[&slow[..], &more].concat());
    let run = |headers| {
        let variables = [("OTEL_EXPORTER_OTLP_HEADERS", headers)];
        start_in(TempDir::new().unwrap(), &arguments, &variables).wait()
    };
    let run_with = expect_external_pass(run("x-team=blue%20green"));
    assert!(!run_with.artefact("result.json").contains("blue"), "the value is a secret");
    let without = run("x-team=red").expect(3);
    assert_eq!(without.spans("refused"), without.spans("sent"), "{without}");
}
