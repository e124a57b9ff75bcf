//! A target that does wrong where things go wrong: when its destination refuses, and when its own queue is full.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::time::{Instant, sleep_until};
use tonic::Code;

use super::{Bites, Defect, DefectKind, Victims};
use crate::embedded::export::Attempt;
use crate::embedded::intake::Refusal;

/// Planted defects of how a target treats refusals. Unlike the others they change no request.
#[derive(Debug, Default)]
pub struct Misconduct {
    planted: Vec<Planted>,
    /// A destination has refused, or was not there.
    has_failed: AtomicBool,
    /// When a destination took something again after that.
    healed: OnceLock<Instant>,
}

#[derive(Debug)]
struct Planted {
    defect: Defect,
    bites: AtomicU64,
    /// Of those of a request that was lost at once.
    spans: AtomicU64,
    victims: Mutex<Victims>,
}

impl Misconduct {
    /// What of `defects` is of this kind.
    pub fn planted(defects: &[Defect]) -> Arc<Self> {
        let planted = defects.iter().filter(|defect| defect.kind().is_misconduct());
        let planted = planted.map(Planted::new).collect();
        Arc::new(Self { planted, ..Self::default() })
    }

    /// Whether a request that finds no room is acknowledged all the same, and dropped.
    pub fn acknowledges_without_room(&self, message: &ExportTraceServiceRequest) -> bool {
        let does = self.does(&DefectKind::AcknowledgeBeforeQueueing);
        if let Some(planted) = does {
            planted.spans.fetch_add(super::spans::spans(message).count() as u64, Ordering::Relaxed);
            planted.victims().note_lost(message);
        }
        does.is_some()
    }

    /// Whether there is no chance in the pauses.
    pub fn is_without_chance(&self) -> bool {
        self.does(&DefectKind::NoJitter).is_some()
    }

    /// Holds an attempt up, or answers it where nobody is asked any more.
    pub async fn before_attempt(&self) -> Option<Attempt> {
        if self.has_failed.load(Ordering::Relaxed) && self.does(&DefectKind::NeverRecover).is_some() {
            let message = "the destination was given up, as planted";
            return Some(Attempt::Retryable { refusal: Refusal::new(Code::Unavailable, message), after: None });
        }
        if let Some(end) = self.stalls_until(Instant::now()) {
            sleep_until(end).await;
        }
        None
    }

    /// What the target makes of the end of an attempt.
    pub fn after_attempt(&self, attempt: Attempt) -> Attempt {
        match &attempt {
            Attempt::Delivered { rejected: 0 } if self.has_failed.load(Ordering::Relaxed) => {
                self.healed.get_or_init(Instant::now);
            }
            Attempt::Delivered { .. } => {}
            Attempt::Retryable { .. } | Attempt::Permanent(_) => self.has_failed.store(true, Ordering::Relaxed),
        }
        match attempt {
            Attempt::Permanent(refusal) if self.does(&DefectKind::ResendAfterFinal).is_some() => {
                Attempt::Retryable { refusal, after: None }
            }
            Attempt::Delivered { rejected } if rejected > 0 && self.does(&DefectKind::ResendAfterPartial).is_some() => {
                let refusal = Refusal::new(Code::Internal, "rejected in part");
                Attempt::Retryable { refusal, after: None }
            }
            Attempt::Retryable { refusal, after: Some(_) } if self.does(&DefectKind::IgnoreRetryAfter).is_some() => {
                Attempt::Retryable { refusal, after: None }
            }
            honest => honest,
        }
    }

    /// The defects with how often each bit.
    pub fn bites(&self) -> Vec<(Defect, Bites)> {
        self.planted.iter().map(|planted| (planted.defect.clone(), planted.bites())).collect()
    }

    /// The first spans that each lost at once, in the same order.
    pub fn victims(&self) -> Vec<(Defect, Victims)> {
        self.planted.iter().map(|planted| (planted.defect.clone(), planted.victims().clone())).collect()
    }

    /// The end of the stall that an attempt at this instant falls into.
    fn stalls_until(&self, now: Instant) -> Option<Instant> {
        let healed = *self.healed.get()?;
        let (length, bites) = self.planted.iter().find_map(|planted| {
            let DefectKind::StallAfterHeal(length) = planted.defect.kind() else { return None };
            Some((*length, &planted.bites))
        })?;
        let end = healed.checked_add(length).filter(|end| now < *end)?;
        bites.fetch_add(1, Ordering::Relaxed);
        Some(end)
    }

