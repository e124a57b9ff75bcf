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

/// Deflate is another, and this one is large enough for hundreds of spans.
const DEFLATED: Other = Other { path: "/v1/traces", headers: "Content-Encoding: deflate\r\n", body: &[0; 100_000] };

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

/// Three seconds of load against an external target with these defects; in this phase others send to its sink.
fn run(phase: &str, defects: &[&str], others: &[(&Other, &str)], more: &[&str]) -> Ended {
    let sink = sink_address();
    let http = sink.replace(":5317", ":5318");
    let target = target_of(&sink, defects);
    let endpoint = format!("http://{}", target.grpc_addr());
    let place = ["--target", "external", "--endpoint", &endpoint, "--sink-grpc", &sink, "--sink-http", &http];
    let long = ["--set", "traffic.rate=2000", "--set", "run.spans=6000"];
    let mut arguments = small("quickstart", &[&place[..], &long, more].concat());
    arguments.retain(|argument| *argument != "--quiet");
    let mut run = start_in(TempDir::new().unwrap(), &arguments, &[]);
    let says = |line: &str| line.contains(&format!(" {phase} ")) && line.contains("in flight");
    run.wait_until(phase, |run| run.said().lines().any(says).then_some(()));
    // So that some of the load has been sent by then, and some has not.
    std::thread::sleep(Duration::from_millis(1_500));
    for (other, status) in others {
        assert_eq!(other.send(&http), *status, "{}", other.path);
    }
    let run = run.wait();
    target.shutdown(Duration::from_secs(5));
    run
}

/// Level and count of each finding of this id.
fn levels_of(run: &Ended, id: &str) -> Vec<(String, u64)> {
    let level = |finding: &serde_json::Value| finding["level"].as_str().unwrap().to_owned();
    run.findings_of(id).iter().map(|finding| (level(finding), finding["count"].as_u64().unwrap())).collect()
}

fn counts(run: &Ended, ids: [&str; 2]) -> [u64; 2] {
    ids.map(|id| run.findings_of(id)[0]["count"].as_u64().unwrap())
}

#[test]
fn garbage_and_other_signals_fail_the_run_under_their_names() {
    let run = run("load", &[], &[(&GARBAGE, "400"), (&METRICS, "200"), (&METRICS, "200")], &[]).expect(1);
    assert_eq!(run.ids("failure"), ["foreign-signal", "malformed"], "{run}");
    assert_eq!(counts(&run, ["malformed", "foreign-signal"]), [1, 2]);
    assert_eq!(run.spans("delivered"), run.spans("planned"));
}

#[test]
fn garbage_and_other_signals_are_only_told_where_others_may_send() {
    let run = run("load", &[], &[(&GARBAGE, "400"), (&METRICS, "200")], &["--foreign", "ignore"]).expect(0);
    assert_eq!(run.ids("info"), ["foreign-signal", "malformed"], "{run}");
}

#[test]
fn a_refusal_of_the_sinks_own_is_a_warning_while_nothing_is_absent() {
    let run = run("load", &[], &[(&SNAPPY, "415")], &[]).expect(0);
    assert!(run.ids("warning").contains(&"sink-refused".to_owned()), "{run}");
}

/// All at once, since each is waited for half a minute: nothing is known of what an external target holds.
#[test]
fn a_loss_is_open_only_where_a_refused_request_may_have_held_it() {
    let small = Other { body: &[0; 8 * 8 + 4], ..DEFLATED };
    let strangers = || run("load", &["drop-nth=777"], &[(&SNAPPY, "415")], &[]);
    let eight = || run("settle", &["drop-one-in=50"], &[(&small, "415")], &[]);
    let all = || run("settle", &["drop-nth=777"], &[(&DEFLATED, "415")], &[]);
    let some = || run("load", &["drop-one-in=50"], &[(&DEFLATED, "415")], &[]);
    std::thread::scope(|scope| {
        let others = [scope.spawn(strangers), scope.spawn(eight), scope.spawn(all)];
        held_by_chance(&some());
        let [strangers, eight, all] = others.map(|run| run.join().unwrap());
        hides_nothing(&strangers.expect(1));
        holds_eight(&eight.expect(1));
        let all = all.expect(3);
        assert_eq!(
            (all.ids("inconclusive"), all.ids("failure")),
            (words(&["lost-acknowledged", "sink-refused"]), vec![])
        );
    });
}

/// Nothing of the run fits into one byte.
fn hides_nothing(run: &Ended) {
    assert_eq!((run.ids("failure"), run.ids("inconclusive")), (words(&["lost-acknowledged"]), vec![]), "{run}");
    assert!(run.ids("warning").contains(&"sink-refused".to_owned()), "{run}");
}

/// It comes when all has been sent, so any of what is absent may be in it, but not all of that.
fn holds_eight(run: &Ended) {
    let lost = run.spans("lost_acknowledged");
    let levels = [("failure".to_owned(), lost - 8), ("inconclusive".to_owned(), 8)];
    assert_eq!(levels_of(run, "lost-acknowledged"), levels, "{run}");
    assert!(run.stdout.contains("unknown compression 1"), "{run}");
}

/// It is large enough for all that is lost, and comes in the middle of the load: what was sent after it is not in it.
fn held_by_chance(run: &Ended) {
    let [failed, open] = &levels_of(run, "lost-acknowledged")[..] else { panic!("{run}") };
    assert_eq!((run.code, failed.0.as_str(), open.0.as_str()), (Some(1), "failure", "inconclusive"), "{run}");
    assert_eq!(failed.1 + open.1, run.spans("lost_acknowledged"));
    assert!(failed.1 > 0 && open.1 > 0, "{run}");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
