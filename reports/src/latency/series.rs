//! One series: its total, its open seconds, its late values, and the lines already encoded.

use crate::latency::log::{self, Line};
use crate::latency::phases::{Cuts, Totals};
use crate::result::latency::{Insufficient, LatencySummary, Percentile, Series};
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The upper bound of a value, one hour in microseconds.
const VALUE_MAX: u64 = 3_600_000_000;

/// How many of the newest seconds stay open. Requests of one instant are answered within a few seconds when all is well.
const OPEN_SECONDS: u64 = 4;

/// How many distinct late (second, value) pairs are gathered before they are encoded: about 3 MB. Without gathering, a
/// queue that drains after an outage, its records from a minute of seconds in any order, would write a line a batch.
const LATE_VALUES_MAX: usize = 1 << 16;

pub(super) struct SeriesRecorder {
    total: Histogram<u64>,
    overflowed: u64,
    newest: u64,
    open: VecDeque<(u64, Histogram<u64>)>,
    late: BTreeMap<(u64, u64), u64>,
    spare: Vec<Histogram<u64>>,
    lines: Vec<(u64, String)>,
    parts: Vec<Totals>,
}

impl SeriesRecorder {
    pub(super) fn new(cuts: &[Cuts]) -> Self {
        Self {
            total: empty_histogram(),
            overflowed: 0,
            newest: 0,
            open: VecDeque::new(),
            late: BTreeMap::new(),
            spare: Vec::new(),
            lines: Vec::new(),
            parts: cuts.iter().cloned().map(Totals::new).collect(),
        }
    }

    pub(super) fn record(&mut self, at: Duration, value: Duration, count: u64) {
        let (second, value) = (at.as_secs(), self.bounded(value, count));
        self.total.saturating_record_n(value, count);
        self.parts.iter_mut().for_each(|part| part.record(at, value, count));
        if second > self.newest {
            self.newest = second;
            self.close_old();
        }
        if self.newest.saturating_sub(second) >= OPEN_SECONDS {
            self.record_late(second, value, count);
        } else {
            self.open_second(second).saturating_record_n(value, count);
        }
    }

    pub(super) fn summary(&self) -> Option<LatencySummary> {
        (!self.total.is_empty()).then(|| summary(&self.total, self.overflowed))
    }

    /// The figures of each part, for each thing that cuts the run.
    pub(super) fn parts(&self) -> Vec<[Option<LatencySummary>; 3]> {
        self.parts.iter().map(Totals::summaries).collect()
    }

    /// Encodes whatever is still open, and gives every line of the series.
    pub(super) fn into_lines(mut self, series: Series) -> Vec<Line> {
        self.flush_late();
        for (second, histogram) in std::mem::take(&mut self.open) {
            self.lines.push((second, log::encode(&histogram)));
        }
        self.lines.into_iter().map(|(second, encoded)| Line { second, series, encoded }).collect()
    }

    fn bounded(&mut self, value: Duration, count: u64) -> u64 {
        // Rounded to the nearest microsecond.
        let micros = value.as_nanos().saturating_add(500) / 1_000;
        if micros > u128::from(VALUE_MAX) {
            self.overflowed = self.overflowed.saturating_add(count);
        }
        u64::try_from(micros).unwrap_or(VALUE_MAX).clamp(1, VALUE_MAX)
    }

    fn open_second(&mut self, second: u64) -> &mut Histogram<u64> {
        let at = match self.open.iter().position(|(open, _)| *open == second) {
            Some(at) => at,
            None => {
                let histogram = self.spare.pop().unwrap_or_else(empty_histogram);
                self.open.push_back((second, histogram));
                self.open.len() - 1
            }
        };
        &mut self.open[at].1
    }

    fn close_old(&mut self) {
        while let Some(at) =
            self.open.iter().position(|(second, _)| self.newest.saturating_sub(*second) >= OPEN_SECONDS)
        {
            if let Some((second, mut histogram)) = self.open.remove(at) {
                self.lines.push((second, log::encode(&histogram)));
                histogram.reset();
                self.spare.push(histogram);
            }
        }
    }

    fn record_late(&mut self, second: u64, value: u64, count: u64) {
        // The same bucket as in the total, so that lines merge to exactly the total.
        let bucket = self.total.lowest_equivalent(value);
        let gathered = self.late.entry((second, bucket)).or_default();
        *gathered = gathered.saturating_add(count);
        if self.late.len() >= LATE_VALUES_MAX {
            self.flush_late();
        }
    }

    fn flush_late(&mut self) {
        let mut histogram = self.spare.pop().unwrap_or_else(empty_histogram);
        let mut late = std::mem::take(&mut self.late).into_iter().peekable();
        while let Some(((second, value), count)) = late.next() {
            histogram.saturating_record_n(value, count);
            if late.peek().is_none_or(|((next, _), _)| *next != second) {
                self.lines.push((second, log::encode(&histogram)));
                histogram.reset();
            }
        }
        self.spare.push(histogram);
    }
}

#[expect(clippy::expect_used, reason = "three constants that a test constructs")]
pub(super) fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, VALUE_MAX, 3).expect("1 us to 1 h at 3 digits is a valid histogram")
}

/// The figures of a histogram of microseconds; a percentile without enough samples is left out and listed.
pub(super) fn summary(histogram: &Histogram<u64>, overflowed: u64) -> LatencySummary {
    let count = histogram.len();
    let milliseconds = |micros: u64| micros as f64 / 1e3;
    let figures = values_at_percentiles(histogram);
    let figure = |p: Percentile| (count >= p.samples_needed()).then(|| milliseconds(figures[p as usize]));
    let few = Percentile::ALL.into_iter().filter(|p| count < p.samples_needed());
    LatencySummary {
        count,
        p50_ms: figure(Percentile::P50),
        p90_ms: figure(Percentile::P90),
        p99_ms: figure(Percentile::P99),
        p999_ms: figure(Percentile::P999),
        max_ms: Some(milliseconds(histogram.max())),
        overflowed,
        withheld: None,
        insufficient: few
            .map(|p| Insufficient { percentile: p.name().to_owned(), needed: p.samples_needed() })
            .collect(),
    }
}

/// The value at each percentile, by the nearest rank, halves up.
///
/// The C, Go and Python implementations take that rank; the Rust crate's own method takes the next higher one, which is
/// another value as soon as two neighbours fall into different buckets. Whoever reads our log with another implementation
/// must get our figures, so the rule of the majority is computed here, in the same floating-point steps.
fn values_at_percentiles(histogram: &Histogram<u64>) -> [u64; Percentile::ALL.len()] {
    let rank = |p: Percentile| ((p.percent() * histogram.len() as f64 / 100.0 + 0.5) as u64).max(1);
    let ranks = Percentile::ALL.map(rank);
    let mut values = [0; Percentile::ALL.len()];
    let mut seen = 0;
    for bucket in histogram.iter_recorded() {
        let before = seen;
        seen += bucket.count_since_last_iteration();
        for (value, rank) in values.iter_mut().zip(ranks) {
            if before < rank && rank <= seen {
                *value = bucket.value_iterated_to();
            }
        }
    }
    values
}
