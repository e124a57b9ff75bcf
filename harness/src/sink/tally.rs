//! The backend that knows no plan: counts what comes, by signal, and says so.

use crate::wire::Signal;
use crate::wire::server::{Backend, Decision, Export};
use spanproof_generators::walk::Walk;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of what arrived.
#[derive(Debug, Default)]
pub struct Tally {
    spans: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
    other_signals: AtomicU64,
}

/// A reading of a [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct TallyCounts {
    /// Spans.
    pub spans: u64,
    /// Requests with traces.
    pub requests: u64,
    /// Bytes of their bodies, decompressed.
    pub bytes: u64,
    /// Requests with metrics, logs or profiles.
    pub other_signals: u64,
}

thread_local! {
    static WALK: RefCell<Walk> = RefCell::new(Walk::default());
}

impl Tally {
    /// The counts so far.
    pub fn counts(&self) -> TallyCounts {
        TallyCounts {
            spans: self.spans.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            other_signals: self.other_signals.load(Ordering::Relaxed),
        }
    }
}

impl Backend for Tally {
    fn export(&self, export: Export) -> Decision {
        if export.signal != Signal::Traces {
            self.other_signals.fetch_add(1, Ordering::Relaxed);
            return Decision::Accept;
        }
        WALK.with_borrow_mut(|walk| match walk.read(&export.body) {
            Ok(()) => {
                self.spans.fetch_add(walk.spans.len() as u64, Ordering::Relaxed);
                self.requests.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(export.body.len() as u64, Ordering::Relaxed);
                Decision::Accept
            }
            Err(error) => Decision::Malformed { message: format!("not an ExportTraceServiceRequest: {error}") },
        })
    }
}
