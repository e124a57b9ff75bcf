//! OTLP/gRPC: many requests at once on one HTTP/2 connection.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::TokioTimer;
use prost::Message;

use super::answer::{Answer, Breakage};
use super::body::{Sent, Whole};
use super::config::{ClientConfig, ConfigError};
use super::connect::Dialer;
use super::cork::Corked;
use super::payload::Payload;
use super::response::{Collected, accepted, collect};
use crate::wire::{Code, Compression, PREFIX, Status, base64, percent};

/// Answers are small, so windows only have to hold many of them.
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;

/// Bytes of one request that may wait in the connection; above the largest request, so that it is handed over whole.
const SEND_BUFFER: usize = 8 << 20;

/// The header list that is accepted in an answer.
const HEADER_BYTES_MAX: u32 = 16 << 10;

/// One connection, made when needed.
pub(super) struct Client {
    dialer: Dialer,
    uri: Uri,
    plain: HeaderMap,
    gzip: HeaderMap,
    response_bytes_max: usize,
    live: Mutex<Option<Live>>,
    connecting: tokio::sync::Mutex<()>,
}

/// A connection, and whether it ever brought an answer.
#[derive(Clone)]
struct Live {
    sender: http2::SendRequest<Whole>,
    proven: Arc<AtomicBool>,
}

impl Client {
    pub fn new(config: &ClientConfig) -> Result<Self, ConfigError> {
        let uri = format!("http://{}{}", config.endpoint.authority(), config.signal.grpc_path());
        let uri = uri.parse().map_err(|error: http::uri::InvalidUri| ConfigError::Uri {
            endpoint: config.endpoint.to_string(),
            reason: error.to_string(),
        })?;
        let plain = config.header_map(&[
            ("content-type", HeaderValue::from_static("application/grpc")),
            ("te", HeaderValue::from_static("trailers")),
            ("grpc-timeout", timeout_value(config.timeout)),
        ]);
        let mut gzip = plain.clone();
        gzip.insert("grpc-encoding", HeaderValue::from_static(Compression::Gzip.token()));
        Ok(Self {
            dialer: Dialer::new(config),
            uri,
            plain,
            gzip,
            response_bytes_max: config.response_bytes_max,
            live: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
        })
    }

    pub async fn export(&self, payload: Payload, sent: &Sent) -> Answer {
        let mut request = self.request(payload, sent);
        // A connection found dead before the request left is replaced once.
        for last in [false, true] {
            let mut live = match self.connection().await {
                Ok(live) => live,
                Err(what) => return Answer::Broken { what, sent_any: false },
            };
            match live.sender.try_send_request(request).await {
                Ok(response) => {
                    live.proven.store(true, Relaxed);
                    return self.read(response).await;
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !last && !sent.any() => request = unsent,
                    unsent => return self.broke(&live, error.error(), unsent.is_none() && sent.any()),
                },
            }
        }
        Answer::Broken { what: Breakage::Lost { reason: "the connection closed twice".into() }, sent_any: false }
    }

    /// A connection that breaks before it ever brought an answer is as bad as none, and the next one has to wait.
    fn broke(&self, live: &Live, error: &hyper::Error, sent_any: bool) -> Answer {
        let answer = Answer::broken(error, sent_any);
        if let Answer::Broken { what: what @ Breakage::Lost { .. }, .. } = &answer
            && !live.proven.load(Relaxed)
        {
            self.dialer.failed(what.to_string());
        }
        answer
    }

    fn request(&self, payload: Payload, sent: &Sent) -> Request<Whole> {
        let headers = match payload.compression() {
            Compression::Gzip => &self.gzip,
            _ => &self.plain,
        };
        let mut request = Request::new(Whole::new(payload.into_grpc(), sent));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers.clone();
        request
    }

    /// The connection, made first if there is none. Requests that come meanwhile wait for the same one.
    async fn connection(&self) -> Result<Live, Breakage> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let _turn = self.connecting.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let stream = Corked::new(self.dialer.dial().await?);
        let handshake = http2::Builder::new(stream.executor())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADER_BYTES_MAX)
            .handshake(stream)
            .await;
        let (sender, connection) = handshake.map_err(|error| self.dialer.failed(error.to_string()))?;
        // It ends when the last sender is dropped; how it ends is seen by the requests on it.
        tokio::spawn(async move { drop(connection.await) });
        let live = Live { sender, proven: Arc::default() };
        *self.live() = Some(live.clone());
        Ok(live)
    }

    fn current(&self) -> Option<Live> {
        self.live().as_ref().filter(|live| !live.sender.is_closed()).cloned()
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, response: Response<Incoming>) -> Answer {
        self.dialer.worked();
        let (head, body) = response.into_parts();
        let collected = match collect(body, self.response_bytes_max + PREFIX).await {
            Ok(collected) => collected,
            Err(answer) => return answer,
        };
        understand(head.status, &head.headers, &collected)
    }
}

/// Reads an answer as gRPC prescribes: the status stands in the trailers, or in the headers of an answer without body; an
/// answer without one was not made by a gRPC server, and its HTTP status decides. Where there is one, it decides alone, also
/// beside an HTTP status that is not 200: "This table is to be used only for clients that received a response that did not
/// include grpc-status. If grpc-status was provided, it must be used" (grpc/grpc, doc/http-grpc-status-mapping.md).
fn understand(http: StatusCode, headers: &HeaderMap, body: &Collected) -> Answer {
    let place = body.trailers.as_ref().filter(|trailers| trailers.contains_key("grpc-status")).unwrap_or(headers);
    let Some(status) = place.get("grpc-status") else {
        let message = format!("HTTP status {} without grpc-status", http.as_u16());
        return Answer::refused_grpc(Code::of_http(http), message, None);
    };
    let code = status.to_str().ok().and_then(|text| text.parse().ok()).map_or(Code::UNKNOWN, Code);
    if code != Code::OK {
        return refused(code, place);
    }
    match body.data.as_ref() {
        [0, a, b, c, d, message @ ..] if u32::from_be_bytes([*a, *b, *c, *d]) as usize == message.len() => {
            accepted(message)
        }
        _ => Answer::Accepted { partial: None, unreadable: true },
    }
}

