//! Numbers as people read them: grouped counts, times, sizes, shares.

use std::time::Duration;

/// A count with its thousands apart: `119,808`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something that forms its plural with an `s`: `1 request`, `1,203 requests`.
pub fn several(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in lower-case hex, as ids are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number with at most two decimals and its thousands apart: `5,000`, `0.25`.
pub fn number(n: f64) -> String {
    if !n.is_finite() {
        return n.to_string();
    }
    let hundredths = (n.abs() * 100.0).round();
    // A saturating cast: beyond 1.8e17 no report needs to be right.
    let hundredths = hundredths as u64;
    let sign = if n < 0.0 && hundredths > 0 { "-" } else { "" };
    let decimals = match hundredths % 100 {
        0 => String::new(),
        tens if tens.is_multiple_of(10) => format!(".{}", tens / 10),
        rest => format!(".{rest:02}"),
    };
    format!("{sign}{}{decimals}", count(hundredths / 100))
}

/// A length of time in the unit that suits it: `45 us`, `0.4 ms`, `248 ms`, `5.04 s`, `3:38`.
pub fn duration(d: Duration) -> String {
    let seconds = d.as_secs_f64();
    match d {
        _ if d.is_zero() => "0 s".to_owned(),
        _ if d < Duration::from_micros(100) => format!("{} us", number(seconds * 1e6)),
        _ if d < Duration::from_millis(10) => format!("{} ms", number(seconds * 1e3)),
        _ if d < Duration::from_secs(1) => format!("{:.0} ms", seconds * 1e3),
        _ if d < Duration::from_secs(60) => format!("{} s", number(seconds)),
        _ => clock(seconds),
    }
}

/// Milliseconds as a length of time, see [`duration`]. What is no length of time is written as it is.
pub fn milliseconds(ms: f64) -> String {
    Duration::try_from_secs_f64(ms / 1e3).map_or_else(|_| format!("{ms} ms"), duration)
}

/// A stretch of a run's clock: `1:11 to 1:35`, or one instant where both ends read alike.
pub fn stretch(from: f64, to: f64) -> String {
    let (from, to) = (clock(from), clock(to));
    if from == to { from } else { format!("{from} to {to}") }
}

/// Seconds on a run's clock, whole when they are: `0:30`, `1:11.5`, `1:02:03`.
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return seconds.to_string();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let tenths = (seconds.abs() * 10.0).round() as u64;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let fraction = if tenth == 0 { String::new() } else { format!(".{tenth}") };
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{sign}{minutes}:{seconds:02}{fraction}"),
        _ => format!("{sign}{hours}:{minutes:02}:{seconds:02}{fraction}"),
    }
}

/// A size in binary units: `512 B`, `1.1 KiB`, `318 MiB`.
pub fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let step = (1..units.len()).rev().find(|step| n >> (10 * step) > 0).unwrap_or(0);
    let value = n as f64 / (1u64 << (10 * step)) as f64;
    let value = if value < 10.0 { number((value * 10.0).round() / 10.0) } else { number(value.round()) };
    format!("{value} {}", units[step])
}

/// A share in percent, cut and not rounded, so that only a whole reads `100 %`: 0.99999 is `99.99 %`.
pub fn ratio(share: f64) -> String {
    let cut = (share * 1e4 + 1e-6).floor() / 1e2;
    let shown = if share > 0.0 && cut <= 0.0 { return "< 0.01 %".to_owned() } else { cut };
    format!("{} %", number(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1_000, 119_808, u64::MAX].map(count),
            ["0", "999", "1,000", "119,808", "18,446,744,073,709,551,615"]
        );
    }

    #[test]
    fn numbers_have_at_most_two_decimals() {
        let shown = [0.0, 0.25, 0.5, 5_000.0, -1.5, -0.001, 1_234.567].map(number);
        assert_eq!(shown, ["0", "0.25", "0.5", "5,000", "-1.5", "0", "1,234.57"]);
        assert_eq!(number(f64::NAN), "NaN");
    }

    #[test]
    fn times_use_the_unit_that_suits_them() {
        let shown = [0, 45, 400, 9_990, 248_000, 5_042_000, 218_000_000].map(|us| duration(Duration::from_micros(us)));
        assert_eq!(shown, ["0 s", "45 us", "0.4 ms", "9.99 ms", "248 ms", "5.04 s", "3:38"]);
        assert_eq!(milliseconds(-1.0), "-1 ms");
    }

    #[test]
    fn clocks_show_tenths_only_where_there_are_any() {
        assert_eq!(
            [30.0, 71.04, 95.5, 59.99, 3_723.0, -1.0].map(clock),
            ["0:30", "1:11", "1:35.5", "1:00", "1:02:03", "-0:01"]
        );
    }

    #[test]
    fn one_of_something_is_no_plural() {
        assert_eq!([0, 1, 1_203].map(|n| several(n, "request")), ["0 requests", "1 request", "1,203 requests"]);
    }

    #[test]
    fn sizes_use_binary_units() {
        assert_eq!(
            [0, 1_023, 1_126, 318 << 20, u64::MAX].map(bytes),
            ["0 B", "1,023 B", "1.1 KiB", "318 MiB", "16 EiB"]
        );
    }

    #[test]
    fn only_a_whole_is_a_hundred_percent_and_only_nothing_is_zero() {
        assert_eq!(
            [1.0, 0.999_99, 0.133, 0.0, 0.000_001].map(ratio),
            ["100 %", "99.99 %", "13.3 %", "0 %", "< 0.01 %"]
        );
    }
}
