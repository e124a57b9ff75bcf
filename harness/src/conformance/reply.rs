//! What a target said to a request, whichever way it travelled.

use super::raw::{field, grpc, http1, media_type};
use crate::wire::{Code, Signal};
use prost::Message;
use serde_json::Value;
use tonic_types::RpcStatusExt;

/// An answer, as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Over gRPC.
    Grpc(grpc::Said),
    /// Over HTTP.
    Http(http1::Answer),
}

/// What an answer means for the telemetry that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Taken, but for so many items.
    Taken {
        /// As it was said: it may be negative.
        rejected: i64,
        /// Why, or a warning.
        message: String,
        /// Whether a partial success was there at all, an empty one included.
        has_partial: bool,
    },
    /// Not taken.
    Refused {
        /// Whether a client is to send it again.
        is_retryable: bool,
        /// The answer.
        words: String,
    },
}

impl Outcome {
    /// Whether it was taken, in whole or in part.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Taken { .. })
    }

    /// Whether it was refused in a way that has clients send it again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Refused { is_retryable: true, .. })
    }

    /// Items that are said to be rejected.
    pub fn rejected(&self) -> i64 {
        match self {
            Self::Taken { rejected, .. } => *rejected,
            Self::Refused { .. } => 0,
        }
    }
}

/// `Export*ServiceResponse`: those of all signals differ in names only.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

impl Reply {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Grpc(said) => said.words(),
            Self::Http(answer) => answer.words(),
        }
    }

    /// What it means for what was sent. A success that cannot be read is a success: a client hears no more than that.
    pub fn outcome(&self) -> Outcome {
        let (is_taken, is_retryable) = match self {
            Self::Grpc(said) => {
                let code = said.code.unwrap_or(Code::of_http(status(said.http)));
                (said.code == Some(Code::OK), code.retryable(said.has_retry_info()))
            }
            Self::Http(answer) => ((200..300).contains(&answer.status), matches!(answer.status, 429 | 502 | 503 | 504)),
        };
        if !is_taken {
            return Outcome::Refused { is_retryable, words: self.words() };
        }
        match self.response() {
            Ok(Some((rejected, message))) => Outcome::Taken { rejected, message, has_partial: true },
            Ok(None) | Err(_) => Outcome::Taken { rejected: 0, message: String::new(), has_partial: false },
        }
    }

    /// The partial success of a response: how many were rejected, and why; none where it is unset.
    ///
    /// # Errors
    ///
    /// Why the body is no response.
    pub fn response(&self) -> Result<Option<(i64, String)>, String> {
        match self {
            Self::Grpc(said) => match &said.messages[..] {
                [(0, message)] if said.rest == 0 => of_protobuf(message),
                [(flag, _)] if said.rest == 0 => Err(format!("its message has the flag {flag}")),
                messages => Err(format!("it has {} messages and {} bytes more", messages.len(), said.rest)),
            },
            Self::Http(answer) => {
                let kind = answer.field("content-type").map(media_type).unwrap_or_default();
                if kind == "application/json" { of_json(&answer.body) } else { of_protobuf(&answer.body) }
            }
        }
    }
}

fn status(number: u16) -> http::StatusCode {
    http::StatusCode::from_u16(number).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
}

fn of_protobuf(message: &[u8]) -> Result<Option<(i64, String)>, String> {
    let response = Response::decode(message).map_err(|error| format!("it is no export response: {error}"))?;
    Ok(response.partial_success.map(|partial| (partial.rejected, partial.message)))
}

/// Reads OTLP/JSON with what is tolerated: a number where a text is to be.
fn of_json(body: &[u8]) -> Result<Option<(i64, String)>, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
    let object = value.as_object().ok_or("it is no JSON object")?;
    let Some(partial) = object.get("partialSuccess").filter(|value| !value.is_null()) else { return Ok(None) };
    let partial = partial.as_object().ok_or("its partialSuccess is no object")?;
    let rejected = Signal::ALL.iter().find_map(|signal| partial.get(signal.rejected_key()));
    let rejected = match rejected {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) => text.parse().map_err(|_| format!("it rejects {text:?}"))?,
        Some(Value::Number(number)) => number.as_i64().ok_or("it rejects no whole number")?,
        Some(_) => return Err("what it rejects is no number".to_owned()),
    };
    let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    Ok(Some((rejected, message.to_owned())))
}

/// `google.rpc.Status` as an error's body has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// For the developer.
    pub message: String,
    /// Whether a `BadRequest` is among its details.
    pub has_bad_request: bool,
    /// Whether a `RetryInfo` is.
    pub has_retry_info: bool,
    /// Whether it came as JSON.
    pub is_json: bool,
}

