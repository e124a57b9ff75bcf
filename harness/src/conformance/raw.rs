//! Peers that can say anything: below every library that would correct, retry or refuse to send what is to be tried.
//!
//! [`http1`] writes and reads HTTP/1.1 by hand. [`http2`] stands on h2, which keeps connections going and lets any headers, bodies and
//! resets pass; [`frames`] sends frame by frame what h2 would not.
//! [`grpc`] puts gRPC's frames into bodies, wrong flags and lengths included, and reads what comes back. Every
//! byte goes through a [`tap`], which notes it in the trial's trace. Everything has a deadline, and no answer is read beyond
//! [`ANSWER_MAX`].

pub mod error;
pub mod frames;
pub mod grpc;
pub mod http1;
pub mod http2;
pub(in crate::conformance) mod parse;
pub mod tap;

pub use error::Unanswered;

/// The longest answer that is read: twice what OTLP recommends as a limit for responses.
pub const ANSWER_MAX: usize = 8 << 20;

/// Header fields, in the order in which they came; names in lower case.
pub type Fields = Vec<(String, String)>;

/// The value of the first field with this name.
pub fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A media type without its parameters, in lower case.
pub fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
