//! The body of a response: at most one piece of data, then trailers or a sudden end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::call::Abort;

/// What was said before a sudden end has this long to get out, since a reset takes back what waits to be sent.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// A response body that is whole from the start.
#[derive(Default)]
pub(super) struct Reply {
    data: Option<Bytes>,
    trailers: Option<Box<HeaderMap>>,
    cut: Option<Box<Cut>>,
}

/// A stream that ends in a reset.
struct Cut {
    reason: h2::Reason,
    after: Pin<Box<Sleep>>,
}

impl Reply {
    pub fn data(data: Bytes) -> Self {
        Self { data: Some(data).filter(|data| !data.is_empty()), ..Self::default() }
    }

    pub fn with_trailers(self, trailers: HeaderMap) -> Self {
        Self { trailers: Some(Box::new(trailers)), ..self }
    }

    /// Ends, after what data there is, in a reset of the stream; over HTTP/1.1 in the end of the connection.
    pub fn cut_short(self, reason: h2::Reason) -> Self {
        Self { cut: Some(Box::new(Cut { reason, after: Box::pin(sleep(BEFORE_CUT)) })), ..self }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(cut) = &mut self.cut {
            ready!(cut.after.as_mut().poll(context));
            return Poll::Ready(Some(Err(Abort::new(cut.reason))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none() && self.cut.is_none()
    }

    /// Exact without trailers, so that hyper sends `content-length`; unknown with them, so that it does not.
    fn size_hint(&self) -> SizeHint {
        match (&self.data, &self.trailers, &self.cut) {
            (Some(data), None, None) => SizeHint::with_exact(data.len() as u64),
            (None, None, None) => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }
}
