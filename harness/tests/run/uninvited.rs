//! What comes to the sink that is none of the run's traces, or that the sink itself cannot take.

use crate::external::{sink_address, target_of};
use crate::rig::{Ended, small, start_in};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tempfile::TempDir;

/// One HTTP request from somebody else.
struct Other {
    path: &'static str,
    headers: &'static str,
    body: &'static [u8],
}

const GARBAGE: Other = Other { path: "/v1/traces", headers: "", body: b"\xff\xff\xff" };
const METRICS: Other = Other { path: "/v1/metrics", headers: "", body: b"" };
/// Snappy is a compression that collectors have and the sink has not.
const SNAPPY: Other = Other { path: "/v1/traces", headers: "Content-Encoding: snappy\r\n", body: b"\x00" };

impl Other {
    /// Sends it and gives the status of the answer.
    fn send(&self, address: &str) -> String {
        let Self { path, headers, body } = self;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: sink\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\n{headers}\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

/// Three seconds of load against an external target with these defects; meanwhile others send to its sink.
fn run(defects: &[&str], others: &[(&Other, &str)], more: &[&str]) -> Ended {
    let sink = sink_address();
    let http = sink.replace(":5317", ":5318");
    let target = target_of(&sink, defects);
    let endpoint = format!("http://{}", target.grpc_addr());
    let place = ["--target", "external", "--endpoint", &endpoint, "--sink-grpc", &sink, "--sink-http", &http];
    let long = ["--set", "traffic.rate=2000", "--set", "run.spans=6000"];
    let mut arguments = small("quickstart", &[&place[..], &long, more].concat());
    arguments.retain(|argument| *argument != "--quiet");
    let mut run = start_in(TempDir::new().unwrap(), &arguments, &[]);
    run.wait_until("the load", |run| run.said().contains("in flight").then_some(()));
    for (other, status) in others {
        assert_eq!(other.send(&http), *status, "{}", other.path);
    }
    let run = run.wait();
    target.shutdown(Duration::from_secs(5));
    run
}

fn counts(run: &Ended, ids: [&str; 2]) -> [u64; 2] {
    ids.map(|id| run.findings_of(id)[0]["count"].as_u64().unwrap())
}

#[test]
fn garbage_and_other_signals_fail_the_run_under_their_names() {
    let run = run(&[], &[(&GARBAGE, "400"), (&METRICS, "200"), (&METRICS, "200")], &[]).expect(1);
    assert_eq!(run.ids("failure"), ["foreign-signal", "malformed"], "{run}");
    assert_eq!(counts(&run, ["malformed", "foreign-signal"]), [1, 2]);
    assert_eq!(run.spans("delivered"), run.spans("planned"));
}

#[test]
fn garbage_and_other_signals_are_only_told_where_others_may_send() {
    let run = run(&[], &[(&GARBAGE, "400"), (&METRICS, "200")], &["--foreign", "ignore"]).expect(0);
    assert_eq!(run.ids("info"), ["foreign-signal", "malformed"], "{run}");
}

#[test]
fn a_refusal_of_the_sinks_own_is_a_warning_while_nothing_is_absent() {
    let run = run(&[], &[(&SNAPPY, "415")], &[]).expect(0);
    assert!(run.ids("warning").contains(&"sink-refused".to_owned()), "{run}");
}

#[test]
fn an_absence_in_a_run_in_which_the_sink_refused_something_is_not_the_targets_loss() {
    let run = run(&["drop-nth=777"], &[(&SNAPPY, "415")], &["--set", "run.settle=1s"]).expect(3);
    assert_eq!(run.ids("inconclusive"), ["lost-acknowledged", "sink-refused"], "{run}");
    assert!(run.stdout.contains("unknown compression 1"), "{run}");
    assert!(run.ids("failure").is_empty(), "{run}");
}
