//! Evidence that is not what a run wrote proves nothing, and is never a pass.

use crate::rig::{ARTEFACTS, Rig, words};
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use spanproof_harness::evidence;
use spanproof_harness::evidence::error::EvidenceError;
use std::fs;
use std::time::{Duration, Instant};

/// A limit that does not hold, and a backend that is away for a while.
const FAULT: &str = "  - spans.delivered < 1
faults:
  - {name: away, at: 100ms, for: 100ms, fault: {grpc_status: {code: UNAVAILABLE}}}
";

/// Places at which a bit is flipped.
const FLIPS: usize = 100;

#[test]
fn every_flipped_bit_in_every_file_is_found() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let files = rig.files();
    assert!(files.len() >= 9, "{files:?}");
    for flip in 0..FLIPS {
        // Each file in turn: most of them are much smaller than the largest.
        let path = &files[flip % files.len()];
        let sound = fs::read(path).unwrap();
        let mut broken = sound.clone();
        let (at, bit) = (rng.random_range(0..broken.len()), rng.random_range(0..8));
        broken[at] ^= 1 << bit;
        fs::write(path, &broken).unwrap();
        let read = evidence::read(&rig.directory);
        let error = read.err().unwrap_or_else(|| panic!("bit {bit} of byte {at} of {}", path.display()));
        assert_eq!(error.exit_code(), 3, "{error}");
        fs::write(path, &sound).unwrap();
    }
    assert!(evidence::read(&rig.directory).is_ok(), "whole again, it is read again");
}

#[test]
fn every_cut_in_every_file_is_found_and_every_missing_file() {
    let rig = Rig::finished(None, 0);
    for path in rig.files() {
        let sound = fs::read(&path).unwrap();
        // Of a file that holds nothing, as of a run without changed spans, nothing can be cut off.
        let lengths = [0, 1, sound.len() / 2, sound.len().saturating_sub(1)];
        for length in lengths.into_iter().filter(|length| *length < sound.len()) {
            fs::write(&path, &sound[..length]).unwrap();
            let error = evidence::read(&rig.directory).err().unwrap();
            assert_eq!(error.exit_code(), 3, "{error}");
        }
        fs::remove_file(&path).unwrap();
        let error = evidence::read(&rig.directory).err().unwrap();
        assert_eq!(error.exit_code(), 3, "{error}");
        fs::write(&path, &sound).unwrap();
    }
}

#[test]
fn broken_evidence_ends_judge_with_3_and_writes_nothing() {
    let rig = Rig::finished(None, 0);
    fs::remove_file(rig.directory.join("result.json")).unwrap();
    let path = rig.evidence().join("missing.roaring");
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(words(&output).contains("missing.roaring is not what the run wrote"), "{}", words(&output));
    assert!(!rig.directory.join("result.json").exists());
}

#[test]
fn evidence_of_another_version_is_told_apart_from_a_broken_one() {
    let rig = Rig::finished(None, 0);
    let path = rig.evidence().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("spanproof.evidence/1", "spanproof.evidence/2")).unwrap();
    let error = evidence::read(&rig.directory).err().unwrap();
    assert!(matches!(&error, EvidenceError::OtherFormat { found, .. } if found == "spanproof.evidence/2"), "{error}");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn a_directory_without_evidence_is_a_mistake_of_whoever_named_it() {
    let rig = Rig::new();
    assert_eq!(rig.judge().status.code(), Some(2));
    assert_eq!(rig.show(&["00"]).status.code(), Some(2));
}

