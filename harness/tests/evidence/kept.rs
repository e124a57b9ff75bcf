//! Evidence that an earlier build wrote is read as it was meant: `data/evidence-1b` stays as it is for as long as
//! `spanproof.evidence/1` is read and the same inputs make the same plan.
//!
//! It was made with `spanproof run kept.yaml --out kept --seed 7 --plant drop-nth=500 --plant change-name,every=300 --plant
//! duplicate-one-in=400`. If plans change so that this test fails, evidence of earlier builds can no longer be judged, and is refused as
//! that in `data/evidence-1` is, of a build whose `shop` sent less: then another directory belongs beside these.

use crate::rig::{spanproof, words};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Copies a folder of plain files.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Id, level and count of every finding.
fn findings(result: &Value) -> Vec<[Value; 3]> {
    let checks = result["checks"].as_array().unwrap();
    let all = checks.iter().flat_map(|check| check["findings"].as_array().unwrap());
    all.map(|finding| ["id", "level", "count"].map(|key| finding[key].clone())).collect()
}

/// A kept directory, and a run's directory with its evidence.
fn kept(name: &str, folder: &TempDir) -> (PathBuf, PathBuf) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let run = folder.path().join("run");
    copy(&kept.join("evidence"), &run.join("evidence"));
    (kept, run)
}

/// What was sent cannot be made again, so nothing is said of what came.
#[test]
fn evidence_of_a_build_that_made_another_plan_is_refused() {
    let folder = TempDir::new().unwrap();
    let (_, run) = kept("evidence-1", &folder);
    let output = spanproof().arg("judge").arg(&run).output().unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("makes another plan") && said.contains("judge it with that one"), "{said}");
    // Whoever is told to take that build has to know which one that is.
    assert!(said.contains("the one of 0.1.0") && env!("CARGO_PKG_VERSION") != "0.1.0", "{said}");
    assert!(!run.join("result.json").exists());
}

#[test]
fn evidence_of_an_earlier_build_is_judged_as_it_was_then() {
    let folder = TempDir::new().unwrap();
    let (kept, run) = kept("evidence-1b", &folder);
    let output = spanproof().arg("judge").arg(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let read = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let (then, now) = (read(&kept.join("result.json")), read(&run.join("result.json")));
    for part in ["verdict", "ledger", "seed", "run_tag", "latency"] {
        assert_eq!(now[part], then[part], "{part}");
    }
    assert_eq!(findings(&now), findings(&then));
    assert_eq!(findings(&now).len(), 3, "{now}");

    let lost = then["checks"][0]["findings"][0]["examples"][0]["trace_id"].as_str().unwrap();
    let shown = spanproof().arg("show").arg(&run).arg(lost).output().unwrap();
    assert_eq!(words(&shown).matches("MISSING").count(), 1, "{}", words(&shown));
}
