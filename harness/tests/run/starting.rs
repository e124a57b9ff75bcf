//! Runs that never get as far as sending: what cannot be had is exit 3, within its deadline and with the target's last words.

use crate::rig::{Ended, small, spanproof, start_in};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A program for a target, in a folder.
pub fn script(folder: &TempDir, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.path().join("target.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// Runs quickstart against a script, which finds `$FOLDER` in its environment.
fn against(text: &str, more: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, text));
    let path = folder.path().display().to_string();
    let arguments = small("quickstart", &[&["--target", &target], more].concat());
    start_in(folder, &arguments, &[("FOLDER", &path)]).wait()
}

/// True while a process that wrote its pid into this file lives; a zombie does not.
pub fn lives(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn no_result(run: &Ended) {
    assert!(!run.path("out/result.json").exists(), "nothing was judged, so there is nothing to read\n{run}");
}

#[test]
fn a_target_that_dies_at_start_is_shown_with_its_last_lines() {
    let text = "echo 'Error: cannot unmarshal the configuration' >&2; echo 'collector server run finished' >&2; exit 7";
    let run = against(text, &[]).expect(3);
    for words in ["exit code 7", "cannot unmarshal the configuration", "collector server run finished", "target.log"] {
        assert!(run.stderr.contains(words), "{words}\n{run}");
    }
    assert!(run.artefact("target.log").contains("cannot unmarshal"));
    let out = run.path("out").display().to_string();
    for command in ["report", "judge"] {
        let later = spanproof(&[command, &out]).expect(3);
        assert!(later.stderr.contains("ended before its load began") && !later.stderr.contains("killed"), "{later}");
    }
    assert!(run.took < Duration::from_secs(10), "{run}");
    no_result(&run);
}

#[test]
fn a_target_that_never_gets_ready_is_given_up_at_its_deadline_and_ended() {
    let text = "echo $$ >$FOLDER/pid; echo 'still loading' >&2; exec sleep 300";
    let run = against(text, &["--set", "target.process.ready.timeout=1s"]).expect(3);
    for words in ["not ready after 1.", "OTLP/gRPC receiver", "still loading"] {
        assert!(run.stderr.contains(words), "{words}\n{run}");
    }
    assert!(run.took < Duration::from_secs(10), "{run}");
    assert!(!lives(&run.path("pid")));
    no_result(&run);
}

/// Where data is asked for, what went wrong is data too.
#[test]
fn a_target_that_cannot_be_started_is_a_problem_on_stdout_when_json_is_asked_for() {
    let json = ["--format", "json"];
    let died = against("echo 'no such receiver' >&2; exit 7", &json).expect(3);
    let silent = against("exec sleep 300", &[&json[..], &["--set", "target.process.ready.timeout=300ms"]].concat());
    for (run, words) in [(died, "exit code 7"), (silent.expect(3), "not ready after")] {
        let problems: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
        let [problem] = &problems[..] else { panic!("{run}") };
        assert_eq!(problem["kind"], "inconclusive", "{run}");
        assert!(problem["message"].as_str().unwrap().contains(words), "{run}");
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    for command in ["/no/such/otelcol", "no-such-otelcol"] {
        let target = format!("process:{command}");
        let run = spanproof(&small("quickstart", &["--target", &target])).expect(2);
        assert!(run.stderr.contains(command), "{run}");
        assert!(!std::fs::exists(run.path("out")).unwrap(), "nothing was made\n{run}");
        // What would be sent can be told without it.
        spanproof(&small("quickstart", &["--target", &target, "--dry-run"])).expect(0);
    }
}

#[test]
fn what_is_no_program_is_not_run() {
    let run = spanproof(&small("quickstart", &["--target", "process:/etc/passwd"])).expect(2);
    assert!(run.stderr.contains("/etc/passwd: not an executable file"), "{run}");
}

#[test]
fn a_port_of_the_sink_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let external = ["--target", "external", "--endpoint", "http://127.0.0.1:9", "--sink-grpc", &address];
    let run = spanproof(&small("quickstart", &external)).expect(3);
    assert!(run.stderr.contains(&address) && run.stderr.contains("in use"), "{run}");
    no_result(&run);
}

#[test]
fn a_place_for_results_that_cannot_be_written_is_refused_before_anything_starts() {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, "touch $FOLDER/started; exit 1"));
    std::fs::write(folder.path().join("file"), "not a folder").unwrap();
    let path = folder.path().display().to_string();
    let mut arguments = small("quickstart", &["--target", &target]);
    let out = arguments.iter().position(|argument| *argument == "out").unwrap();
    arguments[out] = "file/below";
    let run = start_in(folder, &arguments, &[("FOLDER", &path)]).wait().expect(2);
    assert!(run.stderr.contains("file/below") && run.stderr.contains("--out"), "{run}");
    assert!(!run.path("started").exists(), "the target had been started");
}

#[test]
fn arguments_of_a_process_stand_before_those_that_carry_its_configuration() {
    let text = "for argument; do echo \"given $argument\" >&2; done; exit 1";
    let run = against(text, &["--set", "target.process.args=[--feature-gates, some.gate]"]).expect(3);
    let given: Vec<&str> = run.stderr.lines().filter_map(|line| line.trim().strip_prefix("| given ")).collect();
    let ["--feature-gates", "some.gate", config @ ..] = &given[..] else { panic!("{given:?}\n{run}") };
    assert!(config.concat().starts_with("--config") && config.concat().ends_with("collector.yaml"), "{config:?}");
}

/// A program that is a script may do anything when it is run, so it is not asked for its version.
#[test]
fn a_script_is_run_once_and_with_the_arguments_of_a_collector() {
    let run = against("echo \"$*\" >>$FOLDER/starts; exit 1", &[]).expect(3);
    let starts = std::fs::read_to_string(run.path("starts")).unwrap();
    let [only] = &starts.lines().collect::<Vec<_>>()[..] else { panic!("{starts}") };
    assert!(only.starts_with("--config "), "{only}");
}
