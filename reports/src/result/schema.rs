//! The JSON Schema of the result document, made from the types.

use crate::result::RunResult;
use schemars::{Schema, schema_for};

/// The JSON Schema (draft 2020-12) of [`RunResult`].
pub fn json_schema() -> Schema {
    schema_for!(RunResult)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `UPDATE_SCHEMA=1 cargo test -p spanproof-reports schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/result.schema.json");
        let schema = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some_and(|v| v == "1") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &schema).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
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
}
