//! OTLP/gRPC: unary `Export` calls, framed and answered by hand.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use prost::Message;

use super::backend::Export;
use super::body::Source;
use super::broken;
use super::budget::Hold;
use super::call::{Abort, Call};
use super::counters::Reason;
use super::decision::{Verdict, decide};
use super::inflate::inflate;
use super::rejection::Rejection;
use super::reply::Reply;
use super::retry_after::RetryAfter;
use crate::wire::message::ExportResponse;
use crate::wire::{Code, Compression, PREFIX, PartialSuccess, Protocol, Signal, Status, base64, percent};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ACCEPTED: HeaderValue = HeaderValue::from_static(Compression::ACCEPTED);

/// Serves one call.
pub(super) async fn serve(call: Call<'_>, request: Request<Incoming>) -> Result<Response<Reply>, Abort> {
    let (parts, body) = request.into_parts();
    let mut source = Source::new(body, &call.shared.limits);
    let mut hold = call.shared.budget.hold();
    match receive(&call, parts, &mut source, &mut hold).await {
        Ok(export) => decide(&call, export, hold).await.map(answer),
        Err(rejection) => {
            let turning = call.reject(&rejection);
            if rejection.nothing_follows() {
                source.is_over(turning);
            } else {
                source.discard_meanwhile(turning);
            }
            Ok(refuse(rejection))
        }
    }
}

async fn receive(call: &Call<'_>, parts: Parts, source: &mut Source, hold: &mut Hold<'_>) -> Result<Export, Rejection> {
    let limits = &call.shared.limits;
    call.check_headers(&parts.headers)?;
    let (signal, encoding) = wanted(&parts)?;
    let message = source.message(limits.request_bytes_max, hold).await?;
    let received = Instant::now();
    let wire_bytes = (PREFIX + message.payload.len()) as u64;
    let compression = match (message.compressed, encoding) {
        (false, _) => Compression::None,
        (true, Compression::None) => return Err(Rejection::framing("a compressed message without grpc-encoding")),
        (true, encoding) => encoding,
    };
    let body = inflate(compression, message.payload, limits.request_bytes_max, hold).await?;
    let protocol = Protocol::Grpc;
    let (connection, peer) = (call.connection.id, call.connection.peer);
    Ok(Export { signal, protocol, compression, body, wire_bytes, connection, peer, received, headers: parts.headers })
}

/// What the headers ask for, in the order in which other gRPC servers look.
fn wanted(parts: &Parts) -> Result<(Signal, Compression), Rejection> {
    if parts.method != Method::POST {
        let message = format!("the method is {}; gRPC uses POST", parts.method);
        return Err(Rejection::new(Reason::Method, Code::INTERNAL, StatusCode::METHOD_NOT_ALLOWED, message));
    }
    if !is_grpc(&parts.headers) {
        let message = "the content type is not application/grpc";
        return Err(Rejection::new(Reason::ContentType, Code::INTERNAL, StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let signal = Signal::of_grpc_path(parts.uri.path()).ok_or_else(|| {
        Rejection::new(Reason::Path, Code::UNIMPLEMENTED, StatusCode::OK, "no such method; this is an OTLP backend")
    })?;
    let encoding = parts.headers.get("grpc-encoding").map_or(b"".as_slice(), HeaderValue::as_bytes);
    let encoding = Compression::parse(encoding).ok_or_else(|| {
        let message = format!("the compression is not known; known are {}", Compression::ACCEPTED);
        Rejection::new(Reason::Encoding, Code::UNIMPLEMENTED, StatusCode::OK, message)
    })?;
    Ok((signal, encoding))
}

/// `application/grpc`, alone or with a subtype or parameters; the subtype `proto` is the only one this server speaks.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes).to_ascii_lowercase();
    value
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b";") || rest.starts_with(b"+proto"))
}

fn answer(verdict: Verdict) -> Response<Reply> {
    match verdict {
        Verdict::Success(partial) => success(partial),
        Verdict::Broken(shape) => broken::over_grpc(shape, success(None)),
        Verdict::Cut(reason) => broken::cut(reason, success(None)),
        Verdict::Error { grpc: Some(code), status, .. } => failure(code, &status),
        Verdict::Error { grpc: None, http, retry_after, .. } => bare(http, retry_after.as_ref()),
    }
}

fn success(partial_success: Option<PartialSuccess>) -> Response<Reply> {
    let message = ExportResponse { partial_success };
    let length = message.encoded_len();
    let mut data = BytesMut::with_capacity(PREFIX + length);
    data.put_u8(0);
    data.put_u32(length as u32);
    // Cannot fail: the buffer grows.
    let _ = message.encode(&mut data);
    let mut response = Response::new(Reply::data(data.freeze()).with_trailers(status_ok()));
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The trailers of a success.
pub(super) fn status_ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}

/// Headers alone, which gRPC calls "trailers only".
fn failure(code: Code, status: &Status) -> Response<Reply> {
    let mut response = Response::new(Reply::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert("grpc-status", HeaderValue::from(code.0));
    insert(headers, "grpc-message", percent::encode(&status.message));
    if !status.details.is_empty() {
        insert(headers, "grpc-status-details-bin", base64::encode(&status.encode_to_vec()));
    }
    response
}

/// What a proxy in between answers that speaks no gRPC: a status of HTTP, and a page for people.
fn bare(status: StatusCode, retry_after: Option<&RetryAfter>) -> Response<Reply> {
    let mut response = Response::new(Reply::data(Bytes::from_static(b"upstream unavailable\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some(after) = retry_after {
        after.add_to(headers);
    }
    response
}

fn refuse(rejection: Rejection) -> Response<Reply> {
    let Rejection { reason, grpc, http, message } = rejection;
    let status = Status::new(grpc, message);
    let status = if reason == Reason::Corrupt { status.with_bad_request() } else { status };
    let mut response = failure(grpc, &status);
    // Only where gRPC itself prescribes an HTTP status; otherwise a gRPC answer is 200 whatever it says.
    if matches!(reason, Reason::Method | Reason::ContentType) {
        *response.status_mut() = http;
    }
    if reason == Reason::Encoding {
        response.headers_mut().insert("grpc-accept-encoding", ACCEPTED);
    }
    response
}

/// Inserts text that is known to be printable ASCII.
fn insert(headers: &mut HeaderMap, name: &'static str, text: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        headers.insert(name, value);
    }
}
