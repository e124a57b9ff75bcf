//! Notes when we stand still: paused, or without the CPU that we need.
//!
//! A [`Pulse`] is felt wherever one of our threads should come round all the time: on a thread that does nothing else, which stands
//! for all of them, and in the sink's own loop. Who comes round half a second too late stood still meanwhile, and so did who lost
//! half of a second in many short waits. It costs twenty wake-ups a second each.

use crate::clock::RunClock;
use crate::judge::standstill::Standstills;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one beat to the next.
const TICK: Duration = Duration::from_millis(50);

/// Who comes round so much too late stood still. A request that stays with us for so long does likewise.
pub(crate) const STANDSTILL_MIN: Duration = Duration::from_millis(500);

/// Shorter delays are added up over so long, and half of it lost is a standstill, too.
const WINDOW: Duration = Duration::from_secs(1);

/// What is noted of our own standing still.
#[derive(Debug)]
pub struct Pulse {
    origin: Instant,
    noted: Mutex<Standstills>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { origin: Instant::now(), noted: Mutex::default() }
    }
}

impl Pulse {
    /// We stood still between these instants.
    pub fn note(&self, from: Instant, to: Instant) {
        self.noted().note(self.since_origin(from), self.since_origin(to));
    }

    /// Beats in the loop of an asynchronous runtime, for as long as that lasts.
    pub async fn beat_for_ever(&self) {
        let mut rhythm = self.rhythm();
        loop {
            tokio::time::sleep(TICK).await;
            self.beat(&mut rhythm);
        }
    }

    /// When we stood still, by the run's clock. What ended before the run began is left out.
    pub fn standstills(&self, clock: RunClock) -> Standstills {
        let in_run = |at: Duration| Duration::from_nanos(clock.ns(self.origin + at));
        let mut of_run = Standstills::default();
        for one in self.noted().all() {
            of_run.note(in_run(one.from), in_run(one.to));
        }
        of_run
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm::new(self.origin.elapsed())
    }

    fn beat(&self, rhythm: &mut Rhythm) {
        if let Some((from, to)) = rhythm.beat(self.origin.elapsed()) {
            self.noted().note(from, to);
        }
    }

    fn since_origin(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }

    fn noted(&self) -> MutexGuard<'_, Standstills> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that only beats. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Observer {
    pulse: Arc<Pulse>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Begins to beat.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (pulse, stop) = (Arc::new(Pulse::default()), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::Builder::new().name(crate::threads::name("pulse", 0)).spawn({
            let (pulse, stop) = (Arc::clone(&pulse), Arc::clone(&stop));
            move || {
                let mut rhythm = pulse.rhythm();
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    pulse.beat(&mut rhythm);
                }
            }
        })?;
        Ok(Self { pulse, stop, thread: Some(thread) })
    }

    /// What it notes, for others to note in, too.
    pub(crate) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }
}

impl Drop for Observer {
    /// A standstill that has just ended is noted before this returns.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The beats of one thread, and what it lost between them.
#[derive(Debug)]
struct Rhythm {
    last: Duration,
    window_began: Duration,
    lost: Duration,
}

impl Rhythm {
    fn new(now: Duration) -> Self {
        Self { last: now, window_began: now, lost: Duration::ZERO }
    }

    /// A beat: from when to when it stood still, if it did.
    fn beat(&mut self, now: Duration) -> Option<(Duration, Duration)> {
        let last = std::mem::replace(&mut self.last, now);
        let too_late = now.saturating_sub(last).saturating_sub(TICK);
        if too_late >= STANDSTILL_MIN {
            let from = self.lost_half_by(last).unwrap_or(last);
            (self.window_began, self.lost) = (now, Duration::ZERO);
            return Some((from, now));
        }
        self.lost += too_late;
        if now.saturating_sub(self.window_began) < WINDOW {
            return None;
        }
        let stood_still = self.lost_half_by(now);
        (self.window_began, self.lost) = (now, Duration::ZERO);
        stood_still.map(|from| (from, now))
    }

    /// When the window began, if half of it up to `now` or more was lost.
    fn lost_half_by(&self, now: Duration) -> Option<Duration> {
        let window = now.saturating_sub(self.window_began);
        (!self.lost.is_zero() && self.lost * 2 >= window).then_some(self.window_began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What is noted when the beats come so many milliseconds after each other, in milliseconds.
    fn noted(between: impl IntoIterator<Item = u32>) -> Vec<(u128, u128)> {
        let (mut rhythm, mut now) = (Rhythm::new(Duration::ZERO), Duration::ZERO);
        let beat = |between: u32| {
            now += between * MS;
            rhythm.beat(now).map(|(from, to)| (from.as_millis(), to.as_millis()))
        };
        between.into_iter().filter_map(beat).collect()
    }

    #[test]
    fn who_comes_round_in_time_never_stood_still() {
        assert_eq!(noted([50; 100]), []);
        assert_eq!(noted([80; 100]), [], "late by less than half");
    }

    #[test]
    fn one_long_pause_is_told_from_the_last_beat_to_the_next() {
        assert_eq!(noted([50, 50, 550, 50]), [(100, 650)]);
        assert_eq!(noted([50, 50, 549, 50]), []);
        assert_eq!(noted([12_000, 50, 700]), [(0, 12_000), (12_050, 12_750)]);
    }

    #[test]
    fn many_short_waits_are_a_standstill_where_half_of_a_second_is_lost() {
        assert_eq!(noted([100; 20]), [(0, 1000), (1000, 2000)]);
        assert_eq!(noted([99; 30]), []);
        assert_eq!(noted([400, 100, 600]), [(0, 1100)], "what was lost before a long pause is part of it");
    }

    #[test]
    fn what_was_lost_in_one_window_does_not_count_in_the_next() {
        let (waits, beats) = ([500, 60], [50; 20]);
        assert_eq!(noted(waits.into_iter().chain(beats).chain(waits).chain(beats)), []);
    }

    #[test]
    fn standstills_are_told_by_the_runs_clock_and_those_before_it_are_not() {
        let pulse = Pulse::default();
        let clock = RunClock::starting_in(Duration::from_secs(10));
        let at = |seconds| clock.origin() + Duration::from_secs(seconds);
        pulse.note(clock.origin() - Duration::from_secs(8), clock.origin() - Duration::from_secs(4));
        pulse.note(at(3), at(5));
        let told: Vec<_> = pulse.standstills(clock).all().iter().map(|one| (one.from, one.to)).collect();
        assert_eq!(told, [(Duration::from_secs(3), Duration::from_secs(5))]);
    }

    /// However busy the machine is, a thread that is asked to stop does.
    #[test]
    fn an_observer_ends_with_its_owner() {
        let observer = Observer::start().unwrap();
        let pulse = observer.pulse();
        drop(observer);
        assert_eq!(Arc::strong_count(&pulse), 1);
    }
}
