//! `faults:` — what is broken while the load runs, when, and for how long.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::bare_names::allow_bare;
use super::link::LinkFaultSpec;
use crate::units::{Count, GrpcCode, HumanDuration, Ppb, SignedCount};

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
    /// Which share of the requests a fault of the sink touches while it lasts, of a fault of the link which share of the connections,
    /// drawn by the seed. Default: 100%.
    pub share: Option<Ppb>,
    /// The share at the end of each window, where it is another than at the beginning; in between it goes in a straight line.
    pub share_to: Option<Ppb>,
    /// Of what it is the share. Default: requests.
    pub share_of: Option<ReachOf>,
    /// What is broken. What happens says it already, but for `link`, which is `egress` or `ingress`. Default: egress.
    pub on: Option<FaultSite>,
    /// What happens.
    #[schemars(required)]
    pub fault: Option<FaultKindSpec>,
}

/// A fault of a sink, to be switched on.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSwitchSpec {
    /// Names it: lowercase letters, digits and dashes. Default: what happens, with dashes.
    pub name: Option<String>,
    /// Which share of the requests it touches, drawn by the seed. Default: 100%.
    pub share: Option<Ppb>,
    /// Of what it is the share. Default: requests.
    pub share_of: Option<ReachOf>,
    /// What happens.
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
    /// The way from the target to the sink.
    Egress,
    /// The way from the client to the target.
    Ingress,
}

/// Of what a share is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachOf {
    /// Each request alone.
    Requests,
    /// All requests of a connection, or none.
    Connections,
}

/// What happens: first what a broken backend does, then what happens to the target's process, then what happens on the way, and last
/// what you do yourself.
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
    LostAnswer(LostAnswerSpec),
    /// Says OK with a partial success that rejects the last spans of each request, which are not taken.
    PartialSuccess(PartialSuccessSpec),
    /// Refuses every request that has one of a few spans in it, drawn by the seed, and takes every other.
    Poison(PoisonSpec),
    /// Takes the request and answers with a success that is no answer as OTLP has it.
    BrokenAnswer(BrokenAnswerSpec),
    /// Says OK and takes nothing: a loss of the backend's, which no target can know of.
    Discard(NoSettings),
    /// The target's process is stopped by SIGSTOP, and goes on at the end.
    Freeze(NoSettings),
    /// The target's process is killed by SIGKILL, and started again at the end.
    Kill(NoSettings),
    /// The target's process is asked to end by SIGTERM, and started again at the end.
    Terminate(NoSettings),
    /// The target's process runs for a share of the time and stands still for the rest, as under a quota of CPU time.
    Cpu(CpuSpec),
    /// The target's process may open no further file and take no further connection until the end: RLIMIT_NOFILE.
    Descriptors(NoSettings),
    /// The target's process is told by SIGHUP to read its configuration again, as a collector does; it has until the end for that.
    Reload(NoSettings),
    /// What goes over the network is broken, in a proxy that stands in the way.
    Link(LinkFaultSpec),
    /// Commands of yours are run, which break something and make it whole again.
    Exec(ExecSpec),
}

fn bare_faults(schema: &mut Schema) {
    allow_bare(
        schema,
        &["hang", "reset", "lost_answer", "discard", "freeze", "kill", "terminate", "descriptors", "reload"],
    );
}

/// A kind without settings.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Settings of `cpu`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuSpec {
    /// For which share of each tenth of a second it runs, on as many cores as it likes: from 1% to 99%.
    #[schemars(required)]
    pub share: Option<Ppb>,
}

/// Settings of `exec`: each a program and its arguments, read by no shell. They see `SPANPROOF_FAULT`, the fault's name, and where
/// the target is a process of ours `SPANPROOF_TARGET_PID`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecSpec {
    /// Breaks something, and ends with 0.
    #[schemars(required)]
    pub start: Option<Vec<String>>,
    /// Makes it whole again. It runs whatever happens, also when spanproof is interrupted or killed.
    #[schemars(required)]
    pub undo: Option<Vec<String>>,
    /// Ends with 0 once it sees that the fault bites. It is asked once a second until it does; without a yes the run is inconclusive.
    #[schemars(required)]
    pub evidence: Option<Vec<String>>,
    /// How long each of them may take. Default: 30s.
    pub within: Option<HumanDuration>,
}

/// Settings of `grpc_status`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcStatusSpec {
    /// The status, by name or number, also one that gRPC does not define.
    #[schemars(required)]
    pub code: Option<GrpcCode>,
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
    /// How `Retry-After` is written. Default: seconds, where `retry_after` is given.
    pub retry_after_form: Option<RetryAfterForm>,
}

