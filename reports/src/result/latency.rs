//! Latencies of a run in a few figures a series, and the rule for when a figure is withheld.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a latency is measured between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// From the instant at which the schedule wanted a request sent to its final acknowledgement.
    IntendedToAcknowledged,
    /// From the instant at which a request was really sent to its acknowledgement: service time, blind to backlog.
    ActualToAcknowledged,
    /// From the intended instant of a record's request to the record's first delivery at the sink.
    IntendedToDelivered,
}

impl Series {
    /// Every series, in the order in which reports list them.
    pub const ALL: [Self; 3] = [Self::IntendedToAcknowledged, Self::ActualToAcknowledged, Self::IntendedToDelivered];

    /// The name in `result.json`, in limits and as tag in the latency log.
    pub fn name(self) -> &'static str {
        match self {
            Self::IntendedToAcknowledged => "intended_to_acknowledged",
            Self::ActualToAcknowledged => "actual_to_acknowledged",
            Self::IntendedToDelivered => "intended_to_delivered",
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Latencies by series. A series that measured nothing is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// From a request's intended instant to its acknowledgement.
    /// Absent where nothing was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_to_acknowledged: Option<LatencySummary>,
    /// From a request's actual sending to its acknowledgement.
    /// Absent where nothing was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_to_acknowledged: Option<LatencySummary>,
    /// From a record's intended instant to its first delivery.
    /// Absent where nothing was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_to_delivered: Option<LatencySummary>,
}

impl Latency {
    /// The summary of one series.
    pub fn get(&self, series: Series) -> Option<&LatencySummary> {
        match series {
            Series::IntendedToAcknowledged => self.intended_to_acknowledged.as_ref(),
            Series::ActualToAcknowledged => self.actual_to_acknowledged.as_ref(),
            Series::IntendedToDelivered => self.intended_to_delivered.as_ref(),
        }
    }

    /// The place of one series.
    pub fn get_mut(&mut self, series: Series) -> &mut Option<LatencySummary> {
        match series {
            Series::IntendedToAcknowledged => &mut self.intended_to_acknowledged,
            Series::ActualToAcknowledged => &mut self.actual_to_acknowledged,
            Series::IntendedToDelivered => &mut self.intended_to_delivered,
        }
    }

    /// Every series that measured something, in report order.
    pub fn iter(&self) -> impl Iterator<Item = (Series, &LatencySummary)> {
        Series::ALL.into_iter().filter_map(|series| Some((series, self.get(series)?)))
    }

    /// Removes every figure but the counts from every series and says why.
    pub fn withhold(&mut self, reason: &str) {
        for series in Series::ALL {
            if let Some(summary) = self.get_mut(series) {
                *summary = LatencySummary::withheld(summary.count, reason);
            }
        }
    }
}

/// One series in a few figures, in milliseconds. A figure is absent when it is withheld or has too few samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// How many records the figures rest on.
    pub count: u64,
    /// Half were at most this, in milliseconds.
    /// Absent where it is withheld, or has too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 90 % were at most this, in milliseconds.
    /// Absent where it is withheld, or has too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<f64>,
    /// 99 % were at most this, in milliseconds.
    /// Absent where it is withheld, or has too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// 99.9 % were at most this, in milliseconds.
    /// Absent where it is withheld, or has too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_ms: Option<f64>,
    /// The largest, in milliseconds.
    /// Absent where it is withheld, or nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
    /// How many values were beyond the histogram's upper bound of one hour and count as one hour.
    #[serde(default)]
    pub overflowed: u64,
    /// Why there are no figures although something was measured.
    /// Absent where they are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// Percentiles that are absent because too few samples stand behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insufficient: Vec<Insufficient>,
}

/// A percentile without enough samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Insufficient {
    /// The percentile's name, e.g. `p999`.
    pub percentile: String,
    /// How many samples it takes.
    pub needed: u64,
}

/// A percentile that summaries give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Percentile {
    /// The median.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
}

impl Percentile {
    /// Every percentile, ascending.
    pub const ALL: [Self; 4] = [Self::P50, Self::P90, Self::P99, Self::P999];

    /// The percentile's name in limits.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
        }
    }

    /// The percentile as a number out of 100.
    pub fn percent(self) -> f64 {
        match self {
            Self::P50 => 50.0,
            Self::P90 => 90.0,
            Self::P99 => 99.0,
            Self::P999 => 99.9,
        }
    }

    /// How many samples it takes before the percentile means anything: the least `n` with `q^n <= 0.05`, that is
    /// `n >= ln 0.05 / ln q`. With fewer, the chance that every sample lies below the true percentile exceeds 5 %, and
    /// then the figure is not an upper estimate of anything.
    pub fn samples_needed(self) -> u64 {
        match self {
            Self::P50 => 5,
            Self::P90 => 29,
            Self::P99 => 299,
            Self::P999 => 2_995,
        }
    }
}

impl LatencySummary {
    /// A summary with a count and a reason and no figures.
    pub fn withheld(count: u64, reason: &str) -> Self {
        Self { count, withheld: Some(reason.to_owned()), ..Self::default() }
    }

    /// The figure of one percentile, in milliseconds.
    pub fn percentile_ms(&self, percentile: Percentile) -> Option<f64> {
        match percentile {
            Percentile::P50 => self.p50_ms,
            Percentile::P90 => self.p90_ms,
            Percentile::P99 => self.p99_ms,
            Percentile::P999 => self.p999_ms,
        }
    }

    /// Why a figure (`p99`, `max`, ...) of this summary is absent, when it was measured and is not given.
    pub fn reason_withheld(&self, figure: &str) -> Option<String> {
        if let Some(reason) = &self.withheld {
            return Some(reason.clone());
        }
        let few = self.insufficient.iter().find(|i| i.percentile == figure)?;
        Some(format!("{figure} takes at least {} samples and there are {}", few.needed, self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_needed_follow_the_rule() {
        for percentile in Percentile::ALL {
            let q = percentile.percent() / 100.0;
            assert_eq!(percentile.samples_needed() as f64, (0.05f64.ln() / q.ln()).ceil(), "{}", percentile.name());
        }
    }

    #[test]
    fn withholding_leaves_no_figure_behind() {
        let summary = LatencySummary { count: 9, p50_ms: Some(1.5), max_ms: Some(2.5), ..LatencySummary::default() };
        let mut latency = Latency { intended_to_delivered: Some(summary), ..Latency::default() };
        latency.withhold("driver was the limit");
        let json = serde_json::to_string(&latency).unwrap();
        assert_eq!(json, r#"{"intended_to_delivered":{"count":9,"overflowed":0,"withheld":"driver was the limit"}}"#);
    }

    #[test]
    fn names_in_the_document_are_those_of_the_series() {
        let mut latency = Latency::default();
        for series in Series::ALL {
            *latency.get_mut(series) = Some(LatencySummary::default());
        }
        let json = serde_json::to_value(&latency).unwrap();
        let names = json.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names, Series::ALL.iter().map(|s| s.name().to_owned()).collect());
    }
}
