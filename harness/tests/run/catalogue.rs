//! The catalogue as people use it: shown, saved, checked, planned.

use crate::rig::{spanproof, start_in};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn every_scenario_that_is_shown_can_be_saved_checked_and_run_as_it_is() {
    let list: Value =
        serde_json::from_str(&spanproof(&["scenario", "list", "--format", "json"]).expect(0).stdout).unwrap();
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"quickstart"));
    for name in names {
        let folder = TempDir::new().unwrap();
        let shown = spanproof(&["scenario", "show", name]).expect(0).stdout;
        std::fs::write(folder.path().join("my.yaml"), shown).unwrap();
        let validated = start_in(folder, &["scenario", "validate", "my.yaml"], &[]).wait().expect(0);
        let plan = ["--dry-run", "--format", "json", "--set", "run.spans=20000"];
        let mine = validated.then(&[&["run", "my.yaml"], &plan[..]].concat()).expect(0);
        let shipped = spanproof(&[&["run", name], &plan[..]].concat()).expect(0);
        assert_eq!(mine.stdout, shipped.stdout, "{name}");
        let plan: Value = serde_json::from_str(&mine.stdout).unwrap();
        // A sampler of spans writes into their trace state, and what comes of that is not compared.
        let is_right =
            |warning: &Value| warning.as_str().unwrap().starts_with("probabilistic_sampler may change spans");
        assert!(plan["fingerprint"].is_string() && plan["warnings"].as_array().unwrap().iter().all(is_right), "{mine}");
    }
}
