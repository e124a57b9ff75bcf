//! A backend that is broken while a fault holds.

use super::FaultBook;
use super::book::{Struck, Struckable};
use super::returns::Then;
use crate::clock::RunClock;
use crate::collector_config::Protocol;
use crate::sink::recorder::Recorder;
use crate::wire::server::{Answered, Backend, BrokenAnswer, Decision, Export, Refusal, RetryAfter};
use crate::wire::{Code, Protocol as Spoken, Signal};
use http::StatusCode;
use roaring::RoaringTreemap;
use spanproof_generators::walk::SpanIds;
use spanproof_scenarios::scenario::{AnswerShape, Fault, FaultKind, GrpcStatus, RetryAfter as Asked, SinkFault};
use spanproof_scenarios::units::GrpcCode;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

/// Stands before the recorder and does what the faults want.
pub struct FaultySink {
    recorder: Arc<Recorder>,
    faults: Arc<FaultBook>,
    clock: RunClock,
}

/// A request that has come.
struct Arrival<'a> {
    export: Export,
    recorder: &'a Recorder,
    records: OnceCell<RoaringTreemap>,
}

impl Struckable for Arrival<'_> {
    fn connection(&self) -> u64 {
        self.export.connection
    }

    fn records(&self) -> &RoaringTreemap {
        self.records.get_or_init(|| self.recorder.identify(&self.export))
    }
}

impl Arrival<'_> {
    /// Takes it like any other.
    fn take(self) -> Decision {
        self.recorder.export(self.export)
    }
}

impl FaultySink {
    /// A sink that breaks by the faults of the book, whose windows count from the start of `clock`'s run.
    pub fn new(recorder: Arc<Recorder>, faults: Arc<FaultBook>, clock: RunClock) -> Self {
        Self { recorder, faults, clock }
    }

    fn note_taken(&self, at: Duration, first: Option<SpanIds>) {
        self.faults.note_delivery(at);
        if let Some(first) = first {
            self.faults.note_taken(at, first);
        }
    }
}

/// Does what the fault wants with a request that it touches.
fn break_down(struck: &Struck<'_>, request: Arrival<'_>) -> Decision {
    match struck.fault {
        SinkFault::GrpcStatus { code, retry_after } => {
            not_taken(struck, &request, refuse(Some(code), http_status(code), retry_after.map(RetryAfter::Wait)))
        }
        SinkFault::HttpStatus { status, retry_after } => {
            not_taken(struck, &request, refuse(None, status_code(status), retry_after.map(header)))
        }
        SinkFault::Poison { code, .. } => not_taken(struck, &request, refuse(Some(code), http_status(code), None)),
        SinkFault::Hang => not_taken(struck, &request, Decision::Hang),
        SinkFault::Reset { error } => not_taken(struck, &request, Decision::Reset { http2_error: error.number() }),
        SinkFault::Discard => not_taken(struck, &request, Decision::Accept),
        SinkFault::Partial { rejected } => take_in_part(struck, &request, rejected),
        SinkFault::Slow { by } => {
            let records = request.records().clone();
            let answered = Answered::default();
            let decision = Decision::Witnessed(answered.clone(), Box::new(request.take()));
            struck.note_answered_late(answered, records);
            Decision::Delay(by, Box::new(decision))
        }
        SinkFault::LostAnswer { error, after_headers } => {
            let http2_error = error.number();
            let lost = if after_headers { Decision::Cut { http2_error } } else { Decision::Reset { http2_error } };
            take_untold(struck, request, lost)
        }
        SinkFault::BrokenAnswer(AnswerShape::Truncated) => {
            take_untold(struck, request, Decision::Broken(BrokenAnswer::Truncated))
        }
        SinkFault::BrokenAnswer(shape) => {
            struck.note_records(request.records());
            match request.take() {
                Decision::Accept => Decision::Broken(broken(shape)),
                refused => refused,
            }
        }
    }
}

/// Notes what is in a request that is answered without being taken.
fn not_taken(struck: &Struck<'_>, request: &Arrival<'_>, decision: Decision) -> Decision {
    struck.note_records(request.records());
    decision
}

