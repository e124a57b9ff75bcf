//! Headers for requests, from environment variables only: values are secrets and never stand on a command line.

use http::{HeaderName, HeaderValue};
use spanproof_scenarios::problem::{Problem, Problems};
use spanproof_scenarios::scenario::{Scenario, Target};
use std::collections::BTreeMap;
use std::env::VarError;

/// A header that cannot be sent. The message never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum HeaderError {
    /// The variable that a header is to come from is not set.
    #[error("header `{header}`: environment variable `{variable}` is not set")]
    Unset {
        /// The header.
        header: String,
        /// The variable.
        variable: String,
    },
    /// An entry that is no pair. It is not shown: it may be the rest of a secret with a comma in it.
    #[error("entry {number} of `{variable}` is not `key=value`")]
    NoPair {
        /// Which, from 1.
        number: usize,
        /// The variable.
        variable: String,
    },
    /// A name or value that HTTP does not allow.
    #[error("header `{header}` (from `{variable}`): its name or value holds characters that HTTP headers cannot")]
    Invalid {
        /// The header.
        header: String,
        /// The variable.
        variable: String,
    },
}

impl HeaderError {
    /// As a problem of the variable.
    fn problem(&self) -> Problem {
        let (Self::Unset { variable, .. } | Self::NoPair { variable, .. } | Self::Invalid { variable, .. }) = self;
        let hint = match self {
            Self::Unset { .. } => "set it, or remove the header from `traffic.transport.headers_env`",
            Self::NoPair { .. } => "write `key=value,key=value`, with `%2C` for a comma in a value",
            Self::Invalid { .. } => "give a name of letters, digits and dashes, and a value of printable characters",
        };
        Problem::of_variable(variable, self.to_string(), hint)
    }
}

/// A header with its value, which is secret.
pub(crate) type Header = (HeaderName, HeaderValue);

/// A scenario with the headers that it is sent with; or all that is wrong with either, and with whatever else was typed.
pub(crate) fn added(
    scenario: Result<Scenario, Problems>,
    mut others: Vec<Problem>,
) -> Result<(Scenario, Vec<Header>), Problems> {
    let mut headers = Vec::new();
    match scenario.as_ref().map(of_scenario) {
        Ok(Ok(found)) => headers = found,
        Ok(Err(problems)) => others.extend(problems),
        Err(_) => {}
    }
    Problems::with(scenario, others).map(|scenario| (scenario, headers))
}

/// The headers that a scenario's requests are sent with, or all that is wrong with them. Only for an external target do the
/// variables of OpenTelemetry's exporters count, and only where the scenario does not have the same header.
fn of_scenario(scenario: &Scenario) -> Result<Vec<Header>, Vec<Problem>> {
    let mut found = from_variables(&scenario.traffic.transport.headers_env);
    if let Target::External(_) = scenario.target {
        let known: Vec<_> = found.iter().flatten().map(|(name, _)| name.clone()).collect();
        let is_new = |header: &Result<Header, _>| header.as_ref().map_or(true, |(name, _)| !known.contains(name));
        found.extend(from_otel_environment().into_iter().filter(is_new));
    }
    let (good, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
    let problems: Vec<_> = bad.into_iter().filter_map(Result::err).map(|error| error.problem()).collect();
    if problems.is_empty() { Ok(good.into_iter().flatten().collect()) } else { Err(problems) }
}

/// Headers whose values stand in environment variables.
fn from_variables(headers: &BTreeMap<String, String>) -> Vec<Result<Header, HeaderError>> {
    let read = |(header, variable): (&String, &String)| {
        let value = std::env::var(variable).map_err(|error| match error {
            VarError::NotPresent => HeaderError::Unset { header: header.clone(), variable: variable.clone() },
            VarError::NotUnicode(_) => HeaderError::Invalid { header: header.clone(), variable: variable.clone() },
        })?;
        parse(header, &value, variable)
    };
    headers.iter().map(read).collect()
}

/// Headers in the form of `OTEL_EXPORTER_OTLP_HEADERS`: `key=value,key=value`, values percent-encoded.
fn from_otel_environment() -> Vec<Result<Header, HeaderError>> {
    let variable = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|text| !text.trim().is_empty()).map(|text| (name, text)));
    let Some((name, text)) = variable else { return Vec::new() };
    from_list(&text, name)
}

fn from_list(text: &str, variable: &str) -> Vec<Result<Header, HeaderError>> {
    let read = |(index, pair): (usize, &str)| {
        let no_pair = || HeaderError::NoPair { number: index + 1, variable: variable.to_owned() };
        let (header, value) = pair.split_once('=').ok_or_else(no_pair)?;
        parse(header.trim(), &percent_decoded(value.trim()), variable)
    };
    text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty()).map(read).collect()
}

fn parse(header: &str, value: &str, variable: &str) -> Result<Header, HeaderError> {
    let invalid = || HeaderError::Invalid { header: header.to_owned(), variable: variable.to_owned() };
    let name = header.to_ascii_lowercase().parse().map_err(|_| invalid())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Undoes `%41`; what is no such pair stays as it is.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_pairs_are_decoded_and_stray_signs_stay() {
        assert_eq!(percent_decoded("Bearer%20a%zz%"), "Bearer a%zz%");
    }

    #[test]
    fn an_entry_that_is_no_pair_is_refused_without_being_shown() {
        let read = from_list("a=b,s3cret,,c=", "HEADERS");
        let error = read[1].as_ref().unwrap_err().to_string();
        assert_eq!(error, "entry 2 of `HEADERS` is not `key=value`");
        assert!(read.len() == 3 && read[0].is_ok() && read[2].is_ok(), "{read:?}");
    }

    #[test]
    fn a_value_that_http_forbids_is_refused_without_being_shown() {
        let error = parse("authorization", "secret\n", "TOKEN").unwrap_err().to_string();
        assert!(error.contains("authorization") && !error.contains("secret"));
    }
}
