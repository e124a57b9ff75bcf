//! How busy our own threads were while load was applied.
//!
//! A mean over the load hides what a latency shows: a sink that is overrun for one second in ten is idle on average and late for
//! a tenth of the records. So the load is cut into windows of about a second, and what counts is the share of time in windows
//! in which one thread had no time left.

use std::collections::BTreeMap;
use std::time::Duration;

/// A thread that was on a CPU for more than this share of a window is saturated: what comes in queues before it.
const SATURATED: f64 = 0.95;

/// Shorter windows say little: they grow into the next one.
const WINDOW_MIN: Duration = Duration::from_millis(500);

/// CPU time by thread name, at an instant of the run.
type Look = (Duration, BTreeMap<String, Duration>);

/// The windows so far, in sums.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    warm_up: Duration,
    last: Option<Look>,
    watched: Duration,
    driver: Duration,
    sink: Duration,
}

impl Busy {
    /// Nothing seen yet. Windows that end within the warm-up do not count, as its latencies do not.
    pub(crate) fn new(warm_up: Duration) -> Self {
        Self { warm_up, ..Self::default() }
    }

    /// Takes the CPU times at `now`, from the start of the run.
    pub(crate) fn look(&mut self, now: Duration, cpu: BTreeMap<String, Duration>) {
        match &self.last {
            Some((then, _)) if now.saturating_sub(*then) < WINDOW_MIN => {}
            _ => self.close(now, cpu),
        }
    }

    /// The load has ended. A rest that is too short for a window counts only if there is nothing else.
    pub(crate) fn end(&mut self, now: Duration, cpu: BTreeMap<String, Duration>) {
        if self.watched.is_zero() { self.close(now, cpu) } else { self.look(now, cpu) }
    }

    /// Share of the watched time in which a thread of the driver was saturated.
    pub(crate) fn driver_saturated(&self) -> f64 {
        self.share(self.driver)
    }

    /// The same of the sink.
    pub(crate) fn sink_saturated(&self) -> f64 {
        self.share(self.sink)
    }

    fn share(&self, saturated: Duration) -> f64 {
        saturated.as_secs_f64() / self.watched.as_secs_f64().max(1e-9)
    }

    fn close(&mut self, now: Duration, cpu: BTreeMap<String, Duration>) {
        let Some((then, before)) = self.last.replace((now, cpu)) else { return };
        let Some((_, after)) = &self.last else { return };
        let window = now.saturating_sub(then);
        if window.is_zero() || now <= self.warm_up {
            return;
        }
        let busiest = |prefix: &str| {
            let of = after.iter().filter(|(name, _)| name.starts_with(prefix));
            let spent = of.map(|(name, time)| time.saturating_sub(before.get(name).copied().unwrap_or_default()));
            spent.max().unwrap_or_default().as_secs_f64() / window.as_secs_f64()
        };
        let of_saturated = |prefix| if busiest(prefix) > SATURATED { window } else { Duration::ZERO };
        let (driver, sink) = (of_saturated("sp-driver"), of_saturated("sp-sink"));
        self.watched += window;
        self.driver += driver;
        self.sink += sink;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// CPU seconds of a thread of the driver and one of the sink.
    fn cpu(driver: f64, sink: f64) -> BTreeMap<String, Duration> {
        let named = |name: &str, seconds| (name.to_owned(), Duration::from_secs_f64(seconds));
        BTreeMap::from([named("sp-driver-send", driver), named("sp-driver-pace", 0.0), named("sp-sink-0", sink)])
    }

    #[test]
    fn one_saturated_second_in_four_is_a_quarter_whatever_the_mean() {
        let mut busy = Busy::new(Duration::ZERO);
        for (at, sink) in [(0, 0.0), (1, 0.1), (2, 1.1), (3, 1.2), (4, 1.3)] {
            busy.look(SECOND * at, cpu(0.2 * f64::from(at), sink));
        }
        busy.end(SECOND * 4, cpu(0.8, 1.3));
        assert_eq!((busy.driver_saturated(), busy.sink_saturated()), (0.0, 0.25));
    }

    #[test]
    fn a_thread_that_is_busy_most_of_a_second_is_not_saturated() {
        let mut busy = Busy::new(Duration::ZERO);
        busy.look(Duration::ZERO, cpu(0.0, 0.0));
        busy.look(SECOND, cpu(0.95, 0.94));
        assert_eq!((busy.driver_saturated(), busy.sink_saturated()), (0.0, 0.0));
        busy.look(SECOND * 2, cpu(1.91, 1.0));
        assert_eq!((busy.driver_saturated(), busy.sink_saturated()), (0.5, 0.0));
    }

    #[test]
    fn cpu_time_after_the_load_is_not_looked_at() {
        let mut busy = Busy::new(Duration::ZERO);
        busy.look(Duration::ZERO, cpu(0.0, 0.0));
        busy.end(SECOND / 5, cpu(0.05, 0.1));
        assert_eq!(
            (busy.driver_saturated(), busy.sink_saturated()),
            (0.0, 0.0),
            "of a short load its whole length counts"
        );
        assert_eq!(busy.watched, SECOND / 5);
    }

    #[test]
    fn a_short_rest_is_no_window_and_a_burst_in_it_no_saturation() {
        let mut busy = Busy::new(Duration::ZERO);
        busy.look(Duration::ZERO, cpu(0.0, 0.0));
        busy.look(SECOND, cpu(0.1, 0.1));
        busy.end(SECOND + Duration::from_millis(50), cpu(0.15, 0.15));
        assert_eq!((busy.watched, busy.driver_saturated()), (SECOND, 0.0));
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let mut busy = Busy::new(SECOND);
        busy.look(Duration::ZERO, cpu(0.0, 0.0));
        busy.look(SECOND, cpu(1.0, 1.0));
        busy.look(SECOND * 2, cpu(1.1, 1.1));
        assert_eq!((busy.watched, busy.sink_saturated()), (SECOND, 0.0));
    }
}
