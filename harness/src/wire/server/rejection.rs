//! An error answer that the server itself decides, said in the words of both protocols.

use http::StatusCode;

use super::counters::Reason;
use crate::wire::Code;

/// Why a request goes no further, and how each protocol says so.
#[derive(Debug)]
pub(super) struct Rejection {
    pub reason: Reason,
    pub grpc: Code,
    pub http: StatusCode,
    pub message: String,
}

impl Rejection {
    pub fn new(reason: Reason, grpc: Code, http: StatusCode, message: impl Into<String>) -> Self {
        Self { reason, grpc, http, message: message.into() }
    }

    /// Whether the peer has nothing more to say, or says it too slowly to be waited for.
    pub fn nothing_follows(&self) -> bool {
        matches!(self.reason, Reason::Slow | Reason::Truncated)
    }

    /// OTLP 1.11: RESOURCE_EXHAUSTED without `RetryInfo`, or 413.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the request is longer than the limit of {limit} bytes; send smaller batches");
        Self::new(Reason::TooLarge, Code::RESOURCE_EXHAUSTED, StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub fn overloaded() -> Self {
        let message = "too many bytes of other requests are in flight; try again later";
        Self::new(Reason::Overloaded, Code::UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// gRPC clients see INTERNAL when framing is broken, as grpc-go and grpc-java answer.
    pub fn framing(message: impl Into<String>) -> Self {
        Self::new(Reason::Framing, Code::INTERNAL, StatusCode::BAD_REQUEST, message)
    }

    pub fn truncated(message: impl Into<String>) -> Self {
        Self::new(Reason::Truncated, Code::INTERNAL, StatusCode::BAD_REQUEST, message)
    }

    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Reason::Corrupt, Code::INVALID_ARGUMENT, StatusCode::BAD_REQUEST, message)
    }

    pub fn slow(message: impl Into<String>) -> Self {
        Self::new(Reason::Slow, Code::DEADLINE_EXCEEDED, StatusCode::REQUEST_TIMEOUT, message)
    }

    pub fn json(message: impl Into<String>) -> Self {
        Self::new(Reason::Json, Code::INVALID_ARGUMENT, StatusCode::BAD_REQUEST, message)
    }

    pub fn headers(limit: u32) -> Self {
        let message = format!("the headers are longer than the limit of {limit} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(Reason::Headers, Code::RESOURCE_EXHAUSTED, status, message)
    }
}
