//! OTLP/HTTP: protobuf and JSON, over HTTP/1.1 and HTTP/2.

use std::time::Instant;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, EXPECT};
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
use super::json;
use super::rejection::Rejection;
use super::reply::Reply;
use super::retry_after::RetryAfter;
use crate::wire::message::ExportResponse;
use crate::wire::{Code, Compression, PartialSuccess, Protocol, Signal, Status};

pub(super) const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
}

/// Serves one request.
pub(super) async fn serve(call: Call<'_>, request: Request<Incoming>) -> Result<Response<Reply>, Abort> {
    let (parts, body) = request.into_parts();
    // A request of no known form is answered in protobuf, OTLP's default.
    let form = form(&parts.headers);
    let answer_form = form.unwrap_or(Form::Protobuf);
    let signal = Signal::of_http_path(parts.uri.path());
    let waits_for_go_ahead = parts.headers.contains_key(EXPECT);
    let mut source = Source::new(body, &call.shared.limits);
    let mut hold = call.shared.budget.hold();
    match receive(&call, parts, form, signal, &mut source, &mut hold).await {
        Ok(export) => {
            let signal = export.signal;
            decide(&call, export, hold).await.map(|verdict| answer(verdict, answer_form, signal))
        }
        Err(rejection) => {
            drop(hold);
            let turning = call.reject(&rejection);
            if call.is_http2() && !rejection.nothing_follows() {
                source.discard_meanwhile(turning);
            } else {
                if !rejection.nothing_follows() && !waits_for_go_ahead {
                    // An HTTP/1.1 client that is still writing would see a reset connection instead of its answer.
                    source.discard().await;
                }
                source.is_over(turning);
            }
            Ok(refuse(rejection, answer_form))
        }
    }
}

async fn receive(
    call: &Call<'_>,
    parts: Parts,
    form: Option<Form>,
    signal: Option<Signal>,
    source: &mut Source,
    hold: &mut Hold<'_>,
) -> Result<Export, Rejection> {
    let limits = &call.shared.limits;
    call.check_headers(&parts.headers)?;
    let (signal, form, compression) = wanted(&parts, form, signal)?;
    let wire = source.whole(limits.request_bytes_max, hold).await?;
    let received = Instant::now();
    let wire_bytes = wire.len() as u64;
    let plain = inflate(compression, wire, limits.request_bytes_max, hold).await?;
    let (protocol, body) = match form {
        Form::Protobuf => (Protocol::HttpProtobuf, plain),
        Form::Json => (Protocol::HttpJson, json::to_protobuf(signal, plain, limits, hold).await?),
    };
    let (connection, peer) = (call.connection.id, call.connection.peer);
    Ok(Export { signal, protocol, compression, body, wire_bytes, connection, peer, received, headers: parts.headers })
}

fn wanted(parts: &Parts, form: Option<Form>, signal: Option<Signal>) -> Result<(Signal, Form, Compression), Rejection> {
    let signal = signal.ok_or_else(|| {
        let message = "no such path; this is an OTLP backend, traces go to /v1/traces";
        Rejection::new(Reason::Path, Code::UNIMPLEMENTED, StatusCode::NOT_FOUND, message)
    })?;
    if parts.method != Method::POST {
        let message = "the method must be POST";
        return Err(Rejection::new(Reason::Method, Code::UNIMPLEMENTED, StatusCode::METHOD_NOT_ALLOWED, message));
    }
    let form = form.ok_or_else(|| {
        let message = "the content type must be application/x-protobuf or application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Rejection::new(Reason::ContentType, Code::INVALID_ARGUMENT, status, message)
    })?;
    let mut encodings = parts.headers.get_all(CONTENT_ENCODING).iter();
    let encoding = encodings.next().map_or(b"".as_slice(), HeaderValue::as_bytes);
    let compression = Compression::parse(encoding).filter(|_| encodings.next().is_none()).ok_or_else(|| {
        let message = format!("the content encoding is not known; known are {}", Compression::ACCEPTED);
        Rejection::new(Reason::Encoding, Code::UNIMPLEMENTED, StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    })?;
    Ok((signal, form, compression))
}

/// The form that the content type names, parameters aside.
fn form(headers: &HeaderMap) -> Option<Form> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    let media_type = value.split(|&byte| byte == b';').next()?.trim_ascii();
    if media_type.eq_ignore_ascii_case(PROTOBUF.as_bytes()) {
        Some(Form::Protobuf)
    } else if media_type.eq_ignore_ascii_case(JSON.as_bytes()) {
        Some(Form::Json)
    } else {
        None
    }
}

fn answer(verdict: Verdict, form: Form, signal: Signal) -> Response<Reply> {
    match verdict {
        Verdict::Success(partial) => success(partial, form, signal),
        Verdict::Broken(shape) => broken::over_http(shape, success(None, form, signal)),
        Verdict::Cut(reason) => broken::cut(reason, success(None, form, signal)),
        Verdict::Error { http, status, retry_after, .. } => failure(http, &status, retry_after.as_ref(), form),
    }
}

fn success(partial_success: Option<PartialSuccess>, form: Form, signal: Signal) -> Response<Reply> {
    let message = ExportResponse { partial_success };
    let body = match form {
        Form::Protobuf => message.encode_to_vec(),
        Form::Json => message.to_json(signal),
    };
    respond(StatusCode::OK, form, body)
}

fn failure(http: StatusCode, status: &Status, retry_after: Option<&RetryAfter>, form: Form) -> Response<Reply> {
    let body = match form {
        Form::Protobuf => status.encode_to_vec(),
        Form::Json => status.to_json(),
    };
    let mut response = respond(http, form, body);
    if let Some(after) = retry_after {
        after.add_to(response.headers_mut());
    }
    response
}

fn refuse(rejection: Rejection, form: Form) -> Response<Reply> {
    let Rejection { reason, grpc, http, message } = rejection;
    let status = Status::new(grpc, message);
    let status = if http == StatusCode::BAD_REQUEST { status.with_bad_request() } else { status };
    let mut response = failure(http, &status, None, form);
    match reason {
        Reason::Method => response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST")),
        Reason::Encoding => {
            response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(Compression::ACCEPTED))
        }
        _ => None,
    };
    response
}

fn respond(status: StatusCode, form: Form, body: Vec<u8>) -> Response<Reply> {
    let mut response = Response::new(Reply::data(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = match form {
        Form::Protobuf => PROTOBUF,
        Form::Json => JSON,
    };
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
