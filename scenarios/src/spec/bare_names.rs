//! Choices that may be written as their bare name: `workload: shop` for `workload: {shop: {}}`.

use schemars::Schema;
use serde_json::{Value, json};

/// Adds the bare `names` to the alternatives of an externally tagged enum's schema.
///
/// The reader accepts any bare name; only those whose settings are all optional get into the schema, since the others end
/// in a missing field.
pub(super) fn allow_bare(schema: &mut Schema, names: &[&str]) {
    let alternative = json!({ "type": "string", "enum": names, "description": "By name, with default settings." });
    if let Some(Value::Array(alternatives)) = schema.get_mut("oneOf") {
        alternatives.insert(0, alternative);
    }
}
