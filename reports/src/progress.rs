//! One line of progress while a run goes on.

use crate::figures::{bytes, clock, count, ratio};
use crate::plain_text::one_line;
use std::time::Duration;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// What it is doing: `load`, `settle`, `judge`.
    pub phase: String,
    /// Time since the epoch of the run.
    pub elapsed: Duration,
    /// Spans in the plan; 0 where there is no plan, as for a sink on its own.
    pub planned_total: u64,
    /// Spans sent so far.
    pub sent: u64,
    /// Spans delivered so far; none where nobody looks, as for a sender on its own.
    pub delivered: Option<u64>,
    /// Spans sent per second lately.
    pub rate: f64,
    /// Requests under way.
    pub in_flight: u64,
    /// The share of spans so far that started more than 2 ms late, from 0 to 1; none before the first. No percentile: where the
    /// harness is the limit, none is given, and this is what says so.
    pub late_share: Option<f64>,
    /// The target's resident memory in bytes, where it can be read.
    pub target_memory: Option<u64>,
}

/// The line, without a line feed:
/// `0:30 load 17 %   sent 150,000 (5,000/s)   delivered 148,976   in flight 2   late 0.3 %   target 318 MiB`.
pub fn progress_line(progress: &Progress) -> String {
    let p = progress;
    let share = (p.planned_total > 0).then(|| format!(" {}", ratio(floor_percent(p.sent, p.planned_total))));
    let parts = [
        Some(format!("{} {}{}", clock(p.elapsed.as_secs() as f64), one_line(&p.phase, 20), share.unwrap_or_default())),
        Some(format!("sent {} ({}/s)", count(p.sent), count(p.rate.max(0.0).round() as u64))),
        p.delivered.map(|spans| format!("delivered {}", count(spans))),
        Some(format!("in flight {}", count(p.in_flight))),
        p.late_share.map(|share| format!("late {}", ratio(share))),
        p.target_memory.map(|memory| format!("target {}", bytes(memory))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("   ")
}

/// A share in whole percent, cut: 100 only when it is all.
fn floor_percent(part: u64, whole: u64) -> f64 {
    let percent = u128::from(part.min(whole)) * 100 / u128::from(whole);
    percent as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_the_run_stands() {
        let progress = Progress {
            phase: "load".to_owned(),
            elapsed: Duration::from_millis(30_600),
            planned_total: 900_000,
            sent: 153_999,
            delivered: Some(148_976),
            rate: 4_999.6,
            in_flight: 2,
            late_share: Some(0.003),
            target_memory: Some(318 << 20),
        };
        let expected =
            "0:30 load 17 %   sent 153,999 (5,000/s)   delivered 148,976   in flight 2   late 0.3 %   target 318 MiB";
        assert_eq!(progress_line(&progress), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(progress_line(&Progress::default()), "0:00    sent 0 (0/s)   in flight 0");
        let nan = Progress { rate: f64::NAN, phase: "\u{1b}[2Jsettle".to_owned(), ..Progress::default() };
        assert!(progress_line(&nan).starts_with("0:00 [2Jsettle   sent 0 (0/s)"));
    }

    #[test]
    fn all_but_one_is_not_a_hundred_percent() {
        let progress = Progress { planned_total: 1_000_000, sent: 999_999, ..Progress::default() };
        assert!(progress_line(&progress).contains(" 99 %"));
    }
}
