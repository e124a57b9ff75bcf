//! Typed values out of a component's settings. A mistake does not end the reading: all are told, each with the keys that lead to it.
//!
//! The collector decodes strictly: a text is no number, and a field that a component does not have is an error. What only it can
//! follow, such as `${file:...}`, is neither a value nor a mistake: it leaves the component open.

use super::duration::duration;
use serde_json::{Map, Value};
use spanproof_scenarios::suggest::hint_for;
use std::time::Duration;

/// Something for which the collector refuses a configuration, or which says two things that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The keys that lead to it from the root of the configuration.
    pub keys: Vec<String>,
    /// What is wrong, as a lowercase fragment.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// Something that is written and that the collector takes without a word, and does not heed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The keys that lead to it from the root of the configuration.
    pub keys: Vec<String>,
    /// Why it counts for nothing.
    pub why: String,
}

/// A value with the keys that lead to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'config> {
    pub(super) value: &'config Value,
    pub(super) keys: Vec<String>,
}

impl<'config> Node<'config> {
    pub(super) fn new(value: &'config Value, keys: &[&str]) -> Self {
        Self { value, keys: keys.iter().map(|key| (*key).to_owned()).collect() }
    }

    /// The field of this name; `None` where it is absent or null, which the collector takes alike.
    pub(super) fn child(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.below(key, value))
    }

    /// The keys of a field, whether it is there or not.
    pub(super) fn keys_of(&self, key: &str) -> Vec<String> {
        self.keys.iter().cloned().chain([key.to_owned()]).collect()
    }

    fn below(&self, key: &str, value: &'config Value) -> Self {
        Self { value, keys: self.keys_of(key) }
    }
}

/// Reads values, and keeps what was wrong with them.
#[derive(Debug)]
pub(super) struct Reader<'raw> {
    /// The configuration before its references were expanded: what comes from a variable is also a text to the collector.
    raw: &'raw Value,
    pub(super) mistakes: Vec<Mistake>,
    /// Fields whose values only the collector knows, each as `path is value`.
    pub(super) open: Vec<String>,
    /// What counts for nothing.
    pub(super) ignored: Vec<Ignored>,
}

impl<'raw> Reader<'raw> {
    pub(super) fn new(raw: &'raw Value) -> Self {
        Self { raw, mistakes: Vec::new(), open: Vec::new(), ignored: Vec::new() }
    }

