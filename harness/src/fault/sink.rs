//! A backend that is broken while a fault holds.

use super::FaultBook;
use super::book::{Struck, Struckable};
use super::breakage::{Breakage, breakage, http_status, if_accepted, prepare_answer, status_code};
use super::returns::Then;
use crate::clock::RunClock;
use crate::collector_config::Protocol;
use crate::sink::recorder::Recorder;
use crate::wire::server::{Answered, Backend, Decision, Export};
use crate::wire::{Code, Protocol as Spoken, Signal};
use roaring::RoaringTreemap;
use spanproof_generators::walk::SpanIds;
use spanproof_scenarios::scenario::{AnswerShape, Fault, FaultKind, RetryAfter as Asked, SinkFault};
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
    let account = struck.account;
    match breakage(struck.fault) {
        Breakage::NotTaken(answer) => {
            account.note_records(request.records());
            answer
        }
        Breakage::InPart { left_out, answer } => {
            let (decision, records) = request.recorder.export_in_part(&request.export, left_out, |_| ());
            if_accepted(decision, || {
                account.note_records(&records);
                answer
            })
        }
        Breakage::Late(by) => {
            let records = request.records().clone();
            let answered = Answered::default();
            let decision = Decision::Witnessed(answered.clone(), Box::new(request.take()));
            account.note_answered_late(answered, records);
            Decision::Delay(by, Box::new(decision))
        }
        Breakage::Untold(lost) => {
            let records = request.records().clone();
            if_accepted(request.take(), || {
                account.note_unanswered(&records);
                lost
            })
        }
        Breakage::Ill(answer) => {
            account.note_records(request.records());
            if_accepted(request.take(), || answer)
        }
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
        if let FaultKind::Sink { fault, .. } = fault.kind {
            prepare_answer(fault);
        }
    }
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
    use spanproof_scenarios::scenario::{GrpcStatus, Http2Error};

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
