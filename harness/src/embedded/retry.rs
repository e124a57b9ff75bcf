//! OTLP's retry rules: what may be repeated, and how long to wait (OTLP 1.11, "Failures" and "Throttling").

use std::time::{Duration, SystemTime};

use rand::RngExt;
use tonic::Code;

use super::config::RetryConfig;

/// Whether a gRPC answer may be repeated. `RESOURCE_EXHAUSTED` only may when the server said when.
pub fn grpc_is_retryable(code: Code, has_retry_info: bool) -> bool {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => has_retry_info,
        _ => false,
    }
}

/// Whether an HTTP answer may be repeated.
pub fn http_is_retryable(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The wait that a `Retry-After` value asks for: seconds, or an HTTP date. `None` when it cannot be read.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or(Duration::ZERO))
}

/// The waits of one request, growing from failure to failure.
#[derive(Debug, Clone)]
pub struct Backoff {
    config: RetryConfig,
    interval: Duration,
}

impl Backoff {
    /// Starts at the initial interval.
    pub fn new(config: RetryConfig) -> Self {
        Self { config, interval: config.initial_interval.min(config.max_interval) }
    }

    /// Waits are as long as the interval from now on.
    pub fn leave_nothing_to_chance(&mut self) {
        self.config.randomization = 0.0;
    }

    /// The wait after a failure `elapsed` after the first attempt began, never shorter than what the server demanded;
    /// `None` when the budget ends before the next attempt could start.
    pub fn next(&mut self, elapsed: Duration, demanded: Option<Duration>, rng: &mut impl RngExt) -> Option<Duration> {
        let wait = jittered(self.interval, self.config.randomization, rng).max(demanded.unwrap_or_default());
        let grown = self.interval.as_secs_f64() * self.config.multiplier;
        self.interval = Duration::try_from_secs_f64(grown)
            .map_or(self.config.max_interval, |grown| grown.min(self.config.max_interval));
        match self.config.max_elapsed {
            Some(max) if elapsed.saturating_add(wait) > max => None,
            _ => Some(wait),
        }
    }
}

fn jittered(interval: Duration, randomization: f64, rng: &mut impl RngExt) -> Duration {
    let factor = 1.0 + randomization * (2.0 * rng.random::<f64>() - 1.0);
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor.max(0.0)).unwrap_or(interval)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn plain(max_elapsed: Option<Duration>) -> RetryConfig {
        RetryConfig {
            initial_interval: Duration::from_secs(5),
            max_interval: Duration::from_secs(12),
            multiplier: 2.0,
            randomization: 0.0,
            max_elapsed,
        }
    }

    #[test]
    fn only_the_codes_that_otlp_names_are_repeated() {
        let repeated: Vec<i32> = (0..=16).filter(|code| grpc_is_retryable(Code::from_i32(*code), false)).collect();
        assert_eq!(repeated, [1, 4, 10, 11, 14, 15]);
        assert!(grpc_is_retryable(Code::ResourceExhausted, true));
        let repeated: Vec<u16> = (100..600).filter(|status| http_is_retryable(*status)).collect();
        assert_eq!(repeated, [429, 502, 503, 504]);
    }

    #[test]
    fn waits_grow_to_the_maximum_and_end_with_the_budget() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut backoff = Backoff::new(plain(Some(Duration::from_secs(40))));
        let mut waits = Vec::new();
        let mut elapsed = Duration::ZERO;
        while let Some(wait) = backoff.next(elapsed, None, &mut rng) {
            waits.push(wait.as_secs());
            elapsed += wait;
        }
        assert_eq!(waits, [5, 10, 12, 12]);
    }

    #[test]
    fn a_demand_raises_the_wait_and_one_beyond_the_budget_gives_up_at_once() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut backoff = Backoff::new(plain(Some(Duration::from_secs(300))));
        let demand = Some(Duration::from_secs(60));
        assert_eq!(backoff.next(Duration::ZERO, demand, &mut rng), demand);
        assert_eq!(backoff.next(Duration::ZERO, Some(Duration::from_secs(301)), &mut rng), None);
    }

    #[test]
    fn jitter_stays_within_its_share_and_without_a_budget_nothing_is_given_up() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let config = RetryConfig { randomization: 0.5, ..plain(None) };
        let mut backoff = Backoff::new(config);
        backoff.next(Duration::MAX, None, &mut rng).unwrap();
        for _ in 0..1000 {
            let wait = backoff.next(Duration::MAX, None, &mut rng).unwrap().as_secs_f64();
            assert!((5.0..=18.0).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        let later = now + Duration::from_secs(3600);
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", later), Some(Duration::ZERO));
        assert_eq!(retry_after("-3", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
