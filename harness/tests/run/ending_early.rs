//! Runs that end before their plan does: what was learned is kept, nothing is left running, and nothing passes.

use crate::collector::collector;
use crate::rig::{Ended, Started, quickstart, small, start, start_in, start_through};
use crate::starting::{lives, script};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Twenty seconds of load, to be ended in the middle.
const LONG: [&str; 4] = ["--set", "traffic.rate=3000", "--set", "run.spans=60000"];

/// Listens where a collector would, and never answers. Its pid is in a file.
pub const SILENT: &str = r#"
echo $$ >$FOLDER/pid
exec python3 -c '
import os, socket, time
host, port = os.environ["SPANPROOF_RECEIVER_GRPC"].rsplit(":", 1)
server = socket.create_server((host, int(port)))
time.sleep(300)
'"#;

/// A long run that talks, so that its beginning can be seen.
fn long(more: &[&str]) -> Vec<String> {
    let arguments = small("quickstart", &[&LONG[..], more].concat());
    arguments.into_iter().filter(|argument| *argument != "--quiet").map(str::to_owned).collect()
}

/// The first line of progress is written when the load begins.
fn wait_for_load(run: &mut Started) {
    run.wait_until("the load", |run| run.said().contains("in flight").then_some(()));
    // So that something has been sent and delivered: what is learned so far ought to be something.
    std::thread::sleep(Duration::from_millis(1_500));
}

#[track_caller]
fn expect_partial_results(run: &Ended, state: &str) {
    let result = run.result();
    assert_eq!(result["status"]["state"], state);
    assert_eq!(result["verdict"], "inconclusive", "{run}");
    assert!(run.spans("not_sent") > 0 && run.spans("sent") > 0 && run.spans("delivered") > 0, "{run}");
    assert!(run.ids("failure").is_empty(), "{run}");
    run.expect_sound_ledger();
    for artefact in ["latency.hlog", "events.ndjson", "summary.md", "junit.xml", "report.html"] {
        assert!(!run.artefact(artefact).is_empty(), "{artefact}");
    }
}

#[test]
fn an_interrupted_run_writes_what_it_learned_and_exits_130() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut run = start(&long(&[]));
        wait_for_load(&mut run);
        run.signal(signal);
        let run = run.wait().expect(130);
        expect_partial_results(&run, "interrupted");
        assert!(run.took < Duration::from_secs(15), "{run}");
        assert!(run.stdout.contains("interrupted") && run.stderr.contains("interrupted"), "{run}");
    }
}

/// A shell passes on the SIGHUP that it gets, and the kernel sends another when the shell has ended.
#[test]
fn a_terminal_that_hangs_up_twice_is_no_impatience() {
    let mut run = start(&long(&[]));
    wait_for_load(&mut run);
    run.signal(Signal::HUP);
    run.wait_until("the word", |run| run.said().contains("interrupted").then_some(()));
    run.signal(Signal::HUP);
    expect_partial_results(&run.wait().expect(130), "interrupted");
}

/// `nohup` has SIGHUP ignored from the start, and means it.
#[test]
fn a_run_that_is_to_outlive_its_terminal_does() {
    let nohup = ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""];
    let mut run = start_through(&nohup, &long(&["--set", "run.spans=12000"]));
    wait_for_load(&mut run);
    run.signal(Signal::HUP);
    run.wait().expect(0);
}

#[test]
fn a_closed_terminal_while_the_target_starts_leaves_nothing_running() {
    target_ends_with_us_on(Signal::HUP);
}

#[test]
fn an_interrupt_while_the_target_starts_ends_both() {
    target_ends_with_us_on(Signal::INT);
}

#[track_caller]
fn target_ends_with_us_on(signal: Signal) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display().to_string();
    let target = format!("process:{}", script(&folder, "echo $$ >$FOLDER/pid; exec sleep 300"));
    let more = ["--target", &target, "--set", "target.process.ready.timeout=60s"];
    let mut run = start_in(folder, &small("quickstart", &more), &[("FOLDER", &path)]);
    wait_for_pid(&mut run);
    run.signal(signal);
    let run = run.wait().expect(130);
    assert!(!lives(&run.path("pid")), "{run}");
}

