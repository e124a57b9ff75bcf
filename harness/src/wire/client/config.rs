//! What an exporter is told before it starts.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use super::endpoint::Endpoint;
use crate::wire::{Compression, Signal};

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/gRPC over one HTTP/2 connection.
    Grpc,
    /// OTLP/HTTP with protobuf bodies over at most `connections` HTTP/1.1 connections.
    HttpProtobuf {
        /// Connections, and so requests in flight; further requests wait.
        connections: NonZeroUsize,
    },
}

/// The pauses between attempts to connect: doubled after each failure, each shortened at random by up to a half so that
/// exporters do not come back in step. Requests during a pause fail at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer than this.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), max: Duration::from_secs(2) }
    }
}

/// Configuration of an [`Exporter`](super::Exporter).
#[derive(Clone)]
pub struct ClientConfig {
    /// Where to.
    pub endpoint: Endpoint,
    /// How.
    pub transport: Transport,
    /// Which service or path.
    pub signal: Signal,
    /// None, or gzip at level 1.
    pub compression: Compression,
    /// Sent with every request. Values are treated as secrets: never printed, never put into HPACK's table.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// For a whole request, connecting included. Over gRPC the target is told (`grpc-timeout`).
    pub timeout: Duration,
    /// For one attempt to connect.
    pub connect_timeout: Duration,
    /// The pauses between attempts to connect.
    pub backoff: Backoff,
    /// The longest answer that is read; OTLP 1.11 recommends 4 MiB.
    pub response_bytes_max: usize,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// TLS is not built yet.
    #[error("export to {endpoint}: https is not supported yet; use http")]
    Https {
        /// The endpoint.
        endpoint: String,
    },
    /// gRPC's paths are fixed.
    #[error("export to {endpoint}: a gRPC endpoint has no path; leave out {path:?}")]
    PathOverGrpc {
        /// The endpoint.
        endpoint: String,
        /// Its path.
        path: String,
    },
    /// Only none and gzip can be sent.
    #[error("export with {}: the exporter compresses with gzip or not at all", .0.token())]
    Compression(Compression),
    /// The header belongs to the protocol.
    #[error("the header {0} cannot be set: the protocol sets it")]
    ReservedHeader(HeaderName),
    /// The endpoint cannot be written as a URI.
    #[error("export to {endpoint}: not a URI: {reason}")]
    Uri {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Headers that only the protocol may set.
const RESERVED: [&str; 8] = [
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "te",
    "grpc-encoding",
    "grpc-timeout",
];

impl ClientConfig {
    /// The usual configuration for traces: no compression, 10 s timeout (OTLP's default), 4 MiB answers.
    pub fn new(endpoint: Endpoint, transport: Transport) -> Self {
        Self {
            endpoint,
            transport,
            signal: Signal::Traces,
            compression: Compression::None,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            backoff: Backoff::default(),
            response_bytes_max: 4 << 20,
        }
    }

    /// Finds what the exporter would refuse, without making one.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let endpoint = &self.endpoint;
        if endpoint.is_https() {
            return Err(ConfigError::Https { endpoint: endpoint.to_string() });
        }
        if let (Transport::Grpc, Some(path)) = (self.transport, endpoint.path().filter(|path| *path != "/")) {
            return Err(ConfigError::PathOverGrpc { endpoint: endpoint.to_string(), path: path.to_owned() });
        }
        if self.compression == Compression::Zstd {
            return Err(ConfigError::Compression(self.compression));
        }
        match self.headers.iter().find(|(name, _)| RESERVED.contains(&name.as_str())) {
            Some((name, _)) => Err(ConfigError::ReservedHeader(name.clone())),
            None => Ok(()),
        }
    }

    /// The headers of every request: the protocol's `own`, ours, and the user's, which win.
    pub(super) fn header_map(&self, own: &[(&'static str, HeaderValue)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert("user-agent", HeaderValue::from_static(concat!("spanproof/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in own {
            map.insert(*name, value.clone());
        }
        for (name, value) in &self.headers {
            let mut value = value.clone();
            value.set_sensitive(true);
            map.insert(name.clone(), value);
        }
        map
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        f.debug_struct("ClientConfig")
            .field("endpoint", &self.endpoint)
            .field("transport", &self.transport)
            .field("signal", &self.signal)
            .field("compression", &self.compression)
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("backoff", &self.backoff)
            .field("response_bytes_max", &self.response_bytes_max)
            .finish()
    }
}