/// How `Retry-After` is written: as it should be, or as it should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryAfterForm {
    /// Whole seconds, rounded up.
    Seconds,
    /// The instant, RFC 9110 section 10.2.3.
    Date,
    /// Whole seconds, in two headers.
    Twice,
    /// Words instead of a number.
    Words,
    /// A number below zero.
    Negative,
    /// A thousand million seconds.
    Huge,
    /// Nothing.
    Empty,
}

/// Settings of `lost_answer`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LostAnswerSpec {
    /// The HTTP/2 error, of which a client learns whether it may send again. Default: CANCEL.
    pub error: Option<Http2Error>,
    /// Whether the headers of an answer are sent first. Default: false.
    pub after_headers: Option<bool>,
}

/// Settings of `partial_success`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartialSuccessSpec {
    /// How many spans the answer rejects: the last of each request, which are not taken. Zero and less, and more than a request has,
    /// are said all the same.
    #[schemars(required)]
    pub rejected: Option<SignedCount>,
}

/// Settings of `poison`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoisonSpec {
    /// One span in so many is poisoned.
    #[schemars(required)]
    pub one_in: Option<Count>,
    /// The status with which requests are refused that have one. Default: INVALID_ARGUMENT, after which nobody may send again.
    pub code: Option<GrpcCode>,
}

/// Settings of `broken_answer`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokenAnswerSpec {
    /// What it looks like.
    #[schemars(required)]
    pub shape: Option<AnswerShape>,
}

/// What a broken answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerShape {
    /// There is no message.
    Empty,
    /// Another content type, and a page for people.
    WrongType,
    /// The message cannot be decoded.
    Garbage,
    /// The message is well formed and larger than a client takes: 8 MiB.
    Oversize,
    /// The message ends before its declared length.
    Truncated,
    /// The message is a few kilobytes of gzip that become 64 MiB.
    Bomb,
    /// Over gRPC the trailers with the status are missing; over HTTP this does nothing.
    NoStatus,
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
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $name:ident = $number:literal $written:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $written)] $name,)+
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name, as gRPC and HTTP/2 write it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $written,)+
                }
            }

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
        Cancelled = 1 "CANCELLED",
        /// 2
        Unknown = 2 "UNKNOWN",
        /// 3
        InvalidArgument = 3 "INVALID_ARGUMENT",
        /// 4
        DeadlineExceeded = 4 "DEADLINE_EXCEEDED",
        /// 5
        NotFound = 5 "NOT_FOUND",
        /// 6
        AlreadyExists = 6 "ALREADY_EXISTS",
        /// 7
        PermissionDenied = 7 "PERMISSION_DENIED",
        /// 8
        ResourceExhausted = 8 "RESOURCE_EXHAUSTED",
        /// 9
        FailedPrecondition = 9 "FAILED_PRECONDITION",
        /// 10
        Aborted = 10 "ABORTED",
        /// 11
        OutOfRange = 11 "OUT_OF_RANGE",
        /// 12
        Unimplemented = 12 "UNIMPLEMENTED",
        /// 13
        Internal = 13 "INTERNAL",
        /// 14
        Unavailable = 14 "UNAVAILABLE",
        /// 15
        DataLoss = 15 "DATA_LOSS",
        /// 16
        Unauthenticated = 16 "UNAUTHENTICATED",
    }
}

numbered! {
    /// The errors of HTTP/2, RFC 9113 section 7.
    Http2Error {
        /// 0: nothing went wrong.
        NoError = 0 "NO_ERROR",
        /// 1
        ProtocolError = 1 "PROTOCOL_ERROR",
        /// 2
        InternalError = 2 "INTERNAL_ERROR",
        /// 3
        FlowControlError = 3 "FLOW_CONTROL_ERROR",
        /// 4
        SettingsTimeout = 4 "SETTINGS_TIMEOUT",
        /// 5
        StreamClosed = 5 "STREAM_CLOSED",
        /// 6
        FrameSizeError = 6 "FRAME_SIZE_ERROR",
        /// 7: nothing was done, so the client may send again.
        RefusedStream = 7 "REFUSED_STREAM",
        /// 8
        Cancel = 8 "CANCEL",
        /// 9
        CompressionError = 9 "COMPRESSION_ERROR",
        /// 10
        ConnectError = 10 "CONNECT_ERROR",
        /// 11
        EnhanceYourCalm = 11 "ENHANCE_YOUR_CALM",
        /// 12
        InadequateSecurity = 12 "INADEQUATE_SECURITY",
        /// 13
        Http11Required = 13 "HTTP_1_1_REQUIRED",
    }
}
