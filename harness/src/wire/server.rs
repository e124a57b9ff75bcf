//! The backend's end: OTLP/gRPC and OTLP/HTTP listeners that hand every whole request to a [`Backend`] and answer what it
//! decides.
//!
//! The server is what hostile peers reach, so everything is bounded: connections, streams, header lists, the size of a
//! request while it is being decompressed, the bytes of all requests together, and every wait. It has threads of its own,
//! named `sp-sink-N`, so that its cost can be read per thread.
//!
//! The way of a request: `connection` (sockets) -> `grpc` or `http` (what the protocol asks for) -> `body` (one buffer)
//! -> `inflate` -> [`Backend::export`] -> `decision` -> back through `grpc` or `http`.

mod backend;
mod body;
mod broken;
mod budget;
mod call;
mod config;
mod connection;
mod counters;
mod decision;
mod grpc;
mod http;
mod inflate;
pub(crate) mod json;
mod rejection;
mod reply;
mod retry_after;
mod socket;
mod turned_away;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use backend::{Answered, Backend, Decision, Export, Refusal};
pub use broken::BrokenAnswer;
pub use config::{Limits, ServerConfig};
pub use counters::{Fault, Reason, ServerCounters};
pub use retry_after::RetryAfter;
pub use turned_away::TurnedAway;

use budget::Budget;
use connection::{Flavour, serve};
use counters::Tally;
use turned_away::TurnedAwayLog;

use crate::pulse::Pulse;
use crate::threads;

/// What its threads are called by.
const THREADS: &str = "sink";

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Give at least one of the two addresses.
    #[error("start the sink: neither a gRPC nor an HTTP address is given; name at least one")]
    NoAddress,
    /// Stop the other listener or choose another address; port 0 takes any free port.
    #[error("listen on {address}: {source}; choose another address, or port 0 for any free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no threads.
    #[error("start the sink's threads: {0}")]
    Threads(#[source] std::io::Error),
}

/// What every connection and request of one server shares.
struct Shared {
    backend: Arc<dyn Backend>,
    limits: Limits,
    tally: Tally,
    turned_away: Arc<TurnedAwayLog>,
    budget: Budget,
    pulse: Option<Arc<Pulse>>,
    stop: CancellationToken,
}

/// A running server. Dropping it stops it at once; [`SinkServer::shutdown`] lets requests finish first.
pub struct SinkServer {
    shared: Arc<Shared>,
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    patience: watch::Sender<Duration>,
    thread: Option<JoinHandle<usize>>,
}

impl SinkServer {
    /// Listens and serves until the value is dropped or shut down. The addresses accept connections when this returns.
    ///
    /// # Errors
    ///
    /// [`ServerError`], with the address where one is the culprit.
    pub fn start(config: ServerConfig, backend: Arc<dyn Backend>) -> Result<Self, ServerError> {
        if config.grpc.is_none() && config.http.is_none() {
            return Err(ServerError::NoAddress);
        }
        let listeners = [
            (Flavour::Grpc, config.grpc.map(listen).transpose()?),
            (Flavour::Http, config.http.map(listen).transpose()?),
        ];
        let [grpc, http] = [&listeners[0], &listeners[1]].map(|(_, listener)| listener.as_ref().map(|(_, at)| *at));
        let shared = Arc::new(Shared {
            backend,
            tally: Tally::default(),
            turned_away: Arc::default(),
            budget: Budget::new(config.limits.in_flight_bytes_max, config.limits.in_flight_wait),
            limits: config.limits,
            pulse: config.pulse,
            stop: CancellationToken::new(),
        });
        let runtime = threads::runtime(config.threads.get(), THREADS).map_err(ServerError::Threads)?;
        let (patience, last_wait) = watch::channel(Duration::ZERO);
        let thread = std::thread::Builder::new()
            .name(threads::name(THREADS, 0))
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    if let Some(pulse) = shared.pulse.clone() {
                        // It ends with the runtime.
                        runtime.spawn(async move { pulse.beat_for_ever().await });
                    }
                    let cut = runtime.block_on(serve(shared, listeners.into_iter().collect(), last_wait));
                    runtime.shutdown_background();
                    cut
                }
            })
            .map_err(ServerError::Threads)?;
        Ok(Self { shared, grpc, http, patience, thread: Some(thread) })
    }

    /// Where OTLP/gRPC is served.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Where OTLP/HTTP is served.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What happened so far.
    pub fn counters(&self) -> ServerCounters {
        self.shared.tally.snapshot(&self.shared.budget)
    }

    /// Requests and connections that it turned away because of its own bounds: all that its [`counters`](Self::counters) had counted before
    /// this, but for requests that its backend refused.
    pub fn turned_away(&self) -> Vec<TurnedAway> {
        self.shared.turned_away.all()
    }

    /// Stops: no new connections, requests under way get until `deadline` to finish. Returns how many connections were
    /// cut off. Blocks; in a task, call it from `spawn_blocking`.
    pub fn shutdown(mut self, deadline: Duration) -> usize {
        self.stop(deadline)
    }

    fn stop(&mut self, deadline: Duration) -> usize {
        self.patience.send_replace(deadline);
        self.shared.stop.cancel();
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or(0)
    }
}

impl Drop for SinkServer {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        Ok((listener, at))
    });
    bound.map_err(|source| ServerError::Listen { address, source })
}
