//! One change: the text that asked for it, the field, and where in the text the value stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{FieldPath, Origin, Text, shortened};
use crate::units::ValueError;

/// The flag that sets any field.
pub(super) const SET: &str = "--set";

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
    /// The value is that of a variable, which reads otherwise in a scenario.
    Variable {
        /// The field; none for what no scenario can have.
        path: Option<FieldPath>,
        /// Where the value stands.
        value_at: usize,
        /// The value in a scenario's words, or what is wrong with it.
        value: Result<String, ValueError>,
    },
    /// The value is one more planted defect.
    Plant {
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
        Self::new(SET, format!("{PREFIX}{assignment}"), Origin::Flag, change)
    }

    pub(super) fn flag(flag: &str, path: &str, value: &str) -> Self {
        let change = Change::Literal { path: FieldPath::keys(path), value_at: flag.len() + 1 };
        Self::new(flag, format!("{flag} {value}"), Origin::Flag, Ok(change))
    }

    pub(super) fn target(target: &str) -> Self {
        const FLAG: &str = "--target";
        Self::new(FLAG, format!("{FLAG} {target}"), Origin::Flag, Ok(Change::Target { value_at: FLAG.len() + 1 }))
    }

    pub(super) fn plant(defect: &str) -> Self {
        const FLAG: &str = "--plant";
        Self::new(FLAG, format!("{FLAG} {defect}"), Origin::Flag, Ok(Change::Plant { value_at: FLAG.len() + 1 }))
    }

    /// `shown` is what the person wrote, if that may be repeated; `value` what it means.
    fn variable(name: &str, path: Option<&str>, shown: &str, value: Result<String, ValueError>) -> Self {
        let value_at = name.len() + 1;
        let value = value.map_err(|error| error.shifted(value_at));
        let change = Change::Variable { path: path.map(FieldPath::keys), value_at, value };
        Self::new(name, format!("{name}={shown}"), Origin::Environment, Ok(change))
    }

    /// The field that it sets, if it sets just one.
    pub(super) fn field(&self) -> Option<&FieldPath> {
        match &self.change {
            Ok(Change::Literal { path, .. } | Change::Yaml { path, .. }) => Some(path),
            Ok(Change::Variable { path, .. }) => path.as_ref(),
            Ok(Change::Plant { .. } | Change::Target { .. }) | Err(_) => None,
        }
    }
}

/// How a variable's value reads in a scenario, or what is wrong with it.
type Translate = fn(&str) -> Result<String, ValueError>;

/// The variables of OpenTelemetry's exporters that a scenario has a field for.
const VARIABLES: [(&str, &str, Translate); 4] = [
    ("ENDPOINT", "target.external.endpoint", |value| Ok(value.to_owned())),
    ("PROTOCOL", "traffic.transport.protocol", protocol),
    ("COMPRESSION", "traffic.transport.compression", compression),
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

fn protocol(value: &str) -> Result<String, ValueError> {
    match value {
        "grpc" | "http" => Ok(value.to_owned()),
        "http/protobuf" => Ok("http".to_owned()),
        _ => Err(not_among("protocol", value, "`grpc` or `http/protobuf`")),
    }
}

fn compression(value: &str) -> Result<String, ValueError> {
    match value {
        "gzip" | "none" => Ok(value.to_owned()),
        _ => Err(not_among("compression", value, "`gzip` or `none`")),
    }
}

fn not_among(what: &str, value: &str, possible: &str) -> ValueError {
    let message = format!("the {what} `{}` is not possible here", shortened(value));
    ValueError::new(0, message, format!("give {possible}"))
}

fn milliseconds(value: &str) -> Result<String, ValueError> {
    match value.trim().parse::<u64>() {
        Ok(number) => Ok(format!("{number}ms")),
        Err(_) => {
            let message = format!("`{}` is no number of milliseconds", shortened(value));
            Err(ValueError::new(0, message, "give a whole number, such as `10000` for ten seconds"))
        }
    }
}

/// What asks for TLS and cannot be had. To pass over it would send in the clear what was meant to be encrypted.
const OF_TLS: [&str; 3] = ["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"];

fn refused(name: &str) -> Assignment {
    let message = "certificates and keys are for TLS, which this version does not speak: it sends in the clear";
    let hint = format!("unset {name} if that is what you want, as in `env -u {name} spanproof ...`");
    // Shown without its value, which may be the key itself.
    Assignment::variable(name, None, "...", Err(ValueError::new(0, message, hint)))
}

pub(super) fn from_environment(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    let set = |word: &str| {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{word}"), format!("OTEL_EXPORTER_OTLP_{word}")];
        names.into_iter().find(|name| variables.get(name).is_some_and(|value| !value.is_empty()))
    };
    let assignment = |(word, path, translate): (&str, &str, Translate)| {
        let name = set(word)?;
        let written = variables.get(&name)?;
        let value = match name == GENERAL_ENDPOINT {
            true => Ok(endpoint_of_traces(written, variables)),
            false => translate(written),
        };
        // What stands before an `@` is a user name and a password.
        let shown = if written.contains('@') { "..." } else { written };
        Some(Assignment::variable(&name, Some(path), shown, value))
    };
    let of_tls = OF_TLS.into_iter().filter_map(|word| set(word).map(|name| refused(&name)));
    VARIABLES.into_iter().filter_map(assignment).chain(of_tls).collect()
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
