//! The run's clock: one origin that ties instants of this process to the plan's nanoseconds and to the wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The start of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
    epoch_unix_ns: u64,
}

impl RunClock {
    /// A clock whose run starts `delay` from now.
    pub fn starting_in(delay: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Instant::now() + delay, epoch_unix_ns: (now + delay).as_nanos() as u64 }
    }

    /// The clock of a run that starts or started at `epoch_unix_ns`, as far as this machine's wall clock tells.
    pub fn of_epoch(epoch_unix_ns: u64) -> Self {
        let (now, here) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), Instant::now());
        let epoch = Duration::from_nanos(epoch_unix_ns);
        let origin = if epoch > now { here.checked_add(epoch - now) } else { here.checked_sub(now - epoch) };
        Self { origin: origin.unwrap_or(here), epoch_unix_ns }
    }

    /// A clock with the same wall-clock start whose run starts `delay` from now: the plan's epoch is chosen before
    /// everything is ready, and the run waits for that.
    pub fn restarted_in(self, delay: Duration) -> Self {
        Self { origin: Instant::now() + delay, ..self }
    }

    /// Start of the run, nanoseconds since the Unix epoch.
    pub fn epoch_unix_ns(&self) -> u64 {
        self.epoch_unix_ns
    }

    /// Start of the run.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// Nanoseconds from the start of the run to `instant`; 0 before the start.
    pub fn ns(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.origin).as_nanos() as u64
    }

    /// Time from the start of the run until now; zero before the start.
    pub fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }

    /// The instant `ns` nanoseconds into the run.
    pub fn instant(&self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}
