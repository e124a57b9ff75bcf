//! `${env:NAME}`, `${NAME}` and `${env:NAME:-default}` in values, expanded as the collector expands them.
//!
//! The collector's way, oddities included (each checked with `otelcol print-config` 0.155): the first `}` closes the last
//! `${` before it; that reference is replaced wherever the text has it; and so on, until there is none, or the next one is
//! escaped (`$${...}`), which ends the expansion of the whole text. A text that is nothing but one reference takes the type
//! of its value read as YAML. Last, `$$` becomes `$`.

use super::ConfigError;
use super::yaml::parse_variable;
use serde_json::Value;
use std::collections::BTreeMap;

/// References are followed this often in one value; the collector's limit too.
const ROUNDS_MAX: u32 = 100;

/// A text that grows beyond this by expansion is a bomb.
const TEXT_MAX: usize = 1 << 20;

/// Stands for the `$` of a reference that only the collector can follow. No configuration holds it: YAML forbids NUL.
const KEPT: char = '\0';

pub(super) struct Expanded {
    pub(super) value: Value,
    pub(super) missing: Vec<String>,
    pub(super) unresolved: Vec<String>,
    pub(super) errors: Vec<ConfigError>,
}

pub(super) fn expand(value: Value, env: &BTreeMap<String, String>) -> Expanded {
    let mut expander =
        Expander { env, missing: Vec::new(), unresolved: Vec::new(), errors: Vec::new(), path: Vec::new() };
    let value = expander.value(value);
    Expanded { value, missing: expander.missing, unresolved: expander.unresolved, errors: expander.errors }
}

struct Expander<'env> {
    env: &'env BTreeMap<String, String>,
    missing: Vec<String>,
    unresolved: Vec<String>,
    errors: Vec<ConfigError>,
    path: Vec<String>,
}

