//! What a case works with: a target, one permutation, and everything that is noted on the way.

use super::axes::Axes;
use super::book::Book;
use super::payload::{self, Load};
use super::profile::Profile;
use super::raw::Unanswered;
use super::raw::grpc::{self, Said};
use super::raw::http1::{self, Http1};
use super::raw::http2::{Call, Http2};
use super::readback::{Arrived, ReadBack};
use super::reply::Reply;
use super::trace::Trace;
use crate::wire::{Compression, Protocol};
use flate2::write::GzEncoder;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// A trial's means.
pub struct Probe {
    /// The permutation.
    pub axes: Axes,
    /// What is known of the target.
    pub profile: Arc<Profile>,
    /// What went over the wire.
    pub trace: Arc<Trace>,
    /// What was sent and what was said of it.
    pub book: Book,
    /// How what came out can be read back, if it can.
    pub readback: Option<ReadBack>,
    /// The longest that anything is waited for.
    pub within: Duration,
    label: String,
    markers: AtomicU32,
    /// How the first connection came out: whether anybody is there at all.
    first: OnceLock<Result<(), Unanswered>>,
}

impl Probe {
    /// A probe. `label` is its own within the run, and markers follow from it.
    pub fn new(axes: Axes, profile: Arc<Profile>, readback: Option<ReadBack>, label: String, within: Duration) -> Self {
        let secrets = profile.headers.iter().map(|(_, value)| value.clone()).collect();
        let (trace, book, markers) = (Arc::new(Trace::without(secrets)), Book::default(), AtomicU32::new(0));
        let first = OnceLock::new();
        Self { axes, profile, trace, book, readback, within, label, markers, first }
    }

    /// A text that no other request of the run carries.
    pub fn marker(&self) -> String {
        format!("{}-{}", self.label, self.markers.fetch_add(1, Relaxed))
    }

    /// A good request of the permutation's own kind, not compressed yet.
    pub fn good(&self, items: u64) -> Load {
        payload::good(self.axes.protocol, self.axes.signal, &self.marker(), items)
    }

    /// Where the permutation's protocol is taken.
    ///
    /// # Errors
    ///
    /// [`Unanswered::Unsayable`] where it is not taken, which a plan excludes.
    pub fn address(&self) -> Result<SocketAddr, Unanswered> {
        self.address_of(self.axes.protocol)
    }

    /// Where a protocol is taken.
    ///
    /// # Errors
    ///
    /// [`Unanswered::Unsayable`] where it is not taken.
    pub fn address_of(&self, protocol: Protocol) -> Result<SocketAddr, Unanswered> {
        let address = self.profile.address(protocol);
        address.ok_or_else(|| Unanswered::Unsayable(format!("the target has no {}", protocol.name())))
    }

