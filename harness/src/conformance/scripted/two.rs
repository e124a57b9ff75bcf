//! HTTP/2, on h2: it keeps windows and header tables, and lets everything else be said.

use super::{Answer, Asked, Deed, REQUEST_MAX, SILENCE_MAX, Shared};
use crate::conformance::raw::http2::{fields, header_map};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Streams at once on a connection.
const STREAMS_MAX: u32 = 256;

/// Windows wide enough for a large request, of which there are few.
const WINDOW: u32 = 8 << 20;

/// What a stream's deed means for its connection. Who ends the connection keeps its stream until then: one that is let go is reset,
/// and the peer may hear of that first.
enum After {
    Goes,
    GoAway(Reason, Option<SendResponse<Bytes>>),
    Ends { _unanswered: SendResponse<Bytes> },
}

/// Serves a connection to its end. `begin` is what was read of it already.
pub(super) async fn serve(stream: TcpStream, begin: Vec<u8>, shared: Arc<Shared>) {
    let socket = Prefixed { begin, at: 0, stream };
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(STREAMS_MAX).initial_window_size(WINDOW).initial_connection_window_size(4 * WINDOW);
    // Whoever tries what a thousand given-up calls do is not to meet a bound of ours instead.
    builder.max_pending_accept_reset_streams(10_000).max_local_error_reset_streams(None);
    let Ok(Ok(mut connection)) = timeout(SILENCE_MAX, builder.handshake::<_, Bytes>(socket)).await else { return };
    let (mut calls, mut unanswered) = (JoinSet::new(), Vec::new());
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => drop(calls.spawn(attend(request, respond, Arc::clone(&shared)))),
                Some(Err(_)) | None => return,
            },
            Some(after) = calls.join_next() => match after {
                // Here the stream is let go afterwards: the connection ends with its last one.
                Ok(After::GoAway(Reason::NO_ERROR, _stream)) => connection.graceful_shutdown(),
                Ok(After::GoAway(reason, stream)) => {
                    unanswered.extend(stream);
                    connection.abrupt_shutdown(reason);
                }
                Ok(After::Ends { .. }) => return,
                Ok(After::Goes) | Err(_) => {}
            },
        }
    }
}

/// One call, from its body to its end.
async fn attend(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, shared: Arc<Shared>) -> After {
    let Ok(Some(asked)) = timeout(SILENCE_MAX, receive(request)).await else {
        respond.send_reset(Reason::CANCEL);
        return After::Goes;
    };
    match shared.decide(asked).await {
        Deed::Answer(answer) => say(respond, answer, None),
        Deed::Late(after, answer) => {
            sleep(after).await;
            say(respond, answer, None)
        }
        Deed::Cut(answer, bytes) => say(respond, answer, Some(bytes)),
        Deed::Last(answer) => {
            say(respond, answer, None);
            After::GoAway(Reason::NO_ERROR, None)
        }
        Deed::Reset(error) => {
            respond.send_reset(error.into());
            After::Goes
        }
        Deed::GoAway(error) => After::GoAway(error.into(), Some(respond)),
        Deed::Close | Deed::HalfClose => After::Ends { _unanswered: respond },
        Deed::Hang => {
            sleep(super::ANSWER_WITHIN).await;
            After::Goes
        }
    }
}

/// The whole request; none where it is broken off or too long.
async fn receive(request: Request<RecvStream>) -> Option<Asked> {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(data) = poll_fn(|cx| stream.poll_data(cx)).await {
        let data = data.ok()?;
        if body.len() + data.len() > REQUEST_MAX {
            return None;
        }
        body.extend_from_slice(&data);
        stream.flow_control().release_capacity(data.len()).ok()?;
    }
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    Some(Asked { method, path, fields: fields(&head.headers), body, is_http2: true, number: 0 })
}

/// Answers, or of the body gives so many bytes and resets the stream. A peer that has gone hears nothing.
fn say(mut respond: SendResponse<Bytes>, answer: Answer, cut: Option<usize>) -> After {
    let Answer { status, fields, mut body, trailers } = answer;
    let (Ok(headers), Ok(trailers)) = (header_map(&fields), header_map(&trailers)) else {
        return After::Ends { _unanswered: respond };
    };
    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    let is_headers_only = body.is_empty() && trailers.is_empty() && cut.is_none();
    let Ok(mut stream) = respond.send_response(response, is_headers_only) else { return After::Goes };
    if is_headers_only {
        return After::Goes;
    }
    body.truncate(cut.unwrap_or(body.len()));
    let is_last = trailers.is_empty() && cut.is_none();
    let sent = stream.send_data(Bytes::from(body), is_last);
    if cut.is_some() {
        stream.send_reset(Reason::INTERNAL_ERROR);
    } else if !is_last && sent.is_ok() {
        // Fails only where the peer has gone.
        let _ = stream.send_trailers(trailers);
    }
    After::Goes
}

/// A socket of which something was read already.
struct Prefixed {
    begin: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Prefixed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let left = &socket.begin[socket.at..];
        if left.is_empty() {
            return Pin::new(&mut socket.stream).poll_read(cx, buf);
        }
        let now = left.len().min(buf.remaining());
        buf.put_slice(&left[..now]);
        socket.at += now;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
