//! A socket that notes every byte that goes through it.

use super::error::Unanswered;
use crate::conformance::trace::{Describer, Trace};
use spanproof_reports::conformance::Direction;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A socket whose bytes are noted in a trace.
pub struct Tap {
    stream: TcpStream,
    trace: Arc<Trace>,
    connection: u32,
    sent: Describer,
    received: Describer,
    is_over: bool,
}

impl Tap {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Unanswered::Connect`].
    pub async fn connect(address: SocketAddr, trace: Arc<Trace>, within: Duration) -> Result<Self, Unanswered> {
        let failed = |reason: String| Unanswered::Connect { address, reason };
        let connected = timeout(within, TcpStream::connect(address)).await;
        let stream = connected.map_err(|_| failed(format!("none within {within:?}")))?;
        let stream = stream.map_err(|error| failed(error.to_string()))?;
        // A socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let connection = trace.next_connection();
        trace.note(connection, format!("connected to {address}"));
        let (sent, received) = (Describer::of_client(), Describer::of_server());
        Ok(Self { stream, trace, connection, sent, received, is_over: false })
    }

    /// The number by which the trace knows it.
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// The trace.
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    fn over(&mut self, what: &str) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.trace.note(self.connection, what);
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut tap.stream).poll_read(cx, buf));
        match &read {
            Err(error) => tap.over(&format!("{CUT}: {error}")),
            Ok(()) if buf.filled().len() == before => tap.over(CLOSED),
            Ok(()) => {
                let bytes = &buf.filled()[before..];
                let words = tap.received.describe(bytes);
                tap.trace.bytes(tap.connection, Direction::Received, bytes, words);
            }
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let written = ready!(Pin::new(&mut tap.stream).poll_write(cx, buf));
        match &written {
            Err(error) => tap.over(&format!("{CUT}: {error}")),
            Ok(written) => {
                let bytes = &buf[..*written];
                let words = tap.sent.describe(bytes);
                tap.trace.bytes(tap.connection, Direction::Sent, bytes, words);
            }
        }
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// How the trace tells that the target closed a connection in good order.
pub const CLOSED: &str = "closed by the target";

/// How the trace tells that a connection broke.
pub const CUT: &str = "broken off";
