//! What a proxy counts, whether or not anything is broken.

use super::Way;
use std::sync::atomic::AtomicU64;

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
