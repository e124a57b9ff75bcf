//! What an embedded target is told at its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::defects::Defect;
use super::sampling::Sampling;

/// Everything that decides how an embedded target behaves. [`EmbeddedConfig::default`] is a well-behaved collector on free
/// loopback ports that still lacks a destination.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedConfig {
    /// Where OTLP/gRPC is received; port 0 takes a free one.
    pub listen_grpc: SocketAddr,
    /// Where OTLP/HTTP is received; port 0 takes a free one.
    pub listen_http: SocketAddr,
    /// Who gets a copy of everything; at least one.
    pub export: Vec<Destination>,
    /// Encoded bytes that may wait for export at one time; above it requests are refused as retryable.
    pub memory_limit: u64,
    /// Requests that may wait for export at one time, those being exported included.
    pub queue_requests: NonZeroUsize,
    /// Requests exported at the same time to each destination.
    pub consumers: NonZeroUsize,
    /// How exports that failed in a retryable way are repeated; `None` gives every request one attempt.
    pub retry: Option<RetryConfig>,
    /// How long one export attempt may take.
    pub timeout: Duration,
    /// In which order fields are written.
    pub field_order: FieldOrder,
    /// The largest request accepted, in bytes after decompression.
    pub max_request_bytes: usize,
    /// What an acknowledgement promises.
    pub guarantee: Guarantee,
    /// What is left out on purpose, as a collector leaves it out.
    pub sampling: Option<Sampling>,
    /// What is done wrong on purpose, in this order.
    pub defects: Vec<Defect>,
    /// Decides which records the defects hit, the ids they invent, and the jitter of retries.
    pub seed: u64,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen_grpc: any_port,
            listen_http: any_port,
            export: Vec::new(),
            memory_limit: 512 << 20,
            queue_requests: NonZeroUsize::MIN.saturating_add(999),
            consumers: NonZeroUsize::MIN.saturating_add(9),
            retry: Some(RetryConfig::default()),
            timeout: Duration::from_secs(5),
            field_order: FieldOrder::Ascending,
            // The limit that OTLP 1.11 recommends to servers.
            max_request_bytes: 64 << 20,
            guarantee: Guarantee::Queue,
            sampling: None,
            defects: Vec::new(),
            seed: 0,
        }
    }
}

/// One backend that everything is exported to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// `http://host:port`; over HTTP a path may follow, and `/v1/traces` is used when there is none.
    pub endpoint: String,
    /// The transport.
    pub protocol: Protocol,
    /// How request bodies are compressed.
    pub compression: Compression,
}

/// How OTLP is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    Http,
}

/// How request bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// With gzip.
    Gzip,
}

/// In which order the fields of a message are written. Both are valid protobuf and mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldOrder {
    /// By field number, as nearly every encoder does.
    Ascending,
    /// Highest number first and so an attribute's value before its key, as the Go collector does.
    Descending,
}

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Every destination has acknowledged; a refusal is passed back to the client.
    Synchronous,
    /// The request stands in a queue in memory.
    Queue,
}

/// How failed exports are repeated. The default is the Go collector's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryConfig {
    /// The wait after the first failure.
    pub initial_interval: Duration,
    /// No wait grows beyond this, jitter and a server's own demand aside.
    pub max_interval: Duration,
    /// The factor from one wait to the next; at least 1.
    pub multiplier: f64,
    /// Jitter: a wait of 10 s with 0.5 becomes 5 s to 15 s. Between 0 and 1.
    pub randomization: f64,
    /// An export is given up when its next attempt would start later than this after the first; `None` never gives up.
    pub max_elapsed: Option<Duration>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial_interval: Duration::from_secs(5),
            max_interval: Duration::from_secs(30),
            multiplier: 1.5,
            randomization: 0.5,
            max_elapsed: Some(Duration::from_secs(300)),
        }
    }
}
