//! The address of a target: `http://host:port[/path]`.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use thiserror::Error;

/// Where requests go. A path is used as it stands; without one, OTLP's default for the signal is used over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    https: bool,
    host: String,
    port: u16,
    path: Option<String>,
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not a URI at all.
    #[error("read the endpoint {text:?}: {reason}; write it like http://127.0.0.1:4317")]
    Uri {
        /// The text.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// No `http://` or `https://` in front.
    #[error("read the endpoint {text:?}: it must start with http:// or https://")]
    Scheme {
        /// The text.
        text: String,
    },
    /// No port.
    #[error("read the endpoint {text:?}: it names no port (1 to 65535); OTLP/gRPC uses 4317, OTLP/HTTP 4318")]
    Port {
        /// The text.
        text: String,
    },
    /// A user name or password; the text is not repeated, since it may hold a secret.
    #[error("read the endpoint: it holds a user name or password; give credentials as a header")]
    Credentials,
    /// A query, which OTLP has no use for; the text is not repeated, since it may hold a secret.
    #[error("read the endpoint: it holds a query (?...); leave it out")]
    Query,
}

impl Endpoint {
    /// Host name or address, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, if one was given.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// True for `https://`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// `host:port`, as the `host` header and `:authority` want it.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// True when the host is `localhost` or an address of the loopback network. A name is not resolved.
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains('@') {
            return Err(EndpointError::Credentials);
        }
        if text.contains('?') {
            return Err(EndpointError::Query);
        }
        let owned = || text.to_owned();
        let uri: Uri =
            text.parse().map_err(|error| EndpointError::Uri { text: owned(), reason: format!("{error}") })?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(EndpointError::Scheme { text: owned() }),
        };
        let port = uri.port_u16().ok_or_else(|| EndpointError::Port { text: owned() })?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        // The parser makes "/" of an absent path; only the text tells them apart.
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let path = after_scheme.contains('/').then(|| uri.path().to_owned());
        Ok(Self { https, host, port, path })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_prints_as_it_was_written() {
        for text in ["http://127.0.0.1:4317", "http://[::1]:4318/v1/traces", "https://a.example:443/", "http://h:1/x/y"]
        {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_endpoint_says_what_to_change() {
        let texts = [
            "127.0.0.1:4317",
            "http://host",
            "http://u:secret@h:1",
            "http://h:1?key=secret",
            "",
            "http://h:99999",
            "ftp://h:1",
        ];
        let errors = texts.map(|text| format!("{text} -> {}", text.parse::<Endpoint>().unwrap_err()));
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn only_loopback_is_loopback() {
        let loopback = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        assert!(loopback("http://127.9.9.9:1") && loopback("http://[::1]:1") && loopback("http://LocalHost:1"));
        assert!(!loopback("http://10.0.0.1:1") && !loopback("http://localhost.example:1"));
    }
}
