//! What a server counts: enough to say where every request that did not reach the backend went.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::budget::Budget;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Reason {
    /// No such path or method of a service.
    Path,
    /// Not POST.
    Method,
    /// The content type is not one of OTLP's.
    ContentType,
    /// The compression is not known.
    Encoding,
    /// More header bytes than the limit.
    Headers,
    /// Longer than the limit, on the wire or decompressed.
    TooLarge,
    /// Broken gRPC framing.
    Framing,
    /// The peer went away, or ended the body before its declared length.
    Truncated,
    /// The compressed stream is broken or cut.
    Corrupt,
    /// Not OTLP/JSON.
    Json,
    /// The body came too slowly.
    Slow,
    /// No room within the bound on bytes in flight.
    Overloaded,
    /// The backend found the body not decodable.
    Malformed,
    /// The backend refused it for a reason of its own.
    Backend,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Path,
        Self::Method,
        Self::ContentType,
        Self::Encoding,
        Self::Headers,
        Self::TooLarge,
        Self::Framing,
        Self::Truncated,
        Self::Corrupt,
        Self::Json,
        Self::Slow,
        Self::Overloaded,
        Self::Malformed,
        Self::Backend,
    ];

    /// Whose doing a refusal for this reason is.
    pub fn fault(self) -> Fault {
        match self {
            // A compression that the server does not know is no mistake of the peer's: OTLP asks for gzip only.
            Self::Encoding | Self::Headers | Self::TooLarge | Self::Slow | Self::Overloaded | Self::Backend => {
                Fault::Server
            }
            Self::Path
            | Self::Method
            | Self::ContentType
            | Self::Framing
            | Self::Corrupt
            | Self::Json
            | Self::Malformed => Fault::Peer,
            Self::Truncated => Fault::Nobody,
        }
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "unknown path",
            Self::Method => "wrong method",
            Self::ContentType => "wrong content type",
            Self::Encoding => "unknown compression",
            Self::Headers => "too many headers",
            Self::TooLarge => "too large",
            Self::Framing => "broken framing",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt compression",
            Self::Json => "not OTLP/JSON",
            Self::Slow => "too slow",
            Self::Overloaded => "overloaded",
            Self::Malformed => "malformed",
            Self::Backend => "refused by the backend",
        }
    }
}

/// Whose doing a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server has a bound, or cannot do what is asked, and another backend might have taken the request.
    Server,
    /// What came is no request of OTLP, or a broken one.
    Peer,
    /// The connection ended in the middle of a request, as when a peer is stopped.
    Nobody,
}

/// What happened so far, over both listeners. `requests` is the sum of `accepted`, `partial`, `broken`, all of `refused`, `hung`,
/// `reset` and `abandoned`, and of the requests still under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerCounters {
    /// Requests whose headers arrived.
    pub requests: u64,
    /// Answered with full success.
    pub accepted: u64,
    /// Answered with partial success.
    pub partial: u64,
    /// Answered with a success that is none as OTLP has it, on the backend's order.
    pub broken: u64,
    /// Left without an answer until the peer went away or `hang_max` passed.
    pub hung: u64,
    /// Reset on the backend's order.
    pub reset: u64,
    /// Kept waiting for their answers on the backend's order, whatever became of them.
    pub delayed: u64,
    /// Waiting now, on the backend's order: for a late answer, or for none.
    pub waiting: u64,
    /// Given up by the peer (or by the server's shutdown) before the answer was decided.
    pub abandoned: u64,
    /// Answered with an error, by [`Reason`] in the order of [`Reason::ALL`].
    pub refused: [u64; Reason::ALL.len()],
    /// Body bytes of whole requests as received.
    pub wire_bytes: u64,
    /// Body bytes of whole requests, decompressed.
    pub body_bytes: u64,
    /// Connections accepted and served.
    pub connections: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Connections closed at once since there were too many.
    pub connections_refused: u64,
    /// Connections closed since no request came in time.
    pub connections_idle: u64,
    /// Bytes in flight now.
    pub in_flight_bytes: u64,
    /// The most bytes that were in flight at once.
    pub in_flight_bytes_peak: u64,
}

impl ServerCounters {
    /// Requests refused for one reason.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize]
    }

    /// Requests refused for any reason.
    pub fn refused_total(&self) -> u64 {
        self.refused.iter().sum()
    }
}

/// The live counters.
#[derive(Default)]
pub(super) struct Tally {
    pub requests: AtomicU64,
    pub accepted: AtomicU64,
    pub partial: AtomicU64,
    pub broken: AtomicU64,
    pub delayed: AtomicU64,
    pub waiting: AtomicU64,
    pub hung: AtomicU64,
    pub reset: AtomicU64,
    pub abandoned: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    pub wire_bytes: AtomicU64,
    pub body_bytes: AtomicU64,
    pub connections: AtomicU64,
    pub connections_open: AtomicU64,
    pub connections_refused: AtomicU64,
    pub connections_idle: AtomicU64,
}

impl Tally {
    pub fn refused(&self, reason: Reason) -> &AtomicU64 {
        &self.refused[reason as usize]
    }

    pub fn snapshot(&self, budget: &Budget) -> ServerCounters {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        ServerCounters {
            requests: read(&self.requests),
            accepted: read(&self.accepted),
            partial: read(&self.partial),
            broken: read(&self.broken),
            delayed: read(&self.delayed),
            waiting: read(&self.waiting),
            hung: read(&self.hung),
            reset: read(&self.reset),
            abandoned: read(&self.abandoned),
            refused: std::array::from_fn(|reason| read(&self.refused[reason])),
            wire_bytes: read(&self.wire_bytes),
            body_bytes: read(&self.body_bytes),
            connections: read(&self.connections),
            connections_open: read(&self.connections_open),
            connections_refused: read(&self.connections_refused),
            connections_idle: read(&self.connections_idle),
            in_flight_bytes: budget.in_flight(),
            in_flight_bytes_peak: budget.peak(),
        }
    }
}
