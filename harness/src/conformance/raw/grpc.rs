//! gRPC's frames, right and wrong, and what an answer over gRPC says.

use super::error::Unanswered;
use super::http2::{Answer, Call};
use super::{Fields, field, media_type};
use crate::wire::{Code, PREFIX};
use prost::Message;
use tonic_types::Status;

/// A message in its frame, not compressed.
pub fn framed(message: &[u8]) -> Vec<u8> {
    framed_as(0, message.len() as u32, message)
}

/// Bytes in a frame that says of them what it is told to.
pub fn framed_as(flag: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
    [&[flag][..], &length.to_be_bytes(), bytes].concat()
}

/// A unary call with the headers that every call has.
pub fn call(path: &str, body: Vec<u8>) -> Call {
    Call::post(path, body).with("te", "trailers").with("content-type", "application/grpc")
}

/// What an answer over gRPC says.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The status of HTTP.
    pub http: u16,
    /// Header fields.
    pub fields: Fields,
    /// Whole messages: the flag of each, and its bytes.
    pub messages: Vec<(u8, Vec<u8>)>,
    /// Bytes behind them that are no whole message.
    pub rest: usize,
    /// `grpc-status`, if it is there and a number.
    pub code: Option<Code>,
    /// `grpc-message`, percent-decoded.
    pub message: String,
    /// `grpc-status-details-bin`: the status in it, or why there is none to be read.
    pub details: Option<Result<Status, String>>,
    /// What compressions it takes.
    pub accepts: Option<String>,
}

impl Said {
    /// Reads an answer. Nothing is required of it.
    pub fn of(answer: Answer) -> Self {
        let code = answer.last("grpc-status").and_then(|code| code.trim().parse().ok()).map(Code);
        let message = percent_decoded(answer.last("grpc-message").unwrap_or_default());
        let details = answer.last("grpc-status-details-bin").map(details);
        let accepts = answer.last("grpc-accept-encoding").map(str::to_owned);
        let (messages, rest) = messages(&answer.body);
        Self { http: answer.status, fields: answer.fields, messages, rest, code, message, details, accepts }
    }

    /// Whether this is gRPC at all.
    pub fn is_grpc(&self) -> bool {
        let kind = field(&self.fields, "content-type").map(media_type);
        kind.is_some_and(|kind| kind.starts_with("application/grpc")) || self.code.is_some()
    }

    /// `gRPC UNAVAILABLE: busy`.
    pub fn words(&self) -> String {
        match self.code {
            Some(Code::OK) => format!("gRPC OK with {} messages", self.messages.len()),
            Some(code) => format!("gRPC {code}: {}", self.message),
            None => format!("HTTP {} without grpc-status", self.http),
        }
    }

    /// Whether a `RetryInfo` comes along.
    pub fn has_retry_info(&self) -> bool {
        let details = self.details.as_ref().and_then(|details| details.as_ref().ok());
        details.is_some_and(|status| status.details.iter().any(|any| any.type_url.ends_with("google.rpc.RetryInfo")))
    }
}

/// Whole messages of a body, and how many bytes are left.
fn messages(body: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let (mut messages, mut rest) = (Vec::new(), body);
    while let [flag, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some(message) = tail.get(..length) else { break };
        messages.push((*flag, message.to_vec()));
        rest = &rest[PREFIX + length..];
    }
    (messages, rest.len())
}

fn details(text: &str) -> Result<Status, String> {
    let bytes = base64(text.trim()).ok_or("it is no base64")?;
    Status::decode(&bytes[..]).map_err(|error| error.to_string())
}

/// Base64 with or without padding, by our own hand: the sink's reader is not to vouch for itself.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (word, bits) = (word << 6 | u32::from(value), bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if digit(high).is_some() && digit(low).is_some() => {
                bytes.push((digit(high).unwrap_or(0) * 16 + digit(low).unwrap_or(0)) as u8);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What came, or why nothing did, in words.
pub fn words(said: &Result<Said, Unanswered>) -> String {
    said.as_ref().map_or_else(Unanswered::to_string, Said::words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: Vec<u8>, trailers: &[(&str, &str)]) -> Answer {
        let trailers = trailers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status: 200, fields: vec![("content-type".into(), "application/grpc".into())], body, trailers }
    }

    #[test]
    fn messages_and_the_rest_are_told_apart() {
        let body = [framed(b"ab"), framed(b""), framed_as(1, 9, b"abc")].concat();
        let said = Said::of(answer(body, &[("grpc-status", "0")]));
        assert_eq!((said.messages.len(), said.rest, said.code), (2, 8, Some(Code::OK)));
        assert!(said.is_grpc());
    }

    #[test]
    fn another_implementation_s_details_are_read() {
        use tonic_types::StatusExt;
        let mut details = tonic_types::ErrorDetails::new();
        details.set_retry_info(Some(std::time::Duration::from_secs(2)));
        let theirs = tonic::Status::with_error_details(tonic::Code::ResourceExhausted, "slow 100%", details);
        let headers = theirs.into_http::<tonic::body::Body>().into_parts().0.headers;
        let trailers = crate::conformance::raw::http2::fields(&headers);
        let said = Said::of(Answer { status: 200, fields: Vec::new(), body: Vec::new(), trailers });
        assert_eq!((said.code, said.message.as_str()), (Some(Code::RESOURCE_EXHAUSTED), "slow 100%"));
        assert!(said.has_retry_info());
        assert_eq!(said.details.unwrap().unwrap().code, 8);
    }

    #[test]
    fn nonsense_is_no_status_and_no_panic() {
        let bad = [("grpc-status", "x"), ("grpc-message", "%4"), ("grpc-status-details-bin", "*")];
        let said = Said::of(answer(vec![0; 3], &bad));
        assert_eq!((said.code, said.rest, said.message.as_str()), (None, 3, "%4"));
        assert!(said.details.unwrap().is_err());
    }
}
