//! When a refused client is asked to come again, as the header says it.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When a refused client is asked to come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this long: `RetryInfo` over gRPC and in HTTP bodies, `Retry-After` in whole seconds, rounded up.
    Wait(Duration),
    /// The same, with the instant as a date in `Retry-After`.
    Date(Duration),
    /// `Retry-After` headers with these values, whatever they say, and no `RetryInfo`.
    Verbatim(Vec<String>),
}

impl RetryAfter {
    /// Whole seconds, rounded up, in two headers.
    pub fn twice(delay: Duration) -> Self {
        Self::Verbatim(vec![whole_seconds(delay).to_string(); 2])
    }

    /// Adds what it says now to the headers of an answer.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        for value in self.headers(Timestamp::now()) {
            headers.append(RETRY_AFTER, value);
        }
    }

    /// What `RetryInfo` says.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Wait(delay) | Self::Date(delay) => Some(*delay),
            Self::Verbatim(_) => None,
        }
    }

    /// The values of `Retry-After`.
    fn headers(&self, now: Timestamp) -> Vec<HeaderValue> {
        match self {
            Self::Wait(delay) => vec![HeaderValue::from(whole_seconds(*delay))],
            Self::Date(delay) => date_after(now, *delay).into_iter().collect(),
            Self::Verbatim(values) => values.iter().filter_map(|value| HeaderValue::from_str(value).ok()).collect(),
        }
    }
}

/// Whole seconds, rounded up, since a client must not come back too early.
fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// In the form that RFC 9110 section 5.6.7 prefers, rounded up. None beyond the year 9999.
fn date_after(now: Timestamp, delay: Duration) -> Option<HeaderValue> {
    let at = now.checked_add(delay).ok()?;
    let up = i64::from(at.subsec_nanosecond() > 0);
    let at = Timestamp::from_second(at.as_second().checked_add(up)?).ok()?;
    let text = at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(after: &RetryAfter) -> Vec<String> {
        let now: Timestamp = "1994-11-06T08:49:33.2Z".parse().unwrap();
        after.headers(now).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_client_never_comes_back_too_early() {
        assert_eq!(written(&RetryAfter::Wait(Duration::from_millis(3001))), ["4"]);
        assert_eq!(written(&RetryAfter::Wait(Duration::from_secs(3))), ["3"]);
        assert_eq!(written(&RetryAfter::Date(Duration::from_millis(3800))), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
        assert_eq!(written(&RetryAfter::Date(Duration::from_millis(3801))), ["Sun, 06 Nov 1994 08:49:38 GMT"]);
    }

    #[test]
    fn what_is_said_twice_is_in_two_headers() {
        assert_eq!(written(&RetryAfter::twice(Duration::from_millis(1200))), ["2", "2"]);
    }

    #[test]
    fn what_is_no_time_goes_out_as_it_is_and_gives_no_retry_info() {
        let odd = RetryAfter::Verbatim(vec!["soon".to_owned(), String::new()]);
        assert_eq!((written(&odd), odd.delay()), (vec!["soon".to_owned(), String::new()], None));
    }

    #[test]
    fn a_date_beyond_all_calendars_is_left_out() {
        assert_eq!(written(&RetryAfter::Date(Duration::MAX)), [""; 0]);
    }
}