fn wait_for_pid(run: &mut Started) -> PathBuf {
    run.wait_until("the target", |run| {
        let file = run.folder.path().join("pid");
        std::fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n')).then_some(file)
    })
}

#[test]
fn a_target_outlives_no_killed_run() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display().to_string();
    let target = format!("process:{}", script(&folder, SILENT));
    let mut run = start_in(folder, &long(&["--target", &target]), &[("FOLDER", &path)]);
    let pid = wait_for_pid(&mut run);
    run.wait_until("the load", |run| run.said().contains("in flight").then_some(()));
    assert!(lives(&pid));
    run.signal(Signal::KILL);
    let killed = Instant::now();
    while lives(&pid) {
        assert!(killed.elapsed() < Duration::from_secs(5), "the target is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(run.wait().code, None);
}

/// A directory that is used again must not show the last run's verdict as this one's.
#[test]
fn a_killed_run_leaves_no_result_of_an_earlier_one() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir_all(folder.path().join("out/evidence")).unwrap();
    std::fs::write(folder.path().join("out/evidence/unfinished"), "").unwrap();
    std::fs::write(folder.path().join("out/result.json"), "{\"verdict\": \"pass\"}").unwrap();
    let mut run = start_in(folder, &long(&[]), &[]);
    wait_for_load(&mut run);
    run.signal(Signal::KILL);
    let run = run.wait();
    assert!(!run.path("out/result.json").exists());
}

#[test]
fn an_abort_limit_ends_the_run_early_and_keeps_what_was_learned() {
    let run = start(&long(&["--set", "abort=[spans.acknowledged > 2000]"])).wait().expect(3);
    expect_partial_results(&run, "aborted");
    assert!(run.took < Duration::from_secs(15), "{run}");
    assert!(run.result()["status"]["limit"].as_str().unwrap().contains("spans.acknowledged > 2000"));
    assert!(run.stdout.contains("stopped early"), "{run}");
}

#[test]
fn an_abort_limit_that_is_to_hold_for_a_while_ends_the_run_when_it_has() {
    let run = start(&long(&["--set", "abort=[spans.acknowledged > 2000 for 1s]"])).wait().expect(3);
    expect_partial_results(&run, "aborted");
    let events = run.artefact("events.ndjson");
    let events: Vec<serde_json::Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let abort = events.iter().find(|event| event["kind"] == "abort").unwrap_or_else(|| panic!("{run}"));
    let timeline = run.result()["timeline"]["points"].clone();
    let at = |thing: &serde_json::Value| thing["at_seconds"].as_f64().unwrap();
    // The limit first held within the first interval at whose end it did, so not before that began.
    let mut acknowledged = 0;
    let crosses = |point: &&serde_json::Value| {
        acknowledged += point["acknowledged"].as_u64().unwrap();
        acknowledged > 2000
    };
    let before = at(timeline.as_array().unwrap().iter().find(crosses).unwrap_or_else(|| panic!("{run}")));
    assert!(at(abort) >= before + 1.0, "aborted at {} s, and at {before} s it did not hold\n{run}", at(abort));
}

/// What may have been on its way when the run was cut short is not called lost, neither by a check nor by a limit.
#[test]
fn what_had_no_time_to_arrive_is_open_when_the_run_was_cut_short() {
    let mut run = start(&long(&["--plant", "drop-one-in=10"]));
    wait_for_load(&mut run);
    run.signal(Signal::INT);
    let run = run.wait().expect(130);
    assert!(run.spans("lost_acknowledged") > 0);
    assert_eq!((run.ids("inconclusive"), run.ids("failure").len()), (words(&["cut-short", "lost-acknowledged"]), 0));
    assert_eq!(verdict_on_loss(&run), "inconclusive");
}

