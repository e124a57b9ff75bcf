//! A backend that is broken while a fault holds.

use super::FaultBook;
use super::book::Struck;
use crate::clock::RunClock;
use crate::sink::recorder::Recorder;
use crate::wire::server::{Answered, Backend, Decision, Export, Refusal};
use crate::wire::{Code, Signal};
use http::StatusCode;
use spanproof_scenarios::scenario::{GrpcStatus, Http2Error, SinkFault};
use std::sync::Arc;
use std::time::Duration;

/// Stands before the recorder and does what the faults want.
pub struct FaultySink {
    recorder: Arc<Recorder>,
    faults: Arc<FaultBook>,
    clock: RunClock,
}

impl FaultySink {
    /// A sink that breaks by `faults`, whose windows count from the start of `clock`'s run.
    pub fn new(recorder: Arc<Recorder>, faults: Arc<FaultBook>, clock: RunClock) -> Self {
        Self { recorder, faults, clock }
    }

    fn break_down(&self, struck: &Struck<'_>, export: Export) -> Decision {
        let not_taken = |decision| {
            struck.note_records(&self.recorder.identify(&export));
            decision
        };
        match struck.fault {
            SinkFault::GrpcStatus { code, retry_after } => {
                not_taken(refuse(Some(code), http_status(code), retry_after))
            }
            SinkFault::HttpStatus { status, retry_after } => not_taken(refuse(None, status_code(status), retry_after)),
            SinkFault::Hang => not_taken(Decision::Hang),
            SinkFault::Reset { error } => not_taken(Decision::Reset { http2_error: error.number() }),
            SinkFault::Slow { by } => {
                let (decision, records) = self.recorder.export_noting(export);
                let answered = Answered::default();
                struck.note_answered_late(answered.clone(), records);
                Decision::Delay(by, Box::new(Decision::Witnessed(answered, Box::new(decision))))
            }
            SinkFault::LostAnswer => match self.recorder.export_noting(export) {
                // CANCEL tells a client that it may send again, over gRPC as a status that OTLP calls retryable.
                (Decision::Accept, records) => {
                    struck.note_unanswered(&records);
                    Decision::Reset { http2_error: u32::from(h2::Reason::CANCEL) }
                }
                (refused, _) => refused,
            },
        }
    }
}

impl Backend for FaultySink {
    fn export(&self, export: Export) -> Decision {
        let at = Duration::from_nanos(self.clock.ns(export.received));
        match self.faults.strike(at) {
            Some(struck) => self.break_down(&struck, export),
            None => {
                let is_ours = export.signal == Signal::Traces;
                let decision = self.recorder.export(export);
                if is_ours && decision == Decision::Accept {
                    self.faults.note_delivery(at);
                }
                decision
            }
        }
    }
}

fn refuse(code: Option<GrpcStatus>, http: StatusCode, retry_after: Option<Duration>) -> Decision {
    Decision::Refuse(Refusal {
        grpc: code.map(|code| Code(code.number())),
        http,
        message: "broken by a fault of the scenario".to_owned(),
        retry_after,
    })
}

/// The status that stands for a gRPC status over OTLP/HTTP: of those that a client may send again only four are left there.
fn http_status(code: GrpcStatus) -> StatusCode {
    match code {
        _ if Code(code.number()).retryable(false) => StatusCode::SERVICE_UNAVAILABLE,
        GrpcStatus::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        GrpcStatus::InvalidArgument => StatusCode::BAD_REQUEST,
        GrpcStatus::Unauthenticated => StatusCode::UNAUTHORIZED,
        GrpcStatus::PermissionDenied => StatusCode::FORBIDDEN,
        GrpcStatus::NotFound | GrpcStatus::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// It was checked to be one, from 300 to 599.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// Whether a fault refuses in a way that OTLP has nobody send again.
pub fn is_for_good(fault: SinkFault) -> bool {
    match fault {
        SinkFault::GrpcStatus { code, retry_after } => !Code(code.number()).retryable(retry_after.is_some()),
        // What gRPC makes of these statuses is retryable where OTLP/HTTP calls them so.
        SinkFault::HttpStatus { status, .. } => !Code::of_http(status_code(status)).retryable(false),
        SinkFault::Reset { error } => matches!(error, Http2Error::ProtocolError | Http2Error::InternalError),
        SinkFault::Slow { .. } | SinkFault::Hang | SinkFault::LostAnswer => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_send_again_is_not_refused_for_good() {
        let grpc = |code, retry_after| is_for_good(SinkFault::GrpcStatus { code, retry_after });
        let for_good: Vec<u32> =
            GrpcStatus::ALL.iter().filter(|code| grpc(**code, None)).map(|code| code.number()).collect();
        assert_eq!(for_good, [2, 3, 5, 6, 7, 8, 9, 12, 13, 16]);
        assert!(!grpc(GrpcStatus::ResourceExhausted, Some(Duration::from_secs(1))));
        let http = |status| is_for_good(SinkFault::HttpStatus { status, retry_after: None });
        assert_eq!((300..600).filter(|status| !http(*status)).collect::<Vec<u16>>(), [429, 502, 503, 504]);
    }
}
