//! One export attempt, whatever carries it, and what its answer means.

mod grpc;
mod http;

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::Code;

use super::config::{Destination, Protocol};
use super::endpoint::{self, EndpointError};
use super::intake::Refusal;
use grpc::GrpcExporter;
use http::HttpExporter;

/// OTLP bounds what a client reads of a response at 4 MiB.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// How a request is exported: as it ought to be, or wrongly since a defect is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// To where traces go, compressed as configured.
    Proper,
    /// To where metrics go.
    Metrics,
    /// Said to be compressed as [`NOBODYS_COMPRESSION`].
    UnknownCompression,
}

/// Collectors know it. OTLP asks for gzip alone, and the destinations that we are tried with do not have it.
const NOBODYS_COMPRESSION: &str = "snappy";

/// How one attempt ended.
#[derive(Debug)]
pub enum Attempt {
    /// Acknowledged; so many spans were rejected in a partial success.
    Delivered {
        /// What the server says it rejected.
        rejected: u64,
    },
    /// Failed, and may be repeated.
    Retryable {
        /// What a synchronous client is told when there is no further attempt.
        refusal: Refusal,
        /// The wait that the server demands.
        after: Option<Duration>,
    },
    /// Refused for good.
    Permanent(Refusal),
}

impl Attempt {
    /// The attempt took longer than it may.
    pub fn timed_out(limit: Duration) -> Self {
        let message = format!("the destination did not answer within {}", humantime::format_duration(limit));
        Self::Retryable { refusal: Refusal::new(Code::DeadlineExceeded, message), after: None }
    }

    /// An acknowledgement with this body. A body that cannot be read still acknowledges, as OTLP has it.
    fn acknowledged(body: Bytes) -> Self {
        let rejected = ExportTraceServiceResponse::decode(body)
            .ok()
            .and_then(|response| response.partial_success)
            .map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0));
        Self::Delivered { rejected }
    }

    /// Nothing that came from the server: no connection, or one that broke.
    fn broken(message: String) -> Self {
        Self::Retryable { refusal: Refusal::new(Code::Unavailable, message), after: None }
    }
}

/// Sends encoded requests to one destination.
pub enum Exporter {
    /// Over gRPC.
    Grpc(GrpcExporter),
    /// Over HTTP.
    Http(Box<HttpExporter>),
}

impl Exporter {
    /// Connects on first use; must be called within a runtime.
    pub fn new(destination: &Destination, timeout: Duration) -> Result<Self, EndpointError> {
        let endpoint = endpoint::parse(&destination.endpoint)?;
        Ok(match destination.protocol {
            Protocol::Grpc => Self::Grpc(GrpcExporter::new(endpoint, destination.compression, timeout)),
            Protocol::Http => {
                let url = endpoint::traces_url(endpoint)?;
                Self::Http(Box::new(HttpExporter::new(url, destination.compression, timeout)))
            }
        })
    }

    /// One attempt. It sets no deadline of its own; the caller does.
    pub async fn attempt(&self, body: Bytes, manner: Manner) -> Attempt {
        match self {
            Self::Grpc(exporter) => exporter.attempt(body, manner).await,
            Self::Http(exporter) => exporter.attempt(body, manner).await,
        }
    }
}
