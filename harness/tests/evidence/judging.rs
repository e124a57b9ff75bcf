//! Judging again: the same bytes from the same evidence, and another verdict from other limits.

use crate::rig::{Rig, words};
use std::fs;

const RENDERED: [&str; 4] = ["result.json", "report.html", "junit.xml", "summary.md"];

fn judging_again_gives_the_same_bytes(defect: Option<&str>, exit: i32) {
    let rig = Rig::finished(defect, exit);
    let before = RENDERED.map(|name| rig.read(name));
    for name in RENDERED {
        fs::remove_file(rig.directory.join(name)).unwrap();
    }
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
    assert!(RENDERED.map(|name| rig.read(name)) == before, "judged again, the files differ");
}

#[test]
fn a_clean_run_judged_again_gives_the_same_bytes() {
    judging_again_gives_the_same_bytes(None, 0);
}

#[test]
fn a_loss_judged_again_gives_the_same_bytes() {
    judging_again_gives_the_same_bytes(Some("drop-nth=500"), 1);
}

#[test]
fn a_corruption_judged_again_gives_the_same_bytes() {
    judging_again_gives_the_same_bytes(Some("change-name,every=300"), 1);
}

#[test]
fn a_repeat_judged_again_gives_the_same_bytes() {
    judging_again_gives_the_same_bytes(Some("duplicate-one-in=300"), 1);
}

#[test]
fn refused_requests_judged_again_give_the_same_bytes() {
    judging_again_gives_the_same_bytes(Some("refuse-but-forward,every=5"), 1);
}

#[test]
fn invented_spans_judged_again_give_the_same_bytes() {
    judging_again_gives_the_same_bytes(Some("invent-span=real-trace,every=300"), 1);
}

#[test]
fn a_tightened_limit_changes_the_verdict_and_the_runs_own_limit_brings_it_back() {
    let rig = Rig::finished(None, 0);
    let before = rig.read("result.json");
    let output = rig.judge_by("spans.delivered >= 1", "spans.delivered >= 1000000000");
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let result = rig.result();
    assert_eq!(result["verdict"], "fail");
    assert_eq!(result["limits"][0]["limit"], "spans.delivered >= 1000000000");
    assert!(result["warnings"].to_string().contains("judged by the limits of"), "{}", result["warnings"]);
    assert_eq!(rig.judge().status.code(), Some(0));
    assert!(rig.read("result.json") == before);
}

/// Judging by the run's scenario with `to` instead of `from` is refused in these words.
fn is_refused(from: &str, to: &str, said: &[&str]) {
    let rig = Rig::finished(None, 0);
    let before = rig.read("result.json");
    let output = rig.judge_by(from, to);
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(said.iter().all(|text| words(&output).contains(text)), "{}", words(&output));
    assert!(rig.read("result.json") == before, "a refused scenario changes nothing");
}

#[test]
fn a_scenario_of_another_plan_is_refused_and_says_what_differs() {
    is_refused("rate: 4000", "rate: 4001", &["another plan", "rate differ"]);
}

#[test]
fn another_patience_is_refused_since_the_evidence_cannot_tell_what_would_be_late() {
    is_refused("settle: 1s", "settle: 1s, late_after: 3s", &["run.late_after is 3s"]);
}

#[test]
fn a_second_run_into_the_same_directory_leaves_nothing_of_the_first() {
    let rig = Rig::finished(Some("drop-nth=500"), 1);
    let output = rig.run(None).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(rig.judge().status.code(), Some(0));
}