impl Expander<'_> {
    fn value(&mut self, value: Value) -> Value {
        match value {
            Value::Object(map) => map.into_iter().map(|(key, value)| (key.clone(), self.below(key, value))).collect(),
            Value::Array(list) => {
                list.into_iter().enumerate().map(|(index, value)| self.below(index.to_string(), value)).collect()
            }
            Value::String(text) => self.text(text, ROUNDS_MAX),
            other => other,
        }
    }

    fn below(&mut self, step: String, value: Value) -> Value {
        self.path.push(step);
        let value = self.value(value);
        self.path.pop();
        value
    }

    fn text(&mut self, mut text: String, mut rounds: u32) -> Value {
        while let Some(reference) = next_reference(&text).map(str::to_owned) {
            if rounds == 0 || text.len() > TEXT_MAX {
                self.error(&reference, "it refers to itself, or grows beyond 1 MiB");
                break;
            }
            rounds -= 1;
            let found = self.lookup(&reference);
            if reference != text {
                text = text.replace(&reference, &found.unwrap_or_default());
                continue;
            }
            match parse_variable(&found.unwrap_or_default()) {
                Value::String(value) => text = value,
                Value::Null => return Value::Null,
                other => return self.nested(other, rounds),
            }
        }
        Value::String(text.replace("$$", "$").replace(KEPT, "$"))
    }

    /// A list or map out of a variable may hold references in turn.
    fn nested(&mut self, value: Value, rounds: u32) -> Value {
        match value {
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, self.nested(value, rounds))).collect(),
            Value::Array(list) => list.into_iter().map(|value| self.nested(value, rounds)).collect(),
            Value::String(text) => self.text(text, rounds),
            other => other,
        }
    }

    /// The text that stands for a reference; `None` for a variable that is missing.
    fn lookup(&mut self, reference: &str) -> Option<String> {
        let inner = &reference[2..reference.len() - 1];
        let (name, default) = match inner.split_once(':') {
            None => (inner, None),
            Some(("env", rest)) => match rest.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (rest, None),
            },
            Some(_) => {
                push_once(&mut self.unresolved, reference);
                return Some(format!("{KEPT}{{{inner}}}"));
            }
        };
        if !is_variable_name(name) {
            self.error(reference, "the name of a variable is letters, digits and _, and begins with no digit");
            return None;
        }
        let value = self.env.get(name).map(String::as_str).or(default);
        if value.is_none() {
            push_once(&mut self.missing, name);
        }
        value.map(|value| value.replace(KEPT, ""))
    }

    fn error(&mut self, reference: &str, problem: &'static str) {
        let reference = reference.chars().take(200).collect();
        let error = ConfigError::Reference { reference, path: self.path.join("."), problem };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

fn push_once(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The reference, `${` and `}` included, that is to be expanded next; `None` when there is none, or it is escaped.
fn next_reference(text: &str) -> Option<&str> {
    let mut start = 0;
    loop {
        let close = start + text[start..].find('}')?;
        if let Some(open) = text[start..close].rfind("${").map(|open| start + open) {
            let dollars = text[start..open].bytes().rev().take_while(|&byte| byte == b'$').count();
            return dollars.is_multiple_of(2).then_some(&text[open..=close]);
        }
        start = close + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn env() -> BTreeMap<String, String> {
        [
            ("NUM", "42"),
            ("OCT", "042"),
            ("HOST", "h"),
            ("REC", "${env:NUM}"),
            ("LIST", "[a, b]"),
            ("LOOP", "x${env:LOOP}"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn expanded(text: &str) -> Value {
        expand(json!({ "k": text }), &env()).value["k"].clone()
    }

    /// The expected values are what `otelcol print-config` 0.155 shows for the same texts.
    #[test]
    fn values_are_what_the_collector_makes_of_them() {
        assert_eq!(expanded("${env:NUM}"), json!(42));
        assert_eq!(expanded("${NUM}"), json!(42));
        assert_eq!(expanded("${env:REC}"), json!(42));
        assert_eq!(expanded("${env:OCT}"), json!(34));
        assert_eq!(expanded("d${OCT}"), json!("d042"));
        assert_eq!(expanded("$NUM $ {x} ${env:N:-${env:OCT}}"), json!("$NUM $ {x} 042"));
        assert_eq!(expanded("$${env:NUM}"), json!("${env:NUM}"));
        assert_eq!(expanded("${env:MISSING}"), json!(null));
        assert_eq!(expanded("a${env:MISSING}b"), json!("ab"));
        assert_eq!(expanded("${env:NUM} $${env:X} $$ ${env:NUM}"), json!("42 ${env:X} $ 42"));
        assert_eq!(expanded("$${env:X} ${env:NUM} $$"), json!("${env:X} ${env:NUM} $"));
        assert_eq!(expanded("$$$${env:NUM}"), json!("$${env:NUM}"));
        assert_eq!(expanded("$$ ${env:NUM} $$${env:NUM} x"), json!("$ 42 $42 x"));
        assert_eq!(expanded("${env:Q:-{a}}"), json!("{a}"));
        assert_eq!(expanded("}${NUM}"), json!("}42"));
    }

    #[test]
    fn lists_defaults_and_neighbours_work() {
        assert_eq!(expanded("${env:LIST}"), json!(["a", "b"]));
        assert_eq!(expanded("${env:HOST}:${env:NUM}"), json!("h:42"));
        assert_eq!(expanded("${env:NONE:-a:-b}"), json!("a:-b"));
        assert_eq!(expanded("${env:NONE:-}"), json!(null));
        assert_eq!(expanded("${unclosed"), json!("${unclosed"));
    }

    #[test]
    fn missing_variables_are_named_once_and_foreign_schemes_stay() {
        let result = expand(json!({ "a": "${X}${X}", "b": ["${env:Y}", "${file:/etc/x}"] }), &env());
        assert_eq!(result.missing, ["X", "Y"]);
        assert_eq!(result.unresolved, ["${file:/etc/x}"]);
        assert_eq!(result.value["b"][1], json!("${file:/etc/x}"));
    }

    #[test]
    fn bad_names_and_circles_are_errors_with_their_path() {
        let result = expand(json!({ "a": { "b": ["${env:A-B}"] }, "c": "${env:LOOP}" }), &env());
        let errors: Vec<_> = result.errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        expand `${env:A-B}` in a.b.0: the name of a variable is letters, digits and _, and begins with no digit
        expand `${env:LOOP}` in c: it refers to itself, or grows beyond 1 MiB
        ");
    }

    proptest! {
        /// Whatever a text and its variables hold, expansion ends and a text without `$` is untouched.
        #[test]
        fn any_text_expands_to_something(text in "[${}a-c:-]{0,40}", value in "[${}a-c:-]{0,20}") {
            let env = BTreeMap::from([("a".to_owned(), value.clone()), ("b".to_owned(), "${a}${a}".to_owned())]);
            let result = expand(json!(text.clone()), &env);
            prop_assert!(text.contains('$') || result.value == json!(text));
        }
    }
}
