//! A backend that fails: by faults that it is given, and by those that are switched over HTTP.

use super::judging::through_a_collector;
use super::rig::{Sink, ask, generate, run, spanproof};
use spanproof_harness::embedded::{EmbeddedConfig, RetryConfig};
use std::time::Duration;

/// Ten requests, none of which waits for more spans.
const SHORT: [&str; 6] = ["--rate", "1000", "--duration", "500ms", "--set", "traffic.batch.spans=50"];

#[test]
fn faults_are_switched_while_it_receives() {
    let sink = Sink::start(&["--control", "127.0.0.1:0", "--format", "json"]);
    let control = sink.running.control();
    let put = ask(control, "PUT /faults/down", r#"{"grpc_status": {"code": "PERMISSION_DENIED"}}"#);
    assert!(put.starts_with("HTTP/1.1 200") && put.contains("refuses with PERMISSION_DENIED"), "{put}");
    let refused = generate(sink.grpc, &SHORT);
    assert!(refused.out.contains("acknowledged 0"), "{refused:?}");
    let gone = ask(control, "DELETE /faults/down", "");
    assert!(gone.contains("\"on\": false") && !gone.contains("\"requests\": 0"), "{gone}");
    assert_eq!(generate(sink.grpc, &SHORT).code, Some(0));
    assert!(ask(control, "GET /state", "").contains("\"spans\": 500"));
    let wrong = ask(control, "PUT /faults/x", "{slow: {by: 5}}");
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("`5` has no unit"), "{wrong}");
    let ended = sink.interrupt();
    let document = ended.json();
    assert_eq!((ended.code, &document["spans"]), (Some(0), &500.into()), "{ended:?}");
    let touched = document["faults"][0]["touched"]["requests"].as_u64().unwrap();
    let said = refused.out.split(" requests").next().and_then(|words| words.rsplit(' ').next()).unwrap();
    assert!(touched > 0, "{said}: {document}");
}

/// What came twice because the sink kept its answer back is no fault of what stands before it.
#[test]
fn repeats_that_the_sink_itself_has_caused_are_explained() {
    let retry = Some(RetryConfig { initial_interval: Duration::from_millis(50), ..RetryConfig::default() });
    let config = EmbeddedConfig { retry, ..EmbeddedConfig::default() };
    let ended = through_a_collector(config, &["--fault", "{share: 30%, fault: lost_answer}"], &SHORT);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.line("fault").contains("lost-answer: takes requests and resets the stream"), "{ended:?}");
    let ledger = ended.line("ledger");
    assert!(ledger.contains("lost 0") && !ledger.contains("duplicated 0"), "{ended:?}");
}

#[test]
fn a_part_that_is_rejected_is_not_taken() {
    let sink = Sink::start(&["--fault", "partial_success: {rejected: 3}"]);
    let sent = generate(sink.grpc, &SHORT);
    let ended = sink.interrupt();
    let requests: u64 =
        ended.line("counted, not judged").split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!((ended.code, ended.spans()), (Some(0), 500 - 3 * requests), "{ended:?} {sent:?}");
}

#[test]
fn a_fault_that_touched_nothing_has_shown_nothing() {
    let ended = Sink::start(&["--within", "200ms", "--fault", "hang"]).wait();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.line("undecided").contains("hang touched nothing"), "{ended:?}");
    assert!(ended.err.contains("hang: the backend never answers, every request"), "{ended:?}");
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is_started() {
    for (arguments, words) in [
        (&["--fault", "hagn"][..], "did you mean `hang`?"),
        (&["--fault", "kill"], "this is nothing that happens to a sink"),
        (&["--fault", "hang", "--fault", "hang"], "another fault is called `hang`"),
        (&["--control", "0.0.0.0:0"], "no loopback address"),
    ] {
        let ended = run(spanproof().args(["sink", "--grpc", "127.0.0.1:0"]).args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(words) && !ended.err.contains("listening"), "{arguments:?}: {ended:?}");
    }
}
