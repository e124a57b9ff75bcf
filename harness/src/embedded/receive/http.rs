//! The HTTP door: `POST /v1/traces` in protobuf or JSON, errors as `google.rpc.Status` in the request's encoding.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use prost::Message;
use tokio::time::timeout;
use tonic::Code;

use super::compression::{ContentEncoding, TooLarge};
use super::grpc::{response, status as grpc_status};
use super::{RECEIVE_TIMEOUT, Receiver};
use crate::embedded::intake::{Payload, Refusal};

/// OTLP's two encodings of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// A refusal and the status that HTTP gives it.
struct Rejection {
    status: StatusCode,
    refusal: Refusal,
}

impl Rejection {
    fn new(status: StatusCode, code: Code, message: &str) -> Self {
        Self { status, refusal: Refusal::new(code, message) }
    }

    fn too_large(limit: usize) -> Self {
        let message = format!("the request is larger than {limit} bytes, the limit");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, &message)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self { status: http_status(&refusal), refusal }
    }
}

impl Receiver {
    /// Answers one HTTP request.
    pub async fn answer_http(self: Arc<Self>, request: Request<Incoming>, connection: u64) -> Response<Full<Bytes>> {
        let encoding = Encoding::of(request.headers());
        let outcome = match self.read(request, encoding).await {
            Ok(payload) => self.intake.receive(payload, connection).await.map_err(Rejection::from),
            Err(rejection) => {
                self.intake.count_malformed();
                Err(rejection)
            }
        };
        let encoding = encoding.unwrap_or(Encoding::Protobuf);
        match outcome {
            Ok(rejected) => encoding.answer(StatusCode::OK, &response(rejected)),
            Err(rejection) => encoding.refuse(rejection),
        }
    }

    async fn read(&self, request: Request<Incoming>, encoding: Option<Encoding>) -> Result<Payload, Rejection> {
        if request.uri().path() != "/v1/traces" {
            let message = "the embedded target takes traces only, at /v1/traces";
            return Err(Rejection::new(StatusCode::NOT_FOUND, Code::Unimplemented, message));
        }
        if request.method() != Method::POST {
            return Err(Rejection::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, "POST it"));
        }
        let Some(encoding) = encoding else {
            let message = "send application/x-protobuf or application/json";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message));
        };
        let Some(compression) = ContentEncoding::of(request.headers().get(CONTENT_ENCODING)) else {
            let message = "compress with gzip or zstd, or not at all";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message));
        };
        let body = self.collect(request.into_body()).await?;
        let body = self.decompress(compression, body)?;
        Ok(match encoding {
            Encoding::Protobuf => Payload::Protobuf(body),
            Encoding::Json => Payload::Json(body),
        })
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, Rejection> {
        let collecting = Limited::new(body, self.max_request_bytes).collect();
        match timeout(RECEIVE_TIMEOUT, collecting).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::too_large(self.max_request_bytes)),
            Ok(Err(_)) => {
                let message = "the body ended before it was whole";
                Err(Rejection::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, message))
            }
            Err(_) => {
                let message = "the body did not come in time";
                Err(Rejection::new(StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded, message))
            }
        }
    }

    fn decompress(&self, compression: ContentEncoding, body: Bytes) -> Result<Bytes, Rejection> {
        match compression.decompress(body, self.max_request_bytes) {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(TooLarge)) => Err(Rejection::too_large(self.max_request_bytes)),
            Err(error) => {
                let message = format!("the body does not decompress: {error}");
                Err(Rejection::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, &message))
            }
        }
    }
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        match value.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }

    fn answer(self, status: StatusCode, message: &(impl Message + serde::Serialize)) -> Response<Full<Bytes>> {
        let body = match self {
            Self::Protobuf => message.encode_to_vec(),
            // A message of numbers and strings always has a JSON form.
            Self::Json => serde_json::to_vec(message).unwrap_or_default(),
        };
        self.respond(status, body)
    }

    fn refuse(self, rejection: Rejection) -> Response<Full<Bytes>> {
        let Rejection { status, refusal } = rejection;
        let (code, message, retry_after) = (refusal.code as i32, refusal.message.clone(), refusal.retry_after);
        let is_bad_data = refusal.code == Code::InvalidArgument;
        let body = match self {
            Self::Protobuf if is_bad_data || retry_after.is_some() => grpc_status(refusal).details().to_vec(),
            Self::Protobuf => tonic_types::Status { code, message, details: Vec::new() }.encode_to_vec(),
            Self::Json => json_status(code, &message, is_bad_data).to_string().into_bytes(),
        };
        let mut response = self.respond(status, body);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(wait) = retry_after {
            // The header counts whole seconds, and a client must not come back early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn respond(self, status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, self.content_type());
        response
    }
}

/// A status in JSON; of bad data with what is wrong with it.
fn json_status(code: i32, message: &str, is_bad_data: bool) -> serde_json::Value {
    let mut status = serde_json::json!({ "code": code, "message": message });
    if is_bad_data {
        let kind = "type.googleapis.com/google.rpc.BadRequest";
        status["details"] = serde_json::json!([{ "@type": kind, "fieldViolations": [{ "description": message }] }]);
    }
    status
}

/// What HTTP says for a refusal. Codes that may be repeated become statuses that may, and the others do not:
/// RESOURCE_EXHAUSTED is 429 only when it names a wait.
fn http_status(refusal: &Refusal) -> StatusCode {
    match refusal.code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::ResourceExhausted if refusal.retry_after.is_some() => StatusCode::TOO_MANY_REQUESTS,
        Code::ResourceExhausted => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
