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
    due_ns: u64,
    /// When the first attempt began.
    started: Option<Instant>,
    id: RequestId,
    spans: u32,
    attempts: u32,
    done: bool,
}

impl Noted<'_> {
    fn end(&mut self, outcome: Outcome, answer: String, ended: Instant) {
        self.done = true;
        let ended_ns = self.shared.clock.ns(ended);
        if let Some(started) = self.started {
            let from_due = |instant| Duration::from_nanos(self.shared.clock.ns(instant).saturating_sub(self.due_ns));
            self.shared.outcomes.instants().note_sent(self.id, from_due(started), from_due(ended));
        }
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
    let Ready { unsent, due_ns, payload, room, .. } = ready;
    drop(room);
    let (id, spans) = unsent.begin();
    let handed_over = Instant::now();
    let measured = Duration::from_nanos(due_ns) >= shared.config.warm_up;
    let mut noted = Noted { shared: &shared, due_ns, started: None, id, spans, attempts: 0, done: false };
    note_start(&shared, due_ns, spans, handed_over, measured);
    let Ok(_place) = place.acquire().await else { return };
    let started = Instant::now();
    noted.started = Some(started);
    shared.sent_spans.fetch_add(u64::from(spans), Ordering::Relaxed);
    loop {
        noted.attempts += 1;
        note_begun(&shared, id, due_ns, noted.attempts);
        let answer = exporter.export(payload.clone()).await;
        let ended = Instant::now();
        let elapsed = ended.saturating_duration_since(started);
        let policy = shared.config.retry.filter(|_| !shared.stopping());
        if let Some(pause) = policy.and_then(|policy| policy.pause(id, &answer, noted.attempts, elapsed)) {
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

impl RetryPolicy {
    /// How long to wait before sending again after `answer` to attempt number `attempts`, `elapsed` after the first one began;
    /// `None` to leave it at this answer.
    fn pause(&self, id: RequestId, answer: &Answer, attempts: u32, elapsed: Duration) -> Option<Duration> {
        if !answer.retryable() {
            return None;
        }
        let asked = match answer {
            Answer::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let doubled = self.initial.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(self.max);
        let pause = doubled.mul_f64(jitter(id, attempts)).max(asked);
        (elapsed.saturating_add(pause) <= self.budget).then_some(pause)
    }
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
        Answer::Accepted { unreadable: true, .. } => "accepted, with what is not OTLP's answer".to_owned(),
        Answer::Accepted { partial: Some(partial), .. } if partial.rejected == 0 => {
            saying("accepted, with a warning".to_owned(), &partial.message)
        }
        Answer::Accepted { partial: Some(partial), .. } => {
            saying(format!("accepted, {} rejected", partial.rejected), &partial.message)
        }
        Answer::Accepted { .. } => String::new(),
        Answer::Refused { code: RefusalCode::Grpc(code), message, .. } => saying(format!("gRPC {code:?}"), message),
        Answer::Refused { code: RefusalCode::Http(status), message, .. } => saying(format!("HTTP {status}"), message),
        Answer::Broken { what, .. } => what.to_string(),
    }
}

/// What was done, with what was said of it, if anything was.
fn saying(done: String, message: &str) -> String {
    if message.is_empty() { done } else { format!("{done}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Code;
    use crate::wire::client::Breakage;

    const POLICY: RetryPolicy =
        RetryPolicy { initial: Duration::from_secs(1), max: Duration::from_secs(8), budget: Duration::from_secs(60) };

    fn request(number: u32) -> RequestId {
        RequestId { chunk: 3, number }
    }

    fn refused(retryable: bool, retry_after: Option<Duration>) -> Answer {
        let code = RefusalCode::Grpc(Code::UNAVAILABLE);
        Answer::Refused { code, message: String::new(), retryable, retry_after }
    }

    fn pause(answer: &Answer, attempts: u32, elapsed: u64) -> Option<Duration> {
        POLICY.pause(request(5), answer, attempts, Duration::from_secs(elapsed))
    }

    #[test]
    fn what_was_taken_or_refused_for_good_is_never_sent_again() {
        let partial = Answer::Accepted { partial: None, unreadable: true };
        assert_eq!(pause(&partial, 1, 0), None);
        assert_eq!(pause(&refused(false, None), 1, 0), None);
        assert_eq!(pause(&refused(false, Some(Duration::from_secs(1))), 1, 0), None, "not even when it names a time");
    }

    #[test]
    fn a_request_without_an_answer_is_sent_again() {
        assert!(pause(&Answer::Broken { what: Breakage::Timeout, sent_any: true }, 1, 0).is_some());
        assert!(pause(&Answer::Broken { what: Breakage::Timeout, sent_any: false }, 1, 0).is_some());
    }

    #[test]
    fn pauses_double_up_to_the_longest_each_with_jitter_of_a_half() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (40, 8.0)] {
            let pauses: Vec<f64> = (0..1000)
                .map(|number| POLICY.pause(request(number), &refused(true, None), attempts, Duration::ZERO))
                .map(|pause| pause.unwrap().as_secs_f64() / seconds)
                .collect();
            let (least, most) = pauses.iter().fold((f64::MAX, 0.0f64), |(a, b), x| (a.min(*x), b.max(*x)));
            assert!((0.5..0.55).contains(&least) && (1.45..=1.5).contains(&most), "{least} to {most} of {seconds} s");
        }
    }

    #[test]
    fn the_same_request_pauses_alike_in_every_run_and_its_attempts_differ() {
        assert_eq!(pause(&refused(true, None), 4, 0), pause(&refused(true, None), 4, 0));
        assert_ne!(pause(&refused(true, None), 4, 0), pause(&refused(true, None), 5, 0), "both are 8 s before jitter");
    }

    #[test]
    fn no_pause_is_shorter_than_the_target_asks_for() {
        let asked = Duration::from_secs(30);
        assert_eq!(pause(&refused(true, Some(asked)), 1, 0), Some(asked), "RetryInfo or Retry-After");
        let shorter = pause(&refused(true, Some(Duration::from_millis(1))), 3, 0).unwrap();
        assert!(shorter >= Duration::from_secs(2), "our own pause is longer: {shorter:?}");
    }

    #[test]
    fn no_attempt_starts_after_the_budget() {
        let asked = Some(Duration::from_secs(10));
        assert_eq!(pause(&refused(true, asked), 1, 50), asked, "exactly at its end");
        assert_eq!(pause(&refused(true, asked), 1, 51), None);
        assert_eq!(pause(&refused(true, Some(Duration::from_secs(3600))), 1, 0), None, "longer than the budget itself");
        assert_eq!(pause(&refused(true, Some(Duration::MAX)), 1, 1), None);
    }

    #[test]
    fn a_success_that_says_more_than_yes_is_taken_as_one_and_its_words_are_kept() {
        let accepted = |rejected, unreadable: bool| {
            let message = "so so".to_owned();
            let partial = (!unreadable).then_some(crate::wire::PartialSuccess { rejected, message });
            Answer::Accepted { partial, unreadable }
        };
        let told = |answer: &Answer| (outcome(answer), words(answer));
        let text = str::to_owned;
        assert_eq!(told(&Answer::ACCEPTED), (Outcome::Acknowledged, String::new()));
        assert_eq!(told(&accepted(0, false)), (Outcome::Acknowledged, text("accepted, with a warning: so so")));
        assert_eq!(told(&accepted(-5, false)), (Outcome::Acknowledged, text("accepted, -5 rejected: so so")));
        assert_eq!(told(&accepted(7, false)), (Outcome::Partial { rejected: 7 }, text("accepted, 7 rejected: so so")));
        let unreadable = text("accepted, with what is not OTLP's answer");
        assert_eq!(told(&accepted(0, true)), (Outcome::Acknowledged, unreadable));
    }
}
