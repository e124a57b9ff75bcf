//! The exporter's end: sends whole requests to one endpoint and says exactly how each ended.
//!
//! One [`Exporter`] is one endpoint, one protocol, one signal. Over gRPC all requests share one HTTP/2 connection; over HTTP
//! they share a pool of HTTP/1.1 connections. Connections are made when first needed and again after they broke, with
//! backoff. Nothing is ever sent twice by the exporter itself, but for a request that provably never left.
//!
//! A request's way: [`Payload`] (one buffer) -> `grpc` or `http1` (what the protocol wants said) -> `connect` (sockets) ->
//! `answer` (what came back, in OTLP's terms). Proxy variables of the environment are not read.

mod answer;
mod body;
mod config;
mod connect;
mod cork;
mod endpoint;
mod grpc;
mod http1;
mod payload;
mod response;
mod retry_after;

use tokio::time::timeout;

pub use answer::{Answer, Breakage, RefusalCode};
pub use config::{Backoff, ClientConfig, ConfigError, Transport};
pub use endpoint::{Endpoint, EndpointError};
pub use payload::{HEADROOM, Payload};

use body::Sent;
use payload::GzipPool;

/// One endpoint to export to. Share it between tasks in an `Arc`; it works on the runtime that its caller runs on.
pub struct Exporter {
    wire: Wire,
    config: ClientConfig,
    gzip: GzipPool,
}

enum Wire {
    Grpc(grpc::Client),
    Http(http1::Client),
}

impl Exporter {
    /// Prepares an exporter; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the configuration asks for what is not there (https, zstd, a path over gRPC).
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let wire = match config.transport {
            Transport::Grpc => Wire::Grpc(grpc::Client::new(&config)?),
            Transport::HttpProtobuf { .. } => Wire::Http(http1::Client::new(&config)?),
        };
        Ok(Self { wire, config, gzip: GzipPool::default() })
    }

    /// Makes a payload as this exporter's configuration wants it: compressed or as it is. `buffer` starts with
    /// [`HEADROOM`] bytes of no meaning, then the protobuf message.
    ///
    /// Compression happens here, on the caller's thread, so that a resend does not pay for it again.
    pub fn payload(&self, buffer: Vec<u8>) -> Payload {
        Payload::pack(buffer, self.config.compression, &self.gzip)
    }

    /// Sends a request and waits for its end, at most for the configured timeout (connecting included). Many may be in
    /// flight at once. Dropping the future cancels the request.
    pub async fn export(&self, payload: Payload) -> Answer {
        let sent = Sent::default();
        let attempt = async {
            match &self.wire {
                Wire::Grpc(client) => client.export(payload, &sent).await,
                Wire::Http(client) => client.export(payload, &sent).await,
            }
        };
        match timeout(self.config.timeout, attempt).await {
            Ok(answer) => answer,
            Err(_) => Answer::Broken { what: Breakage::Timeout, sent_any: sent.any() },
        }
    }

    /// The configuration.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }
}
