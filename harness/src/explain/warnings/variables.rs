//! References in values that come to nothing here, or that only the collector can follow.

use super::Found;
use crate::explain::Subject;
use serde_json::Value;

pub(super) fn variable_missing(subject: &Subject) -> Vec<Found> {
    let found = subject.config.missing_variables().iter().map(|name| {
        let references = [format!("${{env:{name}}}"), format!("${{{name}}}")];
        let keys = place(subject, &|text: &str| references.iter().any(|reference| text.contains(reference)));
        let message = format!("the variable {name} has no value here");
        let why = "the collector takes it as empty, and starts all the same";
        Found::new(keys, message, why, format!("set it, or give a default: ${{env:{name}:-...}}"))
    });
    found.collect()
}

pub(super) fn reference_open(subject: &Subject) -> Vec<Found> {
    let found = subject.config.unresolved().iter().map(|reference| {
        let keys = place(subject, &|text: &str| text.contains(reference));
        let message = format!("`{}` can only be followed by the collector", reference.escape_debug());
        let why = "what is there is not known here; components that need it are unknown";
        Found::new(keys, message, why, "explain a configuration in which the value stands")
    });
    found.collect()
}

/// The keys of the first text that is meant; none where it comes out of a variable.
fn place(subject: &Subject, is_meant: &impl Fn(&str) -> bool) -> Vec<String> {
    find(subject.config.unexpanded(), &mut Vec::new(), is_meant).unwrap_or_default()
}

fn find(value: &Value, keys: &mut Vec<String>, is_meant: &impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let below: Vec<(String, &Value)> = match value {
        Value::String(text) => return is_meant(text).then(|| keys.clone()),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    for (key, item) in below {
        keys.push(key);
        let found = find(item, keys, is_meant);
        keys.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}
