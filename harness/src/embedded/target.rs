//! Starting and stopping an embedded target.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::config::EmbeddedConfig;
use super::defects::Misconduct;
use super::endpoint::EndpointError;
use super::export::Exporter;
use super::intake::Intake;
use super::outlet::Outlet;
use super::receive::{Door, Receiver, Stop, listen};
use super::stats::{Counters, EmbeddedStats, ShutdownReport};

/// Threads that all of a target's work is done on.
const WORKER_THREADS: usize = 2;

/// How much longer than its deadline a shutdown may take before it is left to itself: aborting a task waits for the end of
/// its current step, which is at most the coding of one request.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Longer deadlines than this are cut to it, since the clock's arithmetic ends somewhere.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why an embedded target could not be started. Nothing is left behind.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// An address cannot be listened on. Free it, or take port 0.
    #[error("listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// There is nobody to export to. Give at least one destination.
    #[error("start the embedded target without a destination; give it at least one")]
    NoDestination,
    /// A destination's endpoint cannot be used.
    #[error("use the endpoint of destination {number}: it {error}")]
    Endpoint {
        /// Which destination, counted from 1.
        number: usize,
        /// What is wrong with it.
        error: EndpointError,
    },
    /// The system gives no threads.
    #[error("start the embedded target's threads: {0}")]
    Runtime(io::Error),
}

/// A running embedded target. Dropping it stops it at once; [`EmbeddedTarget::shutdown`] lets it finish.
pub struct EmbeddedTarget {
    grpc_addr: SocketAddr,
    http_addr: SocketAddr,
    intake: Arc<Intake>,
    running: Option<Running>,
}

/// What has to be stopped.
struct Running {
    runtime: Runtime,
    tasks: Tasks,
}

/// The tasks of a target and the means to end them.
struct Tasks {
    stop: watch::Sender<Option<Instant>>,
    doors: JoinSet<()>,
    sampling: JoinSet<()>,
    consumers: JoinSet<()>,
    intake: Arc<Intake>,
    outlets: Vec<Arc<Outlet>>,
}

/// A target whose tasks run.
struct Launched {
    intake: Arc<Intake>,
    tasks: Tasks,
}

impl Launched {
    fn new(config: &EmbeddedConfig, doors: [(Door, std::net::TcpListener); 2]) -> Result<Self, EmbeddedError> {
        let counters = Counters::new();
        let misconduct = Misconduct::planted(&config.defects);
        let outlets = outlets(config, &misconduct, &counters)?;
        let intake = Arc::new(Intake::new(config, outlets.clone(), misconduct, counters));
        let (stop, stopped) = watch::channel(None);
        let doors = open_doors(config, &intake, doors, &stopped)?;
        let consumers = start_consumers(config, &outlets);
        let mut sampling = JoinSet::new();
        let sampler = Arc::clone(&intake);
        sampling.spawn(async move { sampler.sample().await });
        let tasks = Tasks { stop, doors, sampling, consumers, intake: Arc::clone(&intake), outlets };
        Ok(Self { intake, tasks })
    }
}

