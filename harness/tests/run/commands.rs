//! Faults that are commands of the user's: run at their instants, seen to bite, and undone whatever happens.

use crate::rig::{Ended, Started, spanproof, start};
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// While the fault holds there is a file in the working directory.
const BREAK: &str = "start: [touch, broken], undo: [rm, broken], evidence: [test, -e, broken]";

/// A drill whose first fault is these commands instead, from 1 s to 2 s.
fn drill(commands: &str, more: &[&str]) -> Vec<String> {
    let fault = format!("faults[0]={{name: mine, at: 1s, for: 1s, fault: {{exec: {{{commands}}}}}}}");
    let short = ["--set", &fault, "--set", "run.duration=3s", "--set", "limits=[]"];
    let small = ["--quiet", "--out", "out", "--set", "traffic.workload.shop.pool_size=256", "--target", "embedded"];
    let all = [&["run", "drills/backend-down"], &small[..], &short, more].concat();
    all.into_iter().map(str::to_owned).collect()
}

fn broken(commands: &str) -> Ended {
    spanproof(&drill(commands, &[]))
}

fn fault(run: &Ended) -> serde_json::Value {
    run.result()["faults"]["mine"].clone()
}

/// Starts a drill and waits until its fault has begun.
fn begun(commands: &str) -> Started {
    let mut run = start(&drill(commands, &[]));
    run.wait_until("the fault's beginning", |run| run.folder.path().join("broken").exists().then_some(()));
    run
}

#[track_caller]
fn is_made_whole(file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while file.exists() {
        assert!(Instant::now() < deadline, "nobody has undone it");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn commands_break_and_mend_at_their_instants_and_say_what_they_did() {
    let run = broken(BREAK);
    assert_eq!(run.code, Some(0), "{run}");
    let told = fault(&run);
    assert_eq!((&told["touched"], &told["signs"], &told["of_commands"]), (&1.into(), &1.into(), &true.into()));
    assert_eq!(told["what"], "`touch ..` is run, and `rm ..` at the end");
    let first = told["first_seconds"].as_f64().unwrap();
    assert!((1.0..2.0).contains(&first), "{told}");
    assert!(run.stdout.contains("fault    mine: acted once at 0:01"), "{run}");
    let events = run.artefact("events.ndjson");
    for event in [
        "mine begins: `touch ..` ended with exit code 0",
        "mine bites: `test ..` says so",
        "mine has ended: `rm ..` ended with exit code 0",
    ] {
        assert_eq!(events.matches(event).count(), 1, "{event}: {events}");
    }
    assert!(!run.path("broken").exists());
}

#[test]
fn commands_that_do_nothing_in_secret_leave_the_run_open() {
    let run = spanproof(&drill(BREAK, &["--disarm", "mine"]));
    assert_eq!((run.code, run.ids("inconclusive")), (Some(3), vec!["never-bit".to_owned()]), "{run}");
    assert!(!run.path("out/commands.log").exists());
}

#[test]
fn commands_that_fail_or_hang_leave_the_run_open_and_are_told_and_undone_all_the_same() {
    let cases = [
        ("start: [\"false\"]", "evidence: [\"true\"]", "mine begins: `false` ended with exit code 1"),
        ("start: [sleep, '60']", "evidence: [\"true\"]", "mine begins: `sleep ..` took too long and was stopped"),
        ("start: [\"true\"]", "evidence: [\"false\"]", ""),
    ];
    for (start, evidence, told) in cases {
        let run = broken(&format!("{start}, {evidence}, undo: [touch, undone], within: 300ms"));
        assert_eq!((run.code, run.ids("inconclusive")), (Some(3), vec!["never-bit".to_owned()]), "{start}: {run}");
        assert!(run.path("undone").exists(), "{start}: {run}");
        let warnings = run.result()["warnings"].to_string();
        assert!(warnings.contains(told), "{start}: {warnings}");
    }
    let run = broken("start: [\"true\"], evidence: [\"true\"], undo: [\"false\"]");
    assert_eq!(run.code, Some(0), "{run}");
    let warnings = run.result()["warnings"].to_string();
    let told = "mine has ended: `false` ended with exit code 1; what it was to make whole may still be broken";
    assert!(warnings.contains(told), "{warnings}");
}

#[test]
fn what_commands_broke_is_made_whole_after_ctrl_c() {
    let run = begun(BREAK);
    run.signal(Signal::INT);
    let run = run.wait();
    assert_eq!(run.code, Some(130), "{run}");
    assert!(!run.path("broken").exists(), "{run}");
    assert!(run.artefact("events.ndjson").contains("mine has ended: `rm ..` ended with exit code 0"), "{run}");
}

#[test]
fn what_commands_broke_is_made_whole_after_a_sigkill_and_nothing_is_left_running() {
    let commands = "start: [sh, -c, 'touch broken; echo $PPID > keeper'], evidence: [\"true\"], undo: [sh, -c, 'rm broken; echo $SPANPROOF_FAULT > undone']";
    let run = begun(commands);
    let folder = run.folder.path().to_owned();
    run.signal(Signal::KILL);
    is_made_whole(&folder.join("broken"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while heirs(run.pid(), &folder) > 0 {
        assert!(Instant::now() < deadline, "somebody is left");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_to_string(folder.join("undone")).unwrap(), "mine\n");
}

/// Processes that work in a folder, other than one.
fn heirs(but: u32, folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let here = |path: &Path| std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == folder);
    processes.filter(|entry| entry.file_name() != but.to_string().as_str() && here(&entry.path())).count()
}

#[test]
fn what_commands_are_given_stands_in_no_artefact_and_what_they_write_in_a_log() {
    let run = broken("start: [echo, s3cret-token], evidence: [\"true\"], undo: [\"true\"]");
    assert_eq!(run.code, Some(0), "{run}");
    // The command printed it itself.
    assert_eq!(run.artefact("commands.log"), "s3cret-token\n");
    for name in ["result.json", "report.html", "summary.md", "junit.xml", "events.ndjson", "evidence/run.json"] {
        // The command line that repeats the run holds what was said on it.
        let text = run.artefact(name).replace("exec: {start: [echo, s3cret-token]", "");
        assert!(!text.contains("s3cret"), "{name}: {text}");
    }
    assert!(!run.stdout.replace("exec: {start: [echo, s3cret-token]", "").contains("s3cret"), "{run}");
}

#[test]
fn commands_that_cannot_be_are_found_before_anything_is_started() {
    let refused = |commands: &str| {
        let run = broken(commands);
        assert_eq!(run.code, Some(2), "{commands}: {run}");
        assert!(!run.path("out").exists(), "{commands}");
        run.stderr
    };
    let said = refused("start: [], within: 0s");
    for problem in ["this names no program", "`undo` is missing", "`evidence` is missing", "a duration of zero"] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    let said = refused("start: [no-such-program-at-all], undo: [\"true\"], evidence: [\"true\"]");
    assert!(said.contains("the fault `mine` cannot run `no-such-program-at-all`"), "{said}");
}
