//! One YAML text to a tree: the only place that knows the YAML crate.

use super::{ConfigError, Source};
use serde_json::Value;

pub(super) fn parse(source: Source<'_>) -> Result<Value, ConfigError> {
    let value = parse_value(source.text).map_err(|error| {
        let location = error.location();
        ConfigError::Yaml {
            file: source.name.to_owned(),
            line: location.map(|place| place.line()),
            column: location.map(|place| place.column()),
            message: message(&error),
        }
    })?;
    let found = match value {
        Value::Object(_) => return Ok(value),
        // An empty file is an empty configuration to the collector.
        Value::Null => return Ok(Value::Object(serde_json::Map::new())),
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Bool(_) | Value::Number(_) => "a single value",
    };
    Err(ConfigError::NotAMap { file: source.name.to_owned(), found })
}

/// Any YAML value; `None` for what is not YAML.
pub(super) fn parse_any(text: &str) -> Option<Value> {
    parse_value(text).ok()
}

/// The value of a variable, which the collector reads as YAML too: `8192` is a number.
pub(super) fn parse_variable(text: &str) -> Value {
    parse_value(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn parse_value(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        // The collector's parser reads `yes` as a text and `042` as 34.
        strict_booleans: true,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// The parser's sentence without its place, which we give ourselves, on one line and without control characters.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("not valid YAML");
    // Its advice about its own options is not for our users.
    let place_or_advice = [" at line ", ", set DuplicateKeyPolicy"];
    let end = place_or_advice.iter().filter_map(|words| line.find(words)).min();
    let sentence = &line[..end.unwrap_or(line.len())];
    sentence.trim_end_matches(':').trim().chars().filter(|char| !char.is_control()).collect()
}
