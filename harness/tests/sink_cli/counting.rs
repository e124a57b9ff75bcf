//! Counting, dumping, waiting for something to hold.

use super::rig::{Sink, generate, run, spanproof};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use rustix::process::Signal;

const SHORT: [&str; 4] = ["--rate", "400", "--duration", "500ms"];

#[test]
fn whatever_comes_is_counted_until_ctrl_c_and_not_judged() {
    let sink = Sink::start(&[]);
    assert_eq!(generate(sink.grpc, &SHORT).code, Some(0));
    let http = [&SHORT[..], &["--protocol", "http", "--compression", "gzip"]].concat();
    assert_eq!(generate(sink.http, &http).code, Some(0));
    let ended = sink.interrupt();
    assert_eq!((ended.code, ended.spans()), (Some(0), 400), "{ended:?}");
    assert!(ended.line("counted, not judged").contains(" 40 traces"), "{ended:?}");
    assert_eq!(ended.line("services"), "services  uniform 400");
}

#[test]
fn a_program_reads_the_same_counts() {
    let sink = Sink::start(&["--format", "json", "--until", "traces >= 20"]);
    generate(sink.grpc, &SHORT);
    let ended = sink.wait();
    let document = ended.json();
    assert_eq!(ended.code, Some(0));
    assert_eq!(document["schema"], "spanproof.sink/1");
    assert_eq!(
        (&document["spans"], &document["ended"], &document["judged"]),
        (&200.into(), &"held".into(), &false.into())
    );
    assert_eq!(document["services"]["uniform"], 200);
}

#[test]
fn a_goal_ends_the_sink_as_soon_as_it_holds() {
    let sink = Sink::start(&["--until", "spans >= 100", "--within", "60s"]);
    generate(sink.grpc, &SHORT);
    let ended = sink.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.line("until").contains("held after") && ended.spans() >= 100, "{ended:?}");
}

#[test]
fn a_goal_that_does_not_hold_in_time_fails() {
    let ended = Sink::start(&["--until", "spans >= 1", "--within", "200ms"]).wait();
    assert_eq!((ended.code, ended.spans()), (Some(1), 0));
    assert!(ended.line("until").contains("did not hold within"), "{ended:?}");
}

#[test]
fn a_goal_that_was_interrupted_is_undecided() {
    for signal in [Signal::INT, Signal::TERM] {
        let sink = Sink::start(&["--until", "spans >= 1"]);
        sink.running.signal(signal);
        assert_eq!(sink.wait().code, Some(130));
    }
}

#[test]
fn a_sink_that_has_an_end_and_is_interrupted_before_it_says_so() {
    for signal in [Signal::INT, Signal::TERM] {
        let sink = Sink::start(&["--within", "10m"]);
        sink.running.signal(signal);
        let ended = sink.wait();
        assert_eq!((ended.code, ended.spans()), (Some(130), 0), "{ended:?}");
    }
}

#[test]
fn the_dump_is_read_by_other_tools_and_holds_every_span() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start_in(folder.path(), &["--dump", "out.jsonl", "--until", "spans >= 200"]);
    generate(sink.grpc, &SHORT);
    let ended = sink.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let spans = text.lines().flat_map(|line| {
        let request: ExportTraceServiceRequest = serde_json::from_str(line).unwrap();
        request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans)
    });
    let ids: std::collections::BTreeSet<Vec<u8>> = spans.map(|span| span.span_id).collect();
    assert_eq!(ids.len(), 200);
    assert!(ended.line("dump").contains(&format!("{} requests", text.lines().count())), "{ended:?}");
}

#[test]
fn a_dump_that_is_full_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--dump", "out.jsonl", "--dump-max", "1KiB", "--until", "spans >= 200"];
    let sink = Sink::start_in(folder.path(), &arguments);
    generate(sink.grpc, &SHORT);
    let ended = sink.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.line("dump").contains("left out, the first since the file is full at 1024 bytes"), "{ended:?}");
    assert!(std::fs::metadata(folder.path().join("out.jsonl")).unwrap().len() <= 1024);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(spanproof().args(["sink", "--grpc", &address]));
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.contains(&address) && ended.err.contains("in use"), "{ended:?}");
}

#[test]
fn mistakes_are_told_before_anything_listens() {
    let mistakes: [&[&str]; 8] = [
        &["--until", "spams >= 10"],
        &["--until", "spans.lost_acknowledged == 0"],
        &["--within", "soon"],
        &["--grpc", "4317"],
        &["--dump", "/nonexistent/out.jsonl"],
        &["--dump-max", "much"],
        &["--expect-scenario", "quickstart"],
        &["--expect-scenario", "no-such", "--run-tag", "000000000001", "--epoch", "1"],
    ];
    for mistake in mistakes {
        let ended = run(spanproof().args(["sink", "--http", "127.0.0.1:0"]).args(mistake));
        assert_eq!(ended.code, Some(2), "{mistake:?}: {ended:?}");
        assert!(!ended.err.is_empty() && !ended.err.contains("listening"), "{mistake:?}: {ended:?}");
    }
}
