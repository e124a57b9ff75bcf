//! Any part of a result as rows of name and text, so that a field added to the types appears in every table by itself.

use crate::result::paths::quantity_of_field;
use serde::Serialize;
use serde_json::Value;

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The field's name in words; parts of nested fields are joined by a blank.
    pub name: String,
    /// The value as people read it.
    pub value: String,
}

/// The rows of a part of a result, in the order of its fields. Absent values give no row; lists are joined.
pub fn rows(part: &impl Serialize) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Ok(value) = serde_json::to_value(part) {
        collect("", "", &value, &mut rows);
    }
    rows
}

fn collect(prefix: &str, field: &str, value: &Value, rows: &mut Vec<Row>) {
    match value {
        Value::Object(fields) => {
            let prefix = joined(prefix, field);
            fields.iter().for_each(|(name, value)| collect(&prefix, name, value, rows));
        }
        Value::Null => {}
        other => rows.push(Row { name: joined(prefix, without_unit(field)), value: text(field, other) }),
    }
}

fn joined(prefix: &str, field: &str) -> String {
    let words = field.replace('_', " ");
    if prefix.is_empty() { words } else { format!("{prefix} {words}") }
}

/// Units stand in the value. `seconds` alone would be no name.
fn without_unit(field: &str) -> &str {
    ["_ms", "_bytes", "_seconds"].iter().find_map(|unit| field.strip_suffix(unit)).unwrap_or(field)
}

fn text(field: &str, value: &Value) -> String {
    match value {
        Value::Number(_) => quantity_of_field(field, value).map_or_else(|| value.to_string(), |q| q.to_string()),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => items.iter().map(item).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Object(_) => String::new(),
    }
}

fn item(value: &Value) -> String {
    let Value::Object(fields) = value else { return text("", value) };
    let parts = fields.iter().map(|(name, value)| match value {
        Value::String(text) => text.clone(),
        other => text(if name == "seconds" { "_seconds" } else { name }, other),
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::passing;

    #[test]
    fn every_field_becomes_a_row_with_its_unit() {
        let result = passing();
        let all = [rows(&result.target), rows(&result.driver), rows(&result.settle), rows(&result.machine)].concat();
        let lines = all.iter().map(|row| format!("{}: {}", row.name, row.value)).collect::<Vec<_>>();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_part_that_is_not_there_has_no_rows() {
        assert_eq!(rows(&None::<crate::result::participants::Sink>), []);
    }
}