/// Takes a request of which the target is not told that it was.
fn take_untold(struck: &Struck<'_>, request: Arrival<'_>, decision: Decision) -> Decision {
    let records = request.records().clone();
    match request.take() {
        Decision::Accept => {
            struck.note_unanswered(&records);
            decision
        }
        refused => refused,
    }
}

/// Takes a request but for its last spans and says how many these are said to be.
fn take_in_part(struck: &Struck<'_>, request: &Arrival<'_>, rejected: i64) -> Decision {
    let left_out = usize::try_from(rejected).unwrap_or(0);
    match request.recorder.export_in_part(&request.export, left_out) {
        (Decision::Accept, records) => {
            struck.note_records(&records);
            Decision::Partial { rejected, message: "rejected by a fault of the scenario".to_owned() }
        }
        (refused, _) => refused,
    }
}

impl Backend for FaultySink {
    fn export(&self, export: Export) -> Decision {
        let at = Duration::from_nanos(self.clock.ns(export.received));
        let is_ours = export.signal == Signal::Traces;
        let known_by = is_ours.then(|| SpanIds::first_in(&export.body)).flatten();
        if let Some(first) = known_by {
            self.faults.note_coming(at, first);
        }
        let request = Arrival { export, recorder: &self.recorder, records: OnceCell::new() };
        let Some(struck) = self.faults.strike(at, &request) else {
            let may_lose_answer = is_ours && self.faults.may_lose_answer(at);
            let records = may_lose_answer.then(|| request.records().clone());
            let decision = request.take();
            if is_ours && decision == Decision::Accept {
                self.note_taken(at, known_by);
                if let Some(records) = records {
                    self.faults.note_perhaps_unanswered(at, &records);
                }
            }
            return decision;
        };
        if let Some((first, then)) = known_by.zip(then(struck.fault, request.export.protocol)) {
            self.faults.note_sent_away(&struck, at, first, then);
        }
        break_down(&struck, request)
    }
}

/// Does what would make the first answers of these faults late.
pub fn prepare(faults: &[Fault]) {
    for fault in faults {
        if let FaultKind::Sink { fault: SinkFault::BrokenAnswer(shape), .. } = fault.kind {
            broken(shape).prepare();
        }
    }
}

