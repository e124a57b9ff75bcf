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

    /// A field of the document: its name, what is said of it, and whether it is always there.
    struct Field {
        name: String,
        about: String,
        is_required: bool,
    }

    fn fields() -> Vec<Field> {
        let schema = serde_json::to_value(json_schema()).unwrap();
        let types = schema["$defs"].as_object().unwrap().iter().map(|(name, def)| (name.as_str(), def));
        let mut all = Vec::new();
        for (name, def) in types.chain([("RunResult", &schema)]) {
            let required: Vec<_> = def["required"].as_array().into_iter().flatten().collect();
            all.extend(def["properties"].as_object().into_iter().flatten().map(|(field, about)| Field {
                name: format!("{name}.{field}"),
                about: about["description"].as_str().unwrap_or_default().to_owned(),
                is_required: required.contains(&&serde_json::Value::from(field.as_str())),
            }));
        }
        all
    }

    #[test]
    fn every_field_says_what_it_means() {
        let mute: Vec<String> =
            fields().into_iter().filter(|field| field.about.is_empty()).map(|field| field.name).collect();
        assert_eq!(mute, Vec::<String>::new());
    }

    /// Whoever reads a document wants to know what it means when something is not there.
    #[test]
    fn every_field_that_may_be_absent_says_when() {
        let is_mute = |field: &Field| !field.is_required && !field.about.to_lowercase().contains("absent");
        let mute: Vec<String> = fields().into_iter().filter(is_mute).map(|field| field.name).collect();
        assert_eq!(mute, Vec::<String>::new());
        assert!(fields().iter().any(|field| field.is_required) && fields().iter().any(|field| !field.is_required));
    }
}
