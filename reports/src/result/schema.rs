//! The JSON Schema of the result document, made from the types.

use crate::result::RunResult;
use schemars::Schema;
use schemars::generate::SchemaSettings;

/// The JSON Schema (draft 2020-12) of [`RunResult`] as it is written: what every document holds is required, so that only
/// what may be absent has to be looked for.
pub fn json_schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<RunResult>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `UPDATE_SCHEMA=1 cargo test -p spanproof-reports schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/result.schema.json");
        let schema = serde_json::to_value(json_schema()).unwrap();
        if std::env::var_os("UPDATE_SCHEMA").is_some_and(|v| v == "1") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, serde_json::to_string_pretty(&json_schema()).unwrap() + "\n").unwrap();
        }
        // Compared as values: the order of keys depends on which features of the JSON crate a build has on.
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let committed = serde_json::from_str::<serde_json::Value>(&committed).unwrap_or_default();
        assert!(committed == schema, "{} is stale; run this test with UPDATE_SCHEMA=1", path.display());
    }

    #[test]
    fn every_field_says_what_it_means() {
        let schema = serde_json::to_value(json_schema()).unwrap();
        let mut mute = Vec::new();
        let types = schema["$defs"].as_object().unwrap().iter().map(|(name, def)| (name.as_str(), def));
        for (name, def) in types.chain([("RunResult", &schema)]) {
            for (field, about) in def["properties"].as_object().into_iter().flatten() {
                if about["description"].as_str().is_none_or(str::is_empty) {
                    mute.push(format!("{name}.{field}"));
                }
            }
        }
        assert_eq!(mute, Vec::<String>::new());
    }

    /// Whoever reads a document wants to know what it means when something is not there.
    #[test]
    fn every_field_that_may_be_absent_says_when() {
        let schema = serde_json::to_value(json_schema()).unwrap();
        let mut mute = Vec::new();
        let types = schema["$defs"].as_object().unwrap().iter().map(|(name, def)| (name.as_str(), def));
        for (name, def) in types.chain([("RunResult", &schema)]) {
            let required: Vec<_> =
                def["required"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
            for (field, about) in def["properties"].as_object().into_iter().flatten() {
                let says = about["description"].as_str().is_some_and(|text| text.to_lowercase().contains("absent"));
                if !required.contains(&field.as_str()) && !says {
                    mute.push(format!("{name}.{field}"));
                }
            }
        }
        assert_eq!(mute, Vec::<String>::new());
    }
}
