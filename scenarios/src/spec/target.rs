//! `target:` — what receives the traffic and how it is started.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::bare_names::allow_bare;
use super::{Compression, RetrySpec};
use crate::units::{ByteSize, Count, HumanDuration};

/// What receives the traffic. `embedded` may be written bare.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = bare_target)]
pub enum TargetSpec {
    /// The small collector inside spanproof, over real loopback sockets.
    Embedded(EmbeddedSpec),
    /// A collector binary that spanproof starts, watches and stops.
    Process(ProcessSpec),
    /// An endpoint that somebody else runs.
    External(ExternalSpec),
}

fn bare_target(schema: &mut Schema) {
    allow_bare(schema, &["embedded"]);
}

/// Settings of the embedded target.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddedSpec {
    /// Encoded bytes that may wait for export; above it requests are refused as retryable. Default: 512MiB.
    pub memory_limit: Option<ByteSize>,
    /// Requests that may wait for export. Default: 1000.
    pub queue_size: Option<Count>,
    /// Requests exported at the same time. Default: 10.
    pub consumers: Option<Count>,
    /// How failed exports are repeated. Default: on, 5s to 30s between attempts, for 5m.
    pub retry: Option<RetrySpec>,
    /// Compression of what it exports. Default: none.
    pub compression: Option<Compression>,
    /// Order in which it writes protobuf fields. Default: ascending.
    pub encoding_order: Option<EncodingOrder>,
    /// Defects planted on purpose, to see them found.
    #[serde(default)]
    pub defects: Vec<String>,
}

/// In which order the fields of a protobuf message are written; both mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingOrder {
    /// By field number.
    #[default]
    Ascending,
    /// Highest number first, as the Go collector does.
    Descending,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessSpec {
    /// The binary: a path, or a name to look up in PATH.
    #[schemars(required, length(min = 1))]
    pub command: Option<String>,
    /// Arguments before those that carry the configuration.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment variables for the process alone.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::texts")]
    pub env: BTreeMap<String, String>,
    /// When it counts as started.
    pub ready: Option<ReadySpec>,
    /// Time between SIGTERM and SIGKILL. Default: 5s.
    pub stop_grace: Option<HumanDuration>,
}

/// When a process counts as started.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadySpec {
    /// How long to wait for it. Default: 10s.
    pub timeout: Option<HumanDuration>,
    /// What must answer. Default: the receiver that `traffic.transport` sends to.
    pub on: Option<ReadyOn>,
    /// What its health address (SPANPROOF_HEALTH) is asked for, to answer 200. Default with `on: health`: /, else it is not
    /// asked.
    #[schemars(regex(pattern = "^/[^ ]*$"))]
    pub health_path: Option<String>,
}

/// What a process must answer on before load is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadyOn {
    /// Its OTLP/gRPC receiver takes connections (SPANPROOF_RECEIVER_GRPC).
    Grpc,
    /// Its OTLP/HTTP receiver takes connections (SPANPROOF_RECEIVER_HTTP).
    Http,
    /// Its health address alone (SPANPROOF_HEALTH).
    Health,
}

/// An endpoint that somebody else runs.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalSpec {
    /// Where to send: `http://host:port`. Anything but loopback needs `--allow-remote HOST`.
    #[schemars(required, regex(pattern = "^https?://[^/@ ]+(/[^ ]*)?$"))]
    pub endpoint: Option<String>,
    /// Where the target delivers to: fixed addresses for the sink to listen on.
    #[schemars(required)]
    pub sink: Option<SinkSpec>,
    /// How a target that is just starting is waited for.
    pub ready: Option<ExternalReadySpec>,
}

/// How a target that is just starting is waited for: it counts as started when it takes a connection at its endpoint.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalReadySpec {
    /// How long it is tried again; 0s tries once. Default: 10s.
    pub timeout: Option<HumanDuration>,
}

/// Fixed addresses of the sink; at least one.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SinkSpec {
    /// For OTLP/gRPC: `127.0.0.1:5317`.
    pub grpc: Option<String>,
    /// For OTLP/HTTP: `127.0.0.1:5318`.
    pub http: Option<String>,
}
