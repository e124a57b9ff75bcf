//! Headers for requests, from environment variables only: values are secrets and never stand on a command line.

use http::{HeaderName, HeaderValue};
use spanproof_scenarios::problem::Problem;
use std::collections::BTreeMap;
use std::env::VarError;

/// A header that cannot be sent. The message never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    /// The variable that a header is to come from is not set.
    #[error("header `{header}`: environment variable `{variable}` is not set")]
    Unset {
        /// The header.
        header: String,
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
    pub(crate) fn problem(&self) -> Problem {
        let (Self::Unset { variable, .. } | Self::Invalid { variable, .. }) = self;
        let hint = match self {
            Self::Unset { .. } => "set it, or remove the header from `traffic.transport.headers_env`",
            Self::Invalid { .. } => "give a name of letters, digits and dashes, and a value of printable characters",
        };
        Problem::of_variable(variable, self.to_string(), hint)
    }
}

/// Headers whose values stand in environment variables.
pub(crate) fn from_variables(
    headers: &BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, HeaderError> {
    headers
        .iter()
        .map(|(header, variable)| {
            let value = std::env::var(variable).map_err(|error| match error {
                VarError::NotPresent => HeaderError::Unset { header: header.clone(), variable: variable.clone() },
                VarError::NotUnicode(_) => HeaderError::Invalid { header: header.clone(), variable: variable.clone() },
            })?;
            parse(header, &value, variable)
        })
        .collect()
}

/// Headers in the form of `OTEL_EXPORTER_OTLP_HEADERS`: `key=value,key=value`, values percent-encoded.
pub(crate) fn from_otel_environment() -> Result<Vec<(HeaderName, HeaderValue)>, HeaderError> {
    let variable = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|text| !text.trim().is_empty()).map(|text| (name, text)));
    let Some((name, text)) = variable else { return Ok(Vec::new()) };
    text.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (header, value) = pair.split_once('=').unwrap_or((pair, ""));
            parse(header.trim(), &percent_decoded(value.trim()), name)
        })
        .collect()
}

fn parse(header: &str, value: &str, variable: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
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
    fn a_value_that_http_forbids_is_refused_without_being_shown() {
        let error = parse("authorization", "secret\n", "TOKEN").unwrap_err().to_string();
        assert!(error.contains("authorization") && !error.contains("secret"));
    }
}
