//! `google.rpc.Status` and the two details OTLP speaks of, in protobuf and in JSON.

use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};

use super::code::Code;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// `google.rpc.Status`: what stands in `grpc-status-details-bin` and in the body of every HTTP error.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A gRPC code; OTLP/HTTP clients ignore it.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For the developer, in English. From the wire it is hostile text.
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

impl Status {
    /// A status without details.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code.0 as i32, message: message.into(), details: Vec::new() }
    }

    /// Adds a `RetryInfo`.
    pub(super) fn with_retry_info(mut self, delay: Duration) -> Self {
        let retry_delay =
            Delay { seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX), nanos: delay.subsec_nanos() as i32 };
        let value = RetryInfo { retry_delay: Some(retry_delay) }.encode_to_vec();
        self.details.push(Detail { type_url: RETRY_INFO.to_owned(), value });
        self
    }

    /// Adds a `BadRequest` with one violation, whose text is the status message.
    pub(super) fn with_bad_request(mut self) -> Self {
        let violation = FieldViolation { field: String::new(), description: self.message.clone() };
        let value = BadRequest { field_violations: vec![violation] }.encode_to_vec();
        self.details.push(Detail { type_url: BAD_REQUEST.to_owned(), value });
        self
    }

    /// The delay of the `RetryInfo`, if there is a readable one. A missing or negative delay reads as zero: its presence
    /// alone says that a retry is welcome.
    pub fn retry_delay(&self) -> Option<Duration> {
        let detail = self.details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
        let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
        let seconds = u64::try_from(delay.seconds).unwrap_or(0);
        let nanos = if delay.seconds < 0 { 0 } else { u32::try_from(delay.nanos).unwrap_or(0) };
        Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(u64::from(nanos))))
    }

    /// The status in proto3's JSON mapping.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut json = json!({ "code": self.code, "message": self.message });
        if !self.details.is_empty() {
            json["details"] = self.details.iter().map(Detail::to_json).collect();
        }
        json.to_string().into_bytes()
    }
}

impl Detail {
    fn to_json(&self) -> Value {
        if let (RETRY_INFO, Ok(info)) = (self.type_url.as_str(), RetryInfo::decode(self.value.as_slice())) {
            let delay = info.retry_delay.unwrap_or_default();
            return json!({ "@type": RETRY_INFO, "retryDelay": seconds_text(delay) });
        }
        if let (BAD_REQUEST, Ok(bad)) = (self.type_url.as_str(), BadRequest::decode(self.value.as_slice())) {
            let violations = bad.field_violations.iter().map(|one| json!({ "description": one.description }));
            return json!({ "@type": BAD_REQUEST, "fieldViolations": violations.collect::<Vec<_>>() });
        }
        json!({ "@type": self.type_url })
    }
}

/// proto3's JSON form of a duration: seconds with 0, 3, 6 or 9 decimals and an `s`.
fn seconds_text(delay: Delay) -> String {
    match delay.nanos {
        0 => format!("{}s", delay.seconds),
        nanos if nanos % 1_000_000 == 0 => format!("{}.{:03}s", delay.seconds, nanos / 1_000_000),
        nanos => format!("{}.{nanos:09}s", delay.seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt;

    #[test]
    fn another_implementation_reads_our_details() {
        let ours = Status::new(Code::RESOURCE_EXHAUSTED, "slow down").with_retry_info(Duration::from_millis(1500));
        let theirs =
            tonic::Status::with_details(tonic::Code::ResourceExhausted, "slow down", ours.encode_to_vec().into());
        let info = theirs.get_details_retry_info().unwrap();
        assert_eq!(info.retry_delay, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn we_read_the_details_of_another_implementation() {
        let mut details = tonic_types::ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(2250))).add_bad_request_violation("spans", "empty");
        let theirs = tonic::Status::with_error_details(tonic::Code::Unavailable, "busy", details);
        let ours = Status::decode(theirs.details()).unwrap();
        assert_eq!(ours.retry_delay(), Some(Duration::from_millis(2250)));
        assert_eq!((ours.code, ours.message.as_str()), (14, "busy"));
    }

    #[test]
    fn a_retry_info_without_a_sane_delay_still_says_that_a_retry_is_welcome() {
        for delay in [None, Some(Delay { seconds: -5, nanos: -1 }), Some(Delay { seconds: 0, nanos: -9 })] {
            let value = RetryInfo { retry_delay: delay }.encode_to_vec();
            let status = Status { details: vec![Detail { type_url: RETRY_INFO.into(), value }], ..Status::default() };
            assert_eq!(status.retry_delay(), Some(Duration::ZERO));
        }
        assert_eq!(Status::new(Code::OK, "").retry_delay(), None);
    }

    #[test]
    fn the_json_form_follows_proto3() {
        let status = Status::new(Code::UNAVAILABLE, "a \"busy\" backend").with_retry_info(Duration::from_millis(1500));
        insta::assert_snapshot!(String::from_utf8(status.to_json()).unwrap());
    }
}