/// The load lasts longer than the target may hold a span, so some of what it lost had its time.
#[test]
fn what_had_its_time_is_lost_although_the_run_was_interrupted() {
    let mut run = start(&long(&["--plant", "drop-one-in=10", "--set", "run.late_after=300ms"]));
    wait_for_load(&mut run);
    run.signal(Signal::INT);
    let run = run.wait().expect(130);
    let lost = run.findings_of("lost-acknowledged");
    let levels: Vec<_> = lost.iter().map(|found| found["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["failure", "inconclusive"], "{run}");
    let counts: u64 = lost.iter().map(|found| found["count"].as_u64().unwrap()).sum();
    assert_eq!((counts, verdict_on_loss(&run).as_str()), (run.spans("lost_acknowledged"), "fail"), "{run}");
}

/// An abort ends the load, and what was sent by then is waited for as ever.
#[test]
fn what_is_lost_fails_an_aborted_run_when_it_was_waited_for() {
    let defect = ["--plant", "drop-one-in=10", "--set", "run.late_after=2s"];
    let run = start(&long(&[&defect[..], &["--set", "abort=[spans.acknowledged > 2000]"]].concat())).wait().expect(1);
    assert_eq!((run.ids("failure"), run.ids("inconclusive")), (words(&["lost-acknowledged"]), words(&["cut-short"])));
    assert_eq!(run.result()["status"]["state"], "aborted");
    assert_eq!(verdict_on_loss(&run), "fail");
}

fn verdict_on_loss(run: &Ended) -> String {
    let result = run.result();
    let limits = result["limits"].as_array().unwrap();
    let of_loss = limits.iter().find(|limit| limit["limit"].as_str().unwrap().contains("lost_acknowledged")).unwrap();
    of_loss["verdict"].as_str().unwrap().to_owned()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What it holds now, which may fall again, and not the most that it ever held.
#[test]
fn an_abort_limit_on_memory_looks_at_what_is_held_now() {
    let Some(collector) = collector() else { return };
    let most = ["--target", &collector, "--set", "abort=[target.memory.working_set > 1MiB for 4s]"];
    let run = start(&long(&most)).wait().expect(3);
    expect_partial_results(&run, "aborted");
    let memory = &run.result()["target"]["memory"];
    let bytes = |name: &str| memory[name].as_u64().unwrap();
    assert!(bytes("working_set_bytes") > 1 << 20 && bytes("working_set_bytes") <= bytes("peak_bytes"), "{memory}");
    assert!((1..=bytes("peak_bytes")).contains(&bytes("mean_bytes")), "{memory}");
}

#[test]
fn an_abort_limit_that_is_not_reached_ends_nothing() {
    quickstart(&["--set", "run.spans=3000", "--set", "abort=[spans.refused > 0 for 1s]"]).expect(0);
}

/// Late spans come when the load has long ended, and long before settling would.
#[test]
fn an_abort_limit_ends_the_settling_too() {
    let late = ["--plant", "deliver-late=3s,every=2", "--set", "run.late_after=1s", "--set", "run.settle=60s"];
    let run = quickstart(&[&late[..], &["--set", "run.spans=3000", "--set", "abort=[spans.late > 0]"]].concat());
    assert_eq!(run.result()["status"]["state"], "aborted", "{run}");
    assert!(run.took < Duration::from_secs(30), "settling went on\n{run}");
    assert_eq!((run.spans("not_sent"), run.spans("late") > 0), (0, true), "{run}");
    // What has come late has come late, however early that is the end.
    assert_eq!(run.ids("failure"), ["late"], "{run}");
    run.expect(1);
}

/// What a thread leaves undone that panics nobody else knows. Requests that it never sent must not count as acknowledged, or the
/// target would be blamed for what spanproof did.
#[test]
fn a_driver_that_breaks_proves_nothing_and_blames_nobody() {
    let run = quickstart(&["--break-driver-after", "1000", "--set", "run.spans=20000"]).expect(3);
    expect_partial_results(&run, "complete");
    assert_eq!(run.spans("lost_acknowledged"), 0, "{run}");
    assert_eq!(run.spans("acknowledged"), run.spans("sent"), "{run}");
    let [broken] = &run.findings_of("cut-short")[..] else { panic!("{run}") };
    let message = broken["message"].as_str().unwrap();
    assert!(message.starts_with("spanproof itself is broken: a panic in sp-driver-feed at "), "{message}");
    assert!(!run.artefact("result.json").contains("broken as asked"), "the message of a panic may hold a secret");
}