    pub(super) fn mistake(&mut self, keys: Vec<String>, reason: impl Into<String>, remedy: impl Into<String>) {
        let mistake = Mistake { keys, reason: reason.into(), remedy: remedy.into() };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// Whether the value is a reference that only the collector follows. If so it is noted.
    pub(super) fn is_open(&mut self, node: &Node<'_>) -> bool {
        let Some(text) = node.value.as_str().filter(|text| text.contains("${")) else { return false };
        let note = format!("{} is `{}`, which only the collector can follow", node.keys.join("."), text.escape_debug());
        if !self.open.contains(&note) {
            self.open.push(note);
        }
        true
    }

    /// The fields of a map; none of one that is null, or no map, which is then a mistake.
    pub(super) fn fields<'value>(&mut self, node: &Node<'value>) -> Option<&'value Map<String, Value>> {
        match node.value {
            Value::Object(map) => Some(map),
            Value::Null => None,
            _ => {
                self.wrong_type(node, "a map");
                None
            }
        }
    }

    /// Tells every field that is none of `known`.
    pub(super) fn only(&mut self, node: &Node<'_>, known: &[&str]) {
        let Some(map) = self.fields(node) else { return };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = match hint_for(key, known) {
                hint if hint.is_empty() => "take it out".to_owned(),
                hint => hint,
            };
            self.mistake(node.keys_of(key), format!("there is no field `{}` here", key.escape_debug()), hint);
        }
    }

    pub(super) fn text(&mut self, node: &Node<'_>, key: &str) -> Option<String> {
        let child = node.child(key)?;
        self.text_of(&child)
    }

    fn text_of(&mut self, node: &Node<'_>) -> Option<String> {
        if self.is_open(node) {
            return None;
        }
        match node.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if self.is_from_variable(node) => Some(number.to_string()),
            Value::Bool(truth) if self.is_from_variable(node) => Some(truth.to_string()),
            _ => {
                self.wrong_type(node, "a text, in quotes where it looks like a number");
                None
            }
        }
    }

    /// A list of texts; empty where it is absent.
    pub(super) fn texts(&mut self, node: &Node<'_>, key: &str) -> Vec<String> {
        self.list(node, key).iter().filter_map(|item| self.text_of(item)).collect()
    }

    /// The elements of a list; none where it is absent.
    pub(super) fn list<'value>(&mut self, node: &Node<'value>, key: &str) -> Vec<Node<'value>> {
        let Some(child) = node.child(key) else { return Vec::new() };
        match child.value {
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| child.below(&index.to_string(), item)).collect()
            }
            _ => {
                if !self.is_open(&child) {
                    self.wrong_type(&child, "a list");
                }
                Vec::new()
            }
        }
    }

    pub(super) fn truth(&mut self, node: &Node<'_>, key: &str) -> Option<bool> {
        self.scalar(node, key, "true or false", Value::as_bool)
    }

    /// A whole number. Of one with a fraction the collector takes the whole part, without a word.
    pub(super) fn integer(&mut self, node: &Node<'_>, key: &str) -> Option<i64> {
        let whole = |value: &Value| {
            let float = value.as_f64().filter(|number| number.abs() < 2_f64.powi(53));
            value.as_i64().or(float.map(|number| number as i64))
        };
        let found = self.scalar(node, key, "a whole number", whole)?;
        if node.child(key).and_then(|child| child.value.as_f64()).is_some_and(|number| number.fract() != 0.0) {
            self.ignored.push(Ignored { keys: node.keys_of(key), why: format!("of its value only {found} counts") });
        }
        Some(found)
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, node: &Node<'_>, key: &str) -> Option<u64> {
        let found = self.integer(node, key)?;
        let count = u64::try_from(found).ok();
        if count.is_none() {
            self.mistake(node.keys_of(key), format!("{found} is negative"), "write 0 or more");
        }
        count
    }

    pub(super) fn number(&mut self, node: &Node<'_>, key: &str) -> Option<f64> {
        self.scalar(node, key, "a number", Value::as_f64)
    }

    pub(super) fn duration(&mut self, node: &Node<'_>, key: &str) -> Option<Duration> {
        self.scalar(node, key, "a duration such as `30s`", duration)
    }

    fn scalar<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let child = node.child(key)?;
        if self.is_open(&child) {
            return None;
        }
        let found = read(child.value);
        if found.is_none() {
            self.wrong_type(&child, expected);
        }
        found
    }

    fn wrong_type(&mut self, node: &Node<'_>, expected: &str) {
        let found = match node.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_) | Value::Number(_) => format!("`{}`", node.value),
            // It may come from a variable that holds a secret.
            Value::String(_) if self.is_from_variable(node) => "a text from a variable".to_owned(),
            Value::String(text) => format!("the text `{}`", text.escape_debug()),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a map".to_owned(),
        };
        self.mistake(node.keys.clone(), format!("this is {found}"), format!("write {expected}"));
    }

    fn is_from_variable(&self, node: &Node<'_>) -> bool {
        let steps = node.keys.iter().try_fold(self.raw, |value, key| match value {
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => value.get(key),
        });
        // A whole list out of a variable has no elements before it is expanded.
        steps.is_none_or(|raw| raw.as_str().is_some_and(|text| text.contains("${")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: &Value, read: impl FnOnce(&mut Reader<'_>, &Node<'_>)) -> Vec<String> {
        let mut reader = Reader::new(value);
        read(&mut reader, &Node::new(value, &[]));
        reader.mistakes.into_iter().map(|it| format!("{}: {}; {}", it.keys.join("."), it.reason, it.remedy)).collect()
    }

    #[test]
    fn values_of_the_right_type_are_read_and_absent_ones_are_none() {
        let value = json!({ "a": "x", "b": 3, "c": 3.0, "d": true, "e": "2s", "f": ["x", "y"], "g": null, "h": 0.5 });
        let mistakes = told(&value, |reader, node| {
            assert_eq!(reader.text(node, "a").as_deref(), Some("x"));
            assert_eq!((reader.integer(node, "b"), reader.count(node, "c")), (Some(3), Some(3)));
            assert_eq!((reader.truth(node, "d"), reader.number(node, "h")), (Some(true), Some(0.5)));
            assert_eq!(reader.duration(node, "e"), Some(Duration::from_secs(2)));
            assert_eq!(reader.texts(node, "f"), ["x", "y"]);
            assert_eq!((reader.text(node, "g"), reader.integer(node, "z")), (None, None));
            reader.only(node, &["a", "b", "c", "d", "e", "f", "g", "h"]);
        });
        assert_eq!(mistakes, Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_told_with_what_is_there_and_what_belongs_there() {
        let value = json!({ "a": 7, "b": "x", "c": -1, "d": "yes", "e": "soon", "f": [1], "policise": [] });
        let mistakes = told(&value, |reader, node| {
            assert_eq!(
                (reader.text(node, "a"), reader.integer(node, "b"), reader.count(node, "c")),
                (None, None, None)
            );
            assert_eq!((reader.truth(node, "d"), reader.duration(node, "e")), (None, None));
            assert_eq!(reader.texts(node, "f"), Vec::<String>::new());
            reader.only(node, &["a", "b", "c", "d", "e", "f", "policies"]);
        });
        insta::assert_snapshot!(mistakes.join("\n"), @r"
        a: this is `7`; write a text, in quotes where it looks like a number
        b: this is the text `x`; write a whole number
        c: -1 is negative; write 0 or more
        d: this is the text `yes`; write true or false
        e: this is the text `soon`; write a duration such as `30s`
        f.0: this is `1`; write a text, in quotes where it looks like a number
        policise: there is no field `policise` here; did you mean `policies`?
        ");
    }

    #[test]
    fn of_a_fraction_only_the_whole_part_counts() {
        let value = json!({ "a": 5.5, "b": 5.0 });
        let mut reader = Reader::new(&value);
        let node = Node::new(&value, &[]);
        assert_eq!((reader.integer(&node, "a"), reader.integer(&node, "b")), (Some(5), Some(5)));
        assert_eq!((reader.ignored.len(), reader.mistakes.len()), (1, 0));
    }

    #[test]
    fn a_number_out_of_a_variable_is_also_a_text_and_a_secret_is_not_shown() {
        let raw = json!({ "code": "${env:CODE}", "wait": "${env:TOKEN}" });
        let value = json!({ "code": 200, "wait": "hunter2" });
        let mut reader = Reader::new(&raw);
        let node = Node::new(&value, &[]);
        assert_eq!(reader.text(&node, "code").as_deref(), Some("200"));
        assert_eq!(reader.duration(&node, "wait"), None);
        assert_eq!(reader.mistakes[0].reason, "this is a text from a variable");
    }

    #[test]
    fn what_only_the_collector_can_follow_is_left_open() {
        let value = json!({ "wait": "${file:/etc/wait}", "list": "${file:/etc/list}" });
        let mut reader = Reader::new(&value);
        let node = Node::new(&value, &["p"]);
        assert_eq!((reader.duration(&node, "wait"), reader.texts(&node, "list")), (None, Vec::new()));
        assert_eq!(reader.open[0], "p.wait is `${file:/etc/wait}`, which only the collector can follow");
        assert_eq!((reader.open.len(), reader.mistakes.len()), (2, 0));
    }
}
