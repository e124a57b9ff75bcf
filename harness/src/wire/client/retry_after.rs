//! `Retry-After`: whole seconds, or an HTTP date in any of the three forms of RFC 9110, 5.6.7.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The three forms of a date.
const FORMATS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long to wait from `now`. A date in the past, and anything else, is no hint at all.
pub(super) fn parse(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = FORMATS.iter().find_map(|format| DateTime::strptime(format, text).ok())?;
    let then = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Duration::try_from(then.duration_since(now)).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<u64> {
        let now: Timestamp = "1994-11-06T08:49:33Z".parse().unwrap();
        parse(text.as_bytes(), now).map(|wait| wait.as_secs())
    }

    #[test]
    fn all_three_date_forms_are_read() {
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(wait(date), Some(4), "{date}");
        }
    }

    #[test]
    fn what_is_no_hint_is_ignored() {
        for text in ["", "-5", "1.5", "soon", "Sun, 06 Nov 1994 08:49:00 GMT", "\u{1}", "Sun, 99 Nov 1994 08:49:37 GMT"]
        {
            assert_eq!(wait(text), None, "{text:?}");
        }
        assert_eq!(parse(b"\xff\xfe", Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn seconds_are_seconds_and_too_many_of_them_saturate() {
        assert_eq!(wait("3"), Some(3));
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait("99999999999999999999999999"), Some(u64::MAX));
    }
}
