//! What a server is told before it starts, and the bounds it keeps.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::pulse::Pulse;

/// Where and how a server listens.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address of the OTLP/gRPC listener (HTTP/2 with prior knowledge); port 0 takes any.
    pub grpc: Option<SocketAddr>,
    /// Address of the OTLP/HTTP listener (HTTP/1.1, or HTTP/2 with prior knowledge); port 0 takes any.
    pub http: Option<SocketAddr>,
    /// Worker threads. With one, everything runs on `sp-sink-0`, which costs least per request and takes gigabytes a
    /// second of uncompressed bodies; with more, `sp-sink-0` only waits and the workers count from 1.
    pub threads: NonZeroUsize,
    /// The bounds.
    pub limits: Limits,
    /// Where it notes when it stood still itself: it did not come round, or kept a request for long though the backend did not
    /// ask for that.
    pub pulse: Option<Arc<Pulse>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { grpc: None, http: None, threads: NonZeroUsize::MIN, limits: Limits::default(), pulse: None }
    }
}

/// The bounds of a server. Memory is bounded by `in_flight_bytes_max` plus what HTTP/2 flow control lets peers send ahead:
/// 32 MiB a connection for the first 16, 1 MiB for the others.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest request, decompressed; OTLP 1.11 recommends 64 MiB. A JSON request is also refused as too long when its
    /// protobuf form might take more than half of `in_flight_bytes_max` while it is written, by a cautious estimate (some 60 MiB
    /// of usual JSON with the defaults).
    pub request_bytes_max: usize,
    /// Bytes of all requests together that are being received, decompressed or recorded.
    pub in_flight_bytes_max: usize,
    /// How long a request waits for its share of `in_flight_bytes_max` before it is refused as UNAVAILABLE or 503.
    pub in_flight_wait: Duration,
    /// From the opening of a connection to its first request's headers, and for HTTP/1.1 of each later one.
    pub header_timeout: Duration,
    /// The longest pause inside a body.
    pub body_pause_max: Duration,
    /// The longest a body may take from headers to last byte.
    pub body_timeout: Duration,
    /// After this long without a request an HTTP/2 connection is closed politely.
    pub idle_timeout: Duration,
    /// How long [`Decision::Hang`](super::Decision::Hang) lasts before the stream is reset.
    pub hang_max: Duration,
    /// Connections at once; further ones are accepted and closed.
    pub connections_max: usize,
    /// HTTP/2 streams at once on one connection.
    pub streams_max: u32,
    /// Bytes of names and values of all headers of a request.
    pub header_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 64 << 20,
            in_flight_bytes_max: 512 << 20,
            in_flight_wait: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            body_pause_max: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            hang_max: Duration::from_secs(600),
            connections_max: 1024,
            streams_max: 1024,
            header_bytes_max: 16 << 10,
        }
    }
}
