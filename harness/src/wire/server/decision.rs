//! Carries out what the backend decided, up to the point where a protocol has to say it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use http::StatusCode;
use tokio::time::sleep;

use super::backend::{Answered, Decision, Export, Refusal};
use super::broken::BrokenAnswer;
use super::budget::Hold;
use super::call::{Abort, Call};
use super::counters::Reason;
use super::retry_after::RetryAfter;
use crate::pulse::STANDSTILL_MIN;
use crate::threads::Present;
use crate::wire::{Code, PartialSuccess, Protocol, Status};

/// Longest error text that is sent. Over gRPC it stands in a header, up to three times as long there and repeated in the
/// details, and many clients take no more than 8 KiB of headers.
const ERROR_BYTES_MAX: usize = 1 << 10;

/// Longest text of a partial success that is sent, so that no answer nears a client's response limit.
const WARNING_BYTES_MAX: usize = 8 << 10;

/// What is left to be said to the peer.
pub(super) enum Verdict {
    Success(Option<PartialSuccess>),
    Broken(BrokenAnswer),
    Cut(h2::Reason),
    Error { grpc: Option<Code>, http: StatusCode, status: Status, retry_after: Option<RetryAfter> },
}

/// Asks the backend and carries out its decision. `hold` goes back as soon as the backend has seen the body.
pub(super) async fn decide(call: &Call<'_>, export: Export, hold: Hold<'_>) -> Result<Verdict, Abort> {
    let tally = &call.shared.tally;
    tally.wire_bytes.fetch_add(export.wire_bytes, Relaxed);
    tally.body_bytes.fetch_add(export.body.len() as u64, Relaxed);
    let (is_grpc, received) = (export.protocol == Protocol::Grpc, export.received);
    let mut decision = call.shared.backend.export(export);
    drop(hold);
    note_if_kept(call, received);
    let mut witnesses = Vec::new();
    loop {
        decision = match decision {
            // Whoever gives up meanwhile ends all of this here.
            Decision::Delay(time, inner) => {
                tally.delayed.fetch_add(1, Relaxed);
                let _waiting = Present::on(&tally.waiting);
                sleep(time).await;
                *inner
            }
            Decision::Witnessed(witness, inner) => {
                witnesses.push(witness);
                *inner
            }
            unanswered @ (Decision::Hang | Decision::Reset { .. }) => {
                decision = unanswered;
                break;
            }
            answered => {
                witnesses.iter().for_each(Answered::note);
                decision = answered;
                break;
            }
        };
    }
    match decision {
        Decision::Accept | Decision::Delay(..) | Decision::Witnessed(..) => {
            call.settle(&tally.accepted);
            Ok(Verdict::Success(None))
        }
        Decision::Partial { rejected, message } => {
            call.settle(&tally.partial);
            Ok(Verdict::Success(Some(PartialSuccess { rejected, message: shorten(message, WARNING_BYTES_MAX) })))
        }
        Decision::Broken(shape) => {
            // Over HTTP there are no trailers that could be missing.
            let is_good = shape == BrokenAnswer::NoStatus && !is_grpc;
            call.settle(if is_good { &tally.accepted } else { &tally.broken });
            Ok(Verdict::Broken(shape))
        }
        Decision::Cut { http2_error } => {
            call.settle(&tally.reset);
            Ok(Verdict::Cut(h2::Reason::from(http2_error)))
        }
        Decision::Malformed { message } => {
            call.settle(tally.refused(Reason::Malformed));
            Ok(malformed(message))
        }
        Decision::Refuse(refusal) => {
            call.settle(tally.refused(Reason::Backend));
            Ok(refused(refusal))
        }
        Decision::Hang => {
            call.settle(&tally.hung);
            let _waiting = Present::on(&tally.waiting);
            sleep(call.shared.limits.hang_max).await;
            Err(call.abort(h2::Reason::CANCEL))
        }
        Decision::Reset { http2_error } => {
            call.settle(&tally.reset);
            Err(call.abort(h2::Reason::from(http2_error)))
        }
    }
}

/// Notes that a request waited for long before it was decided: for room, or for us.
fn note_if_kept(call: &Call<'_>, received: Instant) {
    let Some(pulse) = &call.shared.pulse else { return };
    let decided = Instant::now();
    if decided.saturating_duration_since(received) >= STANDSTILL_MIN {
        pulse.note(received, decided);
    }
}

fn malformed(message: String) -> Verdict {
    let status = Status::new(Code::INVALID_ARGUMENT, shorten(message, ERROR_BYTES_MAX)).with_bad_request();
    Verdict::Error { grpc: Some(Code::INVALID_ARGUMENT), http: StatusCode::BAD_REQUEST, status, retry_after: None }
}

fn refused(refusal: Refusal) -> Verdict {
    let Refusal { grpc, http, message, retry_after } = refusal;
    // OTLP/HTTP clients ignore the code in a body.
    let status = Status::new(grpc.unwrap_or(Code::UNKNOWN), shorten(message, ERROR_BYTES_MAX));
    let status = match retry_after.as_ref().and_then(RetryAfter::delay) {
        Some(delay) => status.with_retry_info(delay),
        None => status,
    };
    Verdict::Error { grpc, http, status, retry_after }
}

fn shorten(mut message: String, limit: usize) -> String {
    message.truncate(message.floor_char_boundary(limit));
    message
}
