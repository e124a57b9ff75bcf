//! The timeline of a run: what happened in each interval, from totals that are looked at now and then.

use spanproof_reports::result::timeline::{Timeline, TimelinePoint};
use std::time::Duration;

/// Points kept; of longer runs two intervals become one.
const POINTS_MAX: usize = 3600;

/// What had been counted at an instant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// From the start of the run.
    pub at: Duration,
    pub sent: u64,
    pub acknowledged: u64,
    pub delivered: u64,
}

/// What is seen at an instant and is no total.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub in_flight: Option<u64>,
    pub target_memory: Option<u64>,
}

/// The intervals so far.
#[derive(Debug)]
pub(super) struct Intervals {
    points: Vec<TimelinePoint>,
    /// From one look to the next.
    tick: Duration,
    /// Looks that make an interval.
    looks: u32,
    /// Looks in the last one.
    in_last: u32,
    before: Totals,
}

impl Intervals {
    /// None yet, of totals that are looked at once every `tick`.
    pub fn new(tick: Duration) -> Self {
        Self { points: Vec::new(), tick, looks: 1, in_last: 0, before: Totals::default() }
    }

    /// A look: what came since the last one belongs to the interval between the two.
    pub fn note(&mut self, now: Totals, seen: Seen) {
        let before = std::mem::replace(&mut self.before, now);
        let since = TimelinePoint {
            at_seconds: before.at.as_secs_f64(),
            sent: now.sent.saturating_sub(before.sent),
            acknowledged: now.acknowledged.saturating_sub(before.acknowledged),
            delivered: now.delivered.saturating_sub(before.delivered),
            in_flight: seen.in_flight,
            target_memory_bytes: seen.target_memory,
        };
        match self.points.last_mut().filter(|_| self.in_last < self.looks) {
            Some(last) => {
                *last = joined(last, &since);
                self.in_last += 1;
            }
            None => {
                self.points.push(since);
                self.in_last = 1;
            }
        }
        if self.points.len() > POINTS_MAX {
            self.halve();
        }
    }

    fn halve(&mut self) {
        if self.points.len().is_multiple_of(2) {
            self.in_last += self.looks;
        }
        let join = |pair: &[TimelinePoint]| pair[1..].iter().fold(pair[0].clone(), |first, next| joined(&first, next));
        self.points = self.points.chunks(2).map(join).collect();
        self.looks *= 2;
    }

    /// As it stands in a result. The last interval may be shorter than the others.
    pub fn timeline(&self) -> Timeline {
        Timeline { interval_seconds: (self.tick * self.looks).as_secs_f64(), points: self.points.clone() }
    }
}

/// One interval and the next as one.
fn joined(first: &TimelinePoint, next: &TimelinePoint) -> TimelinePoint {
    TimelinePoint {
        at_seconds: first.at_seconds,
        sent: first.sent + next.sent,
        acknowledged: first.acknowledged + next.acknowledged,
        delivered: first.delivered + next.delivered,
        in_flight: next.in_flight,
        target_memory_bytes: next.target_memory_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look each second at a run that sends `rate` spans a second, and delivers half of them.
    fn watched(seconds: u64, rate: u64) -> Timeline {
        let mut intervals = Intervals::new(Duration::from_secs(1));
        for at in 1..=seconds {
            let sent = at * rate;
            let now = Totals { at: Duration::from_secs(at), sent, acknowledged: sent, delivered: sent / 2 };
            intervals.note(now, Seen { in_flight: Some(at), target_memory: None });
        }
        intervals.timeline()
    }

    #[test]
    fn a_point_has_what_happened_in_its_interval() {
        let timeline = watched(3, 10);
        let point = |at_seconds, in_flight| TimelinePoint {
            at_seconds,
            sent: 10,
            acknowledged: 10,
            delivered: 5,
            in_flight: Some(in_flight),
            target_memory_bytes: None,
        };
        let points = vec![point(0.0, 1), point(1.0, 2), point(2.0, 3)];
        assert_eq!(timeline, Timeline { interval_seconds: 1.0, points });
    }

    /// However long it lasts, the intervals are alike and their sums are the totals.
    #[test]
    fn of_a_long_run_intervals_are_joined_and_nothing_is_left_out() {
        for seconds in [POINTS_MAX as u64, 3_601, 3_602, 7_201, 10_000, 20_001] {
            let timeline = watched(seconds, 10);
            let sum: u64 = timeline.points.iter().map(|point| point.sent).sum();
            assert_eq!(sum, 10 * seconds);
            assert!(timeline.points.len() <= POINTS_MAX, "{seconds}: {}", timeline.points.len());
            let (_, whole) = timeline.points.split_last().unwrap();
            let each = (10.0 * timeline.interval_seconds) as u64;
            assert!(whole.iter().all(|point| point.sent == each), "{seconds}");
        }
    }
}