#[test]
fn a_run_that_was_killed_is_never_judged_a_pass() {
    let began = Instant::now();
    drop(Rig::finished(None, 0));
    let whole = began.elapsed();
    let mut killed = 0;
    for point in [0.15, 0.35, 0.55, 0.75, 0.95] {
        let rig = Rig::new();
        let mut child = rig.start();
        // The sleep is the point in time at which the run is killed.
        std::thread::sleep(whole.mul_f64(point));
        let still_going = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // Between the look and the kill it may have ended by itself, and then has an exit code.
        if still_going && status.code().is_none() {
            killed += 1;
            let marked = rig.evidence().join("unfinished").exists();
            let told: Vec<_> = ARTEFACTS[..4].iter().filter(|name| rig.directory.join(name).exists()).collect();
            assert!(!marked || told.is_empty(), "{point}: marked as unfinished, and yet there are {told:?}");
            // A run that was caught between its last two breaths has whole evidence, and that may be judged.
            let whole = !marked && rig.evidence().join("manifest.json").exists();
            let output = rig.judge();
            assert!(whole || matches!(output.status.code(), Some(2 | 3)), "{point}: {}", words(&output));
        }
    }
    assert!(killed >= 2, "the machine is too uneven to tell: only {killed} runs were caught alive");
}

/// A kill between writing and renaming leaves a file that no reader looks at; the next to write or render takes it away.
#[test]
fn temporary_files_of_a_killed_run_go_with_the_next_run_or_judgement_and_no_others() {
    let rig = Rig::finished(None, 0);
    // A process that was waited for is dead; this one lives.
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let left = |name: &str, pid: u32| rig.directory.join(name.replace("PID", &pid.to_string()));
    let dead_ones = [".result.json.PID.tmp", ".events.ndjson.PID.tmp", "evidence/.plan.json.PID.tmp"];
    let dead_ones = dead_ones.map(|name| left(name, dead.id()));
    let others = [left(".report.html.PID.tmp", std::process::id()), left(".mine.PID.tmp", dead.id())];
    let again = |rig: &Rig| rig.run(None).output().unwrap();
    for command in [Rig::judge, Rig::report, again] {
        dead_ones.iter().chain(&others).for_each(|path| fs::write(path, "half").unwrap());
        let output = command(&rig);
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        for path in &dead_ones {
            assert!(!path.exists(), "{} is still there", path.display());
        }
        assert!(others.iter().all(|path| path.exists()), "what is another's has been removed");
    }
}

/// Neither the evidence of the first run nor anything rendered from it may speak for the second.
#[test]
fn a_kill_in_a_second_run_is_not_hidden_by_what_the_first_left() {
    let rig = Rig::finished(None, 0);
    assert!(ARTEFACTS.iter().all(|name| rig.directory.join(name).exists()));
    let mut child = rig.start_and_wait_for_the_mark();
    let left: Vec<_> = ARTEFACTS.iter().filter(|name| rig.directory.join(name).exists()).collect();
    assert!(left.is_empty(), "marked as unfinished, and yet there are {left:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    for output in [rig.judge(), rig.show(&["00"]), rig.report()] {
        assert_eq!(output.status.code(), Some(3), "{}", words(&output));
        assert!(words(&output).contains("has not ended in good order"), "{}", words(&output));
    }
}

#[test]
fn a_run_that_still_goes_on_is_neither_judged_nor_shown() {
    let rig = Rig::new();
    let mut child = rig.start_and_wait_for_the_mark();
    let outputs = [rig.judge(), rig.show(&["00"]), rig.report()];
    assert!(child.wait().unwrap().success(), "looking at it does it no harm");
    for output in outputs {
        assert_eq!(output.status.code(), Some(3), "{}", words(&output));
        assert!(words(&output).contains("it still goes on, or it was killed"), "{}", words(&output));
    }
    assert_eq!(rig.judge().status.code(), Some(0));
}

/// The disk is full only for what is rendered: the remedy that the error names must work.
#[test]
fn results_that_could_not_be_written_are_made_by_judge_from_the_evidence() {
    let rig = Rig::new();
    let mut child = rig.run(None).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let marker = rig.evidence().join("unfinished");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !marker.exists() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no run marked the directory");
        std::thread::sleep(Duration::from_millis(1));
    }
    // No file can take the place of a folder.
    let obstacle = rig.directory.join("report.html");
    fs::create_dir(&obstacle).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(
        words(&output).contains("the evidence is whole") && words(&output).contains("spanproof judge"),
        "{output:?}"
    );
    assert!(!rig.directory.join("result.json").exists());
    fs::remove_dir(&obstacle).unwrap();
    let output = rig.report();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(words(&output).contains("spanproof judge"), "{}", words(&output));
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(rig.report().status.code(), Some(0));
}

