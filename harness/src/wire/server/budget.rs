//! The bound on the bytes of all requests in flight together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::rejection::Rejection;

/// The bytes that all requests share.
pub(super) struct Budget {
    free: Semaphore,
    total: usize,
    wait: Duration,
    peak: AtomicU64,
}

impl Budget {
    pub fn new(total: usize, wait: Duration) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self { free: Semaphore::new(total), total, wait, peak: AtomicU64::new(0) }
    }

    pub fn in_flight(&self) -> u64 {
        self.total.saturating_sub(self.free.available_permits()) as u64
    }

    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// Nothing yet; what the holder asks for comes back when it is dropped.
    pub fn hold(&self) -> Hold<'_> {
        Hold { budget: self, bytes: 0 }
    }
}

/// One request's share, which grows as its bytes arrive (never ahead of them, so that a declared length costs nothing).
pub(super) struct Hold<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Hold<'_> {
    /// Takes more, waiting for others to finish if need be.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        if self.bytes.saturating_add(bytes) > self.budget.total {
            return Err(Rejection::overloaded());
        }
        let permits = match self.budget.free.try_acquire_many(bytes as u32) {
            Ok(permits) => permits,
            Err(_) => match timeout(self.budget.wait, self.budget.free.acquire_many(bytes as u32)).await {
                Ok(Ok(permits)) => permits,
                _ => return Err(Rejection::overloaded()),
            },
        };
        permits.forget();
        self.bytes += bytes;
        self.budget.peak.fetch_max(self.budget.in_flight(), Relaxed);
        Ok(())
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.budget.free.add_permits(self.bytes);
    }
}
