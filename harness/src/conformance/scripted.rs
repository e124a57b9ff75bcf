//! A server that answers as a script tells it to: any status, headers, body and trailers, late, cut short, or not at all.
//!
//! It takes HTTP/1.1 and HTTP/2 with prior knowledge on one port, by what the peer says first, and reads requests by hand as far as
//! their framing goes. Bounded: a request's length, the connections at once, and how long anything may take. It is the backend behind
//! an exporter that is tried, and, with a script that passes requests on and twists the answers, the server with a planted
//! deviation ([`super::reference`]).

mod answers;
mod one;
mod steps;
mod two;

pub use answers::Refusal;
pub use steps::{Step, Steps};

use super::raw::Fields;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::proxy::http2::frame::PREFACE;

/// The longest request.
const REQUEST_MAX: usize = 128 << 20;

/// Connections at once.
const CONNECTIONS_MAX: usize = 512;

/// The longest that a connection may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The longest that a script may take, a hang included.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `POST`.
    pub method: String,
    /// `/v1/traces`.
    pub path: String,
    /// Header fields.
    pub fields: Fields,
    /// The body, without its framing by HTTP.
    pub body: Vec<u8>,
    /// Whether it came over HTTP/2.
    pub is_http2: bool,
    /// How many requests came before it, over all connections.
    pub number: u64,
}

impl Asked {
    /// A header's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        super::raw::field(&self.fields, name)
    }

    /// Whether it came as JSON.
    pub fn is_json(&self) -> bool {
        self.field("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }

    /// Whether it is a call of gRPC.
    pub fn is_grpc(&self) -> bool {
        self.is_http2 && self.field("content-type").is_some_and(|kind| kind.starts_with("application/grpc"))
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// Fields after it, over HTTP/2.
    pub trailers: Fields,
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It is answered.
    Answer(Answer),
    /// It is answered, later.
    Late(Duration, Answer),
    /// The stream is reset with HTTP/2's error code; a connection of HTTP/1.1 is.
    Reset(u32),
    /// The answer is cut off after so many bytes of its body, and the connection closed.
    Cut(Answer, usize),
    /// The connection is closed without an answer.
    Close,
    /// Our side of the connection is closed without an answer, and the other read on; over HTTP/2 it is closed like any other.
    HalfClose,
    /// Nothing is said any more, and nothing closed, for as long as the bounds allow.
    Hang,
    /// It is answered, and the peer told to go elsewhere from then on (HTTP/2), or the connection closed.
    Last(Answer),
    /// The peer is told to go elsewhere at once, with HTTP/2's error code.
    GoAway(u32),
}

/// What decides.
pub trait Script: Send + Sync + 'static {
    /// What is done with a request.
    fn decide(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>>;
}

/// A running server. Dropping it ends it and all its connections.
pub struct Scripted {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Scripted {
    /// Listens, on the runtime that it is called on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn start(address: SocketAddr, script: Arc<dyn Script>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, script, stop.clone()));
        Ok(Self { address, stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What all connections share.
struct Shared {
    script: Arc<dyn Script>,
    asked: std::sync::atomic::AtomicU64,
}

impl Shared {
    /// Asks the script, for no longer than it may take.
    async fn decide(&self, mut asked: Asked) -> Deed {
        asked.number = self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let decided = timeout(ANSWER_WITHIN, Arc::clone(&self.script).decide(asked)).await;
        decided.unwrap_or(Deed::Close)
    }
}

async fn accept(listener: TcpListener, script: Arc<dyn Script>, stop: CancellationToken) {
    let shared = Arc::new(Shared { script, asked: std::sync::atomic::AtomicU64::new(0) });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Its connections end with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let shared = Arc::clone(&shared);
            connections.spawn(async move {
                let _place = place;
                attend(stream, shared).await;
            });
        }
    }
}

/// One connection, in the protocol that it begins with.
async fn attend(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut begin = Vec::new();
    while begin.len() < PREFACE.len() && PREFACE.starts_with(&begin) {
        match timeout(SILENCE_MAX, stream.read_buf(&mut begin)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => return,
        }
    }
    if begin.starts_with(PREFACE) {
        two::serve(stream, begin, shared).await
    } else {
        one::serve(stream, begin, &shared).await
    }
}
