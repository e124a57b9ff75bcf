//! `spanproof gen` as people use it: where it sends, what it tells, how it ends.
#![expect(clippy::unwrap_used, reason = "the functions here serve tests only; clippy sees only the tests themselves")]

#[path = "sink_cli/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of the sink, which use all of it")]
mod rig;

use rig::{Ended, PATIENCE, Running, run, spanproof};
use spanproof_harness::wire::server::{Backend, Decision, Export, ServerConfig, SinkServer};
use spanproof_harness::wire::{Compression, Protocol};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// A backend that takes everything and remembers it.
#[derive(Default)]
struct Remembering(Mutex<Vec<Export>>);

impl Backend for Remembering {
    fn export(&self, export: Export) -> Decision {
        self.0.lock().unwrap().push(export);
        Decision::Accept
    }
}

struct Place {
    server: SinkServer,
    seen: Arc<Remembering>,
}

impl Place {
    fn start() -> Self {
        let seen = Arc::new(Remembering::default());
        let any = Some("127.0.0.1:0".parse().unwrap());
        let config = ServerConfig { grpc: any, http: any, ..ServerConfig::default() };
        Self { server: SinkServer::start(config, Arc::clone(&seen) as Arc<dyn Backend>).unwrap(), seen }
    }

    fn grpc(&self) -> SocketAddr {
        self.server.grpc_addr().unwrap()
    }

    fn http(&self) -> SocketAddr {
        self.server.http_addr().unwrap()
    }

    fn seen(&self) -> Vec<Export> {
        std::mem::take(&mut self.seen.0.lock().unwrap())
    }
}

fn generate(environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = spanproof();
    command.args(["gen", "traces", "--quiet", "--rate", "1000", "--duration", "300ms"]).args(arguments);
    run(command.envs(environment.iter().copied()))
}

#[test]
fn the_environment_says_where_and_how() {
    let place = Place::start();
    // A base, as the specification has it: the path of traces comes behind it.
    let endpoint = format!("http://{}/", place.http());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let ended = generate(&environment, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = place.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|one| (one.protocol, one.compression) == (Protocol::HttpProtobuf, Compression::Gzip)));
}

#[test]
fn variables_of_traces_win_over_those_of_all_signals() {
    let place = Place::start();
    let endpoint = format!("http://{}/v1/traces", place.http());
    let environment = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-of=traces"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-of=all,x-more=all"),
    ];
    let ended = generate(&environment, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = place.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|one| one.protocol == Protocol::HttpProtobuf));
    assert!(seen.iter().all(|one| one.headers["x-of"] == "traces" && !one.headers.contains_key("x-more")));
}

/// With the time-out of all signals, an hour, this would not end before the test gives up.
#[test]
fn the_timeout_of_traces_ends_what_is_never_answered() {
    // Connections come into its backlog; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let environment = [("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000")];
    let ended = generate(&environment, &["--endpoint", &endpoint, "--protocol", "http"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("acknowledged 0, refused 0, unknown 300"), "{ended:?}");
}

/// The path of the first request that comes when `{}` of a variable's value is where somebody listens.
fn path_asked_for(variable: &str, value: &str, arguments: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let value = value.replace("{}", &listener.local_addr().unwrap().to_string());
    let (path_of, paths) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            drop(BufReader::new(&stream).read_line(&mut line));
            if let Some(path) = line.split(' ').nth(1) {
                // Nobody waits for the answers, nor for any path but the first.
                drop(path_of.send(path.to_owned()));
                drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
            }
        }
    });
    let ended = generate(&[(variable, &value)], arguments);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    paths.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn over_http_an_endpoint_of_the_environment_leads_where_the_specification_says() {
    let (all, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let by_flag = ["--protocol", "http"];
    let by_field = ["--set", "traffic.transport.protocol=http"];
    for (variable, value, arguments, path) in [
        (all, "http://{}", by_flag, "/v1/traces"),
        (all, "http://{}/otlp", by_flag, "/otlp/v1/traces"),
        (all, "http://{}/otlp/", by_field, "/otlp/v1/traces"),
        (traces, "http://{}", by_flag, "/"),
        (traces, "http://{}/x/", by_flag, "/x/"),
    ] {
        assert_eq!(path_asked_for(variable, value, &arguments), path, "{variable}={value} {arguments:?}");
    }
}

/// Somewhere that answers every request over HTTP with this, whatever it is.
fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_all(stream, answer));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, answer: &[u8]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        if reader.read_exact(&mut vec![0; length]).is_err() || stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// A success that is no answer of OTLP counts as one, as it does for SDKs; that it is odd is told.
#[test]
fn a_success_that_says_more_than_yes_is_told() {
    let sent = |answer: &'static [u8], format: &str| {
        let endpoint = format!("http://{}", answering(answer));
        let ended = generate(&[], &["--endpoint", &endpoint, "--protocol", "http", "--format", format]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let protobuf = |body: &'static [u8]| -> &'static [u8] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat().leak()
    };
    // A partial success with -5 rejected, and a message that ends before it says it does.
    let negative = protobuf(b"\x0a\x0b\x08\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    for (answer, words) in [
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello".as_slice(), "not OTLP's"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "not OTLP's"),
        (protobuf(b"\x0a\x7f"), "not OTLP's"),
        (negative, "-5"),
    ] {
        let note = sent(answer, "text");
        assert!(note.line("note: the target took 1 requests").contains(words), "{note:?}");
    }
    let odd = sent(negative, "json").json()["odd_answers"].clone();
    assert!(odd["requests"] == 1 && odd["one"].as_str().unwrap().contains("-5"), "{odd}");
    let plain = sent(protobuf(b""), "json").json();
    assert_eq!(plain.get("odd_answers"), None, "{plain}");
}

