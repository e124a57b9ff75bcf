//! The doors: listening sockets, numbered connections, and their orderly end.

mod compression;
mod grpc;
mod http;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::intake::Intake;

/// How long a client may take to send a request's headers or an HTTP body.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Windows that let a few full requests be under way on each connection; hyper's own are sized for web pages.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Set to the instant by which every connection has to be gone.
pub type Stop = watch::Receiver<Option<Instant>>;

/// What a door speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

/// What the connections of both doors share.
pub struct Receiver {
    /// Where requests go.
    pub intake: Arc<Intake>,
    /// The largest request accepted, decompressed.
    pub max_request_bytes: usize,
    /// Numbers connections in order of their arrival, over both doors.
    pub connections: AtomicU64,
}

impl Receiver {
    /// Accepts connections until told to stop, then lets them finish what they have begun until the given instant.
    pub async fn run(self: Arc<Self>, door: Door, listener: tokio::net::TcpListener, mut stop: Stop) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let deadline = loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => Arc::clone(&self).serve(door, stream, &graceful, &mut connections),
                    // Out of file handles or the like: without a pause this would spin until one is free.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
                // Finished connections are taken out as they end, or the set would grow with every one.
                Some(_) = connections.join_next() => {}
                deadline = deadline(&mut stop) => break deadline,
            }
        };
        drop(listener);
        // On expiry the rest is cut off by the next line.
        drop(timeout_at(deadline, graceful.shutdown()).await);
        connections.shutdown().await;
    }

    fn serve(
        self: Arc<Self>,
        door: Door,
        stream: TcpStream,
        graceful: &GracefulShutdown,
        connections: &mut JoinSet<()>,
    ) {
        // Without it small answers wait for the peer's delayed acknowledgement; failing, it only costs time.
        drop(stream.set_nodelay(true));
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        match door {
            Door::Grpc => {
                let answer = move |request| Arc::clone(&self).answer_grpc(request, number);
                connections.spawn(converse(stream, door, answer, graceful));
            }
            Door::Http => {
                let answer = move |request| Arc::clone(&self).answer_http(request, number);
                connections.spawn(converse(stream, door, answer, graceful));
            }
        }
    }
}

/// Waits for the order to stop. A target that is gone without one has no time left to give.
async fn deadline(stop: &mut Stop) -> Instant {
    match stop.wait_for(Option::is_some).await {
        Ok(deadline) => deadline.unwrap_or_else(Instant::now),
        Err(_) => Instant::now(),
    }
}

/// Serves one connection to its end. A connection that breaks is the client's affair; what it had sent whole is answered.
fn converse<A, F, B>(
    stream: TcpStream,
    door: Door,
    answer: A,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<A, F, B>
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let watcher = graceful.watcher();
    async move {
        let builder = protocols(door);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        drop(watcher.watch(connection.into_owned()).await);
    }
}

fn protocols(door: Door) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(RECEIVE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    match door {
        Door::Grpc => builder.http2_only(),
        Door::Http => builder,
    }
}

/// A listening socket ready for the runtime.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
