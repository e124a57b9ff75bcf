//! What lies around a run and is not its scenario: a stdout that takes nothing, variables and paths that are no text, a system without
//! `/proc`.

use crate::disk::mounted;
use crate::rig::{Ended, quickstart, small, spanproof, start_in, start_through};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Quick, and it prints.
const DRY_RUN: [&str; 5] = ["run", "quickstart", "--dry-run", "--format", "json"];

/// Quick, and it heeds the environment.
const DRY_GEN: [&str; 3] = ["gen", "traces", "--dry-run"];

/// Runs the binary by way of a line of shell, which has the whole command as `"$@"`.
fn by_way_of(shell: &str, arguments: &[&str]) -> Ended {
    start_through(&["sh", "-c", shell, "sh"], arguments).wait()
}

#[test]
fn a_result_that_cannot_be_printed_is_no_pass() {
    for arguments in [&DRY_RUN[..], &DRY_GEN, &["limits"]] {
        let run = by_way_of("exec \"$@\" >/dev/full", arguments).expect(3);
        assert!(run.stderr.contains("the result could not be printed: No space left on device"), "{run}");
    }
    // It is a usage error, wherever that could be told.
    by_way_of("exec \"$@\" >/dev/full", &["run", "nonsense", "--format", "json"]).expect(2);
}

/// Else connections would fail for want of them, and a target be blamed.
#[test]
fn too_few_open_files_are_provided_where_they_may_be_and_else_refused() {
    let run = small("quickstart", &[]);
    let gen_to_nobody = ["gen", "traces", "--quiet", "--endpoint", "http://127.0.0.1:1", "--duration", "100ms"];
    for arguments in [&run[..], &gen_to_nobody] {
        let refused = by_way_of("ulimit -n 40 && exec \"$@\"", arguments).expect(2);
        for words in ["RLIMIT_NOFILE", "allows 40", "ulimit -Hn"] {
            assert!(refused.stderr.contains(words), "{refused}");
        }
        assert!(!refused.path("out").exists(), "{refused}");
    }
    by_way_of("ulimit -Sn 40 && exec \"$@\"", &run).expect(0);
}

#[test]
fn a_reader_that_has_gone_away_changes_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanproof"));
    let ended = command.args(DRY_RUN).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_variable_of_others_need_not_be_text() {
    let shell = "BAD=$(printf 'x\\377') && export BAD && exec \"$@\"";
    by_way_of(shell, &DRY_RUN).expect(0);
    by_way_of(shell, &DRY_GEN).expect(0);
}

#[test]
fn a_variable_of_ours_has_to_be_text() {
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let shell = format!("{name}=$(printf 'http://\\377') && export {name} && exec \"$@\"");
    let run = by_way_of(&shell, &DRY_GEN).expect(2);
    assert!(run.stderr.contains(&format!("the value of `{name}` is not UTF-8")), "{run}");
    // Only an external target heeds it.
    by_way_of(&shell, &DRY_RUN).expect(0);
}

#[test]
fn a_path_need_not_be_text() {
    by_way_of("exec \"$@\" --out \"$(printf 'o\\377')\"", &DRY_RUN).expect(0);
}

#[test]
fn a_scenario_that_is_no_text_is_not_called_missing() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("odd.yaml"), b"scenario: 1\nname: \xff\n").unwrap();
    let run = start_in(folder, &["run", "odd.yaml", "--dry-run"], &[]).wait().expect(2);
    assert!(run.stderr.contains("odd.yaml is not text in UTF-8") && !run.stderr.contains("catalogue"), "{run}");
}

#[test]
fn a_report_that_cannot_be_written_is_printed_all_the_same() {
    let run = quickstart(&[]).expect(0);
    let page = run.path("out/report.html");
    std::fs::remove_file(&page).unwrap();
    std::fs::create_dir_all(page.join("in the way")).unwrap();
    let again = run.then(&["report", "out"]).expect(0);
    assert!(again.stdout.contains("PASS") && again.stderr.contains("warning: the pages are as they were"), "{again}");
}

#[test]
fn a_flag_and_a_number_below_zero_are_told_as_what_they_are() {
    let run = spanproof(&["run", "quickstart", "--dry-run", "--foreign", "maybe", "--rate=-5"]).expect(2);
    assert!(run.stderr.contains("--foreign maybe") && run.stderr.contains("`-5` is less than zero"), "{run}");
}

/// In the place of `/proc` there is an empty folder.
const NO_PROC: &str = r#"mount -t tmpfs none /proc && shift && exec "$@""#;

/// What was not measured is not nothing: a limit on it is open.
#[test]
fn without_proc_no_cpu_time_is_known_and_no_limit_on_it_passes() {
    let folder = TempDir::new().unwrap();
    let limits = "limits=[driver.cpu_seconds <= 0s, sink.cpu_seconds <= 0s, target.cpu_seconds < 1us]";
    let Some(run) = mounted(NO_PROC, &folder, &small("quickstart", &["--set", limits]), &[]) else { return };
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(3), "{said}");
    let result = std::fs::read_to_string(folder.path().join("out/result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let verdicts: Vec<_> = result["limits"].as_array().unwrap().iter().map(|limit| limit["verdict"].clone()).collect();
    assert_eq!(verdicts, ["inconclusive"; 3], "{result}");
    for part in ["driver", "sink", "target"] {
        assert!(result[part].get("cpu_seconds").is_none_or(serde_json::Value::is_null), "{}", result[part]);
    }
    assert!(result["warnings"].to_string().contains("/proc/self/task could not be read"), "{}", result["warnings"]);
}

#[test]
fn without_proc_no_process_is_started_and_the_reason_is_named() {
    let folder = TempDir::new().unwrap();
    for arguments in
        [small("quickstart", &["--target", "process:/bin/true"]), vec!["sink", "--grpc", "127.0.0.1:0", "--", "true"]]
    {
        let Some(run) = mounted(NO_PROC, &folder, &arguments, &[]) else { return };
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success() && said.contains("/proc is not mounted"), "{said}");
    }
}