    /// This if it is planted, which then bites.
    fn does(&self, kind: &DefectKind) -> Option<&Planted> {
        let planted = self.planted.iter().find(|planted| planted.defect.kind() == kind)?;
        planted.bites.fetch_add(1, Ordering::Relaxed);
        Some(planted)
    }
}

impl Planted {
    fn new(defect: &Defect) -> Self {
        Self { defect: defect.clone(), bites: AtomicU64::new(0), spans: AtomicU64::new(0), victims: Mutex::default() }
    }

    fn victims(&self) -> std::sync::MutexGuard<'_, Victims> {
        self.victims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bites(&self) -> Bites {
        Bites { times: self.bites.load(Ordering::Relaxed), spans: self.spans.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn planted(defect: &str) -> Arc<Misconduct> {
        Misconduct::planted(&[defect.parse().unwrap(), "drop-one-in=10".parse().unwrap()])
    }

    fn refusal() -> Refusal {
        Refusal::new(Code::InvalidArgument, "no")
    }

    fn later(after: Option<Duration>) -> Attempt {
        Attempt::Retryable { refusal: refusal(), after }
    }

    fn bites(misconduct: &Misconduct) -> u64 {
        let bites = misconduct.bites();
        assert_eq!(bites.len(), 1, "the other one changes requests");
        bites[0].1.times
    }

    #[test]
    fn what_is_final_is_taken_for_later_only_where_that_is_planted() {
        for (defect, is_resent) in [("resend-after-final", true), ("resend-after-partial", false), ("no-jitter", false)]
        {
            let misconduct = planted(defect);
            let made = misconduct.after_attempt(Attempt::Permanent(refusal()));
            assert_eq!(matches!(made, Attempt::Retryable { after: None, .. }), is_resent, "{defect}");
            assert_eq!(bites(&misconduct), u64::from(is_resent));
        }
        let misconduct = planted("resend-after-partial");
        assert!(matches!(misconduct.after_attempt(Attempt::Delivered { rejected: 3 }), Attempt::Retryable { .. }));
        assert!(matches!(misconduct.after_attempt(Attempt::Delivered { rejected: 0 }), Attempt::Delivered { .. }));
        assert_eq!(bites(&misconduct), 1);
    }

    #[test]
    fn a_time_that_was_named_is_forgotten_only_where_that_is_planted() {
        let wait = Some(Duration::from_secs(3));
        for (defect, left) in [("ignore-retry-after", None), ("no-jitter", wait)] {
            let misconduct = planted(defect);
            let Attempt::Retryable { after, .. } = misconduct.after_attempt(later(wait)) else { panic!() };
            assert_eq!((after, bites(&misconduct)), (left, u64::from(left.is_none())));
        }
    }

    #[tokio::test]
    async fn who_never_recovers_asks_nobody_after_the_first_failure() {
        let misconduct = planted("never-recover");
        assert!(misconduct.before_attempt().await.is_none());
        misconduct.after_attempt(Attempt::Delivered { rejected: 0 });
        assert!(misconduct.before_attempt().await.is_none());
        misconduct.after_attempt(later(None));
        assert!(matches!(misconduct.before_attempt().await, Some(Attempt::Retryable { .. })));
        assert_eq!(bites(&misconduct), 1);
    }

    #[test]
    fn a_stall_after_a_heal_begins_with_the_first_delivery_after_a_failure_and_ends() {
        let misconduct = planted("stall-after-heal=3s");
        let in_a_while = |seconds| Instant::now() + Duration::from_secs(seconds);
        misconduct.after_attempt(Attempt::Delivered { rejected: 0 });
        assert_eq!(misconduct.stalls_until(Instant::now()), None, "nothing has failed");
        misconduct.after_attempt(later(None));
        assert_eq!(misconduct.stalls_until(Instant::now()), None, "nothing is healed");
        misconduct.after_attempt(Attempt::Delivered { rejected: 0 });
        assert!(misconduct.stalls_until(Instant::now()).is_some());
        assert_eq!(misconduct.stalls_until(in_a_while(4)), None);
        assert_eq!(bites(&misconduct), 1);
    }
}
