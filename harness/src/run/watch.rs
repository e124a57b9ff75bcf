//! Watches a run: progress for people, samples for the result, and every reason to end early.

use super::intervals::{Intervals, Seen, Totals};
use super::narrate::{Narrator, Standing};
use super::settle::{Patience, QUIET};
use super::{Talk, deadline, sustained};
use crate::clock::RunClock;
use crate::driver::{Driver, DriverReport};
use crate::fault::{FaultBook, TargetFaults, ToldOfCommands};
use crate::judge::account::Account;
use crate::judge::checks::limits;
use crate::judge::outcomes::Outcomes;
use crate::judge::standstill::Resending;
use crate::pulse::{Pulse, STANDSTILL_MIN};
use crate::resources::{Busy, ThreadCpu};
use crate::sink::recorder::Recorder;
use crate::target::Target;
use spanproof_generators::plan::Plan;
use spanproof_reports::directory::WriteError;
use spanproof_reports::events::Event;
use spanproof_reports::figures::clock;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::progress::Progress;
use spanproof_reports::result::check::LimitOutcome;
use spanproof_reports::result::timeline::SettleEnd;
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::scenario::Scenario;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the run is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How often a sample is taken for the timeline.
const SAMPLE: Duration = Duration::from_secs(1);

/// Requests under way may take this long beyond their timeout before they are given up as unknown.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// What watching needs to see.
pub(super) struct Watcher<'a> {
    pub scenario: &'a Scenario,
    pub plan: &'a Plan,
    pub clock: RunClock,
    pub recorder: &'a Recorder,
    pub outcomes: &'a Outcomes,
    pub latency: &'a LatencyRecorder,
    /// What happens to the target on purpose.
    pub faults: RefCell<TargetFaults>,
    /// What the faults of the sink did.
    pub book: &'a FaultBook,
    /// When we stood still, and what the target does then.
    pub pulse: Arc<Pulse>,
    pub resending: Resending,
    /// Tells what happens as it does, if that is wanted.
    pub narrator: Option<RefCell<Narrator>>,
}

/// What was seen.
pub(super) struct Watched {
    pub driver: DriverReport,
    pub timeline: Intervals,
    pub events: Vec<Event>,
    /// What faults could not do or undo, in words.
    pub amiss: Vec<String>,
    pub interrupted: bool,
    pub aborted: Option<LimitOutcome>,
    pub target_ended: Option<String>,
    /// In words, if the target could not be started again after a fault: what it held could not come out.
    pub not_restarted: Option<String>,
    /// Whether a fault had ended the target and it was not started again.
    pub left_down: bool,
    /// Whether anything has come out of the target.
    pub has_delivered: bool,
    /// From the start of the run to the end of the load.
    pub load_took: Duration,
    /// The same to the end of settling.
    pub settled_at: Duration,
    /// How busy our threads were meanwhile.
    pub busy: Busy,
}

impl Watched {
    /// Why the run ended before its plan did.
    pub(super) fn cut_short(&self) -> Option<String> {
        if self.interrupted {
            return Some("interrupted".to_owned());
        }
        if let Some(failed) = &self.not_restarted {
            return Some(failed.clone());
        }
        if let Some(broken) = crate::panics::seen() {
            return Some(broken);
        }
        let aborted = self.aborted.as_ref();
        aborted.map(|limit| format!("ended early by abort limit `{}`", limit.limit))
    }

    /// Until when what may still have come was waited for, if what was seen until then can be believed: not where a part of ours broke, nor
    /// where the target was down.
    pub(super) fn waited_until(&self) -> Option<Duration> {
        let is_sound = self.not_restarted.is_none() && crate::panics::seen().is_none();
        is_sound.then_some(self.settled_at)
    }

    /// What faults did that act beside the run.
    pub(super) fn take_in(&mut self, told: Vec<ToldOfCommands>) {
        for ToldOfCommands { at, message, is_amiss } in told {
            self.amiss.extend(is_amiss.then(|| message.clone()));
            self.event(at, "fault", message);
        }
    }

    /// Something has happened.
    pub(super) fn event(&mut self, at: Duration, kind: &str, message: impl Into<String>) {
        self.events.push(Event::new(at.as_secs_f64(), kind, message));
    }
}

/// How settling goes on behind its end.
struct Overtime {
    /// When it began, from the start of the run.
    from: Duration,
    is_told: bool,
}

/// What the watcher remembers from tick to tick.
struct Look {
    next_sample: Duration,
    last: (Duration, u64),
    rate: f64,
    memory: Option<u64>,
    abort_since: Vec<Option<Duration>>,
}

