//! How much a rate lets through: bounds, since who comes first within a tick is left to chance.
//!
//! A collector decides in ticks a second apart, and the traces of one tick in random order. So the kept cost lies between
//! bounds; these are those of every order, and of every instant within the windows given.

/// What is decided in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The earliest instant, nanoseconds.
    pub from_ns: u64,
    /// The latest instant, nanoseconds.
    pub to_ns: u64,
    /// What each trace costs that wants to be kept, in spans or bytes.
    pub costs: Vec<u64>,
}

/// Bounds of a kept cost, inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// At least so much is kept.
    pub min: f64,
    /// At most so much is kept.
    pub max: f64,
}

/// A token bucket that begins full. A trace is kept whole or not at all, and spends nothing if it is not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Tokens a second.
    pub per_second: f64,
    /// The most that it holds.
    pub capacity: f64,
}

const SECOND_NS: f64 = 1e9;

/// The collector lets through what lacks no more than it earns in a nanosecond.
const SLACK_SECONDS: f64 = 1e-9;

/// A tick as the arithmetic needs it.
struct Sum {
    from_ns: u64,
    to_ns: u64,
    total: f64,
    largest: f64,
}

/// The ticks without those traces that are too large to be kept ever.
fn sums(ticks: &[Tick], largest: f64) -> Vec<Sum> {
    let fitting = |tick: &Tick| tick.costs.iter().map(|cost| *cost as f64).filter(|cost| *cost <= largest).collect();
    let sum = |tick: &Tick| {
        let costs: Vec<f64> = fitting(tick);
        let (total, largest) = (costs.iter().sum(), costs.iter().copied().fold(0.0, f64::max));
        Sum { from_ns: tick.from_ns, to_ns: tick.to_ns, total, largest }
    };
    ticks.iter().map(sum).collect()
}

fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / SECOND_NS
}

impl Bucket {
    /// How much of `ticks`, which stand in the order of their times, is kept.
    pub fn bounds(&self, ticks: &[Tick]) -> Bounds {
        let sums = sums(ticks, self.capacity);
        Bounds { min: self.kept_min(&sums), max: self.kept_max(ticks, &sums) }
    }

    /// As if traces could be cut: no order keeps more, since tokens that are not spent early are at most still there later.
    fn kept_max(&self, ticks: &[Tick], sums: &[Sum]) -> f64 {
        let (mut tokens, mut kept, mut last_ns) = (self.capacity, 0.0, None);
        for (sum, tick) in sums.iter().zip(ticks) {
            let earned = self.per_second * last_ns.map_or(0.0, |last| seconds(last, sum.to_ns));
            // What is earned while the tick goes on can be spent in it, whatever the bucket holds.
            let within = self.per_second * seconds(sum.from_ns, sum.to_ns);
            tokens = f64::min(self.capacity, tokens + earned) + within;
            let slack = self.per_second * SLACK_SECONDS * tick.costs.len() as f64;
            let spent = f64::min(tokens + slack, sum.total);
            (tokens, kept, last_ns) = (f64::max(tokens - spent, 0.0), kept + spent, Some(sum.from_ns));
        }
        kept
    }

    /// A trace is refused only when fewer tokens are there than it costs. So from the last time that the bucket was full to a
    /// refusal, what it held and earned was spent but for less than one trace. The least is over every place of the last
    /// refusal and of the last full bucket before it; what came before that is reckoned alike.
    fn kept_min(&self, sums: &[Sum]) -> f64 {
        // `least[n]` is the least kept of the first n ticks.
        let mut least = vec![0.0; sums.len() + 1];
        for n in 1..=sums.len() {
            // Nothing refused in tick n - 1: what was kept before, and all of it.
            let mut min = least[n - 1] + sums[n - 1].total;
            let mut wanted = 0.0;
            for full in (0..n).rev() {
                wanted += sums[full].total;
                let earned = self.per_second * seconds(sums[full].to_ns, sums[n - 1].from_ns);
                let spent = f64::max(self.capacity + earned - sums[n - 1].largest, 0.0);
                min = f64::min(min, least[full] + f64::min(spent, wanted));
            }
            least[n] = min;
        }
        least[sums.len()]
    }
}

/// A counter that begins anew with each second of the clock, as `composite` policies have for each sub-policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The most that is kept in a second.
    pub per_second: u64,
}

impl Counter {
    /// How much of `ticks`, which stand in the order of their times a second apart, is kept.
    pub fn bounds(&self, ticks: &[Tick]) -> Bounds {
        let limit = self.per_second as f64;
        let sums = sums(ticks, limit);
        let total: f64 = sums.iter().map(|sum| sum.total).sum();
        let (first, last) = (sums.first().map_or(0, |sum| sum.from_ns), sums.last().map_or(0, |sum| sum.to_ns));
        // So many seconds of the clock a stretch of time touches at most.
        let touched = seconds(first, last).floor() + 2.0;
        // Ticks that are neighbours may fall into one second; of every other one, no two do.
        let kept = |sum: &Sum| f64::min(sum.total, f64::max(limit - sum.largest, 0.0));
        let every_other = |first: usize| sums.iter().skip(first).step_by(2).map(kept).sum::<f64>();
        Bounds { min: f64::max(every_other(0), every_other(1)), max: f64::min(total, limit * touched) }
    }
}
