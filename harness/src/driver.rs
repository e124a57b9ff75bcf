//! The driver: sends the plan's requests on its open-loop schedule and notes what became of each.
//!
//! Three parts, each on threads of its own so that its cost can be told: `feed` opens chunks and encodes requests ahead of
//! time, `pacer` sleeps to each intended instant and hands the request over, and `send` exports it on the driver's
//! runtime, retries if the scenario says so, and notes outcome and latency. Intended instants are fixed by the plan;
//! nothing that happens at run time moves them.

mod feed;
mod pacer;
mod send;

pub use send::RetryPolicy;

use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::judge::evidence::{Conduct, LATENESS_MAX};
use crate::judge::outcomes::Outcomes;
use crate::resources::Busy;
use crate::wire::client::{ClientConfig, ConfigError, Exporter};
use hdrhistogram::Histogram;
use spanproof_reports::latency::LatencyRecorder;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How the driver is to behave.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// Where and how to send.
    pub client: ClientConfig,
    /// Connections; exporters are spread over them.
    pub connections: usize,
    /// Requests that may wait or be on their way at once; a request that finds this many is not sent.
    pub queue: usize,
    /// Requests that may be on their way at once on one connection.
    pub in_flight_per_connection: usize,
    /// Whether and how to send again; `None` sends everything once.
    pub retry: Option<RetryPolicy>,
    /// Requests due before this are the warm-up: their latencies and lateness are not recorded.
    pub warm_up: Duration,
    /// Worker threads of the driver's runtime.
    pub threads: usize,
    /// For tests: a thread of the driver panics when so many spans were sent.
    pub breaks_after: Option<u64>,
}

/// Why the driver could not start.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The client's configuration cannot be used.
    #[error(transparent)]
    Client(#[from] ConfigError),
    /// A thread or the runtime could not be started: the system's limits are too low.
    #[error("start the driver's threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// What all parts of the driver share.
struct Shared {
    chunks: Arc<OpenChunks>,
    clock: RunClock,
    config: DriverConfig,
    outcomes: Arc<Outcomes>,
    latency: Arc<LatencyRecorder>,
    lateness: Mutex<Histogram<u64>>,
    /// Set when the run is to end early.
    stop: AtomicBool,
    /// Chunks opened so far: later ones never sent anything.
    chunks_opened: AtomicU64,
    sent_spans: AtomicU64,
    /// Spans whose sending began within [`GRACE`] of its intended instant.
    on_time_spans: AtomicU64,
    /// Spans whose intended instant has come, sent or not.
    due_spans: AtomicU64,
    outstanding: AtomicU64,
    last_due_ns: AtomicU64,
    buffers: feed::Buffers,
}

/// A reading of the driver while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DriverProgress {
    /// Spans whose sending has begun.
    pub sent: u64,
    /// Requests that wait for an answer or for their turn.
    pub outstanding: u64,
    /// Share of the spans so far that started more than [`LATENESS_MAX`] late, from 0 to 1.
    pub late_share: f64,
}

/// What the driver knows of itself when it has finished.
#[derive(Debug, Clone, PartialEq)]
pub struct DriverReport {
    /// How late requests started, microseconds.
    pub lateness: Histogram<u64>,
    /// Chunks that were opened; all of the plan unless the run ended early.
    pub chunks_opened: u64,
    /// Spans whose sending began.
    pub sent_spans: u64,
    /// Of those, the ones that began within [`GRACE`] of their intended instant.
    pub on_time_spans: u64,
    /// Spans whose intended instant came before the driver was stopped; all of the plan unless the run ended early.
    pub due_spans: u64,
    /// The last intended instant of the plan that was reached, from the start of the run.
    pub last_due: Duration,
    /// True if it was stopped before the plan's end.
    pub stopped: bool,
}

impl DriverReport {
    /// The report of a driver that has done nothing.
    pub fn nothing() -> Self {
        Self {
            lateness: histogram(),
            chunks_opened: 0,
            sent_spans: 0,
            on_time_spans: 0,
            due_spans: 0,
            last_due: Duration::ZERO,
            stopped: false,
        }
    }

    /// How the harness did, of a plan of so many spans while its threads were this busy.
    pub(crate) fn conduct(&self, planned: u64, busy: &Busy) -> Conduct {
        // What was never due because the driver was stopped early is no fault of its own.
        let due = if self.stopped { self.due_spans } else { planned };
        Conduct {
            late_share: late_share(&self.lateness),
            achieved_ratio: self.on_time_spans as f64 / due.max(1) as f64,
            driver_saturated: busy.driver_saturated(),
            sink_saturated: busy.sink_saturated(),
            late_at_most: Some(Duration::from_micros(self.lateness.max())),
        }
    }
}

/// A request that begins within this time of its intended instant counts as achieved; later ones, and those that found the
/// queue full, do not. Fifty times the lateness that the pacer is allowed at the 99th percentile.
pub const GRACE: Duration = Duration::from_millis(100);

