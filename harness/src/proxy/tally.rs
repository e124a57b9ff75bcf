//! What a proxy counts, whether or not anything is broken.

use super::Way;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The live counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Connections that were taken.
    pub connections: AtomicU64,
    /// Of these, the ones that are there now.
    pub open: AtomicU64,
    /// Connections that were closed at once since there were too many.
    pub refused: AtomicU64,
    /// Connections that were reset since the upstream could not be reached.
    pub unreachable: AtomicU64,
    upstream: AtomicU64,
    downstream: AtomicU64,
}

impl Tally {
    /// Bytes that were handed on.
    pub fn bytes(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::Upstream => &self.upstream,
            Way::Downstream => &self.downstream,
        }
    }
}

/// Counts a connection as long as it is there, also when its task is ended from outside.
pub(super) struct Open<'a>(&'a AtomicU64);

impl<'a> Open<'a> {
    pub fn on(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
