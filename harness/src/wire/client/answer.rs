//! How a request ended, in OTLP's terms.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::wire::{Code, PartialSuccess};

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The target took it.
    Accepted {
        /// What it said of parts it did not take, or a warning. An empty `partial_success` reads as none.
        partial: Option<PartialSuccess>,
        /// True when the success came with a body that is not an `Export*ServiceResponse`. The data was accepted all the
        /// same, so it must not be sent again.
        unreadable: bool,
    },
    /// The target said no.
    Refused {
        /// With which status.
        code: RefusalCode,
        /// What it said, at most 1 KiB. From the wire, so escape it before printing.
        message: String,
        /// Whether OTLP lets a client send it again.
        retryable: bool,
        /// How long it asked to wait first.
        retry_after: Option<Duration>,
    },
    /// No answer: the target may or may not have it.
    Broken {
        /// What went wrong.
        what: Breakage,
        /// False only when the target provably did not process any of it.
        sent_any: bool,
    },
}

/// The status of a refusal, in the words of its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalCode {
    /// `grpc-status`, or what gRPC infers from an HTTP status that stands in its place.
    Grpc(Code),
    /// HTTP status.
    Http(u16),
}

/// Why there was no answer. Texts are ours and the system's, never the peer's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Breakage {
    /// The configured timeout ran out.
    #[error("no answer in time")]
    Timeout,
    /// No connection, or the pause after a failed one is not over.
    #[error("connect to {endpoint}: {reason}")]
    Connect {
        /// Host and port.
        endpoint: String,
        /// What the system said at the last try.
        reason: String,
    },
    /// The connection ended before the answer.
    #[error("connection lost: {reason}")]
    Lost {
        /// What the HTTP library said.
        reason: String,
    },
    /// The peer reset the stream.
    #[error("stream reset with HTTP/2 error {http2_error}")]
    Reset {
        /// HTTP/2 error code.
        http2_error: u32,
    },
    /// The peer closed the connection with GOAWAY before this request.
    #[error("connection closed with GOAWAY, HTTP/2 error {http2_error}")]
    GoAway {
        /// HTTP/2 error code.
        http2_error: u32,
    },
    /// The answer was longer than the configured limit (OTLP 1.11: not retryable).
    #[error("the answer is longer than {limit} bytes")]
    ResponseTooLarge {
        /// The limit.
        limit: usize,
    },
}

impl Answer {
    /// Full success.
    pub const ACCEPTED: Self = Self::Accepted { partial: None, unreadable: false };

    /// Whether OTLP lets a client send the request again: retryable refusals, lost connections, timeouts, and resets that
    /// gRPC maps to a retryable code.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Accepted { .. } => false,
            Self::Refused { retryable, .. } => *retryable,
            Self::Broken { what, .. } => match what {
                Breakage::Reset { http2_error } => Code::of_reset(*http2_error).retryable(false),
                Breakage::ResponseTooLarge { .. } => false,
                _ => true,
            },
        }
    }

    /// A refusal over gRPC.
    pub(super) fn refused_grpc(code: Code, message: String, retry_after: Option<Duration>) -> Self {
        let retryable = code.retryable(retry_after.is_some());
        Self::Refused { code: RefusalCode::Grpc(code), message: shorten(message), retryable, retry_after }
    }

    /// A refusal over HTTP. OTLP's table: 429, 502, 503 and 504 are retryable, nothing else is.
    pub(super) fn refused_http(status: StatusCode, message: String, retry_after: Option<Duration>) -> Self {
        let status = status.as_u16();
        let retryable = matches!(status, 429 | 502 | 503 | 504);
        Self::Refused { code: RefusalCode::Http(status), message: shorten(message), retryable, retry_after }
    }

    /// What a failed hyper call means.
    pub(super) fn broken(error: &hyper::Error, sent_any: bool) -> Self {
        let Some(h2) = h2_error(error) else {
            return Self::Broken { what: Breakage::Lost { reason: describe(error) }, sent_any };
        };
        let http2_error = h2.reason().map_or(0, u32::from);
        if h2.is_remote() && h2.is_reset() {
            // REFUSED_STREAM promises that nothing was processed (RFC 9113, 8.7).
            let refused = h2.reason() == Some(h2::Reason::REFUSED_STREAM);
            return Self::Broken { what: Breakage::Reset { http2_error }, sent_any: sent_any && !refused };
        }
        if h2.is_remote() && h2.is_go_away() {
            // h2 gives this error to streams above the last one that the peer processed, and to no other.
            return Self::Broken { what: Breakage::GoAway { http2_error }, sent_any: false };
        }
        Self::Broken { what: Breakage::Lost { reason: describe(error) }, sent_any }
    }
}

/// Longest message kept from a peer.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

fn shorten(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    message
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(h2) = inner.downcast_ref() {
            return Some(h2);
        }
        source = inner.source();
    }
    None
}

/// The error with its causes, since hyper's own text seldom says more than "connection error".
fn describe(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
