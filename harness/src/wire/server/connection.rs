//! Sockets: accepting them, serving each with the right protocol, and closing those that nobody uses.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::call::Call;
use super::config::Limits;
use super::socket::Socket;
use super::{Shared, grpc, http};
use crate::threads::Present;

/// How many connections get large flow-control windows. The others make do with small ones, so that many connections
/// together cannot fill the memory.
const ROOMY_CONNECTIONS: u64 = 16;
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;
const CRAMPED_STREAM_WINDOW: u32 = 256 << 10;
const CRAMPED_CONNECTION_WINDOW: u32 = 1 << 20;

/// A whole request of 512 spans in one DATA frame: one buffer, few reads, no gathering. Measured over loopback with bodies
/// of 176 KiB, a request costs the server 35 us instead of 73 us with HTTP/2's default of 16 KiB, and the client 45 us
/// instead of 80 us. Peers that never send more than 16 KiB a frame (grpc-go) pay the difference.
const FRAME_BYTES_MAX: u32 = 1 << 20;

/// A pause after the system refuses a socket (out of file descriptors), so that accepting does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A peer whose connection is closed at once may write to it until it hears of that, which takes no longer than this.
const UNHEARD: Duration = Duration::from_secs(1);

/// Which protocol a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Grpc,
    Http,
}

/// What the requests of one connection share.
pub(super) struct Connection {
    pub id: u64,
    pub peer: SocketAddr,
    /// Requests under way.
    pub active: AtomicU64,
    /// Requests so far.
    pub started: AtomicU64,
    /// True when the socket must be reset instead of closed.
    pub abort: Arc<AtomicBool>,
}

/// Serves all listeners until the server is told to stop, then gives connections `last_wait` to finish. Returns how many
/// had to be cut.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listeners: Vec<(Flavour, Option<(TcpListener, SocketAddr)>)>,
    last_wait: watch::Receiver<Duration>,
) -> usize {
    let places = Arc::new(Semaphore::new(shared.limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let everything = places.available_permits();
    for (flavour, listener) in listeners {
        if let Some(Ok(listener)) = listener.map(|(listener, _)| tokio::net::TcpListener::from_std(listener)) {
            tokio::spawn(accept(Arc::clone(&shared), flavour, listener, Arc::clone(&places)));
        }
    }
    shared.stop.cancelled().await;
    let patience = *last_wait.borrow();
    let all = u32::try_from(everything).unwrap_or(u32::MAX);
    match timeout(patience, places.acquire_many(all)).await {
        Ok(_) => 0,
        Err(_) => everything - places.available_permits(),
    }
}

async fn accept(shared: Arc<Shared>, flavour: Flavour, listener: tokio::net::TcpListener, places: Arc<Semaphore>) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(attend(Arc::clone(&shared), flavour, stream, peer, place));
            }
            Err(_) => {
                shared.turned_away.note_unseen(UNHEARD);
                shared.tally.connections_refused.fetch_add(1, Relaxed);
            }
        }
    }
}

/// One connection from its socket to its end.
async fn attend(
    shared: Arc<Shared>,
    flavour: Flavour,
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
) {
    // Without it a small answer waits for the peer's delayed acknowledgement. A socket that refuses is served anyway.
    let _ = stream.set_nodelay(true);
    let _open = Present::on(&shared.tally.connections_open);
    let id = shared.tally.connections.fetch_add(1, Relaxed);
    let abort = Arc::new(AtomicBool::new(false));
    let socket = Socket::new(stream, Arc::clone(&abort));
    let connection = Arc::new(Connection { id, peer, active: AtomicU64::new(0), started: AtomicU64::new(0), abort });
    let roomy = shared.tally.connections_open.load(Relaxed) <= ROOMY_CONNECTIONS;
    let builder = builder(flavour, &shared.limits, roomy);
    let service = service_fn(|request| {
        let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
        async move {
            let call = Call::begin(&shared, &connection, request.version());
            match flavour {
                Flavour::Grpc => grpc::serve(call, request).await,
                Flavour::Http => http::serve(call, request).await,
            }
        }
    });
    let mut served = pin!(builder.serve_connection(socket, service));
    let mut unused = pin!(unused(&shared, &connection));
    let mut stopping = pin!(shared.stop.cancelled());
    let mut leaving = false;
    loop {
        tokio::select! {
            // Errors of a connection are the peer's; the requests on it have been counted one by one.
            _ = &mut served => return,
            () = &mut stopping, if !leaving => {
                leaving = true;
                served.as_mut().graceful_shutdown();
            }
            silent = &mut unused, if !leaving => {
                leaving = true;
                shared.tally.connections_idle.fetch_add(1, Relaxed);
                if silent {
                    return;
                }
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Ends when the connection has been of no use for too long; true if it never carried a request.
async fn unused(shared: &Shared, connection: &Connection) -> bool {
    sleep(shared.limits.header_timeout).await;
    if connection.started.load(Relaxed) == 0 {
        return true;
    }
    loop {
        let before = connection.started.load(Relaxed);
        sleep(shared.limits.idle_timeout).await;
        if connection.started.load(Relaxed) == before && connection.active.load(Relaxed) == 0 {
            return false;
        }
    }
}

fn builder(flavour: Flavour, limits: &Limits, roomy: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let (stream_window, connection_window) =
        if roomy { (STREAM_WINDOW, CONNECTION_WINDOW) } else { (CRAMPED_STREAM_WINDOW, CRAMPED_CONNECTION_WINDOW) };
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_stream_window_size(stream_window)
        .initial_connection_window_size(connection_window)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.header_bytes_max);
    // Without a timer hyper leaves the header timeout out silently.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    match flavour {
        Flavour::Grpc => builder.http2_only(),
        Flavour::Http => builder,
    }
}
