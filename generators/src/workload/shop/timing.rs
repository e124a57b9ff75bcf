//! How long things take, and the bounds on whole traces.

use super::rng::Dice;
use super::services::SelfTime;
use crate::model::Span;

const MILLISECOND: f64 = 1e6;

/// No trace outside the slow stratum lasts longer.
pub(super) const ORDINARY_LIMIT_NS: u64 = 3_000_000_000;

/// No trace of the slow stratum lasts longer.
pub(super) const SLOW_LIMIT_NS: u64 = 20_000_000_000;

/// What a slow operation adds: shape and bounds, in nanoseconds, of the heavy tail.
const STALL: (f64, f64, f64) = (1.1, 1e9, 17e9);

/// A probe takes no less and no more than this.
const PROBE_NS: (u64, u64) = (100_000, 1_000_000);

/// How often an operation hits a pause of its runtime or its neighbours.
const SPIKE_PROBABILITY: f64 = 0.005;

/// One operation's self time does not exceed this outside slow traces, even in a spike.
const SELF_TIME_LIMIT_MS: f64 = 400.0;

/// Self time: lognormal, and now and then 10 to 40 times as much.
pub(super) fn self_time_ns(dice: &mut Dice, law: SelfTime) -> u64 {
    let usual = dice.lognormal(law.median_ms, law.sigma);
    let factor = if dice.chance(SPIKE_PROBABILITY) { dice.uniform(10.0, 40.0) } else { 1.0 };
    ((usual * factor).min(SELF_TIME_LIMIT_MS) * MILLISECOND) as u64
}

/// One way between two pods, a fifth of the time in different zones.
pub(super) fn network_ns(dice: &mut Dice) -> u64 {
    let (median, sigma) = if dice.chance(0.2) { (1.0, 0.4) } else { (0.25, 0.5) };
    (dice.lognormal(median, sigma) * MILLISECOND) as u64
}

/// From the end of sending a message to the start of handling it.
pub(super) fn consumer_lag_ns(dice: &mut Dice) -> u64 {
    (dice.lognormal(40.0, 1.2).min(1_000.0) * MILLISECOND) as u64
}

/// How long a caller waited for an answer that did not come in time.
pub(super) fn timeout_ns(dice: &mut Dice) -> u64 {
    (dice.uniform(100.0, 500.0) * MILLISECOND) as u64
}

/// The stall of a slow trace: a bounded Pareto law from 1 to 17 s.
pub(super) fn stall_ns(dice: &mut Dice) -> u64 {
    let (alpha, low, high) = STALL;
    dice.bounded_pareto(alpha, low, high) as u64
}

fn extent_ns(spans: &[Span]) -> u64 {
    spans.iter().map(Span::end_ns).max().unwrap_or(0)
}

/// Shrinks a trace that is longer than `limit_ns` to that length. What encloses what stays as it is.
pub(super) fn shrink_to(spans: &mut [Span], limit_ns: u64) {
    let extent = extent_ns(spans);
    if extent > limit_ns {
        stretch(spans, limit_ns, extent);
    }
}

/// Brings a probe's length into the bounds that probes have.
pub(super) fn fit_probe(spans: &mut [Span]) {
    let extent = extent_ns(spans);
    let wanted = extent.clamp(PROBE_NS.0, PROBE_NS.1);
    if extent != wanted {
        stretch(spans, wanted, extent.max(1));
    }
}

/// Multiplies every instant by `numerator / denominator`. Rounding is monotonic, so order and nesting survive.
fn stretch(spans: &mut [Span], numerator: u64, denominator: u64) {
    let scale = |instant: u64| (u128::from(instant) * u128::from(numerator) / u128::from(denominator)) as u64;
    for span in spans {
        let end = scale(span.end_ns());
        span.start_ns = scale(span.start_ns);
        span.duration_ns = end - span.start_ns;
        span.events.iter_mut().for_each(|event| event.offset_ns = scale(event.offset_ns));
    }
}
