//! One request under way: what it belongs to, and the promise that it is counted exactly once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use http::{HeaderMap, Version};
use thiserror::Error;

use super::Shared;
use super::connection::Connection;
use super::counters::Fault;
use super::rejection::Rejection;
use super::turned_away::Turning;
use crate::threads::Present;

/// The stream ends without an answer.
#[derive(Debug, Error)]
#[error("reset on the backend's order")]
pub(super) struct Abort(#[source] h2::Error);

/// A request from its headers to its answer. Dropped unsettled, it counts as abandoned by its peer.
pub(super) struct Call<'a> {
    pub shared: &'a Shared,
    pub connection: &'a Connection,
    began: Instant,
    http2: bool,
    settled: AtomicBool,
    _busy: Present<'a>,
}

impl<'a> Call<'a> {
    pub fn begin(shared: &'a Shared, connection: &'a Connection, version: Version) -> Self {
        shared.tally.requests.fetch_add(1, Relaxed);
        connection.started.fetch_add(1, Relaxed);
        Self {
            shared,
            connection,
            began: Instant::now(),
            http2: version == Version::HTTP_2,
            settled: AtomicBool::new(false),
            _busy: Present::on(&connection.active),
        }
    }

    pub fn is_http2(&self) -> bool {
        self.http2
    }

    /// Refuses a request whose headers are too long. HTTP/2 does so itself; HTTP/1.1 only bounds its buffer.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let limit = self.shared.limits.header_bytes_max;
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        if bytes > limit as usize { Err(Rejection::headers(limit)) } else { Ok(()) }
    }

    /// Counts how the request ended.
    pub fn settle(&self, counter: &AtomicU64) {
        if !self.settled.swap(true, Relaxed) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Counts a request that the server itself refused. What is given says when that was over, and how much it was, if it was for a bound
    /// of the server's own.
    pub fn reject(&self, rejection: &Rejection) -> Option<Turning> {
        // Noted before it is counted: whoever reads the counters first finds each there, too.
        let of_ours = rejection.reason.fault() == Fault::Server;
        let turning = of_ours.then(|| self.shared.turned_away.begin(self.began));
        self.settle(self.shared.tally.refused(rejection.reason));
        turning
    }

    /// Makes an HTTP/2 stream end in `reason`, and an HTTP/1.1 connection in a TCP reset.
    pub fn abort(&self, reason: h2::Reason) -> Abort {
        if !self.http2 {
            self.connection.abort.store(true, Relaxed);
        }
        Abort::new(reason)
    }
}

impl Abort {
    /// Ends an HTTP/2 stream with this error code.
    pub fn new(reason: h2::Reason) -> Self {
        Self(h2::Error::from(reason))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.settle(&self.shared.tally.abandoned);
    }
}
