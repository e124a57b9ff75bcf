//! `faults:` — what is broken while the load runs, when, and for how long.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::bare_names::allow_bare;
use crate::units::{Count, HumanDuration, Ppb};

/// Something that is broken for a while and then whole again.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Names it in limits and reports: lowercase letters, digits and dashes.
    #[schemars(required, regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"), length(max = 64))]
    pub name: Option<String>,
    /// When it begins, from the start of the load, warm-up included.
    #[schemars(required)]
    pub at: Option<HumanDuration>,
    /// How long it lasts; of a target that ends, until it is started again.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub lasting: Option<HumanDuration>,
    /// From one beginning to the next, for a fault that comes again and again.
    pub every: Option<HumanDuration>,
    /// How often it comes, with `every`.
    pub times: Option<Count>,
    /// Which share of the requests a fault of the sink touches while it lasts, drawn by the seed. Default: 100%.
    pub share: Option<Ppb>,
    /// What is broken; what happens says it already.
    pub on: Option<FaultSite>,
    /// What happens.
    #[schemars(required)]
    pub fault: Option<FaultKindSpec>,
}

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FaultSite {
    /// The sink, which plays the backend.
    Sink,
    /// The target's process.
    Target,
}

/// What happens: first what a broken backend does, then what happens to the target's process.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = bare_faults)]
pub enum FaultKindSpec {
    /// Refuses with a gRPC status; over HTTP with the status that stands for it.
    GrpcStatus(GrpcStatusSpec),
    /// Refuses with an HTTP status; over gRPC with that status and no gRPC status, as a proxy in between does.
    HttpStatus(HttpStatusSpec),
    /// Takes the request and answers late.
    Slow(SlowSpec),
    /// Takes nothing and never answers.
    Hang(NoSettings),
    /// Takes nothing and resets the stream, over HTTP/1.1 the connection.
    Reset(ResetSpec),
    /// Takes the request and resets the stream instead of answering.
    LostAnswer(NoSettings),
    /// The target's process is stopped by SIGSTOP, and goes on at the end.
    Freeze(NoSettings),
    /// The target's process is killed by SIGKILL, and started again at the end.
    Kill(NoSettings),
    /// The target's process is asked to end by SIGTERM, and started again at the end.
    Terminate(NoSettings),
}

fn bare_faults(schema: &mut Schema) {
    allow_bare(schema, &["hang", "reset", "lost_answer", "freeze", "kill", "terminate"]);
}

/// A kind without settings.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Settings of `grpc_status`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcStatusSpec {
    /// The status.
    #[schemars(required)]
    pub code: Option<GrpcStatus>,
    /// Asks to come again after this long, and not before: `RetryInfo`, over HTTP `Retry-After`.
    pub retry_after: Option<HumanDuration>,
}

/// Settings of `http_status`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpStatusSpec {
    /// The status, from 300 to 599.
    #[schemars(required, range(min = 300, max = 599))]
    pub status: Option<Count>,
    /// Asks to come again after this long, and not before: `Retry-After`.
    pub retry_after: Option<HumanDuration>,
}

/// Settings of `slow`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowSpec {
    /// How long an answer is kept back.
    #[schemars(required)]
    pub by: Option<HumanDuration>,
}

/// Settings of `reset`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetSpec {
    /// The HTTP/2 error, of which a client learns whether it may send again. Default: CANCEL.
    pub error: Option<Http2Error>,
}

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $name:ident = $number:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $type {
            $($(#[$variant_doc])* $name,)+
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The number on the wire.
            pub fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)+
                }
            }
        }
    };
}

numbered! {
    /// The errors of gRPC, see <https://grpc.io/docs/guides/status-codes/>.
    GrpcStatus {
        /// 1
        Cancelled = 1,
        /// 2
        Unknown = 2,
        /// 3
        InvalidArgument = 3,
        /// 4
        DeadlineExceeded = 4,
        /// 5
        NotFound = 5,
        /// 6
        AlreadyExists = 6,
        /// 7
        PermissionDenied = 7,
        /// 8
        ResourceExhausted = 8,
        /// 9
        FailedPrecondition = 9,
        /// 10
        Aborted = 10,
        /// 11
        OutOfRange = 11,
        /// 12
        Unimplemented = 12,
        /// 13
        Internal = 13,
        /// 14
        Unavailable = 14,
        /// 15
        DataLoss = 15,
        /// 16
        Unauthenticated = 16,
    }
}

numbered! {
    /// The errors of HTTP/2 streams, RFC 9113 section 7.
    Http2Error {
        /// 1
        ProtocolError = 1,
        /// 2
        InternalError = 2,
        /// 7: nothing was done, so the client may send again.
        RefusedStream = 7,
        /// 8
        Cancel = 8,
        /// 11
        EnhanceYourCalm = 11,
    }
}