fn refused(code: Code, place: &HeaderMap) -> Answer {
    let message = place.get("grpc-message").map(|text| percent::decode(text.as_bytes())).unwrap_or_default();
    let details = place.get("grpc-status-details-bin").and_then(|text| base64::decode(text.as_bytes()));
    let retry_after = details.and_then(|bytes| Status::decode(bytes.as_slice()).ok()?.retry_delay());
    Answer::refused_grpc(code, message, retry_after)
}

/// gRPC's timeout has at most eight digits and a unit.
fn timeout_value(timeout: std::time::Duration) -> HeaderValue {
    let text = match timeout.as_millis() {
        millis @ 0..100_000_000 => format!("{millis}m"),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("10S"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::answer::RefusalCode;
    use super::*;

    fn body(data: &'static [u8], trailers: &[(&'static str, &'static str)]) -> Collected {
        let map = trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Collected { data: Bytes::from_static(data), trailers: (!trailers.is_empty()).then_some(map) }
    }

    fn code(answer: &Answer) -> Option<Code> {
        match answer {
            Answer::Refused { code: RefusalCode::Grpc(code), .. } => Some(*code),
            _ => None,
        }
    }

    #[test]
    fn an_answer_without_grpc_status_is_judged_by_its_http_status() {
        let none = body(b"", &[]);
        let judged = |http: u16| {
            let answer = understand(StatusCode::from_u16(http).unwrap(), &HeaderMap::new(), &none);
            (code(&answer).unwrap(), answer.retryable())
        };
        assert_eq!(judged(401), (Code::UNAUTHENTICATED, false));
        assert_eq!(judged(404), (Code::UNIMPLEMENTED, false));
        assert_eq!(judged(503), (Code::UNAVAILABLE, true));
        assert_eq!(judged(429), (Code::UNAVAILABLE, true));
        assert_eq!(judged(500), (Code::UNKNOWN, false));
        assert_eq!(judged(413), (Code::UNKNOWN, false));
        assert_eq!(judged(200), (Code::UNKNOWN, false));
    }

    /// gRPC's documents say that `grpc-status` must be used where it is given, so a 404 with `grpc-status: 0` is a success, be
    /// it in headers or trailers, and a 503 with one that is not retryable is not sent again.
    #[test]
    fn a_grpc_status_counts_whatever_the_http_status_beside_it_says() {
        let headers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let none = body(b"", &[]);
        assert!(matches!(understand(StatusCode::NOT_FOUND, &headers, &none), Answer::Accepted { partial: None, .. }));
        let empty = body(b"\0\0\0\0\0", &[("grpc-status", "0")]);
        assert_eq!(understand(StatusCode::NOT_FOUND, &HeaderMap::new(), &empty), Answer::ACCEPTED);
        let invalid = body(b"", &[("grpc-status", "3")]);
        let answer = understand(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), &invalid);
        assert_eq!((code(&answer), answer.retryable()), (Some(Code::INVALID_ARGUMENT), false));
    }

    #[test]
    fn a_status_that_is_no_number_is_unknown_and_one_outside_the_table_is_kept() {
        let judged = |status: &'static str| {
            code(&understand(StatusCode::OK, &HeaderMap::new(), &body(b"", &[("grpc-status", status)])))
        };
        assert_eq!(judged("abc"), Some(Code::UNKNOWN));
        assert_eq!(judged("99"), Some(Code(99)));
        assert_eq!(judged("-1"), Some(Code::UNKNOWN));
    }

    #[test]
    fn a_success_with_a_garbled_body_is_a_success() {
        for garbled in [b"\0\0\0\0\x09ab".as_slice(), b"", b"\x01\0\0\0\0", b"\0\0\0\0\x02\xff\xff"] {
            let answer = understand(StatusCode::OK, &HeaderMap::new(), &body(garbled, &[("grpc-status", "0")]));
            assert_eq!(answer, Answer::Accepted { partial: None, unreadable: true });
        }
    }

    #[test]
    fn a_present_but_empty_partial_success_reads_as_full_success() {
        let answer =
            understand(StatusCode::OK, &HeaderMap::new(), &body(b"\0\0\0\0\x02\x0a\0", &[("grpc-status", "0")]));
        assert_eq!(answer, Answer::ACCEPTED);
    }

    #[test]
    fn undecodable_details_do_not_change_what_the_code_says() {
        for details in ["!!!", "AAAA", ""] {
            let trailers = body(b"", &[("grpc-status", "8"), ("grpc-status-details-bin", details)]);
            assert!(!understand(StatusCode::OK, &HeaderMap::new(), &trailers).retryable(), "{details}");
        }
    }

    #[test]
    fn a_timeout_is_said_in_at_most_eight_digits() {
        assert_eq!(timeout_value(Duration::from_secs(10)), "10000m");
        assert_eq!(timeout_value(Duration::from_secs(1_000_000)), "1000000S");
        assert_eq!(timeout_value(Duration::MAX), "99999999S");
    }
}
