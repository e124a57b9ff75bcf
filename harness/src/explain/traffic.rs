//! The traffic that a configuration is held against: a workload's traces, and their figures.
//!
//! They are those of the scenario `quickstart` with another seed, number by number, but for the run's tag, which is 0 here and fresh
//! in each run: shapes and values are the same, ids are not.

use serde::Serialize;
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::{Pool, Shape, Stratum};
use spanproof_generators::plan::{
    BatchRule, Chunk, Extent, Mix, Packing, Plan, PlanError, PlanSpec, Ppb, Rate, Shape as Profile,
};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::shop::Shop;
use spanproof_generators::workload::uniform::Uniform;
use spanproof_generators::workload::{UnsupportedAnomaly, Workload};
use std::str::FromStr;

/// The share of each anomaly in `quickstart`, in parts per billion.
pub(super) const SHARES: [(Stratum, u64); 11] = [
    (Stratum::ErrorTrace, 20_000_000),
    (Stratum::SlowTrace, 10_000_000),
    (Stratum::HealthCheck, 50_000_000),
    (Stratum::ServiceNameMissing, 1_000_000),
    (Stratum::ServiceNameEmpty, 1_000_000),
    (Stratum::ServiceNameBlank, 1_000_000),
    (Stratum::ServiceNameUnknown, 1_000_000),
    (Stratum::ParentMissing, 1_000_000),
    (Stratum::NewRoot, 1_000_000),
    (Stratum::TraceIdChanged, 1_000_000),
    (Stratum::TraceIdPadded, 1_000_000),
];

/// Traces that shares are reckoned from: five chunks, so that each anomaly is there exactly as often as asked.
pub(super) const TRACES: u64 = 5 * 4096;

/// Later traces than this are not looked up: counting up to there takes seconds.
const INDEX_MAX: u64 = 10_000_000;

/// Traces a second where nobody gives a rate; nothing that is said depends on it.
const TRACES_PER_SECOND: f64 = 1000.0;

/// A workload in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traffic {
    /// The workload's name.
    pub workload: String,
    /// The number that its traces follow from.
    pub seed: u64,
    /// Spans a trace, in the mean.
    pub spans_mean: f64,
    /// Spans of the largest trace.
    pub spans_most: i64,
    /// How long the longest trace lasts, in whole milliseconds.
    pub longest_ms: i64,
    /// Bytes a span, in the mean, as it is sent.
    pub span_bytes_mean: f64,
    /// Spans a second, if a rate is given.
    pub spans_per_second: Option<f64>,
}

impl Traffic {
    /// Traces a second, if a rate is given.
    pub fn traces_per_second(&self) -> Option<f64> {
        Some(self.spans_per_second? / self.spans_mean.max(1.0))
    }
}

/// Why there is no such traffic.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// There is no workload of this name.
    #[error("find the workload `{}`; there are shop and uniform", .0.escape_debug())]
    Unknown(String),
    /// A rate that is none.
    #[error("read the rate `{}`; write spans a second, such as 5000", .0.escape_debug())]
    Rate(String),
    /// A trace that is named otherwise than by a seed and a number.
    #[error("read the trace `{}`; write SEED:INDEX, such as 7:123, with an index up to {INDEX_MAX}", .0.escape_debug())]
    Trace(String),
    /// The workload's own fault.
    #[error(transparent)]
    Anomaly(#[from] UnsupportedAnomaly),
    /// The workload's own fault.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Spans a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanRate(pub f64);

impl FromStr for SpanRate {
    type Err = TrafficError;

    fn from_str(text: &str) -> Result<Self, TrafficError> {
        let number = text.trim().trim_end_matches("spans/s").trim();
        let rate = number.replace('_', "").parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
        rate.map(Self).ok_or_else(|| TrafficError::Rate(text.to_owned()))
    }
}

/// A trace by its seed and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceName {
    /// What its workload follows from.
    pub seed: u64,
    /// Its number, from 0.
    pub index: u64,
}

impl FromStr for TraceName {
    type Err = TrafficError;

    fn from_str(text: &str) -> Result<Self, TrafficError> {
        let pair = text.split_once(':').and_then(|(seed, index)| Some((seed.parse().ok()?, index.parse().ok()?)));
        let name = pair.map(|(seed, index)| Self { seed, index }).filter(|name| name.index <= INDEX_MAX);
        name.ok_or_else(|| TrafficError::Trace(text.to_owned()))
    }
}

/// The traces of a workload.
#[derive(Debug, Clone)]
pub struct Sample {
    name: String,
    pub(super) plan: Plan,
    pub(super) pool: Pool,
}

