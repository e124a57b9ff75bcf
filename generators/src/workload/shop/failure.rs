//! What goes wrong, and how each protocol and language words it.

use super::edges;
use super::operations::{Operation, Protocol};
use super::rng::Dice;
use super::services::Language;
use crate::model::SpanKind;

/// How often the request that failed is part of what is told of it.
const WHOLE_REQUEST: f64 = 0.05;

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Timeout,
    Unavailable,
    Cancelled,
    NotFound,
    Internal,
}

/// A failure on its way from where it arose towards the user.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) message: String,
    /// What else the status says of it: the request that failed, noted whole. Mostly empty.
    pub(super) details: String,
    /// True while only the caller knows of it, since the callee was never reached.
    pub(super) unreached: bool,
}

impl Cause {
    const ALL: [Self; 5] = [Self::Timeout, Self::Unavailable, Self::Cancelled, Self::NotFound, Self::Internal];

    /// Their shares in the order of `ALL`, from the traffic model.
    const SHARES: [f64; 5] = [30.0, 20.0, 25.0, 15.0, 10.0];

    pub(super) fn grpc_code(self) -> &'static str {
        match self {
            Self::Timeout => "DEADLINE_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Cancelled => "CANCELLED",
            Self::NotFound => "NOT_FOUND",
            Self::Internal => "INTERNAL",
        }
    }

    /// 499 is what proxies log for a request whose client went away.
    pub(super) fn http_status(self) -> i64 {
        match self {
            Self::Timeout => 504,
            Self::Unavailable => 503,
            Self::Cancelled => 499,
            Self::NotFound => 404,
            Self::Internal => 500,
        }
    }

    /// PostgreSQL's SQLSTATE.
    pub(super) fn sql_state(self) -> &'static str {
        match self {
            Self::Timeout | Self::Cancelled => "57014",
            Self::Unavailable => "08006",
            Self::NotFound => "42P01",
            Self::Internal => "40P01",
        }
    }

    /// Kafka's name of the protocol error.
    pub(super) fn kafka_error(self) -> &'static str {
        match self {
            Self::Timeout | Self::Cancelled => "REQUEST_TIMED_OUT",
            Self::Unavailable => "LEADER_NOT_AVAILABLE",
            Self::NotFound => "UNKNOWN_TOPIC_OR_PARTITION",
            Self::Internal => "NOT_LEADER_OR_FOLLOWER",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Timeout => "deadline exceeded",
            Self::Unavailable => "connection refused by upstream",
            Self::Cancelled => "request cancelled by the caller",
            Self::NotFound => "no such item",
            Self::Internal => "unexpected state, giving up",
        }
    }
}

impl Failure {
    /// A failure that arises in `operation`.
    pub(super) fn draw(dice: &mut Dice, operation: &Operation) -> Self {
        let cause = Cause::ALL[dice.weighted(&Cause::SHARES)];
        let message = format!("{}: {}: {}", operation.service.facts().name, operation.name, cause.sentence());
        let details = dice.sometimes(WHOLE_REQUEST, edges::long_text).unwrap_or_default();
        Self { cause, message, details, unreached: false }
    }

    /// The description of a status that says it.
    pub(super) fn description(&self) -> String {
        let between = if self.details.is_empty() { "" } else { " at " };
        format!("{}{between}{}", self.message, self.details)
    }

    /// The same failure as `operation` shows it, to which it came from a callee.
    ///
    /// A gRPC handler that misses something it asked for is at fault itself; over HTTP the missing thing stays missing.
    pub(super) fn rising_into(mut self, operation: &Operation) -> Self {
        // The client span is where nobody was reached; whoever waits for it is an ordinary failing caller.
        self.unreached &= operation.kind == SpanKind::Client;
        if self.cause == Cause::NotFound && operation.kind == SpanKind::Server && operation.protocol == Protocol::Grpc {
            self.cause = Cause::Internal;
        }
        self
    }
}

/// What the language's runtime calls an exception for `cause`.
pub(super) fn exception_type(language: Language, cause: Cause) -> &'static str {
    let names = match language {
        Language::Cpp => {
            ["std::future_error", "std::system_error", "grpc::Cancelled", "std::out_of_range", "std::runtime_error"]
        }
        Language::Dotnet => [
            "System.TimeoutException",
            "System.Net.Sockets.SocketException",
            "System.OperationCanceledException",
            "System.Collections.Generic.KeyNotFoundException",
            "System.InvalidOperationException",
        ],
        Language::Go => {
            ["context.deadlineExceededError", "*net.OpError", "*errors.errorString", "*status.Error", "*fmt.wrapError"]
        }
        Language::Java => [
            "java.util.concurrent.TimeoutException",
            "java.net.ConnectException",
            "java.util.concurrent.CancellationException",
            "java.util.NoSuchElementException",
            "java.lang.IllegalStateException",
        ],
        Language::Node => ["TimeoutError", "ConnectionRefusedError", "AbortError", "NotFoundError", "TypeError"],
        Language::Php => [
            "Shop\\Exception\\TimeoutException",
            "GuzzleHttp\\Exception\\ConnectException",
            "Shop\\Exception\\CancelledException",
            "Slim\\Exception\\HttpNotFoundException",
            "RuntimeException",
        ],
        Language::Python => [
            "requests.exceptions.ReadTimeout",
            "requests.exceptions.ConnectionError",
            "asyncio.exceptions.CancelledError",
            "requests.exceptions.HTTPError",
            "RuntimeError",
        ],
        Language::Ruby => ["Net::ReadTimeout", "Errno::ECONNREFUSED", "Interrupt", "Sinatra::NotFound", "RuntimeError"],
        Language::Rust => [
            "tokio::time::error::Elapsed",
            "std::io::Error",
            "tokio::task::JoinError",
            "shop::NotFound",
            "anyhow::Error",
        ],
    };
    names[cause as usize]
}
