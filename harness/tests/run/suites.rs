//! Several scenarios in one command: one after another, a line for each, one directory, the worst exit code.

use crate::rig::{Ended, start_in};
use tempfile::TempDir;

/// A small run of the embedded target, with these planted defects.
fn scenario(name: &str, defects: &str) -> String {
    format!(
        "scenario: 1\nname: {name}\ntarget: {{embedded: {{defects: [{defects}]}}}}\n\
         traffic: {{workload: uniform, rate: 2000}}\nrun: {{spans: 2000, late_after: 2s}}\n"
    )
}

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let files = folder.path().join("mine");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("a-good.yaml"), scenario("good", "")).unwrap();
    std::fs::write(files.join("b-bad.yml"), scenario("bad", "drop-nth=100")).unwrap();
    std::fs::write(files.join("notes.txt"), "no scenario").unwrap();
    folder
}

/// The lines that tell of single scenarios: verdict and name.
fn lines(run: &Ended) -> Vec<(String, String)> {
    let of_scenarios = run.stdout.lines().filter(|line| line.contains("mine/") && !line.contains("again"));
    let words = of_scenarios.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.filter(|words| words.len() == 3).map(|words| (words[0].clone(), words[2].clone())).collect()
}

#[test]
fn a_folder_of_scenarios_has_one_result_and_what_failed_is_told_last_and_can_be_run_alone_again() {
    let run = start_in(folder(), &["run", "mine", "--quiet", "--out", "out"], &[]).wait().expect(1);
    let told = [("PASS", "mine/a-good.yaml"), ("FAIL", "mine/b-bad.yml")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(lines(&run), told, "{run}");
    assert!(run.stdout.contains("2 scenarios: 1 failed; out"), "{run}");
    assert!(run.stdout.contains("again    spanproof run mine/b-bad.yml --quiet"), "{run}");
    let suite: serde_json::Value = serde_json::from_str(&run.artefact("suite.json")).unwrap();
    assert_eq!((&suite["scenarios"][0]["exit"], &suite["scenarios"][1]["exit"]), (&0.into(), &1.into()), "{suite}");
    let junit = run.artefact("junit.xml");
    assert_eq!(junit.matches("<testsuite name=").count(), 2, "{junit}");
    assert!(junit.contains("<failure "), "{junit}");
    for place in ["mine-a-good", "mine-b-bad"] {
        assert!(run.path("out").join(place).join("result.json").is_file(), "{place}");
    }
    assert!(run.artefact("summary.md").contains("# PASS: good") && run.artefact("summary.md").contains("# FAIL: bad"));
    let again = start_in(run.into_folder(), &["run", "mine", "--last-failed", "--quiet", "--out", "more"], &[]);
    let again = again.wait().expect(1);
    assert_eq!(lines(&again), told[1..], "{again}");
}

#[test]
fn what_is_wrong_with_any_is_told_at_once_and_nothing_is_started() {
    let folder = folder();
    std::fs::write(folder.path().join("mine/c-wrong.yaml"), scenario("wrong", "no-such-defect")).unwrap();
    std::fs::write(folder.path().join("mine/d-wrong.yaml"), "scenario: 1\nname: d\nsettle: 3\n").unwrap();
    let run = start_in(folder, &["run", "mine", "--quiet", "--out", "out"], &[]).wait().expect(2);
    assert!(run.stderr.contains("c-wrong.yaml") && run.stderr.contains("d-wrong.yaml"), "{run}");
    assert!(!run.path("out").exists(), "{run}");
    for nothing in ["drills/nothing*", "--last-failed"] {
        let run = start_in(self::folder(), &["run", "quickstart", nothing, "--out", "out"], &[]).wait().expect(2);
        assert!(run.stderr.contains(nothing.trim_end_matches('*')) && !run.path("out").exists(), "{run}");
    }
}
