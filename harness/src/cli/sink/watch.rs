//! Watches what comes in until there is a reason to end.

use super::expect::{ExpectError, Expectation, Wanted};
use super::goal::Goal;
use super::judged::{self, Judged};
use super::summary::{Ended, Summary};
use crate::clock::RunClock;
use crate::judge::evidence::Refusals;
use crate::process::KeptCommand;
use crate::pulse::Pulse;
use crate::sink::reception::Reception;
use crate::sink::recorder::Recorder;
use roaring::RoaringTreemap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether to end.
const TICK: Duration = Duration::from_millis(20);

/// How often progress is shown on a terminal.
const PROGRESS: Duration = Duration::from_millis(500);

/// After everything has arrived, this long without a further request ends the waiting: repeats come close behind.
const QUIET: Duration = Duration::from_millis(500);

/// After the last planned instant, or after it became known, this long is waited for what is absent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that has ended may have left traffic that never settles.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// What the sink itself did, beside taking what came.
pub(super) struct SinkDid {
    /// What it did not take.
    pub(super) refusals: Refusals,
    /// The records that it took without telling.
    pub(super) unanswered: RoaringTreemap,
    /// Whether it stood still.
    pub(super) pulse: Arc<Pulse>,
}

/// A sink at work.
pub(super) struct Watch {
    reception: Arc<Reception>,
    began: Instant,
    goal: Option<Goal>,
    wanted: Option<Wanted>,
    known: Option<Known>,
    /// The version of the file that `known` was read from.
    version: Option<SystemTime>,
    /// The recorder has been given its work, and what is expected stays as it is.
    judging: bool,
    within: Option<Duration>,
    settle: Duration,
}

/// What is expected, once it is known.
struct Known {
    expectation: Expectation,
    recorder: Arc<Recorder>,
    /// Until when what is absent is waited for.
    patience: Instant,
}

impl Known {
    fn new(expectation: Expectation) -> Self {
        let plan = &expectation.plan;
        let length = Duration::try_from_secs_f64(plan.seconds()).unwrap_or(Duration::MAX);
        let end = RunClock::of_epoch(plan.spec().epoch_unix_ns).origin().checked_add(length);
        let now = Instant::now();
        let patience = end.unwrap_or(now).max(now) + PATIENCE;
        Self { recorder: judged::recorder(&expectation), expectation, patience }
    }
}

impl Watch {
    pub(super) fn new(
        reception: &Arc<Reception>,
        goal: Option<Goal>,
        wanted: Option<Wanted>,
        within: Option<Duration>,
        settle: Duration,
    ) -> Self {
        let (reception, began) = (Arc::clone(reception), Instant::now());
        Self { reception, began, goal, wanted, known: None, version: None, judging: false, within, settle }
    }

    /// Looks whether it is known by now what to expect. Until the first request has come, a file that is written anew is
    /// read anew: what stood there at first may be an earlier sender's.
    pub(super) fn learn(&mut self) -> Result<(), ExpectError> {
        let Some(wanted) = self.wanted.as_ref().filter(|_| !self.judging) else { return Ok(()) };
        // Asked before the file is looked at: a sender writes first and sends then.
        let has_begun = self.reception.tally().last().is_some();
        let version = wanted.version();
        if version != self.version {
            self.version = version;
            // A file that is taken away says nothing any more.
            self.known = if version.is_some() { wanted.read()?.map(Known::new) } else { None };
        }
        if let (Some(known), true) = (&self.known, has_begun) {
            self.reception.judge_with(&known.recorder);
            self.judging = true;
        }
        Ok(())
    }

    /// Waits for a reason to end.
    pub(super) fn wait(
        &mut self,
        command: &mut Option<KeptCommand>,
        interrupt: &CancellationToken,
        quiet: bool,
    ) -> Result<Ended, ExpectError> {
        let mut show = Show { on: !quiet && std::io::stderr().is_terminal(), last: None };
        let mut command_ended = None;
        loop {
            self.learn()?;
            if command_ended.is_none() && command.as_mut().is_some_and(|command| command.exit().is_some()) {
                command_ended = Some(Instant::now());
            }
            // What was reached stands; a command that died of the same signal has not ended the sink.
            let ended = match self.reason(command.is_some(), command_ended) {
                Some(reached @ (Ended::Held | Ended::Arrived)) => Some(reached),
                _ if interrupt.is_cancelled() => Some(Ended::Interrupted),
                other => other,
            };
            if let Some(ended) = ended {
                show.clear();
                return Ok(ended);
            }
            show.progress(self);
            std::thread::sleep(TICK);
        }
    }

