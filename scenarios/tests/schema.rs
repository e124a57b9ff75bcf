//! The committed JSON Schema is the one that the types make. `UPDATE_SCHEMA=1 cargo test` writes it anew.

use std::fs;
use std::path::Path;

use spanproof_generators::model::Stratum;
use spanproof_scenarios::spec::{AnomaliesSpec, schema};

#[test]
fn the_committed_schema_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{} is out of date: run the tests with UPDATE_SCHEMA=1 and commit it", path.display());
}

#[test]
fn unknown_fields_are_refused_by_every_map_of_the_schema() {
    let schema = schema();
    let definitions = schema["definitions"].as_object().unwrap();
    for (name, definition) in definitions.iter().filter(|(_, definition)| definition.get("properties").is_some()) {
        assert_eq!(definition["additionalProperties"], false, "{name}");
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["scenario", "name", "traffic", "run"]));
}

#[test]
fn anomalies_are_those_of_the_generators() {
    let strata: Vec<&str> = Stratum::ANOMALIES.iter().map(|stratum| stratum.name()).collect();
    assert_eq!(AnomaliesSpec::NAMES, strata);
}
