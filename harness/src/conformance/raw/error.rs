//! Why there was no answer.

use std::net::SocketAddr;
use std::time::Duration;

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nobody listens, or nothing goes there. Look at the address.
    #[error("no connection to {address}: {reason}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The peer says nothing more.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The peer closed the connection instead.
    #[error("the connection was closed without an answer")]
    Closed,
    /// The peer broke the connection off.
    #[error("the connection was reset without an answer")]
    Broken,
    /// The stream was reset, with HTTP/2's error code.
    #[error("the stream was reset with HTTP/2 error {0}")]
    StreamReset(u32),
    /// The peer said good-bye, with HTTP/2's error code.
    #[error("the connection was ended by GOAWAY with HTTP/2 error {0}")]
    GoAway(u32),
    /// What came is no answer.
    #[error("the answer is none: {0}")]
    Nonsense(String),
    /// What came has no end.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// What was to be sent cannot be written down, which is our own mistake.
    #[error("the request cannot be made: {0}")]
    Unsayable(String),
}

impl Unanswered {
    /// Of an error of a socket.
    pub fn of_io(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Broken,
        }
    }

    /// Of an error of HTTP/2.
    pub fn of_h2(error: &h2::Error) -> Self {
        match (error.reason(), error.get_io()) {
            (Some(reason), _) if error.is_go_away() => Self::GoAway(reason.into()),
            (Some(reason), _) if error.is_reset() => Self::StreamReset(reason.into()),
            (_, Some(io)) => Self::of_io(io),
            _ => Self::Nonsense(error.to_string()),
        }
    }

    /// Whether it is the set-up's doing, so that nothing can be said about the target.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Unsayable(_))
    }
}
