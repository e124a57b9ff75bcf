//! `${env:NAME}`, `${NAME}` and `${env:NAME:-default}` in values, as the collector expands them: nested, repeatedly, with the
//! value read as YAML where the reference is the whole text. `$$` is a dollar sign.

use super::ConfigError;
use super::yaml::parse_variable;
use serde_json::Value;
use std::collections::BTreeMap;

/// References inside values of references are followed this deep; the collector has a limit as well.
const DEPTH_MAX: u32 = 20;

/// A text that grows beyond this by expansion is a bomb.
const TEXT_MAX: usize = 1 << 20;

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
            Value::String(text) => self.text(&text, 0),
            other => other,
        }
    }

    fn below(&mut self, step: String, value: Value) -> Value {
        self.path.push(step);
        let value = self.value(value);
        self.path.pop();
        value
    }

    /// A whole value: its type is the variable's if it is nothing but one reference.
    fn text(&mut self, text: &str, depth: u32) -> Value {
        if let Some(inner) = only_reference(text) {
            return self.reference(inner, depth);
        }
        Value::String(self.joined(text, depth))
    }

    /// A text with references inside it: values are joined as they are written.
    fn joined(&mut self, text: &str, depth: u32) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((inner, after)) = reference_at(rest) {
                out.push_str(&self.raw(inner, depth));
                rest = after;
            } else {
                out.push('$');
            }
            if out.len() > TEXT_MAX {
                self.error(text, "it grows beyond 1 MiB");
                return out;
            }
        }
        out.push_str(rest);
        out
    }

    fn reference(&mut self, inner: &str, depth: u32) -> Value {
        match self.lookup(inner, depth) {
            Found::Text(text) if text.contains('$') => self.text(&text, depth + 1),
            Found::Text(text) => parse_variable(&text),
            Found::Nothing => Value::Null,
            Found::Unknown(text) => Value::String(text),
        }
    }

    fn raw(&mut self, inner: &str, depth: u32) -> String {
        match self.lookup(inner, depth) {
            Found::Text(text) if text.contains('$') => self.joined(&text, depth + 1),
            Found::Text(text) | Found::Unknown(text) => text,
            Found::Nothing => String::new(),
        }
    }

    fn lookup(&mut self, inner: &str, depth: u32) -> Found {
        let whole = format!("${{{inner}}}");
        if depth >= DEPTH_MAX {
            self.error(&whole, "it refers to itself, or 20 levels deep");
            return Found::Unknown(whole);
        }
        let inner = self.joined(inner, depth + 1);
        let (name, default) = match inner.split_once(':') {
            None => (inner.as_str(), None),
            Some(("env", rest)) => match rest.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (rest, None),
            },
            Some(_) => {
                push_once(&mut self.unresolved, &whole);
                return Found::Unknown(whole);
            }
        };
        if !is_variable_name(name) {
            self.error(&whole, "the name of a variable is letters, digits and _, and begins with no digit");
            return Found::Unknown(whole);
        }
        match self.env.get(name).map(String::as_str).or(default) {
            Some(text) => Found::Text(text.to_owned()),
            None => {
                push_once(&mut self.missing, name);
                Found::Nothing
            }
        }
    }

    fn error(&mut self, reference: &str, problem: &'static str) {
        let reference = reference.chars().take(200).collect();
        let error = ConfigError::Reference { reference, path: self.path.join("."), problem };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

enum Found {
    Text(String),
    Nothing,
    /// Only the collector can tell; the reference as written.
    Unknown(String),
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

fn only_reference(text: &str) -> Option<&str> {
    let (inner, after) = reference_at(text.strip_prefix('$')?)?;
    after.is_empty().then_some(inner)
}

/// Splits `{inner}rest` at its closing brace, inner references counted.
fn reference_at(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix('{')?;
    let mut depth = 0_u32;
    for (position, byte) in body.bytes().enumerate() {
        match byte {
            b'{' if body[..position].ends_with('$') => depth += 1,
            b'}' if depth == 0 => return Some((&body[..position], &body[position + 1..])),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
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
        expand `${env:LOOP}` in c: it refers to itself, or 20 levels deep
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
