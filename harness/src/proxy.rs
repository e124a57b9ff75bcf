//! A TCP proxy that breaks what goes through it, as a network does: connections are refused, reset, cut short or led into
//! a black hole, bytes come late, slowly, changed or not at all.
//!
//! Faults are switched on and off while it runs ([`Handle`]; over HTTP: [`crate::control::ControlServer`]). Each keeps account of what it
//! touched, and one that touched nothing has shown nothing. Memory is bounded: so many connections, so many bytes held on
//! each, and who sends faster than the other end reads has to wait. The proxy has threads of its own, named `sp-proxy-N`, so
//! that its cost can be read per thread.
//!
//! The way of a byte: `door` (the listening socket) -> `accept` -> `connection` (two sockets) -> `pump` (one direction), which asks its
//! `course` what holds for it; all of that follows the `switchboard`.

mod accept;
mod connection;
mod control;
mod course;
mod door;
pub mod http2;
mod pieces;
mod pump;
mod state;
mod switchboard;
mod tally;

pub use state::{Connections, FaultState, Relayed, State, Touch};
pub use switchboard::{SwitchError, Touched};

use crate::threads;
use door::Door;
use spanproof_scenarios::scenario::{Direction, LinkSwitch};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use switchboard::Switchboard;
use tally::Tally;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What its threads are called by.
const THREADS: &str = "proxy";

/// Connections at once, unless told otherwise: with both ends of each a process stays below the usual limit of descriptors.
const CONNECTIONS_MAX: usize = 480;

/// Where a proxy listens and where it leads.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Where connections are taken. Port 0 is any free port.
    pub listen: SocketAddr,
    /// Where they lead; the addresses are tried in this order.
    pub upstream: Vec<SocketAddr>,
    /// From this follows which connections a share is, which bits are flipped, and how much later a piece comes.
    pub seed: u64,
    /// Threads that carry bytes. One carries more than a gigabyte a second.
    pub threads: NonZeroUsize,
    /// More connections at once are closed as soon as they come.
    pub connections_max: usize,
}

impl ProxyConfig {
    /// From `listen` to `upstream`, with one thread and seed 0.
    pub fn new(listen: SocketAddr, upstream: Vec<SocketAddr>) -> Self {
        Self { listen, upstream, seed: 0, threads: NonZeroUsize::MIN, connections_max: CONNECTIONS_MAX }
    }
}

/// Why a proxy did not start.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// Stop the other listener or choose another address; port 0 takes any free port.
    #[error("listen on {address}: {source}; choose another address, or port 0 for any free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no threads.
    #[error("start the proxy's threads: {0}")]
    Threads(#[source] std::io::Error),
}

/// One of the two streams of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the client to the upstream.
    Upstream,
    /// Back.
    Downstream,
}

impl Way {
    /// Whether what holds in a direction holds here.
    fn is_in(self, direction: Direction) -> bool {
        match direction {
            Direction::Both => true,
            Direction::Upstream => self == Self::Upstream,
            Direction::Downstream => self == Self::Downstream,
        }
    }
}

/// What all connections of a proxy share.
struct Shared {
    upstream: Vec<SocketAddr>,
    door: Door,
    board: Switchboard,
    tally: Tally,
    connections_max: usize,
    stop: CancellationToken,
}

/// A proxy at work. Dropping it stops it at once; [`ProxyServer::shutdown`] lets connections end first.
pub struct ProxyServer {
    handle: Handle,
    patience: watch::Sender<Duration>,
    thread: Option<JoinHandle<usize>>,
}

/// Switches the faults of a proxy and tells how it is; as good after the proxy has stopped.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl ProxyServer {
    /// Listens and relays until the value is dropped or shut down. Connections are taken when this returns.
    ///
    /// # Errors
    /// [`ProxyError`], with the address where that is the culprit.
    pub fn start(config: ProxyConfig) -> Result<Self, ProxyError> {
        let ProxyConfig { listen: address, upstream, seed, threads, connections_max } = config;
        let door = Door::open(address).map_err(|source| ProxyError::Listen { address, source })?;
        let shared = Arc::new(Shared {
            upstream,
            door,
            board: Switchboard::new(seed, Instant::now()),
            tally: Tally::default(),
            connections_max,
            stop: CancellationToken::new(),
        });
        let runtime = threads::runtime(threads.get(), THREADS).map_err(ProxyError::Threads)?;
        let (patience, last_wait) = watch::channel(Duration::ZERO);
        let handle = Handle { shared: Arc::clone(&shared) };
        let serve = move || {
            let cut = runtime.block_on(accept::serve(shared, last_wait));
            runtime.shutdown_background();
            cut
        };
        let thread =
            std::thread::Builder::new().name(threads::name(THREADS, 0)).spawn(serve).map_err(ProxyError::Threads)?;
        Ok(Self { handle, patience, thread: Some(thread) })
    }

    /// Where connections are taken.
    pub fn address(&self) -> SocketAddr {
        self.handle.shared.door.address()
    }

    /// What switches its faults.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops: connections are refused, and those that there are get until `deadline` to end of themselves. Returns how many were
    /// cut off; 0 when it had stopped already. Blocks; in a task, call it from `spawn_blocking`.
    pub fn shutdown(&mut self, deadline: Duration) -> usize {
        self.patience.send_replace(deadline);
        self.handle.shared.stop.cancel();
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or(0)
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.shutdown(Duration::ZERO);
    }
}

impl Handle {
    /// From now on a fault holds, also for connections that there are. What comes after this has returned meets it. Nothing
    /// happens if it holds already; one of the same name that is another is replaced, and its account is lost.
    ///
    /// # Errors
    /// [`SwitchError`]; everything is as before.
    pub fn switch_on(&self, switch: LinkSwitch) -> Result<(), SwitchError> {
        self.shared.board.switch_on(switch, &self.shared.door)
    }

    /// From now on the fault of this name does not hold. False if there is none.
    ///
    /// # Errors
    /// [`SwitchError::Door`]; everything is as before.
    pub fn switch_off(&self, name: &str) -> Result<bool, SwitchError> {
        self.shared.board.switch_off(&|switch| switch.name == name, &self.shared.door)
    }

    /// From now on no fault holds.
    ///
    /// # Errors
    /// [`SwitchError::Door`]; everything is as before.
    pub fn switch_all_off(&self) -> Result<(), SwitchError> {
        self.shared.board.switch_off(&|_| true, &self.shared.door).map(drop)
    }

    /// What the fault of this name has touched so far, over all the times that it held; `None` if there was none.
    pub fn touched(&self, name: &str) -> Option<Touched> {
        self.shared.board.touched(name)
    }

    /// Everything that there is to tell.
    pub fn state(&self) -> State {
        State::of(&self.shared)
    }
}
