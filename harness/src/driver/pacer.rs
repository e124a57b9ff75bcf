//! Sleeps to each request's intended instant and hands it over.
//!
//! A plain thread's sleep is late by some 0.15 ms at the 99th percentile where the runtime's timers are late by 2 ms.

use super::feed::Ready;
use super::{Shared, send};
use crate::wire::client::Exporter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The longest single sleep, so that a stop is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Hands over until the feeder has ended. What is dropped here is noted as not sent.
pub(super) fn run(shared: &Arc<Shared>, exporters: &[Arc<Exporter>], queue: &Receiver<Ready>, runtime: &Handle) {
    let places: Vec<Arc<Semaphore>> = exporters
        .iter()
        .map(|_| Arc::new(Semaphore::new(shared.config.in_flight_per_connection.clamp(1, Semaphore::MAX_PERMITS))))
        .collect();
    while let Ok(ready) = queue.recv() {
        let waited = sleep_until(shared, shared.clock.instant(ready.due_ns));
        if waited {
            shared.due_spans.fetch_add(u64::from(ready.unsent.spans), Ordering::Relaxed);
        }
        let full = shared.outstanding.load(Ordering::Relaxed) >= shared.config.queue as u64;
        if !waited || full {
            continue;
        }
        shared.last_due_ns.fetch_max(ready.due_ns, Ordering::Relaxed);
        shared.outstanding.fetch_add(1, Ordering::Relaxed);
        let exporter = Arc::clone(&exporters[ready.connection]);
        let place = Arc::clone(&places[ready.connection]);
        runtime.spawn(send::send(Arc::clone(shared), exporter, place, ready));
    }
}

/// False if the run was stopped meanwhile.
fn sleep_until(shared: &Shared, instant: Instant) -> bool {
    loop {
        if shared.stopping() {
            return false;
        }
        let left = instant.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(SLEEP_MAX));
    }
}