impl Watcher<'_> {
    /// Watches the load until the last answer, or until there is a reason to end early.
    pub(super) fn load(
        &self,
        driver: Driver,
        target: &mut Target,
        cpu: &mut ThreadCpu,
        interrupt: &CancellationToken,
        talk: &mut dyn Talk,
    ) -> Watched {
        let mut watched = Watched {
            driver: DriverReport::nothing(),
            timeline: Intervals::new(SAMPLE),
            events: Vec::new(),
            amiss: Vec::new(),
            interrupted: false,
            aborted: None,
            target_ended: None,
            not_restarted: None,
            left_down: false,
            has_delivered: false,
            load_took: Duration::ZERO,
            settled_at: Duration::ZERO,
            busy: Busy::new(self.scenario.run.warmup),
        };
        watched.event(Duration::ZERO, "load", "the load begins");
        let mut look = self.look();
        while !driver.is_finished() {
            std::thread::sleep(TICK);
            if self.must_end(&mut watched, &mut look, target, driver.progress().sent, interrupt) {
                driver.stop();
                break;
            }
            self.sample("load", &driver, &mut watched, &mut look, target, cpu, talk);
        }
        // Samples go on being wrong for threads that have ended, so the driver's are read while they live.
        cpu.sample();
        watched.busy.end(self.clock.elapsed(), cpu.by_name());
        let patience = self.scenario.traffic.client.timeout + ANSWER_MARGIN;
        watched.driver = driver.finish(deadline(Instant::now(), patience));
        watched.load_took = self.clock.elapsed();
        watched.event(watched.load_took, "load", "the load has ended");
        watched
    }

    fn look(&self) -> Look {
        Look {
            next_sample: Duration::ZERO,
            last: (Duration::ZERO, 0),
            rate: 0.0,
            memory: None,
            abort_since: vec![None; self.scenario.abort.len()],
        }
    }

    fn must_end(
        &self,
        watched: &mut Watched,
        look: &mut Look,
        target: &mut Target,
        sent: u64,
        interrupt: &CancellationToken,
    ) -> bool {
        let now = self.clock.elapsed();
        if interrupt.is_cancelled() {
            watched.interrupted = true;
            watched.event(now, "interrupt", "interrupted");
            return true;
        }
        self.treat(watched, target, interrupt);
        if watched.target_ended.is_some() || watched.not_restarted.is_some() {
            return true;
        }
        self.must_abort(watched, look, target, sent)
    }

    /// Does to the target what its faults want, and sees whether it has ended by itself.
    fn treat(&self, watched: &mut Watched, target: &mut Target, interrupt: &CancellationToken) {
        if watched.target_ended.is_some() || watched.not_restarted.is_some() {
            return;
        }
        match self.faults.borrow_mut().tick(|| self.clock.elapsed(), target, interrupt) {
            Ok(told) => told.into_iter().for_each(|line| watched.event(self.clock.elapsed(), "fault", line)),
            // Whoever interrupts the run interrupts that, too.
            Err(_) if interrupt.is_cancelled() => watched.interrupted = true,
            Err(failed) => {
                watched.event(self.clock.elapsed(), "target", failed.clone());
                watched.not_restarted = Some(failed);
                return;
            }
        }
        if let Some(ended) = target.ended() {
            watched.event(self.clock.elapsed(), "target", ended.clone());
            watched.target_ended = Some(ended);
        }
    }

    fn must_abort(&self, watched: &mut Watched, look: &mut Look, target: &Target, sent: u64) -> bool {
        let now = self.clock.elapsed();
        let aborted = self.aborted(look, target, sent, now);
        if let Some(limit) = &aborted {
            watched.event(now, "abort", format!("abort limit reached: {}", limit.limit));
        }
        watched.aborted = aborted;
        watched.aborted.is_some()
    }

    /// The abort limit that holds, if one does for as long as it asks. The figures are those known so far.
    fn aborted(&self, look: &mut Look, target: &Target, sent: u64, now: Duration) -> Option<LimitOutcome> {
        if self.scenario.abort.is_empty() {
            return None;
        }
        let so_far = super::results::so_far(self.scenario, self.recorder, self.outcomes, self.latency, target, sent);
        let outcomes = limits::judge(&self.scenario.abort, &so_far, &limits::Doubts::default());
        let due = |(at, outcome): (usize, LimitOutcome)| {
            let since = sustained::since(look.abort_since[at], outcome.verdict == Verdict::Pass, now);
            look.abort_since[at] = since;
            let long = self.scenario.abort[at].sustained.unwrap_or_default();
            sustained::for_as_long(since, long, now).then_some(outcome)
        };
        outcomes.into_iter().enumerate().find_map(due)
    }

    #[expect(clippy::too_many_arguments, reason = "each is one thing that a sample reads or writes")]
    fn sample(
        &self,
        phase: &str,
        driver: &Driver,
        watched: &mut Watched,
        look: &mut Look,
        target: &mut Target,
        cpu: &mut ThreadCpu,
        talk: &mut dyn Talk,
    ) {
        let now = self.clock.elapsed();
        self.note_first_delivery(watched, now);
        self.narrate(watched, look.memory, talk);
        if now < look.next_sample {
            return;
        }
        look.next_sample = now + SAMPLE;
        self.recorder.fold();
        cpu.sample();
        watched.busy.look(now, cpu.by_name());
        look.memory = target.sample();
        let progress = driver.progress();
        let passed = now.saturating_sub(look.last.0).as_secs_f64();
        if passed > 0.0 {
            look.rate = (progress.sent - look.last.1) as f64 / passed;
        }
        look.last = (now, progress.sent);
        self.note_point(now, progress.sent, Some(progress.outstanding), watched, look.memory);
        talk.progress(&Progress {
            phase: phase.to_owned(),
            elapsed: now,
            planned_total: self.plan.spans(),
            sent: progress.sent,
            delivered: Some(self.recorder.ledger().delivered()),
            rate: look.rate,
            in_flight: progress.outstanding,
            late_share: (progress.sent > 0).then_some(progress.late_share),
            target_memory: look.memory,
        });
    }

    fn narrate(&self, watched: &Watched, memory: Option<u64>, talk: &mut dyn Talk) {
        let Some(narrator) = &self.narrator else { return };
        let (acknowledged, delivered) = (self.outcomes.sums().acknowledged, self.recorder.ledger().delivered());
        let standing = Standing { now: self.clock.elapsed(), acknowledged, delivered, memory };
        narrator.borrow_mut().tick(standing, &watched.events).iter().for_each(|line| talk.say(line));
    }

    /// Seen at the next tick, so its time is not exact; the latency log has the exact ones.
    fn note_first_delivery(&self, watched: &mut Watched, now: Duration) {
        if !watched.has_delivered && self.recorder.ledger().unique() > 0 {
            watched.has_delivered = true;
            watched.event(now, "delivery", "the first spans have been delivered");
        }
    }

    fn note_point(&self, at: Duration, sent: u64, in_flight: Option<u64>, watched: &mut Watched, memory: Option<u64>) {
        let (acknowledged, delivered) = (self.outcomes.sums().acknowledged, self.recorder.ledger().delivered());
        watched.timeline.note(Totals { at, sent, acknowledged, delivered }, Seen { in_flight, target_memory: memory });
    }

    /// Waits for what the target may still hold; ends early when everything has arrived.
    pub(super) fn settle(
        &self,
        patience: &mut Patience,
        watched: &mut Watched,
        target: &mut Target,
        cpu: &mut ThreadCpu,
        interrupt: &CancellationToken,
        talk: &mut dyn Talk,
    ) {
        let (began, mut next_sample) = (Instant::now(), Instant::now());
        // What a broken backend or a target that is down keeps back can come only when that is over.
        let healed = patience.last_fault.map_or(began, |last| deadline(self.clock.origin(), last).max(began));
        let mut end = self.not_before_it_sends_again(deadline(healed, patience.longest()), patience);
        patience.ended = Some(SettleEnd::Deadline);
        let mut look = self.look();
        let from = patience.last_fault.unwrap_or_default().max(watched.load_took);
        let mut overtime = Overtime { from, is_told: false };
        while (Instant::now() < end || self.goes_on(&mut overtime, patience, watched))
            && !watched.interrupted
            && watched.not_restarted.is_none()
        {
            self.note_first_delivery(watched, self.clock.elapsed());
            let enough = if self.nothing_was_taken() { QUIET } else { patience.quiet };
            let quiet = self.quiet_since(watched.load_took) >= enough;
            // A target that is down or stopped is not left so, and what was taken unanswered may yet be sent again.
            let quiet = quiet && !self.may_act_again(watched, patience);
            if let Some(ended) = quiet.then(|| self.settled(&watched.driver)).flatten() {
                patience.ended = Some(ended);
                break;
            }
            watched.interrupted |= interrupt.is_cancelled();
            self.treat(watched, target, interrupt);
            self.narrate(watched, look.memory, talk);
            if Instant::now() >= next_sample {
                next_sample += SAMPLE;
                cpu.sample();
                self.settling(watched, target.sample(), talk);
            }
            let sent = watched.driver.sent_spans;
            // What ended the load does not end the settling: what became of that load is still to be learned.
            if watched.aborted.is_none() && self.must_abort(watched, &mut look, target, sent) {
                patience.ended = None;
                break;
            }
            end = self.not_before_it_sends_again(tick_until(end), patience);
        }
        watched.left_down = self.faults.borrow_mut().undo(target);
        patience.took = Some(began.elapsed());
        watched.settled_at = self.clock.elapsed();
        watched.event(watched.settled_at, "settle", "settled");
    }

    /// This end of settling, or a later one where the target may have given up waiting for an answer because we stood still: what
    /// it sends again is waited for, unless the scenario says for how long.
    fn not_before_it_sends_again(&self, end: Instant, patience: &Patience) -> Instant {
        let by =
            self.resending.sends_again_by(&self.pulse.standstills(self.clock)).filter(|_| patience.fixed.is_none());
        by.map_or(end, |by| end.max(deadline(self.clock.origin(), by.saturating_add(patience.margin))))
    }

    /// Whether spans still come late, so that what is absent need not be lost: it is waited for, and that is told.
    fn goes_on(&self, overtime: &mut Overtime, patience: &Patience, watched: &mut Watched) -> bool {
        let now = self.clock.elapsed();
        let until = self.recorder.last_late().map(|last| patience.goes_on_until(overtime.from, last));
        let goes_on = until.is_some_and(|until| now < until);
        if goes_on && !overtime.is_told {
            let longest = clock(overtime.from.saturating_add(patience.longest_if_late()).as_secs_f64());
            let message = format!("spans still come late: they are waited for, until {longest} at most");
            watched.event(now, "settle", message);
            overtime.is_told = true;
        }
        goes_on
    }

    fn may_act_again(&self, watched: &Watched, patience: &Patience) -> bool {
        let pending = self.faults.borrow().is_pending() && watched.target_ended.is_none();
        let since = self.book.last_unanswered().map(|last| self.clock.elapsed().saturating_sub(last));
        pending || since.is_some_and(|since| since < patience.pause)
    }

    fn settling(&self, watched: &mut Watched, memory: Option<u64>, talk: &mut dyn Talk) {
        let sent = watched.driver.sent_spans;
        self.note_point(self.clock.elapsed(), sent, None, watched, memory);
        talk.progress(&Progress {
            phase: "settle".to_owned(),
            elapsed: self.clock.elapsed(),
            planned_total: self.plan.spans(),
            sent,
            delivered: Some(self.recorder.ledger().delivered()),
            rate: 0.0,
            in_flight: 0,
            late_share: None,
            target_memory: memory,
        });
    }

    /// For how long nothing has come. What was refused comes, if it does, behind the load.
    fn quiet_since(&self, load_took: Duration) -> Duration {
        self.clock.elapsed().saturating_sub(self.recorder.last_record().max(load_took))
    }

    /// Whether there is nothing left to wait for: every record that may still come has come, intact or corrupt, or there is none.
    fn settled(&self, driver: &DriverReport) -> Option<SettleEnd> {
        let (ledger, sums) = (self.recorder.ledger(), self.outcomes.sums());
        let expected = sums.acknowledged + sums.unknown;
        if ledger.unique() < expected {
            return None;
        }
        if self.nothing_was_taken() {
            return Some(SettleEnd::NothingTaken);
        }
        // The sum can hide an absent record behind one that was refused and came all the same.
        (sums.refused == 0 || self.nothing_is_absent(driver)).then_some(SettleEnd::EverythingArrived)
    }

    /// The target has refused everything, and nothing has come.
    fn nothing_was_taken(&self) -> bool {
        let sums = self.outcomes.sums();
        sums.acknowledged + sums.unknown == 0 && self.recorder.ledger().unique() == 0
    }

    fn nothing_is_absent(&self, driver: &DriverReport) -> bool {
        let (requests, opened) = (self.outcomes.exceptions(), driver.chunks_opened);
        let account = Account::draw_up(self.plan, self.recorder.ledger(), &requests, |chunk| chunk < opened);
        account.counts.lost_acknowledged + account.counts.lost_unknown == 0
    }
}

/// Waits for a tick, or until `end`, and gives the end from then on: who stands still meanwhile does not wait for anybody.
fn tick_until(end: Instant) -> Instant {
    let began = Instant::now();
    let tick = TICK.min(end.saturating_duration_since(began));
    std::thread::sleep(tick);
    let too_long = began.elapsed().saturating_sub(tick);
    if too_long >= STANDSTILL_MIN { deadline(end, too_long) } else { end }
}

/// Writes `events.ndjson`.
pub(super) fn write_events(directory: &Path, events: &[Event]) -> Result<(), WriteError> {
    let mut text = String::new();
    for event in events {
        // An event is strings and numbers, which JSON always takes.
        if let Ok(line) = serde_json::to_string(event) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    spanproof_reports::directory::write_file(directory, "events.ndjson", &text).map(drop)
}
