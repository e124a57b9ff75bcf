//! Durations as Go writes them.

use serde_json::Value;
use std::time::Duration;

/// A duration from a configuration: a text such as `1m30s`, or a number of nanoseconds. `None` for anything else, negative
/// ones included.
pub(super) fn duration(value: &Value) -> Option<Duration> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => number.as_u64().map(Duration::from_nanos),
        _ => None,
    }
}

/// Go's `time.ParseDuration` without a sign.
fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let (unit, after) = unit(&rest[digits..])?;
        seconds += number * unit;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

/// The unit in seconds, and what follows it.
fn unit(text: &str) -> Option<(f64, &str)> {
    let units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    units.into_iter().find_map(|(name, seconds)| Some((seconds, text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let millis = |text: &str| duration(&json!(text)).map(|found| found.as_millis());
        assert_eq!(millis("200ms"), Some(200));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("1.5h"), Some(5_400_000));
        assert_eq!(millis("0"), Some(0));
        assert_eq!(millis("0s"), Some(0));
        assert_eq!(duration(&json!(2_000_000)).map(|found| found.as_millis()), Some(2));
        for bad in ["", "5", "soon", "-1s", "s", "1x", "1.s.", "${file:x}"] {
            assert_eq!(millis(bad), None, "{bad}");
        }
    }
}
