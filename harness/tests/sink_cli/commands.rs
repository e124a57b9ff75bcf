//! Commands that the sink runs: told where it is, and never left behind.

use super::rig::{Running, Sink, is_gone, number_in, run, spanproof, variables_in};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// A sink on free ports that runs a shell script in a folder.
fn shell(folder: &Path, script: &str, arguments: &[&str]) -> Command {
    let mut command = spanproof();
    command.args(["sink", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(arguments);
    command.args(["--", "sh", "-c", script]).current_dir(folder);
    command
}

#[test]
fn a_command_is_told_where_the_sink_is_whatever_we_inherited() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = shell(folder.path(), "env > seen; echo from the command", &["--settle", "0s"]);
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://elsewhere.example:4317");
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("from the command") && !ended.out.contains("from the command"), "{ended:?}");
    let seen = variables_in(&folder.path().join("seen"));
    let endpoint = &seen["OTEL_EXPORTER_OTLP_ENDPOINT"];
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    assert_eq!(&seen["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], endpoint);
    assert_eq!(seen["OTEL_EXPORTER_OTLP_PROTOCOL"], "grpc");
}

#[test]
fn a_command_that_sends_is_counted_and_what_follows_it_too() {
    let mut command = spanproof();
    command.args(["sink", "--http", "127.0.0.1:0", "--settle", "500ms", "--", env!("CARGO_BIN_EXE_spanproof")]);
    command.args(["gen", "traces", "--rate", "400", "--duration", "500ms", "--quiet"]);
    let ended = run(&mut command);
    assert_eq!((ended.code, ended.spans()), (Some(0), 200), "{ended:?}");
    assert!(ended.line("command").ends_with("exit code 0"), "{ended:?}");
}

#[test]
fn a_command_that_fails_fails_the_sink() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&mut shell(folder.path(), "exit 7", &["--settle", "0s"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.line("command").ends_with("exit code 7"), "{ended:?}");
}

/// The time is over before what follows the command has settled, and with a goal that holds nobody waits for that.
#[test]
fn a_command_that_failed_fails_the_sink_whatever_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&mut shell(folder.path(), "exit 7", &["--within", "1s", "--settle", "30s"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.line("command").ends_with("exit code 7"), "{ended:?}");
    let ended = run(&mut shell(folder.path(), "exit 7", &["--until", "spans < 1 for 1s", "--settle", "30s"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.line("until").contains("held"), "{ended:?}");
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let ended = run(spanproof().args(["sink", "--http", "127.0.0.1:0", "--", "no-such-command"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("start `no-such-command`: not on PATH"), "{ended:?}");
}

#[test]
fn ctrl_c_reaches_the_command_and_both_end() {
    let folder = tempfile::tempdir().unwrap();
    // The shell waits in short sleeps so that its trap is heard soon.
    let script = "trap 'echo heard > heard; exit 0' INT; echo $$ > pid; while :; do sleep 0.05; done";
    let running = Running::start(&mut shell(folder.path(), script, &[]));
    let pid = number_in(&folder.path().join("pid"));
    running.signal(Signal::INT);
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(folder.path().join("heard").exists() && is_gone(pid), "{ended:?}");
}

#[test]
fn a_sink_whose_command_dies_of_the_interrupt_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let running = Running::start(&mut shell(folder.path(), "echo $$ > pid; exec sleep 600", &[]));
        let pid = number_in(&folder.path().join("pid"));
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.line("command").contains("signal") && is_gone(pid), "{ended:?}");
        std::fs::remove_file(folder.path().join("pid")).unwrap();
    }
}

#[test]
fn a_command_that_will_not_end_is_not_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' INT TERM; echo $$ > pid; while :; do sleep 0.05; done";
    let ended = run(&mut shell(folder.path(), script, &["--within", "500ms"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(is_gone(number_in(&folder.path().join("pid"))));
}

#[test]
fn even_when_the_sink_is_killed_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    // What the command started in its background counts too.
    let script = "sleep 600 & echo $! > grandchild; echo $$ > pid; wait";
    let sink = Sink::start_in(folder.path(), &["--", "sh", "-c", script]);
    let pids = [number_in(&folder.path().join("pid")), number_in(&folder.path().join("grandchild"))];
    sink.running.signal(Signal::KILL);
    assert_eq!(sink.wait().code, None);
    assert!(pids.into_iter().all(is_gone), "{pids:?}");
}
