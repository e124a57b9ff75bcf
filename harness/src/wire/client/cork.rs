//! Full TCP segments from many small writes.
//!
//! h2 writes every DATA frame by itself, and a peer that keeps to HTTP/2's default takes 16 KiB a frame. Each write then goes
//! through the network stack and wakes the peer, eleven times for a request of 512 spans. A corked socket keeps what is
//! written until a segment is full (64 KiB on loopback) or the connection has no more to write for now. Nothing is copied
//! and nothing waits: the rest is pushed before the connection's task sleeps. A peer that takes large frames is written to
//! in large pieces anyway, which corking only makes dearer, so its socket is uncorked at the first such piece.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::{set_tcp_cork, set_tcp_nodelay};
use tokio::net::TcpStream;

/// Longer than any write to a peer with frames of 16 KiB, which is what HTTP/2 starts from: a DATA frame, its header, and the
/// headers of a few requests before it.
const WRITE_OF_SMALL_FRAMES: usize = 24 << 10;

/// A socket under an HTTP/2 connection whose writes are gathered.
pub(super) struct Corked {
    stream: TokioIo<TcpStream>,
    cork: Arc<Cork>,
}

/// Runs the tasks of a connection, and pushes what a task has written before it sleeps.
#[derive(Clone)]
pub(super) struct Pushing(Arc<Cork>);

/// The means to push what a [`Corked`] socket has gathered.
struct Cork {
    /// The same socket; `None` if it could not be corked, and then nothing is ever kept back.
    socket: Option<OwnedFd>,
    written: AtomicBool,
    /// True once the socket has been uncorked for good.
    open: AtomicBool,
}

impl Corked {
    pub fn new(stream: TcpStream) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().ok().filter(|socket| set_tcp_cork(socket, true).is_ok());
        let cork = Arc::new(Cork { socket, written: AtomicBool::new(false), open: AtomicBool::new(false) });
        Self { stream: TokioIo::new(stream), cork }
    }

    /// For hyper, whose tasks do the writing.
    pub fn executor(&self) -> Pushing {
        Pushing(Arc::clone(&self.cork))
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Pushing {
    fn execute(&self, task: F) {
        let cork = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut task = std::pin::pin!(task);
            std::future::poll_fn(|context| {
                let polled = task.as_mut().poll(context);
                cork.push();
                polled
            })
            .await
        });
    }
}

impl Cork {
    /// Notes a write of so many bytes.
    fn write(&self, bytes: usize) {
        if self.open.load(Relaxed) {
            return;
        }
        self.written.store(true, Relaxed);
        if bytes > WRITE_OF_SMALL_FRAMES {
            // A socket that refuses stays corked, and goes on being pushed.
            self.open.store(self.socket.as_ref().is_none_or(|socket| set_tcp_cork(socket, false).is_ok()), Relaxed);
        }
    }

    /// Sends what has been kept. Setting `TCP_NODELAY` on a corked socket pushes once and leaves it corked (tcp(7)).
    fn push(&self) {
        if let Some(socket) = self.socket.as_ref().filter(|_| self.written.swap(false, Relaxed)) {
            // A socket that refuses sends by itself after 200 ms, and has worse trouble.
            let _ = set_tcp_nodelay(socket, true);
        }
    }
}

impl Read for Corked {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl Write for Corked {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.cork.write(buf.len());
        self.stream().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cork.write(bufs.iter().map(|buf| buf.len()).sum());
        self.stream().poll_write_vectored(cx, bufs)
    }
}
