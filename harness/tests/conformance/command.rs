//! The command: what it prints, writes and ends with.

use assert_cmd::Command;
use spanproof_harness::conformance::reference::Reference;
use std::path::Path;
use std::time::Duration;

fn spanproof(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanproof"));
    let output = command.args(arguments).env("NO_COLOR", "1").timeout(Duration::from_secs(120)).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_receiver_that_does_everything_right_ends_with_0_and_leaves_its_reports() {
    let reference = Reference::sink().unwrap();
    let url = |address: Option<std::net::SocketAddr>| format!("http://{}", address.unwrap());
    let (grpc, http) = (url(reference.profile.grpc), url(reference.profile.http));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("findings");
    let (code, stdout, stderr) = spanproof(&[
        "conformance",
        "server",
        "--endpoint",
        &grpc,
        "--http",
        &http,
        "--select",
        "HTTP-1*",
        "GRPC-0*",
        "--quick",
        "--seed",
        "7",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("pass") && stdout.contains("in all"), "{stdout}");
    for (name, holds) in [("findings.jsonl", "\"summary\""), ("junit.xml", "HTTP-10/status"), ("summary.md", "# OTLP")]
    {
        let text = std::fs::read_to_string(Path::new(&out).join(name)).unwrap();
        assert!(text.contains(holds), "{name}: {text}");
    }
}

#[test]
fn nobody_there_is_an_error_and_not_a_failure() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, stdout, _) =
        spanproof(&["conformance", "server", "--http", &format!("http://{dead}"), "--select", "HTTP-1*", "-q"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("error HTTP-10/status") && !stdout.contains("fail "), "{stdout}");
}

#[test]
fn mistakes_end_with_2_and_say_what_to_do() {
    for (arguments, words) in [
        (&["conformance", "server"][..], "--endpoint URL"),
        (&["conformance", "server", "--http", "http://127.0.0.1:1", "--select", "HTTP-99"], "conformance list"),
        (&["conformance", "server", "--http", "https://127.0.0.1:1"], "TLS"),
        (&["conformance", "list", "--select", "NOTHING"], "conformance list"),
    ] {
        let (code, _, stderr) = spanproof(arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn the_list_is_for_people_and_machines() {
    let (code, stdout, _) = spanproof(&["conformance", "list", "--select", "HTTP-10"]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("HTTP-10/status") && stdout.ends_with("1 requirements: 1 with a case, 0 without; 1 cases\n")
    );
    let (_, stdout, _) = spanproof(&["conformance", "list", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 251);
    assert_eq!(rows[1]["requirement"]["id"], "GRPC-02");
}
