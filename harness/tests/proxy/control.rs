//! Switching faults over HTTP, as a test in any language does.

use super::rig::{PATIENCE, Rig, is_silent, take};
use serde_json::Value;
use spanproof_harness::control::ControlServer;
use std::io::{Read, Write};
use std::net::TcpStream;

struct Control {
    server: ControlServer,
}

impl Control {
    fn of(rig: &Rig) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        Self { server: ControlServer::start(any, std::sync::Arc::new(rig.proxy.handle().clone())).unwrap() }
    }

    /// The status and the document of an answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.ask_as("127.0.0.1", method, path, body)
    }

    fn ask_as(&self, host: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        // Who is refused may be told so before all was said.
        let _ = stream.write_all((head + body).as_bytes());
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, document) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        (status, serde_json::from_str(document).unwrap())
    }
}

#[test]
fn a_fault_is_put_looked_at_and_taken_away() {
    let rig = Rig::start();
    let control = Control::of(&rig);
    let (mut client, mut server) = rig.pair();
    let (status, fault) = control.ask("PUT", "/faults/no-answers", r#"{"stall": {"direction": "downstream"}}"#);
    assert_eq!((status, &fault["name"], &fault["on"]), (200, &"no-answers".into(), &true.into()), "{fault}");
    server.write_all(b"answer").unwrap();
    assert!(is_silent(&mut client));
    let (status, fault) = control.ask("GET", "/faults/no-answers", "");
    assert_eq!((status, &fault["touched"]["bytes"], &fault["touched"]["connections"]), (200, &6.into(), &1.into()));
    let (status, fault) = control.ask("DELETE", "/faults/no-answers", "");
    assert_eq!((status, &fault["on"]), (200, &false.into()));
    assert_eq!(take(&mut client, 6), b"answer");

    let (status, state) = control.ask("GET", "/state", "");
    assert_eq!(
        (status, &state["schema"], &state["bytes"]["downstream"]),
        (200, &"spanproof.proxy/1".into(), &6.into())
    );
    assert_eq!(state["faults"][0]["fault"]["stall"]["direction"], "downstream");
    assert_eq!((&state["faults"][0]["share"], &state["connections"]["open"]), (&"100%".into(), &1.into()));
}

#[test]
fn what_holds_together_is_taken_away_together() {
    let rig = Rig::start();
    let control = Control::of(&rig);
    assert_eq!(control.ask("PUT", "/faults/slow", r#"{"share": "50%", "fault": {"latency": {"by": "1s"}}}"#).0, 200);
    assert_eq!(control.ask("PUT", "/faults/gone", "\"black_hole\"").0, 200);
    assert_eq!(control.ask("PUT", "/faults/plain", "refuse").0, 200, "YAML as in a scenario");
    assert!(TcpStream::connect(rig.address()).is_err());
    let (status, state) = control.ask("DELETE", "/faults", "");
    assert_eq!(status, 200);
    assert!(state["faults"].as_array().unwrap().iter().all(|fault| fault["on"] == false), "{state}");
    rig.pair();
}

#[test]
fn mistakes_are_told_with_what_to_write() {
    let rig = Rig::start();
    let control = Control::of(&rig);
    let told = |(status, document): (u16, Value)| (status, document["problems"][0]["message"].to_string());
    let (status, document) = control.ask("PUT", "/faults/slow", r#"{"latency": {"by": "soon"}}"#);
    assert_eq!((status, &document["problems"][0]["field"]), (400, &"fault.latency.by".into()), "{document}");
    assert!(document["problems"][0]["hint"].as_str().unwrap().contains("500ms"), "{document}");
    for (method, path, body, status, words) in [
        ("PUT", "/faults/Not%20a%20name", "reset", 400, "no name for a fault"),
        ("PUT", "/faults/slow", "", 400, "`fault` is missing"),
        ("GET", "/faults/other", "", 404, "no fault of this name"),
        ("DELETE", "/faults/other", "", 404, "no fault of this name"),
        ("POST", "/faults/slow", "", 405, "GET /state"),
        ("GET", "/", "", 404, "/faults/NAME"),
    ] {
        let told = told(control.ask(method, path, body));
        assert!(told.0 == status && told.1.contains(words), "{method} {path}: {told:?}");
    }
    assert_eq!(control.ask("PUT", "/faults/slow", &"#".repeat(20_000)).0, 413);
    assert!(rig.proxy.handle().state().faults.is_empty(), "nothing of it has any effect");
}

#[test]
fn a_page_that_was_led_here_by_its_name_is_refused() {
    let rig = Rig::start();
    let control = Control::of(&rig);
    assert_eq!(control.ask_as("evil.example", "PUT", "/faults/reset", "reset").0, 403);
    assert_eq!(control.ask_as("evil.example", "GET", "/state", "").0, 403);
    assert!(rig.proxy.handle().state().faults.is_empty());
}
