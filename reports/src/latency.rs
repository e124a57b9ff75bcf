//! Recording latencies while a run goes on: a total a series, and one histogram a series and second for the latency log.
//!
//! Values are whole microseconds from 1 us to 1 h at three significant digits. Memory is bounded whatever is recorded: a
//! series holds its total, the histograms of its newest few seconds, and a limited number of late values in sparse form;
//! everything older is encoded into lines of the log at once. A line takes some hundred bytes to a few kilobytes.

pub mod log;
mod phases;
mod series;

pub use phases::{Cuts, Part};

use crate::latency::series::SeriesRecorder;
use crate::result::epoch::Epoch;
use crate::result::latency::{Latency, LatencySummary, Series};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Records latencies from any number of threads.
pub struct LatencyRecorder {
    acknowledged: Mutex<SeriesRecorder>,
    service: Mutex<SeriesRecorder>,
    delivered: Mutex<SeriesRecorder>,
}

/// One series, locked: record a batch under one of these.
pub struct SeriesLock<'a>(MutexGuard<'a, SeriesRecorder>);

/// What was recorded, in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The figures for the result document.
    pub latency: Latency,
    /// The figures before, during and after each thing that the run was cut by, in the order given.
    pub phases: Vec<[Latency; 3]>,
    /// The text of the latency log.
    pub log: String,
}

impl LatencyRecorder {
    /// A recorder that has recorded nothing. Takes about 600 KB, and up to about 10 MB when every series is in use.
    pub fn new() -> Self {
        Self::cut_by(&[])
    }

    /// One that also keeps the parts apart into which each of `cuts` cuts the run; another 1.7 MB for each.
    pub fn cut_by(cuts: &[Cuts]) -> Self {
        let series = || Mutex::new(SeriesRecorder::new(cuts));
        Self { acknowledged: series(), service: series(), delivered: series() }
    }

    /// Locks a series. Hold it for a batch and not longer: other threads wait.
    pub fn lock(&self, series: Series) -> SeriesLock<'_> {
        let recorder = match series {
            Series::IntendedToAcknowledged => &self.acknowledged,
            Series::ActualToAcknowledged => &self.service,
            Series::IntendedToDelivered => &self.delivered,
        };
        // A thread that panicked while recording leaves at worst one value uncounted in one of two places.
        SeriesLock(recorder.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The figures so far.
    pub fn summaries(&self) -> Latency {
        let mut latency = Latency::default();
        for series in Series::ALL {
            *latency.get_mut(series) = self.lock(series).summary();
        }
        latency
    }

    /// The figures and the log, and an empty recorder. `epoch` is the run's start, which log lines count from.
    pub fn finish(&self, epoch: &Epoch) -> Recorded {
        let mut latency = Latency::default();
        let (mut lines, mut phases) = (Vec::new(), Vec::new());
        for series in Series::ALL {
            let finished = std::mem::replace(&mut *self.lock(series).0, SeriesRecorder::new(&[]));
            *latency.get_mut(series) = finished.summary();
            let parts = finished.parts();
            phases.resize_with(parts.len(), <[Latency; 3]>::default);
            for (phases, summaries) in phases.iter_mut().zip(parts) {
                for (phase, summary) in phases.iter_mut().zip(summaries) {
                    *phase.get_mut(series) = summary;
                }
            }
            lines.extend(finished.into_lines(series));
        }
        Recorded { latency, phases, log: log::text(epoch, lines) }
    }
}

impl Default for LatencyRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl SeriesLock<'_> {
    /// Records that `count` records took `value`. `at` is the time from the run's start by which they are sorted into
    /// seconds. A value beyond the bounds counts as the nearest bound, and above the upper one also as overflowed.
    pub fn record(&mut self, at: Duration, value: Duration, count: u64) {
        if count > 0 {
            self.0.record(at, value, count);
        }
    }

    /// The figures so far; none when nothing was recorded.
    pub fn summary(&self) -> Option<LatencySummary> {
        self.0.summary()
    }
}

#[cfg(test)]
mod tests;
