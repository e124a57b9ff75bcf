//! The values that are tried for rate and duration: round ones, each about a quarter above the one below (the series R10 of ISO 3).
//! To know a bound more closely than that would cost more runs than it tells.

use std::time::Duration;

/// Ten steps that make a factor of ten, in hundredths.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// A rate is brought down to a thousandth at most: where so little load suffices, less says nothing more.
const RATE_RATIO_MIN: f64 = 1e-3;

/// Powers of ten in hundredths of the smallest unit; no duration or rate in use is beyond.
const POWERS: std::ops::Range<u32> = 0..17;

/// Rates below this one, ascending.
pub fn rates(rate: f64) -> Vec<f64> {
    // In thousandths, so that rates below one in a second have steps, too.
    let values = series().map(|hundredths| hundredths as f64 / 1e5);
    values.filter(|value| *value < rate && *value >= rate * RATE_RATIO_MIN).collect()
}

/// Durations from the shortest possible one on that are below `duration`, ascending.
pub fn durations(shortest: Duration, duration: Duration) -> Vec<Duration> {
    let values = series().filter(|hundredths| hundredths.is_multiple_of(100)).map(|value| value / 100);
    let between = values.map(Duration::from_millis).filter(|value| *value > shortest && *value < duration);
    std::iter::once(shortest).filter(|shortest| *shortest < duration).chain(between).collect()
}

fn series() -> impl Iterator<Item = u64> {
    POWERS.flat_map(|power| STEPS.map(|step| step * 10_u64.pow(power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_round_and_end_at_a_thousandth() {
        let rates = rates(2_000.0);
        assert_eq!(rates[..4], [2.0, 2.5, 3.15, 4.0]);
        assert_eq!(rates[rates.len() - 3..], [1_000.0, 1_250.0, 1_600.0]);
        assert_eq!(super::rates(0.5)[..2], [0.001, 0.00125]);
    }

    #[test]
    fn durations_begin_with_what_is_needed_and_are_below_what_there_was() {
        let ms = Duration::from_millis;
        assert_eq!(durations(ms(1_300), ms(2_500)), [ms(1_300), ms(1_600), ms(2_000)]);
        assert_eq!(durations(ms(2_000), ms(2_000)), []);
        assert_eq!(durations(ms(2_000), ms(2_001)), [ms(2_000)]);
    }
}