fn refuse(code: Option<GrpcCode>, http: StatusCode, retry_after: Option<RetryAfter>) -> Decision {
    Decision::Refuse(Refusal {
        grpc: code.map(|code| Code(code.number())),
        http,
        message: "broken by a fault of the scenario".to_owned(),
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
fn http_status(code: GrpcCode) -> StatusCode {
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
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// What OTLP has a target do with a request that met this fault and was not taken. `None` where it was, or where the target was told
/// that it was: sending such a request again shows as a repeat.
fn then(fault: SinkFault, spoken: Spoken) -> Option<Then> {
    let protocol = match spoken {
        Spoken::Grpc => Protocol::Grpc,
        _ => Protocol::Http,
    };
    match fault {
        SinkFault::Slow { .. } | SinkFault::LostAnswer { .. } | SinkFault::Discard | SinkFault::BrokenAnswer(_) => None,
        // "The client MUST NOT retry the request when it receives a partial success response."
        SinkFault::Partial { .. } => Some(Then::Never),
        _ if !comes_again(fault, protocol) => Some(Then::Never),
        SinkFault::GrpcStatus { retry_after: Some(wait), .. } => Some(Then::NotWithin(wait)),
        SinkFault::HttpStatus { retry_after: Some(asked), .. } => Some(named(asked, protocol)),
        SinkFault::Hang => Some(Then::SomeTime),
        _ => Some(Then::AfterAPause),
    }
}

/// What a `Retry-After` asks for. Over gRPC it is not sent.
fn named(asked: Asked, protocol: Protocol) -> Then {
    match asked {
        _ if protocol == Protocol::Grpc => Then::AfterAPause,
        Asked::Seconds(wait) => Then::NotWithin(wait),
        // A date has no fractions of a second.
        Asked::Date(wait) => Then::NotWithin(wait.saturating_sub(Duration::from_secs(1))),
        Asked::Twice(_) | Asked::Words | Asked::Negative | Asked::Huge | Asked::Empty => Then::SomeTime,
    }
}

/// Whether an exporter that keeps OTLP's rules sends again what met this fault, by the protocol that it speaks.
pub fn comes_again(fault: SinkFault, protocol: Protocol) -> bool {
    let retryable = |status| Code::of_http(status).retryable(false);
    match (protocol, fault) {
        (Protocol::Grpc, _) => !is_for_good(fault),
        // Over HTTP the status says it all, and a connection that breaks is no answer.
        (Protocol::Http, SinkFault::GrpcStatus { code, .. } | SinkFault::Poison { code, .. }) => {
            retryable(http_status(code))
        }
        (Protocol::Http, SinkFault::Reset { .. } | SinkFault::LostAnswer { .. }) => true,
        (Protocol::Http, _) => !is_for_good(fault),
    }
}

/// Whether a fault answers in a way after which OTLP has nobody send again.
pub fn is_for_good(fault: SinkFault) -> bool {
    match fault {
        SinkFault::GrpcStatus { code, retry_after } => !Code(code.number()).retryable(retry_after.is_some()),
        SinkFault::Poison { code, .. } => !Code(code.number()).retryable(false),
        // What gRPC makes of these statuses is retryable where OTLP/HTTP calls them so.
        SinkFault::HttpStatus { status, .. } => !Code::of_http(status_code(status)).retryable(false),
        SinkFault::Reset { error } | SinkFault::LostAnswer { error, .. } => {
            !Code::of_reset(error.number()).retryable(false)
        }
        SinkFault::Slow { .. } | SinkFault::Hang | SinkFault::BrokenAnswer(AnswerShape::Truncated) => false,
        SinkFault::Partial { .. } | SinkFault::Discard | SinkFault::BrokenAnswer(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::scenario::Http2Error;

    #[test]
    fn over_http_the_status_decides_what_comes_again() {
        let refused = |code: GrpcStatus, retry_after| SinkFault::GrpcStatus { code: code.into(), retry_after };
        let throttled = refused(GrpcStatus::ResourceExhausted, None);
        assert!(comes_again(throttled, Protocol::Http) && !comes_again(throttled, Protocol::Grpc));
        for fault in [refused(GrpcStatus::Unavailable, None), SinkFault::Hang] {
            assert!(comes_again(fault, Protocol::Http) && comes_again(fault, Protocol::Grpc));
        }
        let reset = SinkFault::Reset { error: Http2Error::InternalError };
        assert!(comes_again(reset, Protocol::Http) && !comes_again(reset, Protocol::Grpc));
        let wrong = refused(GrpcStatus::InvalidArgument, None);
        assert!(!comes_again(wrong, Protocol::Http) && !comes_again(wrong, Protocol::Grpc));
    }

    #[test]
    fn what_a_client_may_send_again_is_not_refused_for_good() {
        let grpc =
            |code: GrpcStatus, retry_after| is_for_good(SinkFault::GrpcStatus { code: code.into(), retry_after });
        let for_good: Vec<u32> =
            GrpcStatus::ALL.iter().filter(|code| grpc(**code, None)).map(|code| code.number()).collect();
        assert_eq!(for_good, [2, 3, 5, 6, 7, 8, 9, 12, 13, 16]);
        assert!(!grpc(GrpcStatus::ResourceExhausted, Some(Duration::from_secs(1))));
        let http = |status| is_for_good(SinkFault::HttpStatus { status, retry_after: None });
        assert_eq!((300..600).filter(|status| !http(*status)).collect::<Vec<u16>>(), [429, 502, 503, 504]);
        let reset = |error: &&Http2Error| !is_for_good(SinkFault::Reset { error: **error });
        let comes_again: Vec<&Http2Error> = Http2Error::ALL.iter().filter(reset).collect();
        assert_eq!(comes_again, [&Http2Error::RefusedStream, &Http2Error::Cancel]);
    }
}
