//! `traffic.transport` and `traffic.client` — how requests travel and how the sending side behaves.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::{Auto, Count, HumanDuration};

/// How requests travel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransportSpec {
    /// Default: grpc.
    pub protocol: Option<Protocol>,
    /// Default: none.
    pub compression: Option<Compression>,
    /// Connections, all services together. Default: auto.
    pub connections: Option<Auto<Count>>,
    /// Header names, and for each the environment variable that holds its value, so that no secret stands in a file.
    #[serde(default)]
    pub headers_env: BTreeMap<String, String>,
}

/// How OTLP is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OTLP/gRPC.
    #[default]
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    Http,
}

/// How request bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

/// How the sending side behaves.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// Requests that may be due and not yet sent; what does not fit is not sent at all. Default: 2048.
    pub queue: Option<Count>,
    /// Requests under way at the same time, all connections together. Default: 64.
    pub max_in_flight: Option<Count>,
    /// How long to wait for an answer. Default: 10s.
    pub timeout: Option<HumanDuration>,
    /// How requests with a retryable answer are repeated. Default: not at all.
    pub retry: Option<RetrySpec>,
}

/// How failed requests are repeated.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Whether at all. Default: false for the client, true for the embedded target.
    pub enabled: Option<bool>,
    /// The wait after the first failure. Default: 1s for the client, 5s for the embedded target.
    pub initial_interval: Option<HumanDuration>,
    /// No wait grows beyond this, unless the server asks. Default: 30s.
    pub max_interval: Option<HumanDuration>,
    /// A request is given up when it has been tried for so long. Default: 1m for the client, 5m for the embedded target.
    pub budget: Option<HumanDuration>,
}