#[test]
fn flags_win_over_the_environment() {
    let (place, other) = (Place::start(), Place::start());
    let elsewhere = format!("http://{}", other.http());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", elsewhere.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let here = format!("http://{}", place.grpc());
    let ended = generate(&environment, &["--endpoint", &here, "--protocol", "grpc", "--compression", "none"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(other.seen().is_empty());
    let seen = place.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|one| (one.protocol, one.compression) == (Protocol::Grpc, Compression::None)));
}

#[test]
fn headers_are_sent_and_never_shown() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret,x-tenant=s3cret-tenant"),
        ("RUST_LOG", "trace"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("g.json");
    let ended = generate(&environment, &["--result", result.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = place.seen();
    assert!(!seen.is_empty());
    assert!(
        seen.iter()
            .all(|one| one.headers["authorization"] == "Bearer s3cret" && one.headers["x-tenant"] == "s3cret-tenant")
    );
    let written = std::fs::read_to_string(&result).unwrap();
    assert!([&ended.out, &ended.err, &written].iter().all(|text| !text.contains("s3cret")), "{ended:?}");
}

#[test]
fn a_bad_header_is_refused_without_being_shown() {
    let ended =
        generate(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret%0a")], &["--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("authorization") && !ended.err.contains("s3cret"), "{ended:?}");
}

#[test]
fn all_that_is_wrong_with_headers_is_said_at_once() {
    let environment = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret%0a,x-good=1,bad name=2")];
    let ended = generate(&environment, &["--set", "traffic.transport.headers_env={x-key: NO_SUCH_VARIABLE_HERE}"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in ["`authorization`", "`bad name`", "`x-key`", "NO_SUCH_VARIABLE_HERE"] {
        assert!(ended.err.contains(words), "nothing of {words}: {ended:?}");
    }
    assert!(!ended.err.contains("s3cret"), "{ended:?}");
}

#[test]
fn what_is_wrong_with_a_flag_is_said_of_that_flag() {
    let ended = generate(&[], &["--workload", "shoop", "--dry-run"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--workload shoop") && !ended.err.contains("--set"), "{ended:?}");
}

#[test]
fn a_target_to_be_started_is_refused_for_what_it_is() {
    let ended = generate(&[], &["--set", "target=embedded"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("gen starts no target") && ended.err.contains("--endpoint"), "{ended:?}");
}

#[test]
fn headers_that_are_no_pairs_are_refused() {
    let ended = generate(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c")], &["--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("entry 2 of `OTEL_EXPORTER_OTLP_HEADERS` is not `key=value`"), "{ended:?}");
}

/// What was meant to be encrypted is not sent in the clear without a word.
#[test]
fn what_asks_for_tls_in_the_environment_is_told() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let to_it = ["--endpoint", &endpoint];
    for name in ["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "TRACES_CERTIFICATE"] {
        let name = format!("OTEL_EXPORTER_OTLP_{name}");
        let ended = generate(&[(&name, "/etc/x.pem")], &to_it);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(&name) && ended.err.contains("TLS") && ended.err.contains("env -u"), "{ended:?}");
    }
    let ended = generate(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:4317")], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("OTLP_ENDPOINT=https://") && ended.err.contains("use http"), "{ended:?}");
    assert!(place.seen().is_empty());
    let mut command = spanproof();
    command.args(["gen", "traces", "--duration", "100ms"]).args(to_it).env("OTEL_EXPORTER_OTLP_INSECURE", "false");
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("OTEL_EXPORTER_OTLP_INSECURE asks for TLS and has no effect"), "{ended:?}");
}

#[test]
fn variables_that_cannot_be_heeded_are_quoted_as_written() {
    for (variable, value, hint) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "abc", "OTEL_EXPORTER_OTLP_TIMEOUT=abc"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "`grpc` or `http/protobuf`"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "`gzip` or `none`"),
    ] {
        let ended = generate(&[(variable, value)], &["--dry-run"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(&format!("{variable}={value}")) && ended.err.contains(hint), "{ended:?}");
    }
}

#[test]
fn an_endpoint_of_the_environment_beyond_this_machine_needs_consent() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4317")];
    let ended = generate(&environment, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--allow-remote"), "{ended:?}");
    // With consent nothing is wrong with it; nothing is sent either.
    let ended = generate(&environment, &["--allow-remote", "collector.example", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn connections_are_as_many_as_asked_for() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let arguments = ["--endpoint", &endpoint, "--connections", "3", "--set", "traffic.batch.spans=10"];
    assert_eq!(generate(&[], &arguments).code, Some(0));
    let connections: BTreeSet<u64> = place.seen().iter().map(|one| one.connection).collect();
    assert_eq!(connections.len(), 3);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let ended = generate(&[], &["--endpoint", &endpoint, "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("would send 300 spans in 30 traces") && ended.out.contains(&endpoint), "{ended:?}");
    assert!(place.seen().is_empty());
}

#[test]
fn an_interrupt_in_mid_run_ends_it_with_what_was_sent_so_far() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("g.json");
    let mut command = spanproof();
    command.args(["gen", "traces", "--quiet", "--rate", "1000", "--duration", "10m", "--endpoint", &endpoint]);
    command.args(["--set", "traffic.batch.spans=100"]);
    let running = Running::start(command.args(["--result", result.to_str().unwrap()]));
    let deadline = Instant::now() + PATIENCE;
    while place.seen.0.lock().unwrap().len() < 2 {
        assert!(Instant::now() < deadline, "nothing was sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal(rustix::process::Signal::INT);
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&result).unwrap()).unwrap();
    assert_eq!(written["state"], "interrupted");
    let count = |word: &str| written["spans"][word].as_u64().unwrap();
    assert!(count("acknowledged") > 0 && count("acknowledged") < count("planned"), "{written}");
    assert!(ended.out.contains(&format!("acknowledged {}, ", count("acknowledged"))), "{ended:?}\n{written}");
}

#[test]
fn where_nothing_listens_the_fate_is_unknown_and_the_answer_is_told() {
    let nobody: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    let ended = generate(&[], &["--endpoint", &format!("http://{nobody}")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("acknowledged 0, refused 0, unknown 300"), "{ended:?}");
    assert!(ended.err.contains(&nobody.to_string()) && ended.err.contains("refused"), "{ended:?}");
}

#[test]
fn every_plan_has_a_run_tag_of_its_own_and_the_result_tells_it() {
    let place = Place::start();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", place.grpc());
    let tags: BTreeSet<String> = ["a.json", "b.json"]
        .iter()
        .map(|name| {
            let path = folder.path().join(name);
            assert_eq!(generate(&[], &["--endpoint", &endpoint, "--result", path.to_str().unwrap()]).code, Some(0));
            let result: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!((&result["schema"], &result["state"]), (&"spanproof.gen/1".into(), &"complete".into()));
            assert_eq!(result["spans"]["acknowledged"], 300);
            result["run_tag"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(tags.len(), 2);
}

#[test]
fn a_result_that_cannot_be_written_is_told_before_anything_is_sent() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let ended = generate(&[], &["--endpoint", &endpoint, "--result", "/nonexistent/g.json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("/nonexistent/"), "{ended:?}");
    for nowhere in ["/nonexistent/g.json", "/", "/proc/self/status/g.json"] {
        let ended = generate(&[], &["--endpoint", &endpoint, "--result", nowhere, "--dry-run"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(nowhere), "{ended:?}");
    }
    assert!(place.seen().is_empty());
}

#[test]
fn a_sender_on_its_own_tells_what_it_knows_and_no_more() {
    let nobody: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    let mut command = spanproof();
    let endpoint = format!("http://{nobody}");
    let ended = run(command.args(["gen", "traces", "--rate", "100", "--duration", "1500ms", "--endpoint", &endpoint]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("sent") && !ended.err.contains("delivered"), "{ended:?}");
    let said = format!("the first request that failed, to {endpoint}: ");
    assert!(ended.err.contains(&said) && !ended.err.contains("an answer"), "nobody answered: {ended:?}");
    assert_eq!(ended.err.matches(&said).count(), 1, "{ended:?}");
}

/// The lateness of a driver that was the limit says how fast it is, not how late: no percentile of it is shown.
#[test]
fn the_lateness_of_a_driver_that_was_the_limit_is_withheld() {
    let place = Place::start();
    let endpoint = format!("http://{}", place.grpc());
    let sent = |rate: &str, format: &str| {
        let flags = ["--rate", rate, "--duration", "10ms", "--set", "traffic.batch.timeout=50ms", "--format", format];
        let ended = run(spanproof().args(["gen", "traces", "--quiet", "--endpoint", &endpoint]).args(flags));
        // 1 where a slow machine could not even send all of it.
        assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
        ended.out
    };
    let driver = |rate| serde_json::from_str::<serde_json::Value>(&sent(rate, "json")).unwrap()["driver"].clone();
    let overrun = driver("30000000");
    assert!(overrun["withheld"].as_str().unwrap().contains("started more than 2 ms late"), "{overrun}");
    assert_eq!(overrun.get("lateness_p99_ms"), None);
    let text = sent("30000000", "text");
    assert!(text.contains("lateness withheld, the driver was the limit") && !text.contains("p99"), "{text}");
    // Few spans are sent in time, or not, as the machine likes; the rest is known in any case.
    assert!(driver("2000")["achieved_ratio"].is_number());
}
