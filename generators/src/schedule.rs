//! When traces start: an open-loop schedule, fixed before anything is sent.
//!
//! A [`Profile`] is a rate over time. The start of trace number k is where the profile's integral reaches k (constant
//! arrivals), or, for Poisson arrivals, where it reaches a random point of the trace's chunk: within a chunk the starts are
//! sorted uniform draws, which is a Poisson process given its count. A chunk's starts can so be computed without those of
//! the chunks before it.

use crate::seed::Seed;
use rand::Rng;

/// How the traces of a chunk are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// As a Poisson process whose count per chunk is fixed.
    Poisson,
}

/// A stretch of time in which the rate changes linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// How long it lasts, in seconds; above 0.
    pub seconds: f64,
    /// The rate at its start, in traces per second.
    pub from: f64,
    /// The rate at its end.
    pub to: f64,
}

/// A rate over time, in traces per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    segments: Vec<Segment>,
    /// For each segment: when it starts, and how many traces start before it.
    before: Vec<(f64, f64)>,
    total: f64,
}

impl Profile {
    /// The profile made of `segments` one after another. Segments of no length or without finite rates are left out.
    pub fn new(segments: &[Segment]) -> Self {
        let sound = |segment: &&Segment| {
            segment.seconds > 0.0 && segment.from >= 0.0 && segment.to >= 0.0 && (segment.from + segment.to).is_finite()
        };
        let segments: Vec<Segment> = segments.iter().filter(sound).copied().collect();
        let (mut before, mut start, mut total) = (Vec::with_capacity(segments.len()), 0.0, 0.0);
        for segment in &segments {
            before.push((start, total));
            start += segment.seconds;
            total += segment.seconds * (segment.from + segment.to) / 2.0;
        }
        Self { segments, before, total }
    }

    /// How many traces it starts, as a real number.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    /// Seconds from the start until `count` traces have started; the end of the profile for more than it has.
    pub fn instant(&self, count: f64) -> f64 {
        let at = self.before.partition_point(|(_, before)| *before <= count).saturating_sub(1);
        let Some((segment, (start, before))) = self.segments.get(at).zip(self.before.get(at)) else { return 0.0 };
        let wanted = (count - before).max(0.0);
        start + segment_instant(segment, wanted).min(segment.seconds)
    }
}

/// Seconds into the segment until it has started `wanted` traces: the root of from*t + slope/2*t^2 = wanted, in the form
/// that does not cancel for slopes near 0.
fn segment_instant(segment: &Segment, wanted: f64) -> f64 {
    let slope = (segment.to - segment.from) / segment.seconds;
    let root = libm::sqrt((segment.from * segment.from + 2.0 * slope * wanted).max(0.0));
    if segment.from + root > 0.0 { 2.0 * wanted / (segment.from + root) } else { segment.seconds }
}

/// Start instants, in nanoseconds from the start of the run, of the `count` traces from number `first` on. Ascending.
pub fn starts(profile: &Profile, arrivals: Arrivals, seed: Seed, first: u64, count: usize) -> Vec<u64> {
    let nanoseconds = |number: f64| (profile.instant(number) * 1e9) as u64;
    match arrivals {
        Arrivals::Constant => (0..count as u64).map(|offset| nanoseconds((first + offset) as f64)).collect(),
        Arrivals::Poisson => {
            let mut rng = seed.rng("arrivals", first);
            let unit = count as f64 / 9_007_199_254_740_992.0;
            let mut draws: Vec<u64> = (0..count).map(|_| rng.next_u64() >> 11).collect();
            draws.sort_unstable();
            draws.iter().map(|draw| nanoseconds(first as f64 + *draw as f64 * unit)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn constant(rate: f64, seconds: f64) -> Profile {
        Profile::new(&[Segment { seconds, from: rate, to: rate }])
    }

    #[test]
    fn a_constant_rate_spaces_traces_evenly() {
        let starts = starts(&constant(1000.0, 10.0), Arrivals::Constant, Seed(1), 5000, 3);
        assert_eq!(starts, [5_000_000_000, 5_001_000_000, 5_002_000_000]);
    }

    #[test]
    fn a_ramp_from_nothing_reaches_a_quarter_of_its_traces_at_half_time() {
        let ramp = Profile::new(&[Segment { seconds: 10.0, from: 0.0, to: 100.0 }]);
        assert!((ramp.total() - 500.0).abs() < 1e-9);
        assert!((ramp.instant(125.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_pause_between_two_segments_holds_no_trace() {
        let rate = |from, seconds| Segment { seconds, from, to: from };
        let profile = Profile::new(&[rate(10.0, 1.0), rate(0.0, 5.0), rate(10.0, 1.0)]);
        assert!(profile.instant(9.99) < 1.0);
        assert!(profile.instant(10.01) > 6.0);
    }

    proptest! {
        #[test]
        fn starts_ascend_and_stay_inside_the_profile(from in 0.0..1e5f64, to in 1.0..1e5f64, seed: u64, poisson: bool) {
            let profile = Profile::new(&[Segment { seconds: 3.0, from, to }, Segment { seconds: 2.0, from: to, to }]);
            let count = (profile.total() as usize).min(5000);
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
            let starts = starts(&profile, arrivals, Seed(seed), 0, count);
            prop_assert!(starts.is_sorted());
            prop_assert!(starts.iter().all(|start| *start <= 5_000_000_000));
        }
    }

    #[test]
    fn poisson_gaps_have_the_spread_of_an_exponential_law() {
        let starts = starts(&constant(1000.0, 100.0), Arrivals::Poisson, Seed(3), 0, 4096);
        let gaps: Vec<f64> = starts.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The coefficient of variation of an exponential law is 1; its standard error here is about 0.016.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.1);
    }
}
