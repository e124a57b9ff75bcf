//! What stands behind the server: the trait it calls with every whole request, and the answers it may give.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::broken::BrokenAnswer;
use super::retry_after::RetryAfter;
use crate::wire::{Code, Compression, Protocol, Signal};

/// Receives requests. Called on the server's threads, so it must be quick and must not block.
pub trait Backend: Send + Sync + 'static {
    /// Records a whole request and says how to answer. Nothing has been answered yet: what is recorded here is recorded
    /// before it is acknowledged.
    fn export(&self, request: Export) -> Decision;
}

/// One whole request, decompressed, its content unread.
#[derive(Clone)]
pub struct Export {
    /// What kind of telemetry the path names.
    pub signal: Signal,
    /// How it came.
    pub protocol: Protocol,
    /// How it was compressed on the wire.
    pub compression: Compression,
    /// The protobuf bytes of `Export*ServiceRequest`. From the wire: nothing about them has been checked, except that a
    /// JSON request was decoded and is encoded anew. It may be a slice of a larger receive buffer: who keeps small bodies
    /// for long should copy them.
    pub body: Bytes,
    /// Bytes of the body as received, with gRPC's prefix, before decompression.
    pub wire_bytes: u64,
    /// Number of the connection, counted from 0 over both listeners.
    pub connection: u64,
    /// Who sent it.
    pub peer: SocketAddr,
    /// When the last byte of the body was in.
    pub received: Instant,
    /// All headers. They may hold secrets.
    pub headers: HeaderMap,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("signal", &self.signal)
            .field("protocol", &self.protocol)
            .field("compression", &self.compression)
            .field("body_bytes", &self.body.len())
            .field("wire_bytes", &self.wire_bytes)
            .field("connection", &self.connection)
            .field("peer", &self.peer)
            .field("headers", &self.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// How to answer a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Full success, `partial_success` unset.
    Accept,
    /// Success with `partial_success`. A `rejected` of 0 is a warning.
    Partial {
        /// Items not taken.
        rejected: i64,
        /// Why; cut after 8 KiB so that the response stays small.
        message: String,
    },
    /// An error of any kind.
    Refuse(Refusal),
    /// The body is not the message: INVALID_ARGUMENT, or 400 with a `BadRequest`.
    Malformed {
        /// Why; cut after 1 KiB.
        message: String,
    },
    /// Success, and its answer is none as OTLP has it.
    Broken(BrokenAnswer),
    /// The headers of a success, then the stream is reset; an HTTP/1.1 connection ends.
    Cut {
        /// HTTP/2 error code, as of [`Decision::Reset`].
        http2_error: u32,
    },
    /// The inner decision, later. The request's bytes no longer count against the server's bounds meanwhile.
    Delay(Duration, Box<Decision>),
    /// The inner decision, and whether its answer was given in the end is noted: a peer that has given up hears none.
    Witnessed(Answered, Box<Decision>),
    /// No answer until the peer gives up or the server's `hang_max` has passed.
    Hang,
    /// The stream is reset without an answer; an HTTP/1.1 connection is aborted with a TCP reset.
    Reset {
        /// HTTP/2 error code, e.g. 2 INTERNAL_ERROR, 7 REFUSED_STREAM, 8 CANCEL. HTTP/1.1 has no place for it.
        http2_error: u32,
    },
}

/// Whether a request was answered: false until the server has done so.
#[derive(Debug, Clone, Default)]
pub struct Answered(Arc<AtomicBool>);

impl Answered {
    /// Whether it was, by now.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It is now.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl PartialEq for Answered {
    /// Of the same request.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// An error answer, said in the words of both protocols.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Status over gRPC; any number may be sent. Without one a gRPC client gets the HTTP status alone, as from a proxy that
    /// speaks no gRPC.
    pub grpc: Option<Code>,
    /// Status over HTTP.
    pub http: StatusCode,
    /// For the developer; cut after 1 KiB.
    pub message: String,
    /// When to come again.
    pub retry_after: Option<RetryAfter>,
}
