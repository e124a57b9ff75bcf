//! Answers in the words of the protocol that a request came in: success, refusals with their details, and one that grows.

use super::{Answer, Asked};
use crate::conformance::payload::wire::Writer;
use crate::conformance::probe::gzip;
use crate::conformance::raw::Fields;
use crate::conformance::raw::grpc::{framed, framed_as};
use crate::wire::Code;
use std::time::Duration;
use tonic_types::{ErrorDetails, StatusExt};

/// An error, said in the words of both protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Over HTTP.
    pub http: u16,
    /// Over gRPC, and in the body over HTTP.
    pub code: Code,
    /// For the developer.
    pub message: String,
    /// `RetryInfo`, and over HTTP `Retry-After` in whole seconds, rounded up.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// One that names no wait.
    pub fn new(http: u16, code: Code, message: impl Into<String>) -> Self {
        Self { http, code, message: message.into(), retry_after: None }
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Answer {
    /// Success, with this export response in protobuf. To JSON it is an empty one, whatever it says.
    fn success(asked: &Asked, message: &[u8]) -> Self {
        match (asked.is_grpc(), asked.is_json()) {
            (true, _) => Self {
                status: 200,
                fields: fields(&[("content-type", "application/grpc")]),
                body: framed(message),
                trailers: fields(&[("grpc-status", "0")]),
            },
            (false, true) => Self {
                status: 200,
                fields: fields(&[("content-type", "application/json")]),
                body: b"{}".to_vec(),
                trailers: Fields::new(),
            },
            (false, false) => Self {
                status: 200,
                fields: fields(&[("content-type", "application/x-protobuf")]),
                body: message.to_vec(),
                trailers: Fields::new(),
            },
        }
    }

    /// Success.
    pub fn taken(asked: &Asked) -> Self {
        Self::success(asked, b"")
    }

    /// A refusal, in protobuf where it has a body.
    pub fn refused(asked: &Asked, refusal: &Refusal) -> Self {
        let mut details = ErrorDetails::new();
        if refusal.retry_after.is_some() {
            details.set_retry_info(refusal.retry_after);
        }
        let code = tonic::Code::from_i32(refusal.code.0 as i32);
        let status = tonic::Status::with_error_details(code, refusal.message.clone(), details);
        if asked.is_grpc() {
            let headers = status.into_http::<tonic::body::Body>().into_parts().0.headers;
            return Self { status: 200, fields: crate::conformance::raw::http2::fields(&headers), ..Self::default() };
        }
        let mut fields = fields(&[("content-type", "application/x-protobuf")]);
        if let Some(wait) = refusal.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            fields.push(("retry-after".to_owned(), seconds.to_string()));
        }
        Self { status: refusal.http, fields, body: status.details().to_vec(), trailers: Fields::new() }
    }

    /// A success of a few kilobytes that becomes so many bytes: gzip of a warning without an end in sight.
    pub fn bomb(asked: &Asked, bytes: usize) -> Self {
        let warning = Writer::default().bytes(2, vec![b'a'; bytes]).0;
        let packed = gzip(&Writer::default().bytes(1, warning).0);
        let mut answer = Self::success(asked, b"");
        if asked.is_grpc() {
            answer.fields.push(("grpc-encoding".to_owned(), "gzip".to_owned()));
            answer.body = framed_as(1, packed.len() as u32, &packed);
        } else {
            answer.fields = fields(&[("content-type", "application/x-protobuf"), ("content-encoding", "gzip")]);
            answer.body = packed;
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::raw::{grpc, http1, http2};
    use crate::conformance::reply::{Outcome, Reply, error_body};

    fn asked(kind: &str, is_http2: bool) -> Asked {
        let (method, path) = ("POST".to_owned(), "/v1/traces".to_owned());
        Asked { method, path, fields: fields(&[("content-type", kind)]), body: Vec::new(), is_http2, number: 0 }
    }

    fn read(asked: &Asked, answer: Answer) -> Reply {
        let Answer { status, fields, body, trailers } = answer;
        match asked.is_grpc() {
            true => Reply::Grpc(grpc::Said::of(http2::Answer { status, fields, body, trailers })),
            false => Reply::Http(http1::Answer { status, fields, body, goes_on: true, interim: Vec::new() }),
        }
    }

    #[test]
    fn each_is_heard_as_what_it_is_in_every_protocol() {
        let mut refusal = Refusal::new(429, Code::RESOURCE_EXHAUSTED, "slow down");
        refusal.retry_after = Some(Duration::from_millis(1500));
        for (kind, is_http2) in
            [("application/grpc", true), ("application/json", false), ("application/x-protobuf", false)]
        {
            let asked = asked(kind, is_http2);
            let taken = read(&asked, Answer::taken(&asked));
            assert_eq!(taken.response(), Ok(None), "{kind}");
            let refused = read(&asked, Answer::refused(&asked, &refusal));
            assert!(matches!(refused.outcome(), Outcome::Refused { is_retryable: true, .. }), "{kind}");
            match refused {
                Reply::Grpc(said) => assert!(said.has_retry_info()),
                Reply::Http(answer) => {
                    assert_eq!(answer.field("retry-after"), Some("2"));
                    assert!(error_body(&answer).unwrap().has_retry_info);
                }
            }
            assert!(Answer::bomb(&asked, 1 << 20).body.len() < 10 << 10, "{kind}");
        }
    }
}
