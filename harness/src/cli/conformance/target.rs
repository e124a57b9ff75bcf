//! What is said of a target on the command line.

use crate::conformance::profile::Profile;
use crate::conformance::raw::Fields;
use crate::wire::client::{Endpoint, EndpointError};
use clap::Args;
use spanproof_scenarios::conformance::{Feature, Version};
use std::net::{SocketAddr, ToSocketAddrs};

/// Where a target listens and what it offers.
#[derive(Debug, Args)]
pub(super) struct TargetArguments {
    /// Where it takes OTLP/gRPC, e.g. http://127.0.0.1:4317
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Where it takes OTLP/HTTP, e.g. http://127.0.0.1:4318
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// What it does not have, e.g. metrics,logs: cases about it are not applicable
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    lacks: Vec<String>,
    /// What it has besides gRPC, HTTP, JSON, traces, metrics and logs, e.g. profiles,cors
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    has: Vec<String>,
    /// The largest request that it takes over gRPC, in bytes
    #[arg(long, value_name = "BYTES")]
    limit_grpc: Option<usize>,
    /// The largest request that it takes over HTTP, in bytes
    #[arg(long, value_name = "BYTES")]
    limit_http: Option<usize>,
    /// A header that every request needs, with the environment variable that has its value, e.g. authorization=TOKEN
    #[arg(long, value_name = "NAME=VARIABLE")]
    header_env: Vec<String>,
    /// The release of OTLP to judge by
    #[arg(long, value_name = "VERSION", default_value = "1.11.0")]
    spec: String,
}

/// What was typed about a target is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error("say where the target listens: --endpoint URL for OTLP/gRPC, --http URL for OTLP/HTTP, or both")]
    Nowhere,
    #[error("{flag}: {source}")]
    Endpoint {
        flag: &'static str,
        #[source]
        source: EndpointError,
    },
    #[error("{0}: TLS is not spoken here yet; give the address that is behind it")]
    Tls(&'static str),
    #[error("{flag}: it has a path; the suite asks at the paths that OTLP has, so leave it out")]
    Path { flag: &'static str },
    #[error("{flag} {host}: {reason}")]
    Unresolved { flag: &'static str, host: String, reason: String },
    #[error("{flag} {word}: there is no such feature; known are {}", Feature::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "))]
    Feature { flag: &'static str, word: String },
    #[error("--spec {0}: it is no release of OTLP; write it like 1.10 or 1.11.0")]
    Version(String),
    #[error("--header-env {0}: write it like authorization=VARIABLE, with the name of a variable that is set")]
    Header(String),
}

impl TargetArguments {
    /// The profile.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub(super) fn profile(&self) -> Result<Profile, TargetError> {
        let grpc = self.endpoint.as_deref().map(|url| address("--endpoint", url)).transpose()?;
        let http = self.http.as_deref().map(|url| address("--http", url)).transpose()?;
        if grpc.is_none() && http.is_none() {
            return Err(TargetError::Nowhere);
        }
        let mut profile = Profile::usual(grpc, http);
        profile.features.extend(features("--has", &self.has)?);
        profile = profile.without(&features("--lacks", &self.lacks)?);
        (profile.grpc_bytes_max, profile.http_bytes_max) = (self.limit_grpc, self.limit_http);
        profile.specification = Version::read(&self.spec).ok_or_else(|| TargetError::Version(self.spec.clone()))?;
        profile.headers = headers(&self.header_env)?;
        if !profile.headers.is_empty() {
            profile.features.insert(Feature::Auth);
        }
        Ok(profile)
    }
}

fn address(flag: &'static str, url: &str) -> Result<SocketAddr, TargetError> {
    let endpoint: Endpoint = url.parse().map_err(|source| TargetError::Endpoint { flag, source })?;
    if endpoint.is_https() {
        return Err(TargetError::Tls(flag));
    }
    if endpoint.path().is_some_and(|path| path != "/") {
        return Err(TargetError::Path { flag });
    }
    let unresolved = |reason: String| TargetError::Unresolved { flag, host: endpoint.authority(), reason };
    let mut addresses =
        (endpoint.host(), endpoint.port()).to_socket_addrs().map_err(|error| unresolved(error.to_string()))?;
    addresses.next().ok_or_else(|| unresolved("it has no address".to_owned()))
}

fn features(flag: &'static str, words: &[String]) -> Result<Vec<Feature>, TargetError> {
    let feature =
        |word: &String| Feature::find(word.trim()).ok_or_else(|| TargetError::Feature { flag, word: word.clone() });
    words.iter().map(feature).collect()
}

/// Values are secrets, so they never stand on a command line nor in a message.
fn headers(typed: &[String]) -> Result<Fields, TargetError> {
    let header = |typed: &String| {
        let (name, variable) = typed.split_once('=')?;
        let value = std::env::var(variable).ok()?;
        let is_line = value.chars().all(|character| !character.is_control());
        (!name.is_empty() && is_line).then(|| (name.to_ascii_lowercase(), value))
    };
    typed.iter().map(|typed| header(typed).ok_or_else(|| TargetError::Header(typed.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> TargetArguments {
        TargetArguments {
            endpoint: Some("http://127.0.0.1:4317".to_owned()),
            http: None,
            lacks: vec!["logs".to_owned()],
            has: vec!["profiles".to_owned()],
            limit_grpc: Some(7),
            limit_http: None,
            header_env: Vec::new(),
            spec: "1.10".to_owned(),
        }
    }

    #[test]
    fn what_is_typed_becomes_a_profile() {
        let profile = typed().profile().unwrap();
        assert_eq!((profile.grpc, profile.http), ("127.0.0.1:4317".parse().ok(), None));
        assert!(profile.has(Feature::Profiles) && !profile.has(Feature::Logs) && !profile.has(Feature::Http));
        assert_eq!((profile.grpc_bytes_max, profile.specification.to_string()), (Some(7), "1.10.0".to_owned()));
    }

    #[test]
    fn what_is_of_no_use_is_told() {
        let error = |change: fn(&mut TargetArguments)| {
            let mut arguments = typed();
            change(&mut arguments);
            arguments.profile().unwrap_err().to_string()
        };
        assert!(error(|typed| typed.endpoint = None).contains("--endpoint URL"));
        assert!(error(|typed| typed.endpoint = Some("https://127.0.0.1:1".to_owned())).contains("TLS"));
        assert!(error(|typed| typed.http = Some("http://127.0.0.1:1/v1/traces".to_owned())).contains("path"));
        assert!(error(|typed| typed.endpoint = Some("127.0.0.1".to_owned())).contains("--endpoint"));
        assert!(error(|typed| typed.lacks = vec!["luck".to_owned()]).contains("known are grpc"));
        assert!(error(|typed| typed.spec = "new".to_owned()).contains("1.11.0"));
        assert!(error(|typed| typed.header_env = vec!["a=SPANPROOF_NO_SUCH_VARIABLE".to_owned()]).contains("set"));
    }
}