/// Evidence that is sealed and yet says what cannot be is refused as broken.
fn is_refused(rig: &Rig, file: &str, change: impl Fn(&str) -> String, says: &str) {
    let path = rig.evidence().join(file);
    let sound = fs::read_to_string(&path).unwrap();
    let changed = change(&sound);
    assert_ne!(changed, sound, "nothing was changed");
    fs::write(&path, changed).unwrap();
    rig.reseal();
    for output in [rig.judge(), rig.show(&["00"])] {
        assert_eq!(output.status.code(), Some(3), "{}", words(&output));
        assert!(words(&output).contains(says), "{}", words(&output));
    }
    fs::write(&path, sound).unwrap();
    rig.reseal();
    assert_eq!(rig.judge().status.code(), Some(1), "whole again, it is judged again");
}

#[test]
fn a_request_that_its_chunk_has_not_is_an_error() {
    let rig = Rig::finished(Some("refuse-but-forward,every=5"), 1);
    let text = fs::read_to_string(rig.evidence().join("requests.json")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("[0,")).collect();
    assert!(rows.len() > 3, "a request a line: {text}");
    assert!(rows.iter().all(|row| row.len() < 60), "{rows:?}");
    let number = rows[0].split(',').nth(1).unwrap();
    let (was, is) = (format!("[0,{number},"), "[0,4000000000,");
    is_refused(
        &rig,
        "requests.json",
        |text| text.replacen(&was, is, 1),
        "chunk 0 of the plan has no request 4000000000",
    );
    is_refused(&rig, "requests.json", |text| text.replacen("[0,", "[77,", 1), "the plan has no chunk 77");
}

