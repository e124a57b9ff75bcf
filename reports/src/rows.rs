//! Any part of a result as rows of name and text, so that a field added to the types appears in every table by itself.

use crate::result::paths::quantity_of_field;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;
use serde_json::Value;
use std::fmt;

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
    let node = serde_json::to_string(part).and_then(|json| serde_json::from_str::<Node>(&json));
    if let Ok(node) = node {
        collect("", "", &node, &mut rows);
    }
    rows
}

/// JSON whose objects keep the order of their fields, which is the order in which the types declare them.
enum Node {
    Fields(Vec<(String, Node)>),
    Items(Vec<Node>),
    Leaf(Value),
}

fn collect(prefix: &str, field: &str, node: &Node, rows: &mut Vec<Row>) {
    match node {
        Node::Fields(fields) => {
            let prefix = joined(prefix, field);
            fields.iter().for_each(|(name, node)| collect(&prefix, name, node, rows));
        }
        Node::Leaf(Value::Null) => {}
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

fn text(field: &str, node: &Node) -> String {
    match node {
        Node::Items(items) => items.iter().map(|item| text(field, item)).collect::<Vec<_>>().join(", "),
        // A list of small objects, such as what a wait is made of.
        Node::Fields(fields) => fields.iter().map(|(name, node)| text(name, node)).collect::<Vec<_>>().join(" "),
        Node::Leaf(Value::String(text)) => text.clone(),
        Node::Leaf(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Node::Leaf(other) => quantity_of_field(field, other).map_or_else(|| other.to_string(), |q| q.to_string()),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Fields(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Items(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Leaf(text.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }
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
