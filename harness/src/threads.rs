//! Threads of servers and what they count: runtimes under a name, and gauges of what is there now.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use tokio::runtime::{Builder, Runtime};

/// A runtime of so many threads, named `sp-KIND-1` and so on: CPU time is told by the names of threads. One thread is a runtime of
/// its own kind, on whoever blocks on it: without other workers to wake it spends less.
pub(crate) fn runtime(threads: usize, kind: &'static str) -> std::io::Result<Runtime> {
    if threads == 1 {
        return Builder::new_current_thread().enable_all().build();
    }
    let number = AtomicUsize::new(1);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name_fn(move || name(kind, number.fetch_add(1, Relaxed)))
        .enable_all()
        .build()
}

/// The name of a thread; number 0 is the one that blocks on the runtime.
pub(crate) fn name(kind: &str, number: usize) -> String {
    format!("sp-{kind}-{number}")
}

/// Adds one now and takes it away when dropped: a gauge that survives cancelled tasks.
pub(crate) struct Present<'a>(&'a AtomicU64);

impl<'a> Present<'a> {
    pub(crate) fn on(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
