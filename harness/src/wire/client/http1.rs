//! OTLP/HTTP with protobuf bodies over a pool of HTTP/1.1 connections.

use std::sync::{Mutex, PoisonError};

use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::sync::Semaphore;

use super::answer::{Answer, Breakage};
use super::body::{Sent, Whole};
use super::config::{ClientConfig, ConfigError, Transport};
use super::connect::Dialer;
use super::payload::Payload;
use super::response::{accepted, collect};
use super::retry_after;
use crate::wire::{Compression, Status};

type Sender = http1::SendRequest<Whole>;

/// A bounded number of connections, each made when needed and kept while it lives.
pub(super) struct Client {
    dialer: Dialer,
    uri: Uri,
    plain: HeaderMap,
    gzip: HeaderMap,
    response_bytes_max: usize,
    idle: Mutex<Vec<Sender>>,
    places: Semaphore,
}

impl Client {
    pub fn new(config: &ClientConfig) -> Result<Self, ConfigError> {
        let wrong = |reason: String| ConfigError::Uri { endpoint: config.endpoint.to_string(), reason };
        let path = config.endpoint.path().unwrap_or(config.signal.http_path());
        let uri = path.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
        let host = HeaderValue::try_from(config.endpoint.authority()).map_err(|error| wrong(error.to_string()))?;
        let mut plain = config.header_map(&[("content-type", HeaderValue::from_static("application/x-protobuf"))]);
        plain.insert(HOST, host);
        let mut gzip = plain.clone();
        gzip.insert("content-encoding", HeaderValue::from_static(Compression::Gzip.token()));
        let connections = match config.transport {
            Transport::HttpProtobuf { connections } => connections.get(),
            Transport::Grpc => 1,
        };
        Ok(Self {
            dialer: Dialer::new(config),
            uri,
            plain,
            gzip,
            response_bytes_max: config.response_bytes_max,
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(connections.min(Semaphore::MAX_PERMITS)),
        })
    }

    pub async fn export(&self, payload: Payload, sent: &Sent) -> Answer {
        // The pool is never closed, so waiting for a place cannot fail.
        let Ok(_place) = self.places.acquire().await else {
            return Answer::Broken { what: Breakage::Timeout, sent_any: false };
        };
        let mut request = self.request(payload, sent);
        // Any idle connection may have died unnoticed; one that has just been made should not.
        loop {
            let (mut sender, fresh) = match self.sender().await {
                Ok(sender) => sender,
                Err(what) => return Answer::Broken { what, sent_any: false },
            };
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(sender, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !fresh && !sent.any() => request = unsent,
                    unsent => return Answer::broken(error.error(), unsent.is_none() && sent.any()),
                },
            }
        }
    }

    fn request(&self, payload: Payload, sent: &Sent) -> Request<Whole> {
        let headers = match payload.compression() {
            Compression::Gzip => &self.gzip,
            _ => &self.plain,
        };
        let mut request = Request::new(Whole::new(payload.into_http(), sent));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers.clone();
        request
    }

    /// A connection that is ready, and whether it is new.
    async fn sender(&self) -> Result<(Sender, bool), Breakage> {
        while let Some(mut sender) = self.pop() {
            if sender.ready().await.is_ok() {
                return Ok((sender, false));
            }
        }
        let stream = self.dialer.dial().await?;
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| self.dialer.failed(error.to_string()))?;
        // Ends when the sender is dropped; how it ends is seen by the request on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok((sender, true))
    }

    fn pop(&self) -> Option<Sender> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn read(&self, sender: Sender, response: Response<Incoming>) -> Answer {
        self.dialer.worked();
        let (head, body) = response.into_parts();
        let collected = match collect(body, self.response_bytes_max).await {
            Ok(collected) => collected,
            Err(answer) => return answer,
        };
        if !sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
        understand(head.status, &head.headers, &collected.data)
    }
}

/// Reads an answer as OTLP prescribes: the HTTP status decides, the body only explains.
fn understand(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    if status.is_success() {
        return match (is_protobuf(headers), body) {
            // An empty message says yes. OTLP has no other status for that than 200.
            (_, []) if status == StatusCode::OK => Answer::ACCEPTED,
            (true, [_, ..]) => accepted(body),
            _ => Answer::Accepted { partial: None, unreadable: true },
        };
    }
    let explained = is_protobuf(headers).then(|| Status::decode(body).ok()).flatten();
    let message = explained.map(|status| status.message).unwrap_or_default();
    let mut hints = headers.get_all(RETRY_AFTER).iter();
    let retry_after = match (hints.next(), hints.next()) {
        (Some(hint), None) => retry_after::parse(hint.as_bytes(), jiff::Timestamp::now()),
        _ => None,
    };
    Answer::refused_http(status, message, retry_after)
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    let media_type = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/x-protobuf")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn exactly_four_statuses_are_retryable_whatever_the_body_says() {
        let body = Status::new(crate::wire::Code::UNAVAILABLE, "come again").encode_to_vec();
        let headers = headers(&[("content-type", "application/x-protobuf"), ("retry-after", "1")]);
        let retryable = (300..600u16)
            .filter(|status| understand(StatusCode::from_u16(*status).unwrap(), &headers, &body).retryable());
        assert_eq!(retryable.collect::<Vec<_>>(), [429, 502, 503, 504]);
    }

    #[test]
    fn any_success_is_a_success() {
        let protobuf = headers(&[("content-type", "application/x-protobuf; x=y")]);
        assert_eq!(understand(StatusCode::OK, &HeaderMap::new(), b""), Answer::ACCEPTED);
        assert_eq!(understand(StatusCode::OK, &protobuf, b"\x0a\0"), Answer::ACCEPTED);
        let unreadable = Answer::Accepted { partial: None, unreadable: true };
        assert_eq!(understand(StatusCode::NO_CONTENT, &HeaderMap::new(), b""), unreadable);
        assert_eq!(understand(StatusCode::OK, &protobuf, b"\xff"), unreadable);
        assert_eq!(understand(StatusCode::OK, &HeaderMap::new(), b"ok"), unreadable);
    }

    #[test]
    fn contradictory_retry_after_headers_are_ignored() {
        let answer =
            understand(StatusCode::SERVICE_UNAVAILABLE, &headers(&[("retry-after", "1"), ("retry-after", "9")]), b"");
        assert!(matches!(answer, Answer::Refused { retry_after: None, retryable: true, .. }));
    }
}
