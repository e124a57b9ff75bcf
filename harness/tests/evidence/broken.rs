//! Evidence that is not what a run wrote proves nothing, and is never a pass.

use crate::rig::{Rig, words};
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use spanproof_harness::evidence;
use spanproof_harness::evidence::error::EvidenceError;
use std::fs;
use std::time::{Duration, Instant};

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
        for length in [0, 1, sound.len() / 2, sound.len() - 1] {
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
            let output = rig.judge();
            assert!(matches!(output.status.code(), Some(2 | 3)), "{point}: {}", words(&output));
            assert!(!rig.directory.join("result.json").exists() || rig.evidence().join("unfinished").exists());
        }
    }
    assert!(killed >= 2, "the machine is too uneven to tell: only {killed} runs were caught alive");
}

#[test]
fn a_kill_in_a_second_run_is_not_hidden_by_the_evidence_of_the_first() {
    let rig = Rig::finished(None, 0);
    let mut child = rig.start();
    let marker = rig.evidence().join("unfinished");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !marker.exists() {
        assert!(Instant::now() < deadline, "waited for the second run to mark the directory");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
}
