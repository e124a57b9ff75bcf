//! gRPC status codes, and which of them OTLP lets a client retry.

use std::fmt;

use http::StatusCode;

/// A gRPC status code. Any number is representable, since a hostile peer may send any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u32);

/// The names of the codes, by number.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

#[expect(missing_docs, reason = "the names are gRPC's own and their numbers stand beside them")]
impl Code {
    pub const OK: Self = Self(0);
    pub const CANCELLED: Self = Self(1);
    pub const UNKNOWN: Self = Self(2);
    pub const INVALID_ARGUMENT: Self = Self(3);
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    pub const NOT_FOUND: Self = Self(5);
    pub const ALREADY_EXISTS: Self = Self(6);
    pub const PERMISSION_DENIED: Self = Self(7);
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    pub const FAILED_PRECONDITION: Self = Self(9);
    pub const ABORTED: Self = Self(10);
    pub const OUT_OF_RANGE: Self = Self(11);
    pub const UNIMPLEMENTED: Self = Self(12);
    pub const INTERNAL: Self = Self(13);
    pub const UNAVAILABLE: Self = Self(14);
    pub const DATA_LOSS: Self = Self(15);
    pub const UNAUTHENTICATED: Self = Self(16);
}

impl Code {
    /// True for the codes that OTLP's table calls retryable: always CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE,
    /// UNAVAILABLE and DATA_LOSS; RESOURCE_EXHAUSTED only when the answer carried a `RetryInfo`.
    pub fn retryable(self, has_retry_info: bool) -> bool {
        match self {
            Self::CANCELLED
            | Self::DEADLINE_EXCEEDED
            | Self::ABORTED
            | Self::OUT_OF_RANGE
            | Self::UNAVAILABLE
            | Self::DATA_LOSS => true,
            Self::RESOURCE_EXHAUSTED => has_retry_info,
            _ => false,
        }
    }

    /// The code that a gRPC client infers from a response without `grpc-status`, by gRPC's table "HTTP to gRPC status
    /// code mapping".
    pub fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 | 431 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// The code that a gRPC client infers from a stream reset with an HTTP/2 error code, by gRPC's table "Errors".
    pub fn of_reset(http2_error: u32) -> Self {
        match http2_error {
            0x7 => Self::UNAVAILABLE,
            0x8 => Self::CANCELLED,
            0xb => Self::RESOURCE_EXHAUSTED,
            0xc => Self::PERMISSION_DENIED,
            _ => Self::INTERNAL,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_six_codes_are_retryable_and_a_seventh_with_retry_info() {
        let with = |info| (0..40).filter(|&code| Code(code).retryable(info)).collect::<Vec<_>>();
        assert_eq!(with(false), [1, 4, 10, 11, 14, 15]);
        assert_eq!(with(true), [1, 4, 8, 10, 11, 14, 15]);
    }

    #[test]
    fn a_code_outside_the_table_prints_as_its_number() {
        assert_eq!(Code(99).to_string(), "code 99");
        assert_eq!(Code::DATA_LOSS.to_string(), "DATA_LOSS");
    }
}
