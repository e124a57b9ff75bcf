//! Exporting over HTTP with protobuf bodies.

use std::io::Write;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tonic::Code;

use super::{Attempt, Manner, NOBODYS_COMPRESSION, RESPONSE_BYTES_MAX};
use crate::embedded::config::Compression;
use crate::embedded::intake::Refusal;
use crate::embedded::retry::{http_is_retryable, retry_after};

/// A pool of HTTP/1.1 connections to one URL.
pub struct HttpExporter {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    compression: Compression,
}

impl HttpExporter {
    /// Connects on first use.
    pub fn new(url: Uri, compression: Compression, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { client, url, compression }
    }

    /// One attempt.
    pub async fn attempt(&self, body: Bytes, manner: Manner) -> Attempt {
        let request = match self.request(body, manner) {
            Ok(request) => request,
            Err(error) => return Attempt::Permanent(Refusal::new(Code::Internal, error.to_string())),
        };
        match self.client.request(request).await {
            Ok(response) => judge(response).await,
            Err(error) => Attempt::broken(format!("the destination cannot be reached: {error}")),
        }
    }

    fn request(&self, body: Bytes, manner: Manner) -> Result<Request<Full<Bytes>>, http::Error> {
        let url = if manner == Manner::Metrics { metrics_url(&self.url)? } else { self.url.clone() };
        let request = Request::builder().method(Method::POST).uri(url).header(CONTENT_TYPE, "application/x-protobuf");
        match (self.compression, manner) {
            (_, Manner::UnknownCompression) => {
                request.header(CONTENT_ENCODING, NOBODYS_COMPRESSION).body(Full::new(body))
            }
            (Compression::None, _) => request.body(Full::new(body)),
            (Compression::Gzip, _) => request.header(CONTENT_ENCODING, "gzip").body(Full::new(gzip(&body))),
        }
    }
}

/// Where the same server takes metrics, if it has OTLP's own paths.
fn metrics_url(traces: &Uri) -> Result<Uri, http::Error> {
    let mut parts = traces.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("/v1/metrics"));
    Ok(Uri::from_parts(parts)?)
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    // A Vec takes every write, so neither step can fail.
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

async fn judge(response: Response<Incoming>) -> Attempt {
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, RESPONSE_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        // The status line has spoken; what is missing of the body only withholds details.
        Err(_) => Bytes::new(),
    };
    if parts.status.is_success() {
        return Attempt::acknowledged(body);
    }
    let after = demanded_wait(parts.status, &parts.headers);
    let message = format!("the destination answered HTTP {}", parts.status.as_u16());
    let refusal = Refusal { code: grpc_code(parts.status), message, retry_after: after };
    if http_is_retryable(parts.status.as_u16()) {
        Attempt::Retryable { refusal, after }
    } else {
        Attempt::Permanent(refusal)
    }
}

/// OTLP names the header for 429 and 503 only.
fn demanded_wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, SystemTime::now())
}

fn grpc_code(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        413 => Code::ResourceExhausted,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}
