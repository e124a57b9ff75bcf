//! One change: the text that asked for it, the field, and where in the text the value stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::endpoint::NamedEndpoint;
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
    /// The value is the endpoint that a variable names.
    Endpoint {
        /// The field.
        path: FieldPath,
        /// Where the value stands.
        value_at: usize,
        /// The value.
        endpoint: NamedEndpoint,
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

    fn endpoint(name: &str, shown: &str, endpoint: NamedEndpoint) -> Self {
        let path = FieldPath::keys("target.external.endpoint");
        let change = Change::Endpoint { path, value_at: name.len() + 1, endpoint };
        Self::new(name, format!("{name}={shown}"), Origin::Environment, Ok(change))
    }

    /// The field that it sets, if it sets just one.
    pub(super) fn field(&self) -> Option<&FieldPath> {
        match &self.change {
            Ok(Change::Literal { path, .. } | Change::Yaml { path, .. } | Change::Endpoint { path, .. }) => Some(path),
            Ok(Change::Variable { path, .. }) => path.as_ref(),
            Ok(Change::Plant { .. } | Change::Target { .. }) | Err(_) => None,
        }
    }
}

/// How a variable's value reads in a scenario, or what is wrong with it.
type Translate = fn(&str) -> Result<String, ValueError>;

/// The variables of OpenTelemetry's exporters, besides the endpoint, that a scenario has a field for.
const VARIABLES: [(&str, &str, Translate); 3] = [
    ("PROTOCOL", "traffic.transport.protocol", protocol),
    ("COMPRESSION", "traffic.transport.compression", compression),
    ("TIMEOUT", "traffic.client.timeout", milliseconds),
];

/// The endpoint of traces alone.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

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
        Ok(0) => {
            let hint = "give the longest that a request may take, such as `600000` for ten minutes";
            Err(ValueError::new(0, "`0` asks for no limit, and here every request has one", hint))
        }
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

/// What a person may see of a value: what stands before an `@` is a user name and a password.
fn shown(value: &str) -> &str {
    if value.contains('@') { "..." } else { value }
}

/// In the order in which they are written into a document: the endpoint last, since its path depends on the protocol.
pub(super) fn from_environment(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    let set = |word: &str| {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{word}"), format!("OTEL_EXPORTER_OTLP_{word}")];
        names.into_iter().find_map(|name| variables.get_key_value(&name).filter(|(_, value)| !value.is_empty()))
    };
    let assignment = |(word, path, translate): (&str, &str, Translate)| {
        let (name, value) = set(word)?;
        Some(Assignment::variable(name, Some(path), shown(value), translate(value)))
    };
    let of_tls = OF_TLS.into_iter().filter_map(|word| set(word).map(|(name, _)| refused(name)));
    let endpoint = set("ENDPOINT").map(|(name, value)| {
        let is_of_traces = name == TRACES_ENDPOINT;
        let named = if is_of_traces { NamedEndpoint::Traces } else { NamedEndpoint::Base };
        Assignment::endpoint(name, shown(value), named(value.clone()))
    });
    VARIABLES.into_iter().filter_map(assignment).chain(of_tls).chain(endpoint).collect()
}
