//! A conformance run for the renderers' tests: one finding of each verdict, with hostile text wherever text comes from outside.

use super::{About, Conservation, Direction, Finding, Suite, Verdict, WireEntry};
use crate::result::samples::HOSTILE;

pub(super) fn suite() -> Suite {
    let about = About {
        spanproof: "0.1.0".to_owned(),
        specification: "OTLP 1.11.0".to_owned(),
        target: vec![("grpc".to_owned(), "127.0.0.1:4317".to_owned()), ("server".to_owned(), HOSTILE.to_owned())],
        command: vec!["spanproof".to_owned(), "conformance".to_owned(), "server".to_owned()],
        seed: 7,
    };
    let findings = vec![
        finding("HTTP-10", "status", "http-protobuf,traces", Verdict::Fail, &["status 204", HOSTILE]),
        finding("HTTP-07", "type", "http-protobuf,traces", Verdict::Pass, &["as expected"]),
        finding("HTTP-18", "message", "http-json,traces", Verdict::Warn, &["an empty message"]),
        finding("GRPC-01", "listens", "grpc,traces", Verdict::Error, &["no connection within 2 s"]),
        finding("HTTP-30", "versions", "http-protobuf,traces", Verdict::Info, &["HTTP/2 is taken, too"]),
        finding("JSON-01", "case", "http-json,traces", Verdict::Skip, &["nothing is read back; give --sink"]),
        finding("GRPC-05", "profiles", "grpc,profiles", Verdict::NotApplicable, &["the target has no profiles"]),
    ];
    Suite {
        about,
        findings,
        without_case: vec!["EXP-01".to_owned(), "EXP-02".to_owned()],
        conservation: Some(Conservation { sent: 10, acknowledged: 7, rejected: 1, refused: 2, unknown: 0, stored: 7 }),
        remarks: vec![format!("afterwards: {HOSTILE}")],
        seconds: 1.25,
    }
}

fn finding(requirement: &str, case: &str, axes: &str, verdict: Verdict, actual: &[&str]) -> Finding {
    let is_broken = matches!(verdict, Verdict::Fail | Verdict::Warn);
    let name = format!("{requirement}/{case}");
    Finding {
        requirement: requirement.to_owned(),
        again: format!("spanproof conformance server --select '{name}[{axes}]'"),
        case: name,
        axes: axes.to_owned(),
        level: if verdict == Verdict::Warn { "SHOULD" } else { "MUST" }.to_owned(),
        source: "S:http full success".to_owned(),
        stimulus: "good request".to_owned(),
        verdict,
        is_broken,
        expected: "status is 200".to_owned(),
        actual: actual.iter().map(|text| (*text).to_owned()).collect(),
        conserved: is_broken.then(|| "1 sent, 1 acknowledged, 0 came out".to_owned()),
        conduct: is_broken.then(|| "kept".to_owned()),
        took_ms: 12,
        wire: if is_broken { wire() } else { Vec::new() },
    }
}

fn wire() -> Vec<WireEntry> {
    let entry = |at_us, direction, bytes, decoded: &str, hex: &str| WireEntry {
        at_us,
        connection: 0,
        direction,
        bytes,
        decoded: decoded.to_owned(),
        hex: hex.to_owned(),
    };
    vec![
        entry(0, Direction::Event, 0, "connected", ""),
        entry(120, Direction::Sent, 100, "POST /v1/traces HTTP/1.1", "504f5354.."),
        entry(900, Direction::Received, 26, HOSTILE, "48545450"),
    ]
}
