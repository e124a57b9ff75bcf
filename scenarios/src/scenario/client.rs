//! How requests travel and how the sending side behaves.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::checker::{Checker, nonzero};
use crate::spec::{ClientSpec, Compression, Protocol, RetrySpec, TransportSpec};
use crate::units::Auto;

/// How requests travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// OTLP over what.
    pub protocol: Protocol,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Connections, all services together.
    pub connections: Auto<NonZeroU32>,
    /// Lowercase header names and the environment variables that hold their values. The values are secrets.
    pub headers_env: BTreeMap<String, String>,
}

/// How the sending side behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Requests that may be due and not yet sent; what does not fit is not sent.
    pub queue: NonZeroU32,
    /// Requests under way at the same time.
    pub max_in_flight: NonZeroU32,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How requests with a retryable answer are repeated; None gives each one attempt.
    pub retry: Option<Retry>,
}

/// How failed requests are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The wait after the first failure.
    pub initial_interval: Duration,
    /// No wait grows beyond this, unless the server asks.
    pub max_interval: Duration,
    /// A request is given up when it has been tried for so long.
    pub budget: Duration,
}

impl Retry {
    /// What SDK exporters do.
    pub(super) const CLIENT: Self = Self {
        initial_interval: Duration::from_secs(1),
        max_interval: Duration::from_secs(30),
        budget: Duration::from_secs(60),
    };

    /// What collectors' exporters do.
    pub(super) const COLLECTOR: Self = Self {
        initial_interval: Duration::from_secs(5),
        max_interval: Duration::from_secs(30),
        budget: Duration::from_secs(300),
    };
}

pub(super) fn transport(spec: Option<&TransportSpec>, checker: &mut Checker<'_>) -> Transport {
    let spec = spec.cloned().unwrap_or_default();
    let field = "traffic.transport.connections";
    let connections = match spec.connections.unwrap_or_default() {
        Auto::Auto => Auto::Auto,
        Auto::Value(count) => Auto::Value(checker.positive(field, Some(count), NonZeroU32::MIN)),
    };
    let named = spec.headers_env.into_iter().filter_map(|(name, variable)| header(&name, &variable, checker));
    Transport {
        protocol: spec.protocol.unwrap_or_default(),
        compression: spec.compression.unwrap_or_default(),
        connections,
        headers_env: named.collect(),
    }
}

/// A header name and the variable of its value, if both can be one.
fn header(name: &str, variable: &str, checker: &mut Checker<'_>) -> Option<(String, String)> {
    let field = format!("traffic.transport.headers_env.{name}");
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        checker.invalid(&field, "this is no name of a header", "use letters, digits and dashes");
        return None;
    }
    if !is_variable(variable) {
        // The text may be the secret itself, put here by mistake: it must not be repeated.
        let hint = format!("write `{name}: NAME_OF_A_VARIABLE`; the value itself never stands in the file");
        checker.invalid(&field, "this is no name of an environment variable", hint);
        return None;
    }
    Some((name.to_ascii_lowercase(), variable.to_owned()))
}

/// True for names that a shell can set.
pub(super) fn is_variable(name: &str) -> bool {
    let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first_fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(super) fn client(spec: Option<&ClientSpec>, checker: &mut Checker<'_>) -> Client {
    let spec = spec.cloned().unwrap_or_default();
    Client {
        queue: checker.positive("traffic.client.queue", spec.queue, nonzero(2048)),
        max_in_flight: checker.positive("traffic.client.max_in_flight", spec.max_in_flight, nonzero(64)),
        timeout: checker.lasting("traffic.client.timeout", spec.timeout, Duration::from_secs(10)),
        retry: retry("traffic.client.retry", spec.retry.as_ref(), false, &Retry::CLIENT, checker),
    }
}

/// The retries of `field`; `default` holds what is not said, `enabled` whether there are any then.
pub(super) fn retry(
    field: &str,
    spec: Option<&RetrySpec>,
    enabled: bool,
    default: &Retry,
    checker: &mut Checker<'_>,
) -> Option<Retry> {
    let spec = spec.cloned().unwrap_or_default();
    let in_field = |name: &str| format!("{field}.{name}");
    let initial_interval =
        checker.lasting(&in_field("initial_interval"), spec.initial_interval, default.initial_interval);
    let max_interval = checker.lasting(&in_field("max_interval"), spec.max_interval, default.max_interval);
    let budget = checker.lasting(&in_field("budget"), spec.budget, default.budget);
    if spec.initial_interval.is_some() && spec.max_interval.is_some() && initial_interval > max_interval {
        let hint = "make `max_interval` at least as long as `initial_interval`";
        let fields = [in_field("max_interval"), in_field("initial_interval")];
        checker.clash(&fields.each_ref().map(|field| &**field), "the longest wait is shorter than the first", hint);
    }
    let max_interval = max_interval.max(initial_interval);
    spec.enabled.unwrap_or(enabled).then_some(Retry { initial_interval, max_interval, budget })
}