impl EmbeddedTarget {
    /// Starts a target on threads of its own and returns once both addresses are listened on. Destinations are connected
    /// to on first use.
    pub fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        if config.export.is_empty() {
            return Err(EmbeddedError::NoDestination);
        }
        let (grpc, grpc_addr) = bind(config.listen_grpc)?;
        let (http, http_addr) = bind(config.listen_http)?;
        let runtime = runtime()?;
        let launched = {
            // Sockets and channels attach themselves to the runtime that they are made in.
            let _guard = runtime.enter();
            Launched::new(&config, [(Door::Grpc, grpc), (Door::Http, http)])
        };
        match launched {
            Ok(Launched { intake, tasks }) => {
                Ok(Self { grpc_addr, http_addr, intake, running: Some(Running { runtime, tasks }) })
            }
            Err(error) => {
                // Not dropped, since dropping waits, which a caller inside another runtime must not do.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Where OTLP/gRPC is received.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where OTLP/HTTP is received.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// What the target has done so far.
    pub fn stats(&self) -> EmbeddedStats {
        self.intake.stats()
    }

    /// Stops accepting, lets requests under way and the queue finish for at most `deadline`, drops what is left and says
    /// what that was. Delayed requests become due at once. The ports are free when this returns. It blocks the calling
    /// thread, so call it from outside the threads that serve the target's destinations.
    pub fn shutdown(mut self, deadline: Duration) -> ShutdownReport {
        self.stop(deadline)
    }

    fn stop(&mut self, deadline: Duration) -> ShutdownReport {
        let Some(running) = self.running.take() else {
            return ShutdownReport { stats: self.stats(), ..ShutdownReport::default() };
        };
        let before = self.stats().abandoned;
        running.stop(deadline);
        let stats = self.stats();
        let mut lost = stats.abandoned;
        lost.requests -= before.requests;
        lost.spans -= before.spans;
        ShutdownReport { drained: lost.requests == 0 && stats.queue_requests == 0, lost, stats }
    }
}

impl Drop for EmbeddedTarget {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl Running {
    /// Waits on a channel and not on the runtime, because the caller's thread may belong to another runtime.
    fn stop(self, deadline: Duration) {
        let deadline = deadline.min(DEADLINE_MAX);
        let Self { runtime, tasks } = self;
        let (done, finished) = mpsc::channel();
        runtime.spawn(async move {
            tasks.close(deadline).await;
            // The receiver is gone only when it has stopped waiting.
            let _ = done.send(());
        });
        // Expired or not, what is left is cut off by the next line.
        let _ = finished.recv_timeout(deadline + STOP_GRACE);
        runtime.shutdown_background();
    }
}

impl Tasks {
    /// Doors first, since only a closed door lets the queue run dry; they get half the time, so that a client that never
    /// hangs up cannot use up the queue's share.
    async fn close(self, deadline: Duration) {
        let Self { stop, mut doors, mut sampling, mut consumers, intake, outlets } = self;
        let start = Instant::now();
        stop.send_replace(Some(start + deadline / 2));
        while doors.join_next().await.is_some() {}
        sampling.shutdown().await;
        intake.sample_the_rest();
        outlets.iter().for_each(|outlet| outlet.queue.close());
        let drained = async { while consumers.join_next().await.is_some() {} };
        // On expiry the rest is cut off by the next lines.
        drop(timeout_at(start + deadline, drained).await);
        consumers.shutdown().await;
        outlets.iter().for_each(|outlet| outlet.queue.clear());
    }
}

fn bind(address: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr), EmbeddedError> {
    let bound = listen(address).and_then(|listener| listener.local_addr().map(|bound| (listener, bound)));
    bound.map_err(|error| EmbeddedError::Listen { address, error })
}

fn runtime() -> Result<Runtime, EmbeddedError> {
    let number = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name_fn(move || format!("sp-target-{}", number.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
        .map_err(EmbeddedError::Runtime)
}

fn outlets(
    config: &EmbeddedConfig,
    misconduct: &Arc<Misconduct>,
    counters: &Arc<Counters>,
) -> Result<Vec<Arc<Outlet>>, EmbeddedError> {
    let numbered = config.export.iter().zip(1..);
    let outlet = |(destination, number)| {
        let exporter =
            Exporter::new(destination, config.timeout).map_err(|error| EmbeddedError::Endpoint { number, error })?;
        let (misconduct, counters) = (Arc::clone(misconduct), Arc::clone(counters));
        Ok(Arc::new(Outlet::new(exporter, config, number as u64, misconduct, counters)))
    };
    numbered.map(outlet).collect()
}

fn open_doors(
    config: &EmbeddedConfig,
    intake: &Arc<Intake>,
    doors: [(Door, std::net::TcpListener); 2],
    stop: &Stop,
) -> Result<JoinSet<()>, EmbeddedError> {
    let receiver = Arc::new(Receiver {
        intake: Arc::clone(intake),
        max_request_bytes: config.max_request_bytes,
        connections: AtomicU64::new(0),
    });
    let mut open = JoinSet::new();
    for (door, listener) in doors {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(EmbeddedError::Runtime)?;
        open.spawn(Arc::clone(&receiver).run(door, listener, stop.clone()));
    }
    Ok(open)
}

fn start_consumers(config: &EmbeddedConfig, outlets: &[Arc<Outlet>]) -> JoinSet<()> {
    let mut consumers = JoinSet::new();
    for outlet in outlets {
        for _ in 0..config.consumers.get() {
            let outlet = Arc::clone(outlet);
            consumers.spawn(async move { outlet.consume().await });
        }
    }
    consumers
}
