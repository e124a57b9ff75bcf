//! Results on a disk that is too small, or that fills up: said before the load if it can be known, and never a pass.

use crate::http_target::PROGRAM;
use crate::passing::skip;
use crate::rig::small;
use crate::starting::script;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Mounts a disk of `$SIZE` on `out`, seen by this process and those it starts alone, and becomes the command.
const ON_A_DISK: &str = r#"mkdir out && mount -t tmpfs -o size=$SIZE none out && shift && exec "$@""#;

/// What the binary does with its results on a disk of this size; `None` where nobody may mount one.
fn on_a_disk(size: &str, folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Option<Output> {
    mounted(ON_A_DISK, folder, arguments, &[variables, &[("SIZE", size)]].concat())
}

/// What the binary does where a line of shell has mounted something that only it and what it starts see. The line ends with
/// `shift && exec "$@"`.
pub fn mounted(line: &str, folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Option<Output> {
    let in_namespace = |how: &str, folder: &TempDir, command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args([how, "sh", "-c", line, "sh", "--"]).args(command);
        unshare.current_dir(folder).envs(variables.iter().copied());
        unshare.output()
    };
    let may_mount = |how: &&str| {
        let tried = in_namespace(how, &TempDir::new().unwrap(), &["true"]);
        tried.is_ok_and(|output| output.status.success())
    };
    // As somebody who is root only in there, or as the root that one is.
    let Some(how) = ["-rm", "-m"].into_iter().find(may_mount) else {
        skip("nobody may mount a disk here, which takes user namespaces: `unshare -rm` or `mount -t tmpfs` fails");
        return None;
    };
    let command = [&[env!("CARGO_BIN_EXE_spanproof")], arguments].concat();
    Some(in_namespace(how, folder, &command).unwrap())
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "nothing of {word:?} in:\n{said}");
    }
}

#[test]
fn a_disk_without_room_for_the_results_is_told_before_anything_starts() {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, "touch $FOLDER/started; exit 1"));
    let path = folder.path().display().to_string();
    let arguments = small("quickstart", &["--target", &target]);
    let Some(output) = on_a_disk("1m", &folder, &arguments, &[("FOLDER", &path)]) else { return };
    expect(&output, 2, &["write results to out", "may take 8", "MiB", "is free", "--out"]);
    assert!(!folder.path().join("started").exists(), "the target had been started");
}

#[test]
fn a_disk_that_fills_up_during_the_run_ends_it_inconclusive() {
    let folder = TempDir::new().unwrap();
    let target = format!("process:{}", script(&folder, &format!("exec python3 {PROGRAM}")));
    let fill = folder.path().join("out/fill").display().to_string();
    let slow = ["--target", &target, "--set", "traffic.rate=5000", "--set", "run.spans=3000"];
    let arguments = small("quickstart", &[&slow[..], &["--set", "traffic.transport.protocol=http"]].concat());
    let Some(output) = on_a_disk("16m", &folder, &arguments, &[("FAKE", "fills"), ("FILL", &fill)]) else { return };
    let counted = "It had counted: acknowledged 30";
    expect(
        &output,
        3,
        &["write the evidence to out", "No space left on device", "free some space", counted, "unchanged"],
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains("PASS"));
}
