//! The body of a request: one piece of bytes, and a note of whether it was handed to the connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Whether any of a request may have left.
#[derive(Clone, Default)]
pub(super) struct Sent(Arc<AtomicBool>);

impl Sent {
    pub fn any(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A request body that is whole from the start.
pub(super) struct Whole {
    data: Option<Bytes>,
    sent: Sent,
}

impl Whole {
    pub fn new(data: Bytes, sent: &Sent) -> Self {
        Self { data: Some(data).filter(|data| !data.is_empty()), sent: sent.clone() }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.0.store(true, Relaxed);
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}