    /// Whether anything but an interrupt ends it.
    pub(super) fn has_end(&self, has_command: bool) -> bool {
        has_command || self.goal.is_some() || self.wanted.is_some() || self.within.is_some()
    }

    fn reason(&mut self, has_command: bool, command_ended: Option<Instant>) -> Option<Ended> {
        let now = Instant::now();
        if self.goal_holds(now) {
            return Some(Ended::Held);
        }
        let last = self.reception.tally().last().unwrap_or(self.began);
        let quiet_for = now.saturating_duration_since(last);
        let sender_is_done = !has_command || command_ended.is_some();
        if self.goal.is_none() && sender_is_done && quiet_for >= QUIET && self.everything_arrived() {
            return Some(Ended::Arrived);
        }
        if let Some(ended) = command_ended {
            let since = now.saturating_duration_since(ended);
            if since.min(quiet_for) >= self.settle || since >= SETTLE_MAX {
                return Some(Ended::CommandDone);
            }
        }
        self.deadline(has_command).is_some_and(|deadline| now >= deadline).then_some(Ended::Deadline)
    }

    fn goal_holds(&mut self, now: Instant) -> bool {
        let Some(goal) = &mut self.goal else { return false };
        let known = self.known.as_ref().filter(|_| !goal.is_own());
        let so_far = known.map(|known| judged::so_far(&known.expectation, &known.recorder));
        goal.holds(&self.reception.tally().counts(), so_far.as_ref(), now)
    }

    fn everything_arrived(&self) -> bool {
        self.known.as_ref().is_some_and(|known| judged::everything_arrived(&known.expectation, &known.recorder))
    }

    fn deadline(&self, has_command: bool) -> Option<Instant> {
        match (self.within, &self.known, &self.wanted) {
            (Some(within), ..) => self.began.checked_add(within),
            (None, ..) if has_command => None,
            (None, Some(known), _) => Some(known.patience),
            (None, None, Some(_)) => Some(self.began + PATIENCE),
            (None, None, None) => None,
        }
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was waited for, and whether it held.
    pub(super) fn until(&self, ended: Ended) -> Option<(String, bool)> {
        self.goal.as_ref().map(|goal| (goal.text().to_owned(), ended == Ended::Held))
    }

    /// The judgement, if one was asked for; without one inside when it never became known what to expect.
    pub(super) fn judged(&self, ended: Ended, foreign_fails: bool, did: SinkDid) -> Option<(String, Option<Judged>)> {
        self.wanted.as_ref()?;
        let Some(known) = &self.known else { return Some(("expectation".to_owned(), None)) };
        let cut_short = crate::panics::seen().or_else(|| match ended {
            _ if self.everything_arrived() => None,
            Ended::Interrupted => Some("interrupted".to_owned()),
            Ended::Held => Some("ended as soon as --until held".to_owned()),
            Ended::Arrived | Ended::CommandDone | Ended::Deadline => None,
        });
        let expectation = &known.expectation;
        let (recorder, sent) = (&known.recorder, expectation.sent());
        let judged = judged::judge(expectation, recorder, sent, foreign_fails, cut_short, did);
        Some((expectation.name.clone(), Some(judged)))
    }
}

/// A line that renews itself on a terminal. Elsewhere nothing is shown: the counts come at the end.
struct Show {
    on: bool,
    last: Option<Instant>,
}

impl Show {
    fn progress(&mut self, watch: &Watch) {
        if self.on && self.last.is_none_or(|last| last.elapsed() >= PROGRESS) {
            self.last = Some(Instant::now());
            write(&format!("\r\x1b[2K{}", Summary::progress(watch.elapsed(), watch.reception.tally().spans())));
        }
    }

    fn clear(&mut self) {
        if self.last.take().is_some() {
            write("\r\x1b[2K");
        }
    }
}

fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    // Nobody reads: no reason to stop receiving.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
