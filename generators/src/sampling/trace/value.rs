//! Attributes as the collector's accessors read them: a value of another type is that type's zero.

use crate::model::{Attribute, Value};

/// The first attribute of this key.
pub(crate) fn get<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// A string; empty for any other type.
pub(crate) fn text(value: &Value) -> &str {
    match value {
        Value::Str(text) => text,
        _ => "",
    }
}

/// An integer; 0 for any other type, doubles included.
pub(crate) fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        _ => 0,
    }
}

/// A boolean; false for any other type.
pub(crate) fn truth(value: &Value) -> bool {
    matches!(value, Value::Bool(true))
}
