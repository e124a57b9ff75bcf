//! The JSON Schema of scenario files, for editors.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

use super::ScenarioSpec;

/// The schema, draft 7 (what YAML editors understand best), made from the types.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft07().with_transform(WithoutNull).into_generator();
    generator.into_root_schema_for::<ScenarioSpec>().to_value()
}

/// Takes `null` out of optional fields: it is accepted, but nobody should be offered it.
#[derive(Debug, Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        unwrap_nullable(object);
    }
}

/// `{anyOf: [X, {type: null}]}` becomes `{allOf: [X]}`, which keeps the description beside a reference.
fn unwrap_nullable(object: &mut Map<String, Value>) {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    let Some(Value::Array(alternatives)) = object.get_mut("anyOf") else { return };
    if alternatives.iter().any(is_null) {
        alternatives.retain(|schema| !is_null(schema));
        if let Some(all) = object.remove("anyOf") {
            object.insert("allOf".to_owned(), all);
        }
    }
}
