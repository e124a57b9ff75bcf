//! One change: the text that asked for it, the field, and where in the text the value stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{FieldPath, Origin, Text};
use crate::units::ValueError;

/// A field to be set from a flag or a variable.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    /// What is shown to the person, `--rate 5000`, as a text of the document.
    pub(super) text: Text,
    /// What to set, or why the flag cannot be understood.
    pub(super) change: Result<Change, ValueError>,
}

/// What to set, and from which byte of the text on its value stands.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The value is YAML.
    Yaml {
        /// The field.
        path: FieldPath,
        /// Where the value stands.
        value_at: usize,
    },
    /// The value is text as it is.
    Literal {
        /// The field.
        path: FieldPath,
        /// Where the value stands.
        value_at: usize,
    },
    /// The value is a kind of target, and perhaps its main setting behind a colon.
    Target {
        /// Where the value stands.
        value_at: usize,
    },
}

impl Assignment {
    fn new(flag: &str, shown: String, origin: Origin, change: Result<Change, ValueError>) -> Self {
        Self { text: Text { name: flag.to_owned(), text: Arc::from(shown), origin }, change }
    }

    pub(super) fn set(assignment: &str) -> Self {
        const PREFIX: &str = "--set ";
        let change = match assignment.split_once('=') {
            None => {
                let hint = "write `--set path=value`, such as `--set traffic.batch.spans=1024`";
                Err(ValueError::new(PREFIX.len(), "there is no `=`", hint))
            }
            Some((path, _)) => {
                let value_at = PREFIX.len() + path.len() + 1;
                let path = path.trim().parse().map_err(|error: ValueError| error.shifted(PREFIX.len()));
                path.map(|path| Change::Yaml { path, value_at })
            }
        };
        Self::new("--set", format!("{PREFIX}{assignment}"), Origin::Flag, change)
    }

    pub(super) fn flag(flag: &str, path: &str, value: &str) -> Self {
        let change = Change::Literal { path: FieldPath::keys(path), value_at: flag.len() + 1 };
        Self::new(flag, format!("{flag} {value}"), Origin::Flag, Ok(change))
    }

    pub(super) fn target(target: &str) -> Self {
        const FLAG: &str = "--target";
        Self::new(FLAG, format!("{FLAG} {target}"), Origin::Flag, Ok(Change::Target { value_at: FLAG.len() + 1 }))
    }

    fn variable(name: &str, path: &str, value: &str) -> Self {
        let change = Change::Literal { path: FieldPath::keys(path), value_at: name.len() + 1 };
        Self::new(name, format!("{name}={value}"), Origin::Environment, Ok(change))
    }
}

/// How a variable's value reads in a scenario.
type Translate = fn(&str) -> String;

/// The variables of OpenTelemetry's exporters that a scenario has a field for.
const VARIABLES: [(&str, &str, Translate); 4] = [
    ("ENDPOINT", "target.external.endpoint", str::to_owned),
    ("PROTOCOL", "traffic.transport.protocol", protocol),
    ("COMPRESSION", "traffic.transport.compression", str::to_owned),
    ("TIMEOUT", "traffic.client.timeout", milliseconds),
];

/// The endpoint of all signals: over HTTP it is a base, and each signal has a path of its own below it.
const GENERAL_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where traces go below a base endpoint. Without a path of its own the client knows the path itself.
fn endpoint_of_traces(base: &str, variables: &BTreeMap<String, String>) -> String {
    let base = base.trim_end_matches('/');
    let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let protocol = protocols.iter().filter_map(|name| variables.get(*name)).find(|value| !value.is_empty());
    let has_path = base.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let is_http = protocol.is_some_and(|protocol| protocol.starts_with("http"));
    if has_path && is_http { format!("{base}/v1/traces") } else { base.to_owned() }
}

fn protocol(value: &str) -> String {
    if value == "http/protobuf" { "http".to_owned() } else { value.to_owned() }
}

fn milliseconds(value: &str) -> String {
    format!("{value}ms")
}

pub(super) fn from_environment(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    let assignment = |(word, path, translate): (&str, &str, Translate)| {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{word}"), format!("OTEL_EXPORTER_OTLP_{word}")];
        let name = names.iter().find(|name| variables.get(*name).is_some_and(|value| !value.is_empty()))?;
        let value = translate(variables.get(name)?);
        let value = if *name == GENERAL_ENDPOINT { endpoint_of_traces(&value, variables) } else { value };
        Some(Assignment::variable(name, path, &value))
    };
    VARIABLES.into_iter().filter_map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_http_the_general_endpoint_is_a_base() {
        let endpoint = |base: &str, protocol: &str| {
            let variables = BTreeMap::from([("OTEL_EXPORTER_OTLP_PROTOCOL".to_owned(), protocol.to_owned())]);
            endpoint_of_traces(base, &variables)
        };
        assert_eq!(endpoint("http://h:4318", "http/protobuf"), "http://h:4318");
        assert_eq!(endpoint("http://h:4318/", "http/protobuf"), "http://h:4318");
        assert_eq!(endpoint("http://h:4318/otlp/", "http/protobuf"), "http://h:4318/otlp/v1/traces");
        assert_eq!(endpoint("http://h:4317/otlp", "grpc"), "http://h:4317/otlp");
    }
}
