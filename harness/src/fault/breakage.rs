//! What a fault of a sink makes of a request that it touches, whoever keeps account of it.

use crate::wire::Code;
use crate::wire::server::{BrokenAnswer, Decision, Refusal, RetryAfter};
use http::StatusCode;
use spanproof_scenarios::scenario::{AnswerShape, GrpcStatus, RetryAfter as Asked, SinkFault};
use spanproof_scenarios::units::GrpcCode;
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Breakage {
    /// Nothing of it is taken.
    NotTaken(Decision),
    /// It is taken but for its last spans, and told so.
    InPart {
        /// So many.
        left_out: usize,
        /// What is said of them.
        answer: Decision,
    },
    /// It is taken, and its answer comes so late.
    Late(Duration),
    /// It is taken, and its sender is not told.
    Untold(Decision),
    /// It is taken, and this is no answer as OTLP has it.
    Ill(Decision),
}

/// What the fault does.
pub fn breakage(fault: SinkFault) -> Breakage {
    match fault {
        SinkFault::GrpcStatus { code, retry_after } => {
            Breakage::NotTaken(refuse(Some(code), http_status(code), retry_after.map(RetryAfter::Wait)))
        }
        SinkFault::HttpStatus { status, retry_after } => {
            Breakage::NotTaken(refuse(None, status_code(status), retry_after.map(header)))
        }
        SinkFault::Poison { code, .. } => Breakage::NotTaken(refuse(Some(code), http_status(code), None)),
        SinkFault::Hang => Breakage::NotTaken(Decision::Hang),
        SinkFault::Reset { error } => Breakage::NotTaken(Decision::Reset { http2_error: error.number() }),
        SinkFault::Discard => Breakage::NotTaken(Decision::Accept),
        SinkFault::Partial { rejected } => Breakage::InPart {
            left_out: usize::try_from(rejected).unwrap_or(0),
            answer: Decision::Partial { rejected, message: "rejected by a fault that is meant".to_owned() },
        },
        SinkFault::Slow { by } => Breakage::Late(by),
        SinkFault::LostAnswer { error, after_headers } => {
            let http2_error = error.number();
            Breakage::Untold(if after_headers {
                Decision::Cut { http2_error }
            } else {
                Decision::Reset { http2_error }
            })
        }
        SinkFault::BrokenAnswer(AnswerShape::Truncated) => Breakage::Untold(Decision::Broken(BrokenAnswer::Truncated)),
        SinkFault::BrokenAnswer(shape) => Breakage::Ill(Decision::Broken(broken(shape))),
    }
}

/// What is said where a request was accepted; where it was not, that stands.
pub fn if_accepted(taken: Decision, say: impl FnOnce() -> Decision) -> Decision {
    match taken {
        Decision::Accept => say(),
        refused => refused,
    }
}

/// Does what would make the first answer of the fault late.
pub fn prepare_answer(fault: SinkFault) {
    if let SinkFault::BrokenAnswer(shape) = fault {
        broken(shape).prepare();
    }
}

fn refuse(code: Option<GrpcCode>, http: StatusCode, retry_after: Option<RetryAfter>) -> Decision {
    Decision::Refuse(Refusal {
        grpc: code.map(|code| Code(code.number())),
        http,
        message: "broken by a fault that is meant".to_owned(),
        retry_after,
    })
}

/// `Retry-After` as the scenario wants it.
fn header(asked: Asked) -> RetryAfter {
    let verbatim = |values: &[&str]| RetryAfter::Verbatim(values.iter().map(|value| (*value).to_owned()).collect());
    match asked {
        Asked::Seconds(wait) => RetryAfter::Wait(wait),
        Asked::Date(wait) => RetryAfter::Date(wait),
        Asked::Twice(wait) => RetryAfter::twice(wait),
        Asked::Words => verbatim(&["soon"]),
        Asked::Negative => verbatim(&["-5"]),
        Asked::Huge => verbatim(&["1000000000"]),
        Asked::Empty => verbatim(&[""]),
    }
}

fn broken(shape: AnswerShape) -> BrokenAnswer {
    match shape {
        AnswerShape::Empty => BrokenAnswer::Empty,
        AnswerShape::WrongType => BrokenAnswer::WrongType,
        AnswerShape::Garbage => BrokenAnswer::Garbage,
        AnswerShape::Oversize => BrokenAnswer::Oversize,
        AnswerShape::Truncated => BrokenAnswer::Truncated,
        AnswerShape::Bomb => BrokenAnswer::Bomb,
        AnswerShape::NoStatus => BrokenAnswer::NoStatus,
    }
}

/// The status that stands for a gRPC status over OTLP/HTTP: of those that a client may send again only four are left there.
pub(super) fn http_status(code: GrpcCode) -> StatusCode {
    match code.known() {
        _ if Code(code.number()).retryable(false) => StatusCode::SERVICE_UNAVAILABLE,
        Some(GrpcStatus::ResourceExhausted) => StatusCode::TOO_MANY_REQUESTS,
        Some(GrpcStatus::InvalidArgument) => StatusCode::BAD_REQUEST,
        Some(GrpcStatus::Unauthenticated) => StatusCode::UNAUTHORIZED,
        Some(GrpcStatus::PermissionDenied) => StatusCode::FORBIDDEN,
        Some(GrpcStatus::NotFound | GrpcStatus::Unimplemented) => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// It was checked to be one, from 300 to 599.
pub(super) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}