/// Reads an error's body in the encoding that its own content type names (ambiguity A1).
///
/// # Errors
///
/// Why it is no status.
pub fn error_body(answer: &http1::Answer) -> Result<ErrorBody, String> {
    let kind = field(&answer.fields, "content-type").map(media_type);
    match kind.as_deref() {
        Some("application/json") => error_of_json(&answer.body),
        Some("application/x-protobuf") => {
            if answer.body.is_empty() {
                return Err("its body is empty".to_owned());
            }
            let status = tonic_types::Status::decode(&answer.body[..]).map_err(|error| format!("its body: {error}"))?;
            let has_bad_request = status.get_details_bad_request().is_some();
            let has_retry_info = status.get_details_retry_info().is_some();
            Ok(ErrorBody { message: status.message, has_bad_request, has_retry_info, is_json: false })
        }
        Some(other) => Err(format!("its body is {other}")),
        None => Err("it has no content type".to_owned()),
    }
}

fn error_of_json(body: &[u8]) -> Result<ErrorBody, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("its body is no JSON: {error}"))?;
    let object = value.as_object().ok_or("its body is no JSON object")?;
    let known = ["code", "message", "details"];
    if let Some(other) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("its body has the key {other:?}, which a Status has not"));
    }
    if object.is_empty() {
        return Err("its body is an empty object".to_owned());
    }
    let empty = Vec::new();
    let details = object.get("details").map_or(Some(&empty), Value::as_array).ok_or("its details are no list")?;
    let has = |name: &str| {
        let mut types = details.iter().filter_map(|detail| detail.get("@type")).filter_map(Value::as_str);
        types.any(|kind| kind.ends_with(name))
    };
    let message = object.get("message").map_or(Some(""), Value::as_str).ok_or("its message is no text")?;
    Ok(ErrorBody {
        message: message.to_owned(),
        has_bad_request: has("google.rpc.BadRequest"),
        has_retry_info: has("google.rpc.RetryInfo"),
        is_json: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, kind: &str, body: &[u8]) -> http1::Answer {
        let fields = vec![("content-type".to_owned(), kind.to_owned())];
        http1::Answer { status, fields, body: body.to_vec(), goes_on: true, interim: Vec::new() }
    }

    #[test]
    fn partial_successes_of_both_encodings_mean_the_same() {
        let partial = Partial { rejected: 3, message: "old".to_owned() };
        let bytes = Response { partial_success: Some(partial) }.encode_to_vec();
        let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}}"#;
        for answer in [http(200, "application/x-protobuf", &bytes), http(200, "application/json; charset=utf-8", json)]
        {
            let outcome = Reply::Http(answer).outcome();
            assert_eq!(outcome, Outcome::Taken { rejected: 3, message: "old".to_owned(), has_partial: true });
        }
        let empty = Reply::Http(http(200, "application/x-protobuf", &[0x0a, 0])).outcome();
        assert_eq!(empty, Outcome::Taken { rejected: 0, message: String::new(), has_partial: true });
        assert!(Reply::Http(http(200, "application/json", b"")).response().is_err());
        assert!(
            Reply::Http(http(200, "application/json", br#"{"partialSuccess":{"rejectedSpans":true}}"#))
                .response()
                .is_err()
        );
    }

    #[test]
    fn refusals_say_whether_to_come_again() {
        let retryable = |status| Reply::Http(http(status, "text/plain", b"x")).outcome().is_retryable();
        assert_eq!([429, 502, 503, 504, 400, 408, 500].map(retryable), [true, true, true, true, false, false, false]);
    }

    #[test]
    fn an_error_s_body_is_read_in_its_own_encoding_only() {
        let status = tonic_types::Status { code: 3, message: "bad".to_owned(), details: Vec::new() }.encode_to_vec();
        assert_eq!(error_body(&http(400, "application/x-protobuf", &status)).unwrap().message, "bad");
        let json = br#"{"code":3,"message":"bad","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest"}]}"#;
        assert!(error_body(&http(400, "application/json", json)).unwrap().has_bad_request);
        for (kind, body) in [
            ("text/plain", &b"bad"[..]),
            ("application/json", b"\"bad\""),
            ("application/json", b"{\"error\":\"bad\"}"),
            ("application/json", b"{}"),
            ("application/x-protobuf", b""),
            ("application/x-protobuf", b"\xff\xff"),
        ] {
            assert!(error_body(&http(400, kind, body)).is_err(), "{kind} {body:?}");
        }
    }
}
