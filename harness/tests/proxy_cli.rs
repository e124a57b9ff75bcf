//! `spanproof proxy` as people use it: the real binary, real sockets, real signals.
#![expect(clippy::unwrap_used, reason = "the functions here serve tests only; clippy sees only the tests themselves")]

#[path = "sink_cli/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of the sink, which need more of it")]
mod rig;

use rig::{Ended, Running, Sink, ask, generate, run, spanproof};
use rustix::process::Signal;
use std::net::{SocketAddr, TcpStream};

/// A proxy at work.
struct Proxy {
    running: Running,
    at: SocketAddr,
}

impl Proxy {
    fn before(upstream: SocketAddr, arguments: &[&str]) -> Self {
        let mut command = spanproof();
        command.args(["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream.to_string()]).args(arguments);
        let running = Running::start(&mut command);
        let line = running.heard("the proxy to listen", |line| line.starts_with("listening"));
        let at = line.split(' ').find_map(|word| word.parse().ok()).unwrap();
        Self { running, at }
    }

    /// Ctrl-C, and what it said then.
    fn interrupt(self) -> Ended {
        self.running.signal(Signal::INT);
        self.running.wait()
    }
}

fn wrong(arguments: &[&str]) -> Ended {
    run(spanproof().args(["proxy", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1"]).args(arguments))
}

const SHORT: [&str; 4] = ["--rate", "400", "--duration", "500ms"];

#[test]
fn it_relays_until_ctrl_c_and_tells_what_went_through() {
    let sink = Sink::start(&[]);
    let proxy = Proxy::before(sink.grpc, &[]);
    assert_eq!(generate(proxy.at, &SHORT).code, Some(0));
    let ended = proxy.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let relayed = ended.line("relayed");
    assert!(relayed.contains(" connection") && relayed.contains(" bytes upstream"), "{relayed}");
    assert_eq!(sink.interrupt().spans(), 200);
}

#[test]
fn a_fault_from_the_beginning_is_accounted_for() {
    let sink = Sink::start(&[]);
    let faults = ["--fault", "latency: {by: 20ms}", "--format", "json", "--seed", "3"];
    let proxy = Proxy::before(sink.grpc, &faults);
    assert_eq!(generate(proxy.at, &SHORT).code, Some(0));
    let ended = proxy.interrupt();
    let document = ended.json();
    assert_eq!((ended.code, &document["schema"]), (Some(0), &"spanproof.proxy/1".into()), "{ended:?}");
    assert_eq!(document["ended"], "interrupted");
    let touched = &document["faults"][0]["touched"];
    assert!(touched["connections"].as_u64().unwrap() > 0, "{document}");
    assert_eq!(touched["connections"], document["connections"]["taken"]);
    let both = document["bytes"]["upstream"].as_u64().unwrap() + document["bytes"]["downstream"].as_u64().unwrap();
    assert!(touched["bytes"].as_u64().unwrap() >= both, "every byte was late: {document}");
}

#[test]
fn a_fault_that_touched_nothing_has_shown_nothing() {
    let sink = Sink::start(&[]);
    let proxy = Proxy::before(sink.grpc, &["--for", "200ms", "--fault", "black_hole"]);
    let ended = proxy.running.wait();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.line("undecided").contains("black-hole touched nothing"), "{ended:?}");
    assert!(ended.err.contains("black-hole: the link takes connections and lets nothing through"), "{ended:?}");
    let proxy = Proxy::before(sink.grpc, &["--for", "200ms", "--format", "json"]);
    let ended = proxy.running.wait();
    assert_eq!((ended.code, &ended.json()["ended"]), (Some(0), &"deadline".into()), "{ended:?}");
}

#[test]
fn faults_are_switched_while_it_runs() {
    let sink = Sink::start(&[]);
    let proxy = Proxy::before(sink.grpc, &["--control", "127.0.0.1:0"]);
    let control = proxy.running.control();
    assert!(ask(control, "PUT /faults/backend-down", "refuse").starts_with("HTTP/1.1 200"));
    assert!(TcpStream::connect(proxy.at).is_err());
    assert!(ask(control, "DELETE /faults/backend-down", "").starts_with("HTTP/1.1 200"));
    assert_eq!(generate(proxy.at, &SHORT).code, Some(0));
    let ended = proxy.interrupt();
    assert_eq!(ended.code, Some(0), "who switches faults looks for himself what they did: {ended:?}");
    assert!(ended.line("fault").contains("backend-down: the link refuses connections"), "{ended:?}");
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is_started() {
    for (arguments, words) in [
        (&["--fault", "latncy: {by: 1s}"][..], "did you mean `latency`?"),
        (&["--fault", "reset", "--fault", "reset: {after: 1KiB}"], "another fault is called `reset`"),
        (&["--control", "0.0.0.0:0"], "no loopback address"),
        (&["--for", "soon"], "--for soon"),
    ] {
        let ended = wrong(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(words), "{arguments:?}: {ended:?}");
    }
    let ended = run(spanproof().args(["proxy", "--listen", "127.0.0.1:0", "--upstream", "nowhere"]));
    assert!(ended.code == Some(2) && ended.err.contains("--upstream nowhere"), "{ended:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let ended = run(spanproof().args(["proxy", "--listen", &at, "--upstream", "127.0.0.1:1"]));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains(&format!("listen on {at}")), "{ended:?}");
}
