//! One at a time: a run has its directory to itself, and what is judged or rendered there is written while no run can begin. A verdict
//! that cannot be written is told all the same.

use crate::rig::{Rig, spanproof, text, words};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const RENDERED: [&str; 4] = ["result.json", "report.html", "junit.xml", "summary.md"];

/// Puts a pipe in the place of a file, which its reader waits at; gives what the file held.
fn into_a_pipe(path: &Path) -> Vec<u8> {
    let content = fs::read(path).unwrap();
    // Written at one go, it must find room in the pipe.
    assert!(content.len() < 65_536, "{} is too long for a pipe", path.display());
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    content
}

/// The pipe's other end, once somebody reads there.
fn reader_of(pipe: &Path) -> File {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        // Without a reader this fails instead of waiting for one.
        let opened = OpenOptions::new().write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(pipe);
        match opened {
            Ok(end) => return end,
            Err(error) => assert!(Instant::now() < deadline, "nobody reads {}: {error}", pipe.display()),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a command says that has all that it waited for.
fn output_of(mut child: Child) -> Output {
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.wait_with_output().unwrap()
}

/// Without the hold, the run would begin, and an old verdict be written beside its mark.
fn no_run_begins_while(command: &str, reads: &str) {
    let rig = Rig::finished(None, 0);
    let pipe = rig.directory.join(reads);
    let content = into_a_pipe(&pipe);
    let mut at_work = spanproof();
    at_work.arg(command).arg(&rig.directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    let at_work = at_work.spawn().unwrap();
    let mut end = reader_of(&pipe);
    let run = rig.run(None).output().unwrap();
    // Whoever reads it again finds a file.
    fs::remove_file(&pipe).unwrap();
    fs::write(&pipe, &content).unwrap();
    end.write_all(&content).unwrap();
    drop(end);
    let output = output_of(at_work);
    assert_eq!(run.status.code(), Some(2), "{}", words(&run));
    assert!(words(&run).contains("what is there is being judged or rendered"), "{}", words(&run));
    assert!(!rig.evidence().join("unfinished").exists());
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}

#[test]
fn no_run_begins_in_a_directory_that_is_being_judged() {
    no_run_begins_while("judge", "evidence/manifest.json");
}

#[test]
fn no_run_begins_in_a_directory_that_is_being_rendered() {
    no_run_begins_while("report", "result.json");
}

/// Before it has marked its directory, and after it has taken the mark away, a run is at work there all the same.
#[test]
fn what_a_run_has_hold_of_is_neither_judged_nor_rendered_even_without_the_mark() {
    let rig = Rig::finished(None, 0);
    fs::remove_file(rig.directory.join("junit.xml")).unwrap();
    let hold = File::open(&rig.directory).unwrap();
    hold.try_lock().unwrap();
    for output in [rig.judge(), rig.report()] {
        assert_eq!(output.status.code(), Some(3), "{}", words(&output));
        assert!(words(&output).contains("it still goes on, or it was killed"), "{}", words(&output));
    }
    assert!(!rig.directory.join("junit.xml").exists());
    drop(hold);
    assert_eq!(rig.judge().status.code(), Some(0));
}

#[test]
fn several_may_judge_at_once() {
    let rig = Rig::finished(None, 0);
    let another = File::open(&rig.directory).unwrap();
    another.try_lock_shared().unwrap();
    for output in [rig.judge(), rig.report()] {
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        assert!(output.stderr.is_empty(), "{}", words(&output));
    }
}

/// Judges where no file can be written: not even the one byte that its limit allows for. Permissions would not stop root.
fn judge_without_writing(rig: &Rig, more: &[&str]) -> Output {
    let mut command = Command::new("sh");
    // The signal would end it before it can tell the error.
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 0; exec "$@""#, "sh", env!("CARGO_BIN_EXE_spanproof"), "judge"]);
    command.arg(&rig.directory).args(more).env("NO_COLOR", "1").stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_verdict_of_which_nothing_can_be_written_is_told_all_the_same() {
    for (defect, exit, word, verdict) in [(None, 0, "PASS", "pass"), (Some("drop-nth=500"), 1, "FAIL", "fail")] {
        let rig = Rig::finished(defect, exit);
        let before = rig.texts();
        for (format, said) in [("text", word.to_owned()), ("json", format!(r#""verdict": "{verdict}""#))] {
            let output = judge_without_writing(&rig, &["--format", format]);
            assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
            assert!(text(&output).contains(&said), "{}", words(&output));
            assert!(!text(&output).contains("report.html"), "what was not written is not offered: {}", words(&output));
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.starts_with("warning: nothing was written: ") && told.contains("File too large"), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        assert!(rig.texts() == before, "something was written, or left lying about");
    }
}

#[test]
fn a_verdict_of_which_not_all_can_be_written_is_told_all_the_same() {
    let rig = Rig::finished(Some("drop-nth=500"), 1);
    RENDERED.iter().for_each(|name| fs::remove_file(rig.directory.join(name)).unwrap());
    // No file can take the place of a folder.
    fs::create_dir(rig.directory.join("result.json")).unwrap();
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(text(&output).starts_with("FAIL"), "{}", words(&output));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("warning: not all of it was written: ") && told.contains("result.json"), "{told}");
}
