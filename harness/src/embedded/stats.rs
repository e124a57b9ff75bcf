//! What a target counts about itself. Every figure is final when it is counted; nothing is estimated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::admission::Inside;
use super::defects::{Bites, Defect, Victims};

/// One figure for requests and one for the spans in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Spans.
    pub spans: u64,
}

/// What an embedded target has done so far.
///
/// With one destination, [`Guarantee::Queue`](super::Guarantee::Queue), no defect and nothing inside,
/// `accepted = sent + rejected + failed + abandoned` holds in spans. Each further destination adds one copy to the right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmbeddedStats {
    /// Answered as accepted.
    pub accepted: Tally,
    /// Decoded, but answered with an error: no room, or a destination's own refusal.
    pub refused: Tally,
    /// Requests of which nothing was decoded: not OTLP, broken, or too large.
    pub malformed_requests: u64,
    /// Acknowledged by a destination, rejected spans of a partial success taken off.
    pub sent: Tally,
    /// Spans that a destination rejected in a partial success. They are not sent again.
    pub rejected_spans: u64,
    /// Given up: refused for good by a destination, or out of attempts.
    pub failed: Tally,
    /// Dropped without an outcome: a shutdown's deadline passed, or a synchronous client went away.
    pub abandoned: Tally,
    /// Export attempts beyond the first.
    pub retries: u64,
    /// Requests accepted and not yet done with.
    pub queue_requests: usize,
    /// Bytes of those requests, as received.
    pub queue_bytes: u64,
    /// How often each planted defect really bit; as configured, stalls last.
    pub defects: Vec<(Defect, Bites)>,
    /// The first spans that each bit, in the same order.
    pub victims: Vec<(Defect, Victims)>,
}

/// What came of stopping a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShutdownReport {
    /// True when nothing was left inside by the deadline.
    pub drained: bool,
    /// What was inside at the deadline and is gone; counted once for each destination.
    pub lost: Tally,
    /// The last figures.
    pub stats: EmbeddedStats,
}

/// A [`Tally`] that several threads add to.
#[derive(Debug, Default)]
pub(super) struct AtomicTally {
    requests: AtomicU64,
    spans: AtomicU64,
}

impl AtomicTally {
    /// Adds one request with `spans` spans.
    pub fn add(&self, spans: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.spans.fetch_add(spans, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn read(&self) -> Tally {
        Tally { requests: self.requests.load(Ordering::Relaxed), spans: self.spans.load(Ordering::Relaxed) }
    }
}

/// The counters behind [`EmbeddedStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub accepted: AtomicTally,
    pub refused: AtomicTally,
    pub malformed: AtomicU64,
    pub sent: AtomicTally,
    pub rejected_spans: AtomicU64,
    pub failed: AtomicTally,
    pub abandoned: AtomicTally,
    pub retries: AtomicU64,
}

impl Counters {
    /// Fresh counters.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The figures now, with what others know added.
    pub fn read(
        &self,
        inside: Inside,
        defects: Vec<(Defect, Bites)>,
        victims: Vec<(Defect, Victims)>,
    ) -> EmbeddedStats {
        EmbeddedStats {
            accepted: self.accepted.read(),
            refused: self.refused.read(),
            malformed_requests: self.malformed.load(Ordering::Relaxed),
            sent: self.sent.read(),
            rejected_spans: self.rejected_spans.load(Ordering::Relaxed),
            failed: self.failed.read(),
            abandoned: self.abandoned.read(),
            retries: self.retries.load(Ordering::Relaxed),
            queue_requests: inside.requests,
            queue_bytes: inside.bytes,
            defects,
            victims,
        }
    }
}
