//! Latencies before, during and after something: totals beside those of the whole run.

use crate::latency::series;
use crate::result::latency::LatencySummary;
use hdrhistogram::Histogram;
use std::time::Duration;

/// When something held, from the start of the run: sorted windows that do not overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cuts(pub Vec<(Duration, Duration)>);

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Until it first began.
    Before,
    /// While it held.
    During,
    /// From the first end on, whenever it did not hold.
    After,
}

impl Cuts {
    /// The part in which an instant lies.
    pub fn part(&self, at: Duration) -> Part {
        let begun = self.0.partition_point(|(begin, _)| *begin <= at);
        match begun.checked_sub(1).and_then(|last| self.0.get(last)) {
            None => Part::Before,
            Some((_, end)) if at < *end => Part::During,
            Some(_) => Part::After,
        }
    }
}

/// The totals of one series in the parts that one thing cuts the run into.
pub(super) struct Totals {
    cuts: Cuts,
    totals: [Histogram<u64>; 3],
}

impl Totals {
    pub(super) fn new(cuts: Cuts) -> Self {
        Self { cuts, totals: [series::empty_histogram(), series::empty_histogram(), series::empty_histogram()] }
    }

    pub(super) fn record(&mut self, at: Duration, micros: u64, count: u64) {
        self.totals[self.cuts.part(at) as usize].saturating_record_n(micros, count);
    }

    /// The figures before, during and after.
    pub(super) fn summaries(&self) -> [Option<LatencySummary>; 3] {
        self.totals.each_ref().map(|total| (!total.is_empty()).then(|| series::summary(total, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cut_a_run_into_three_parts() {
        let cuts =
            Cuts([(10, 12), (20, 25)].map(|(from, to)| (Duration::from_secs(from), Duration::from_secs(to))).into());
        let part = |second: u64| cuts.part(Duration::from_secs(second));
        assert_eq!([0, 9].map(part), [Part::Before; 2]);
        assert_eq!([10, 11, 20, 24].map(part), [Part::During; 4]);
        assert_eq!([12, 19, 25, 99].map(part), [Part::After; 4]);
        assert_eq!(Cuts::default().part(Duration::ZERO), Part::Before);
    }
}