    /// Sends a request the permutation's way, on a connection of its own, and notes what was said of it.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn send(&self, load: &Load) -> Result<Reply, Unanswered> {
        self.send_over(self.axes, load).await
    }

    /// Sends a request in any way.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn send_over(&self, axes: Axes, load: &Load) -> Result<Reply, Unanswered> {
        match axes.protocol {
            Protocol::Grpc => self.call(&self.grpc_call(axes, load), load).await.map(Reply::Grpc),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                self.ask(&self.http_request(axes, load), load).await.map(Reply::Http)
            }
        }
    }

    /// The request over HTTP, compressed as the permutation says.
    pub fn http_request(&self, axes: Axes, load: &Load) -> http1::Request {
        let kind = if axes.protocol == Protocol::HttpJson { "application/json" } else { "application/x-protobuf" };
        let mut request = http1::Request::post(axes.signal.http_path(), load.bytes.clone()).with("content-type", kind);
        if axes.compression == Compression::Gzip {
            request.body = gzip(&load.bytes);
            request = request.with("content-encoding", "gzip");
        }
        request.fields.extend(self.profile.headers.iter().cloned());
        request
    }

    /// The call over gRPC, compressed as the permutation says.
    pub fn grpc_call(&self, axes: Axes, load: &Load) -> Call {
        let mut call = match axes.compression {
            Compression::Gzip => {
                let packed = gzip(&load.bytes);
                let body = grpc::framed_as(1, packed.len() as u32, &packed);
                grpc::call(axes.signal.grpc_path(), body).with("grpc-encoding", "gzip")
            }
            _ => grpc::call(axes.signal.grpc_path(), grpc::framed(&load.bytes)),
        };
        call.fields.extend(self.profile.headers.iter().cloned());
        call
    }

    /// Sends a request over HTTP on a connection of its own, and notes what was said of its load.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn ask(&self, request: &http1::Request, load: &Load) -> Result<http1::Answer, Unanswered> {
        let answer = match self.http1().await {
            Ok(mut connection) => connection.exchange(request).await,
            Err(error) => Err(error),
        };
        self.note(load, answer.clone().map(Reply::Http).as_ref());
        answer
    }

    /// Makes a call on a connection of its own, and notes what was said of its load.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn call(&self, call: &Call, load: &Load) -> Result<Said, Unanswered> {
        let connection = match self.http2().await {
            Ok(connection) => connection,
            Err(error) => {
                self.note(load, Err(&error));
                return Err(error);
            }
        };
        self.call_on(&connection, call, load).await
    }

    /// Makes a call on a connection, and notes what was said of its load.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn call_on(&self, connection: &Http2, call: &Call, load: &Load) -> Result<Said, Unanswered> {
        let said = connection.call(call).await.map(Said::of);
        self.trace.note(connection.connection(), grpc::words(&said));
        self.note(load, said.clone().map(Reply::Grpc).as_ref());
        said
    }

    /// A connection of HTTP/1.1 to where HTTP is taken.
    ///
    /// # Errors
    ///
    /// [`Unanswered::Connect`].
    pub async fn http1(&self) -> Result<Http1, Unanswered> {
        let connected = Http1::connect(self.address_of(Protocol::HttpProtobuf)?, &self.trace, self.within).await;
        self.reached(connected)
    }

    /// A connection of HTTP/2 to where gRPC is taken.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub async fn http2(&self) -> Result<Http2, Unanswered> {
        let connected = Http2::connect(self.address_of(Protocol::Grpc)?, &self.trace, self.within).await;
        self.reached(connected)
    }

    fn reached<C>(&self, connected: Result<C, Unanswered>) -> Result<C, Unanswered> {
        let first = match &connected {
            Err(error @ Unanswered::Connect { .. }) => Err(error.clone()),
            _ => Ok(()),
        };
        self.first.get_or_init(|| first);
        connected
    }

    /// Why nothing can be said about the target: nobody was there from the beginning. Who goes away in the middle of a case does so
    /// because of it, as far as can be told.
    pub fn nobody(&self) -> Option<&Unanswered> {
        self.first.get().and_then(|first| first.as_ref().err())
    }

    /// Notes what was said of a load, if anything of it can be found again.
    pub fn note(&self, load: &Load, reply: Result<&Reply, &Unanswered>) {
        let Some((marker, items)) = &load.items else { return };
        match reply {
            // What never left is no request.
            Err(error) if error.is_ours() => {}
            Err(_) => self.book.note(marker, *items, None),
            Ok(reply) => self.book.note(marker, *items, Some(reply.outcome())),
        }
    }

    /// Waits until all of a load has come out, for as long as it may take; what has. Nothing where nothing is read back.
    pub async fn arrived(&self, load: &Load) -> Vec<Arrived> {
        match (&self.readback, &load.items) {
            (Some(readback), Some((marker, items))) => {
                readback.store.wait(marker, *items, Instant::now() + readback.settle).await
            }
            _ => Vec::new(),
        }
    }
}

/// Compresses; cannot fail, since it writes to memory.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
