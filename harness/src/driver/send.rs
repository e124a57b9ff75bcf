//! Exports one request and notes how it ended.

use super::feed::Ready;
use super::{GRACE, Shared};
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use crate::wire::client::{Answer, Exporter, RefusalCode};
use spanproof_generators::mix::scramble;
use spanproof_reports::result::latency::Series;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// OTLP's retry rules: exponential back-off with jitter, no less than the server asks for, within a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first pause, before jitter.
    pub initial: Duration,
    /// The longest pause, before jitter.
    pub max: Duration,
    /// From the first attempt to the start of the last one.
    pub budget: Duration,
}

/// Sees to it that a request is noted exactly once, also when its task is dropped.
struct Noted<'a> {
    shared: &'a Shared,
    id: RequestId,
    spans: u32,
    attempts: u32,
    done: bool,
}

impl Noted<'_> {
    fn end(&mut self, outcome: Outcome, answer: String, ended: Instant) {
        self.done = true;
        let ended_ns = self.shared.clock.ns(ended);
        let record = RequestRecord { outcome, attempts: self.attempts, answer, ended_ns };
        self.shared.outcomes.note(self.id, self.spans, record);
        self.shared.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if !self.done {
            let outcome = if self.attempts == 0 { Outcome::NotSent } else { Outcome::Unknown };
            self.end(outcome, "the run ended before an answer came".to_owned(), Instant::now());
        }
    }
}

/// Sends `ready`, waiting for a place on its connection first.
pub(super) async fn send(shared: Arc<Shared>, exporter: Arc<Exporter>, place: Arc<Semaphore>, ready: Ready) {
    let Ready { id, due_ns, spans, payload, room, .. } = ready;
    drop(room);
    let handed_over = Instant::now();
    let measured = Duration::from_nanos(due_ns) >= shared.config.warm_up;
    note_start(&shared, due_ns, spans, handed_over, measured);
    let mut noted = Noted { shared: &shared, id, spans, attempts: 0, done: false };
    let Ok(_place) = place.acquire().await else { return };
    let started = Instant::now();
    shared.sent_spans.fetch_add(u64::from(spans), Ordering::Relaxed);
    loop {
        noted.attempts += 1;
        note_begun(&shared, id, due_ns, noted.attempts);
        let answer = exporter.export(payload.clone()).await;
        let ended = Instant::now();
        if let Some(pause) = pause_before_retry(&shared, id, &answer, noted.attempts, started, ended) {
            tokio::time::sleep(pause).await;
            continue;
        }
        let outcome = outcome(&answer);
        if measured && matches!(outcome, Outcome::Acknowledged | Outcome::Partial { .. }) {
            note_latency(&shared, due_ns, spans, started, ended);
        }
        noted.end(outcome, words(&answer), ended);
        if let Some(buffer) = payload.into_buffer() {
            shared.buffers.give(buffer);
        }
        return;
    }
}

/// Lateness is the driver's own: it ends when the request is in the hands of its task. Waiting for a place on the connection
/// is the target's doing and part of the latency.
fn note_start(shared: &Shared, due_ns: u64, spans: u32, handed_over: Instant, measured: bool) {
    let late_ns = shared.clock.ns(handed_over).saturating_sub(due_ns);
    if late_ns <= GRACE.as_nanos() as u64 {
        shared.on_time_spans.fetch_add(u64::from(spans), Ordering::Relaxed);
    }
    if measured {
        let late = late_ns / 1000;
        // Saturating: a start more than an hour late is as late as can be.
        shared.lateness().saturating_record_n(late, u64::from(spans));
    }
}

/// How long a target holds a record is counted from here where that is not the intended instant.
fn note_begun(shared: &Shared, id: RequestId, due_ns: u64, attempts: u32) {
    let now_ns = shared.clock.ns(Instant::now());
    if attempts > 1 || now_ns > due_ns + GRACE.as_nanos() as u64 {
        shared.outcomes.note_begun(id, now_ns);
    }
}

fn note_latency(shared: &Shared, due_ns: u64, spans: u32, started: Instant, ended: Instant) {
    let at = Duration::from_nanos(shared.clock.ns(ended));
    let intended = at.saturating_sub(Duration::from_nanos(due_ns));
    let spans = u64::from(spans);
    shared.latency.lock(Series::IntendedToAcknowledged).record(at, intended, spans);
    shared.latency.lock(Series::ActualToAcknowledged).record(at, ended.saturating_duration_since(started), spans);
}

/// How long to wait before sending again; `None` to leave it at this answer.
fn pause_before_retry(
    shared: &Shared,
    id: RequestId,
    answer: &Answer,
    attempts: u32,
    started: Instant,
    ended: Instant,
) -> Option<Duration> {
    let policy = shared.config.retry?;
    if !answer.retryable() || shared.stopping() {
        return None;
    }
    let asked = match answer {
        Answer::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    let doubled = policy.initial.saturating_mul(1 << (attempts - 1).min(20)).min(policy.max);
    let pause = doubled.mul_f64(jitter(id, attempts)).max(asked);
    (ended + pause).checked_duration_since(started).filter(|total| *total <= policy.budget).map(|_| pause)
}

/// A factor from 0.5 to 1.5 that no two requests share: a function of request and attempt, so that a run repeats.
fn jitter(id: RequestId, attempts: u32) -> f64 {
    let word = scramble(scramble(id.chunk << 32 | u64::from(id.number)) ^ u64::from(attempts));
    0.5 + (word >> 11) as f64 / (1u64 << 53) as f64
}

fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Accepted { partial, .. } => match partial.as_ref().map(|partial| partial.rejected) {
            Some(rejected) if rejected > 0 => {
                Outcome::Partial { rejected: u32::try_from(rejected).unwrap_or(u32::MAX) }
            }
            _ => Outcome::Acknowledged,
        },
        Answer::Refused { retryable: false, .. } => Outcome::Refused,
        Answer::Refused { .. } | Answer::Broken { .. } => Outcome::Unknown,
    }
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::Accepted { partial: Some(partial), .. } => {
            format!("accepted, {} rejected: {}", partial.rejected, partial.message)
        }
        Answer::Accepted { .. } => String::new(),
        Answer::Refused { code: RefusalCode::Grpc(code), message, .. } => format!("gRPC {code:?}: {message}"),
        Answer::Refused { code: RefusalCode::Http(status), message, .. } => format!("HTTP {status}: {message}"),
        Answer::Broken { what, .. } => what.to_string(),
    }
}