/// The driver at work.
pub struct Driver {
    shared: Arc<Shared>,
    feeder: Option<std::thread::JoinHandle<()>>,
    pacer: Option<std::thread::JoinHandle<()>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Driver {
    /// Starts sending; the first request leaves at its intended instant on `clock`.
    ///
    /// # Errors
    /// See [`DriverError`].
    pub fn start(
        config: DriverConfig,
        chunks: Arc<OpenChunks>,
        clock: RunClock,
        outcomes: Arc<Outcomes>,
        latency: Arc<LatencyRecorder>,
    ) -> Result<Self, DriverError> {
        let exporters = (0..config.connections.max(1))
            .map(|_| Exporter::new(config.client.clone()).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let runtime = runtime(config.threads)?;
        let lateness = histogram();
        let shared = Arc::new(Shared {
            chunks,
            clock,
            config,
            outcomes,
            latency,
            lateness: Mutex::new(lateness),
            stop: AtomicBool::new(false),
            chunks_opened: AtomicU64::new(0),
            sent_spans: AtomicU64::new(0),
            on_time_spans: AtomicU64::new(0),
            due_spans: AtomicU64::new(0),
            outstanding: AtomicU64::new(0),
            last_due_ns: AtomicU64::new(0),
            buffers: feed::Buffers::default(),
        });
        let (queue, taken) = feed::queue();
        let feeder = thread("sp-driver-feed", {
            let (shared, exporters) = (Arc::clone(&shared), exporters.clone());
            move || feed::run(&shared, &exporters, &queue)
        })?;
        let pacer = thread("sp-driver-pace", {
            let (shared, handle) = (Arc::clone(&shared), runtime.handle().clone());
            move || pacer::run(&shared, &exporters, &taken, &handle)
        })?;
        Ok(Self { shared, feeder: Some(feeder), pacer: Some(pacer), runtime: Some(runtime) })
    }

    /// A reading.
    pub fn progress(&self) -> DriverProgress {
        DriverProgress {
            sent: self.shared.sent_spans.load(Ordering::Relaxed),
            outstanding: self.shared.outstanding.load(Ordering::Relaxed),
            late_share: late_share(&self.shared.lateness()),
        }
    }

    /// True when every request has been handed over and has ended.
    pub fn is_finished(&self) -> bool {
        let handed_over = self.pacer.as_ref().is_none_or(std::thread::JoinHandle::is_finished);
        handed_over && self.shared.outstanding.load(Ordering::Relaxed) == 0
    }

    /// Ends the run early: what has not been handed over is not sent; what is on its way may end.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the requests under way, at most until `deadline`, ends what is left as unknown, and reports.
    pub fn finish(mut self, deadline: Instant) -> DriverReport {
        while !self.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let stopped = self.shared.stop.swap(true, Ordering::Relaxed) || !self.is_finished();
        for thread in [self.feeder.take(), self.pacer.take()].into_iter().flatten() {
            // A panic there has been printed and remembered; what it left unsent was noted as such as it was dropped.
            drop(thread.join());
        }
        if let Some(runtime) = self.runtime.take() {
            // Tasks that are dropped note their request as unknown.
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        let shared = &self.shared;
        DriverReport {
            lateness: shared.lateness().clone(),
            chunks_opened: shared.chunks_opened.load(Ordering::Relaxed),
            sent_spans: shared.sent_spans.load(Ordering::Relaxed),
            on_time_spans: shared.on_time_spans.load(Ordering::Relaxed),
            due_spans: shared.due_spans.load(Ordering::Relaxed),
            last_due: Duration::from_nanos(shared.last_due_ns.load(Ordering::Relaxed)),
            stopped,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn lateness(&self) -> std::sync::MutexGuard<'_, Histogram<u64>> {
        self.lateness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Share of the spans in `lateness` that started more than [`LATENESS_MAX`] late, from 0 to 1; 0 of none.
pub fn late_share(lateness: &Histogram<u64>) -> f64 {
    // The bound is well within the range in which the histogram counts every microsecond by itself.
    let in_time = lateness.count_between(0, LATENESS_MAX.as_micros() as u64);
    lateness.len().saturating_sub(in_time) as f64 / lateness.len().max(1) as f64
}

/// 1 µs to 1 h at 3 digits, as all of ours.
fn histogram() -> Histogram<u64> {
    // These bounds are valid, so the fallback is never taken; it is there because a panic would be worse.
    Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap_or_else(|_| Histogram::new_from(&minimal()))
}

fn minimal() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "1 digit is within what the library documents as valid")]
    Histogram::new(1).expect("1 significant digit is valid")
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("sp-driver-send")
        .on_thread_start(prefer)
        .enable_all()
        .build()
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<std::thread::JoinHandle<()>, std::io::Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        prefer();
        body();
    })
}

/// Asks the system to prefer this thread over the target's where both share cores: the driver needs little and must be on
/// time. Only the superuser may ask; without that, lateness says how much it mattered.
fn prefer() {
    const NICE: i32 = -10;
    // On Linux the priority of a "process" is that of the one thread whose id is given.
    rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE).ok();
}
