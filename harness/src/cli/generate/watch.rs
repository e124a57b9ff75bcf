//! Watches the driver of `gen` until it has finished, and says how it goes.

use super::super::say;
use super::super::talk::Stderr;
use crate::clock::RunClock;
use crate::driver::Driver;
use crate::judge::outcomes::Outcomes;
use crate::resources::{Busy, ThreadCpu};
use crate::run::Talk;
use spanproof_generators::plan::Plan;
use spanproof_reports::progress::Progress;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the driver has finished.
const TICK: Duration = Duration::from_millis(50);

/// How often progress is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// Who watches, and what was seen.
pub(super) struct Watch<'a> {
    plan: &'a Plan,
    clock: RunClock,
    outcomes: &'a Outcomes,
    endpoint: &'a str,
    talk: Stderr,
    failure_is_told: bool,
    /// When progress was last told, and the spans sent by then.
    last: (Instant, u64),
    /// How busy the driver's threads were.
    pub busy: Busy,
}

impl<'a> Watch<'a> {
    pub(super) fn new(plan: &'a Plan, clock: RunClock, outcomes: &'a Outcomes, endpoint: &'a str, quiet: bool) -> Self {
        let (talk, last, busy) = (Stderr::new(quiet), (Instant::now(), 0), Busy::new(Duration::ZERO));
        Self { plan, clock, outcomes, endpoint, talk, failure_is_told: false, last, busy }
    }

    /// Watches until the last answer, or until it is interrupted and the driver told to stop.
    pub(super) fn until_finished(&mut self, driver: &Driver, cpu: &mut ThreadCpu, interrupt: &CancellationToken) {
        while !driver.is_finished() {
            std::thread::sleep(TICK);
            if interrupt.is_cancelled() {
                driver.stop();
                break;
            }
            // Whoever looks at half an hour of load wants to know now.
            self.tell_failure();
            if self.last.0.elapsed() >= INTERVAL {
                self.tell(driver);
                cpu.sample();
                self.busy.look(self.clock.elapsed(), cpu.by_name());
            }
        }
        cpu.sample();
        self.busy.end(self.clock.elapsed(), cpu.by_name());
        self.talk.close();
    }

    /// Says once of the first request that failed what came instead of a yes: perhaps no answer at all, as of a connection
    /// that was refused.
    pub(super) fn tell_failure(&mut self) {
        let request = if self.failure_is_told { None } else { self.outcomes.first_failure() };
        let Some(request) = request else { return };
        self.failure_is_told = true;
        self.talk.close();
        let (endpoint, answer) = (self.endpoint, crate::process::printable(&request.answer));
        say(&format!("the first request that failed, to {endpoint}: {answer}"));
    }

    fn tell(&mut self, driver: &Driver) {
        let progress = driver.progress();
        let (since, sent) = self.last;
        self.talk.progress(&Progress {
            phase: "load".to_owned(),
            elapsed: self.clock.elapsed(),
            planned_total: self.plan.spans(),
            sent: progress.sent,
            delivered: None,
            rate: (progress.sent - sent) as f64 / since.elapsed().as_secs_f64().max(1e-9),
            in_flight: progress.outstanding,
            late_share: (progress.sent > 0).then_some(progress.late_share),
            target_memory: None,
        });
        self.last = (Instant::now(), progress.sent);
    }
}