#[test]
fn an_example_that_the_plan_has_not_is_an_error() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let text = fs::read_to_string(rig.evidence().join("arrivals.json")).unwrap();
    let (_, rest) = text.split_once(r#""record": "#).unwrap();
    let was = format!(r#""record": {},"#, rest.split_once(',').unwrap().0);
    let change = |text: &str| text.replacen(&was, r#""record": 9000000000000000,"#, 1);
    is_refused(&rig, "arrivals.json", change, "the plan has no record 9000000000000000");
}

/// Every place where a number that no run writes would take for ever, or would be believed.
#[test]
fn numbers_that_no_run_can_have_written_are_errors_at_once() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let plan = |was: &'static str, is: &'static str, field: &str| {
        let says = format!("no scenario can ask for such `{field}`");
        is_refused(&rig, "plan.json", |text| text.replacen(was, is, 1), &says);
    };
    plan(r#""pool_size": 64"#, r#""pool_size": 4000000000"#, "workload");
    plan(r#""spans_per_second": "4000.0""#, r#""spans_per_second": "1e300""#, "rate");
    plan(r#""batch_timeout_ns": 100000000"#, r#""batch_timeout_ns": 18000000000000000000"#, "batch_timeout_ns");
    plan(r#""extent": "profile""#, r#""extent": {"spans": 18000000000000000000}"#, "extent");
    plan(r#""0.5""#, r#""4000000000.0""#, "extent");
    plan(r#""0.5""#, r#""1e308""#, "segments");
    let format = |text: &str| text.replacen("spanproof.evidence/1", "spanproof.evidence/9", 1);
    is_refused(&rig, "plan.json", format, "it is in format `spanproof.evidence/9`");
    for field in ["late_share", "achieved_ratio", "driver_saturated", "sink_saturated"] {
        let nan = |text: &str| {
            let (before, rest) = text.split_once(&format!("\"{field}\": \"")).unwrap();
            format!("{before}\"{field}\": \"NaN{}", &rest[rest.find('"').unwrap()..])
        };
        is_refused(&rig, "run.json", nan, "`NaN` is no finite number");
    }
}

#[test]
fn instants_of_a_fault_outside_any_run_are_errors() {
    let rig = Rig::finished_with(FAULT, 1);
    let change = |was: &'static str, is: &'static str| move |text: &str| text.replacen(was, is, 1);
    for (was, is, field) in [
        (r#""at_seconds": 0.1"#, r#""at_seconds": -0.1"#, "at_seconds"),
        (r#""lasting_seconds": 0.1"#, r#""lasting_seconds": 1e300"#, "lasting_seconds"),
        (r#""times": 1"#, r#""times": 18000000000000000000"#, "times"),
        (r#""times": 1"#, r#""kills_seconds": [-1.0], "times": 1"#, "kills_seconds or ends_seconds"),
    ] {
        is_refused(&rig, "run.json", change(was, is), &format!("`away`: no fault can have such `{field}`"));
    }
}

/// What one file says has to be what another says: else whoever changes one of them could hide something.
#[test]
fn files_that_contradict_each_other_are_not_judged_a_pass() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    // The changed records stay, and nothing is said any more of what changed in them.
    let path = rig.evidence().join("arrivals.json");
    let mut arrivals: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    arrivals["corruptions"] = serde_json::json!([]);
    fs::write(&path, serde_json::to_vec(&arrivals).unwrap()).unwrap();
    fs::write(rig.evidence().join("changes.roaring"), 0_u32.to_le_bytes()).unwrap();
    rig.reseal();
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(words(&output).contains("and of 0 it is known what changed"), "{}", words(&output));
}

#[test]
fn a_request_that_is_told_twice_is_an_error() {
    let rig = Rig::finished(Some("refuse-but-forward,every=5"), 1);
    let twice = |text: &str| {
        let row = text.lines().find(|line| line.starts_with("[0,")).unwrap().trim_end_matches(',');
        text.replacen(row, &format!("{row},\n{row}"), 1)
    };
    is_refused(&rig, "requests.json", twice, "is in it twice");
}

#[test]
fn more_changed_records_than_changed_copies_are_an_error() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let none = |text: &str| {
        let (before, rest) = text.split_once(r#""count": "#).unwrap();
        format!("{before}\"count\": 0{}", &rest[rest.find(',').unwrap()..])
    };
    is_refused(&rig, "arrivals.json", none, "more records than copies");
}

/// Two runs in one directory would take each other's mark away, and what is left would be of both.
#[test]
fn a_directory_that_a_run_is_writing_is_refused_to_a_second_one_and_the_first_ends_well() {
    let rig = Rig::new();
    let mut first = rig.start_and_wait_for_the_mark();
    let second = rig.run(None).output().unwrap();
    assert_eq!(second.status.code(), Some(2), "{}", words(&second));
    assert!(words(&second).contains("another run is writing there"), "{}", words(&second));
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(rig.judge().status.code(), Some(0));
    // The directory is free again.
    assert_eq!(rig.run(None).output().unwrap().status.code(), Some(0));
}

/// When we stood still is believed only as it can have been noted: each with a length, in order, within a run.
#[test]
fn standstills_that_nobody_can_have_noted_are_errors() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let told = |windows: &str| {
        let told = format!("\"stood_still\": {{\"windows_ns\": {windows}, \"resends_after_ns\": 0}},\n  \"limits\":");
        move |text: &str| text.replacen("\"limits\":", &told, 1)
    };
    for windows in
        ["[[5, 3]]", "[[5, 5]]", "[[50, 60], [10, 20]]", "[[10, 30], [20, 40]]", "[[0, 18000000000000000000]]"]
    {
        is_refused(&rig, "run.json", told(windows), "no run can have stood still at such times");
    }
    let too_many: Vec<String> = (0..300).map(|number| format!("[{}, {}]", 10 * number, 10 * number + 5)).collect();
    let too_many = format!("[{}]", too_many.join(", "));
    is_refused(&rig, "run.json", told(&too_many), "no run can have stood still at such times");
    // What can be is read.
    let path = rig.evidence().join("run.json");
    let sound = fs::read_to_string(&path).unwrap();
    fs::write(&path, told("[[10, 20], [30, 40]]")(&sound)).unwrap();
    rig.reseal();
    assert_eq!(rig.judge().status.code(), Some(1));
}