impl Sample {
    /// The traces of a workload, as many as it takes to have the one of number `index`.
    ///
    /// # Errors
    /// There is no workload of this name.
    pub fn of(name: &str, seed: u64, index: u64) -> Result<Self, TrafficError> {
        let (workload, shares) = match name {
            "shop" => (Workload::Shop(Shop::default()), &SHARES[..]),
            "uniform" => (Workload::Uniform(Uniform::default()), &[][..]),
            _ => return Err(TrafficError::Unknown(name.to_owned())),
        };
        let mix = Mix { shares: shares.iter().map(|(stratum, share)| (*stratum, Ppb(*share))).collect() };
        let pool = workload.pool(seed, &mix.anomalies())?.make();
        let traces = (index + 1).max(TRACES).next_multiple_of(4096);
        let plan = Plan::new(spec(workload, mix, seed, traces))?;
        Ok(Self { name: name.to_owned(), plan, pool })
    }

    /// Its figures.
    pub fn figures(&self, rate: Option<SpanRate>) -> Traffic {
        let shapes = || self.pool.sets.iter().flat_map(|set| &set.shapes);
        Traffic {
            workload: self.name.clone(),
            seed: self.plan.spec().seed.0,
            spans_mean: self.plan.mean_spans(),
            spans_most: shapes().map(|shape| shape.spans.len() as i64).max().unwrap_or(0),
            longest_ms: shapes().map(lasts_ms).max().unwrap_or(0),
            span_bytes_mean: self.plan.pool().span_bytes_mean(),
            spans_per_second: rate.map(|rate| rate.0),
        }
    }

    /// The shape of a trace in a chunk, and what sort of trace it is.
    pub(super) fn shape(&self, chunk: &Chunk, trace: usize) -> Option<(Stratum, &Shape)> {
        let mut position = chunk.shape(trace) as usize;
        for set in &self.pool.sets {
            match set.shapes.get(position) {
                Some(shape) => return Some((set.stratum, shape)),
                None => position -= set.shapes.len(),
            }
        }
        None
    }
}

fn spec(workload: Workload, mix: Mix, seed: u64, traces: u64) -> PlanSpec {
    // Half a trace more, so that rounding does not take the last one.
    let seconds = (traces as f64 + 0.5) / TRACES_PER_SECOND;
    PlanSpec {
        seed: Seed(seed),
        tag: RunTag::ZERO,
        lane: 0,
        epoch_unix_ns: 0,
        workload,
        mix,
        packing: Packing::PerService,
        batch: BatchRule { spans: 512, timeout_ns: 1_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Traces(TRACES_PER_SECOND),
        shape: Profile { segments: vec![Segment { seconds, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    }
}

fn lasts_ms(shape: &Shape) -> i64 {
    let start = shape.spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
    let end = shape.spans.iter().map(|span| span.end_ns()).max().unwrap_or(0);
    i64::try_from(end.saturating_sub(start) / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::catalogue;
    use spanproof_scenarios::load::{LoadOptions, load};

    #[test]
    fn a_shop_has_the_figures_that_it_is_known_for() {
        let shop = Sample::of("shop", 7, 0).unwrap().figures(Some(SpanRate(21_000.0)));
        assert!((15.0..30.0).contains(&shop.spans_mean), "{shop:?}");
        assert!((250.0..450.0).contains(&shop.span_bytes_mean), "{shop:?}");
        assert!((1_000..60_000).contains(&shop.longest_ms), "{shop:?}");
        assert!(shop.traces_per_second().is_some_and(|rate| (700.0..1400.0).contains(&rate)), "{shop:?}");
    }

    #[test]
    fn anomalies_are_as_frequent_as_in_the_first_run() {
        let scenario = load(&catalogue::find("quickstart").unwrap().source(), &LoadOptions::default()).unwrap();
        let shares: Vec<(Stratum, u64)> =
            scenario.traffic.anomalies.iter().map(|(stratum, share)| (*stratum, share.0)).collect();
        let mut expected = SHARES.to_vec();
        expected.sort();
        assert_eq!(shares, expected);
    }

    #[test]
    fn a_trace_is_the_same_however_many_are_made() {
        let (few, many) = (Sample::of("shop", 7, 0).unwrap(), Sample::of("shop", 7, 3 * TRACES).unwrap());
        let (a, b) = (few.plan.open(1), many.plan.open(1));
        assert_eq!((a.shape(17), a.traces()), (b.shape(17), b.traces()));
        let (stratum, shape) = few.shape(&a, 17).unwrap();
        let described = a.describe(&few.plan, a.offset_of(17, 0));
        assert_eq!((stratum, shape.spans.len() as u32), (described.stratum, described.trace_spans));
    }

    #[test]
    fn what_there_is_not_is_told() {
        assert!(Sample::of("shopp", 7, 0).is_err());
        assert_eq!("5000 spans/s".parse::<SpanRate>().unwrap(), SpanRate(5000.0));
        assert!(["", "fast", "0", "-1"].iter().all(|text| text.parse::<SpanRate>().is_err()));
        assert_eq!("7:123".parse::<TraceName>().unwrap(), TraceName { seed: 7, index: 123 });
        assert!(["7", ":", "7:", "a:1", "7:99999999999"].iter().all(|text| text.parse::<TraceName>().is_err()));
    }
}
