//! One destination: its queue, its consumers' work, and the repeating of what failed.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::time::{Instant, sleep, timeout};

use super::config::{EmbeddedConfig, RetryConfig};
use super::defects::Misconduct;
use super::export::{Attempt, Exporter};
use super::intake::Refusal;
use super::queue::{Parcel, Queue};
use super::retry::Backoff;
use super::stats::Counters;

/// Everything about one destination.
pub struct Outlet {
    /// What waits for it.
    pub queue: Queue,
    exporter: Exporter,
    retry: Option<RetryConfig>,
    timeout: Duration,
    jitter: Mutex<Xoshiro256PlusPlus>,
    misconduct: Arc<Misconduct>,
    counters: Arc<Counters>,
}

impl Outlet {
    /// An outlet of a configured target. `number` keeps the jitter of several outlets apart.
    pub fn new(
        exporter: Exporter,
        config: &EmbeddedConfig,
        number: u64,
        misconduct: Arc<Misconduct>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            queue: Queue::default(),
            exporter,
            retry: config.retry,
            timeout: config.timeout,
            jitter: Mutex::new(Xoshiro256PlusPlus::seed_from_u64(config.seed ^ number)),
            misconduct,
            counters,
        }
    }

    /// Delivers from the queue until it is closed and empty.
    pub async fn consume(&self) {
        while let Some(parcel) = self.queue.next().await {
            // The outcome is counted; a queue has nobody left to tell.
            drop(self.deliver(parcel).await);
        }
    }

    /// Delivers one parcel, repeating as configured, and counts the outcome. Answers the spans that the destination rejected.
    pub async fn deliver(&self, mut parcel: Parcel) -> Result<u64, Refusal> {
        let start = Instant::now();
        let mut backoff = self.retry.map(Backoff::new);
        let outcome = loop {
            let (refusal, demanded) = match self.attempt(&parcel).await {
                Attempt::Delivered { rejected } => break Ok(rejected.min(parcel.spans)),
                Attempt::Permanent(refusal) => break Err(refusal),
                Attempt::Retryable { refusal, after } => (refusal, after),
            };
            match backoff.as_mut().and_then(|backoff| self.wait(backoff, start.elapsed(), demanded)) {
                Some(wait) => sleep(wait).await,
                None => break Err(refusal),
            }
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
        };
        self.count(&mut parcel, &outcome);
        outcome
    }

    async fn attempt(&self, parcel: &Parcel) -> Attempt {
        if let Some(planted) = self.misconduct.before_attempt().await {
            return planted;
        }
        let attempt = self.exporter.attempt(parcel.bytes.clone(), parcel.manner);
        let attempt = timeout(self.timeout, attempt).await.unwrap_or_else(|_| Attempt::timed_out(self.timeout));
        self.misconduct.after_attempt(attempt)
    }

    fn wait(&self, backoff: &mut Backoff, elapsed: Duration, demanded: Option<Duration>) -> Option<Duration> {
        if self.misconduct.is_without_chance() {
            backoff.leave_nothing_to_chance();
        }
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        backoff.next(elapsed, demanded, &mut *jitter)
    }

    fn count(&self, parcel: &mut Parcel, outcome: &Result<u64, Refusal>) {
        parcel.settle();
        match outcome {
            Ok(rejected) => {
                self.counters.sent.add(parcel.spans - rejected);
                self.counters.rejected_spans.fetch_add(*rejected, Ordering::Relaxed);
            }
            Err(_) => self.counters.failed.add(parcel.spans),
        }
    }
}
