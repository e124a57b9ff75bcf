//! A target that stops answering for a while, again and again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Bites, Defect, DefectKind};

/// A planted stall. Requests that arrive in one wait for its end and are then handled as ever.
#[derive(Debug)]
pub struct Stall {
    defect: Defect,
    length: Duration,
    period: Duration,
    first_request: OnceLock<Instant>,
    bites: AtomicU64,
}

impl Stall {
    /// The stall that the defect asks for; `None` for another defect, and for a stall as long as its period, which would
    /// never end.
    pub fn planted(defect: &Defect) -> Option<Self> {
        let DefectKind::Stall { length, period } = *defect.kind() else { return None };
        (length < period).then(|| Self {
            defect: defect.clone(),
            length,
            period,
            first_request: OnceLock::new(),
            bites: AtomicU64::new(0),
        })
    }

    /// Returns at once outside a stall, and at its end inside one.
    pub async fn hold_up(&self) {
        if let Some(end) = self.end(Instant::now()) {
            sleep_until(end).await;
        }
    }

    /// The end of the stall that a request arriving `now` falls into, which counts as held up.
    fn end(&self, now: Instant) -> Option<Instant> {
        let elapsed = now.duration_since(*self.first_request.get_or_init(|| now));
        let wait = remaining(elapsed, self.length, self.period)?;
        self.bites.fetch_add(1, Ordering::Relaxed);
        Some(now + wait)
    }

    /// The defect and how many requests it has held up.
    pub fn bites(&self) -> (Defect, Bites) {
        (self.defect.clone(), Bites::of_no_span(self.bites.load(Ordering::Relaxed)))
    }
}

/// How long a stall that covers the last `length` of every `period` still lasts, `elapsed` after the start.
fn remaining(elapsed: Duration, length: Duration, period: Duration) -> Option<Duration> {
    let periods = elapsed.as_nanos() / period.as_nanos();
    let into = elapsed.as_nanos() - periods * period.as_nanos();
    let left = period.as_nanos() - into;
    (left <= length.as_nanos()).then(|| Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_covers_exactly_the_end_of_every_period() {
        let remaining = |millis| {
            remaining(Duration::from_millis(millis), Duration::from_secs(1), Duration::from_secs(10))
                .map(|left| left.as_millis())
        };
        assert_eq!(remaining(0), None);
        assert_eq!(remaining(8_999), None);
        assert_eq!(remaining(9_000), Some(1_000));
        assert_eq!(remaining(9_999), Some(1));
        assert_eq!(remaining(10_000), None);
        assert_eq!(remaining(59_250), Some(750));
    }

    #[test]
    fn periods_count_from_the_first_request_and_only_stalled_requests_are_counted() {
        let stall = Stall::planted(&"stall=1s/10s".parse().unwrap()).unwrap();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(stall.end(at(5_000)), None);
        assert_eq!(stall.end(at(9_500)), None);
        assert_eq!(stall.end(at(14_000)), Some(at(15_000)));
        assert_eq!(stall.end(at(14_900)), Some(at(15_000)));
        assert_eq!(stall.end(at(15_000)), None);
        assert_eq!(stall.bites().1, Bites::of_no_span(2));
    }

    #[test]
    fn a_stall_without_an_end_is_not_planted() {
        let second = Duration::from_secs(1);
        for (length, period) in [(second, second), (Duration::ZERO, Duration::ZERO)] {
            assert!(Stall::planted(&Defect::new(DefectKind::Stall { length, period })).is_none());
        }
    }
}
