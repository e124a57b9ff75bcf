//! Amounts in words.

use std::time::Duration;

/// `400 MiB`, `2.7 GiB`: three digits at most.
pub(super) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", short(value), units[unit])
}

/// A number without needless digits: `12`, `2.7`, `0.098`.
pub(super) fn short(number: f64) -> String {
    let digits = match number.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `2s`, `1m 30s`.
pub(super) fn time(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

/// `2s` for 2000.
pub(super) fn millis(millis: i64) -> String {
    u64::try_from(millis).map_or_else(|_| format!("{millis}ms"), |millis| time(Duration::from_millis(millis)))
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either(words: &[String]) -> String {
    joined(words, "or")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn all(words: &[String]) -> String {
    joined(words, "and")
}

fn joined(words: &[String], last: &str) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, others)) => format!("{} {last} {end}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!((bytes(419_430_400.0), bytes(2.9e9)), ("400 MiB".to_owned(), "2.7 GiB".to_owned()));
        assert_eq!((short(9.998), short(0.0976), short(12.0)), ("10".to_owned(), "0.0976".to_owned(), "12".to_owned()));
        assert_eq!((count(7), count(1000), count(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!(millis(2500), "2s 500ms");
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            (either(&words[..1]), either(&words), all(&words[..2])),
            ("a".into(), "a, b or c".into(), "a and b".into())
        );
    }
}
