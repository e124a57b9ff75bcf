//! What `events.ndjson` tells beside what the watcher sees while the load lasts: the plan, the target's start and end, and
//! the verdict.

use super::{Found, TargetEnd};
use crate::clock::RunClock;
use spanproof_generators::plan::Plan;
use spanproof_reports::events::Event;
use spanproof_reports::result::RunResult;
use spanproof_scenarios::scenario::{Fault, FaultKind};
use std::time::Instant;

/// Beginnings and ends told of a fault that comes again and again.
const WINDOWS_TOLD: usize = 100;

/// Events in their order. Those from before the run's clock was known get their time when it is.
#[derive(Default)]
pub(super) struct Chronicle {
    notes: Vec<(Instant, Event)>,
}

impl Chronicle {
    /// Something that has just happened.
    pub(super) fn note(&mut self, event: Event) {
        self.notes.push((Instant::now(), event));
    }

    /// The plan has been made.
    pub(super) fn planned(&mut self, plan: &Plan, seed: u64) {
        let message = format!("{} spans in {} traces are planned", plan.spans(), plan.traces());
        let event = event("plan", message).with("spans", plan.spans()).with("traces", plan.traces());
        self.note(event.with("seed", seed).with("seconds", plan.seconds()));
    }

    /// The target's start begins.
    pub(super) fn starting(&mut self, kind: &str) {
        self.note(event("target", format!("the {kind} target is being started")).with("kind", kind));
    }

    /// The target is ready.
    pub(super) fn ready(&mut self, version: Option<&str>) {
        let ready = event("target", "the target is ready");
        self.note(match version {
            Some(version) => ready.with("version", version),
            None => ready,
        });
    }

    /// Each fault of the sink or a link has begun and ended, as planned, as far as the run went. What happens to the
    /// target the watcher tells, and what commands did those who ran them.
    pub(super) fn faults(&mut self, faults: &[Fault], clock: RunClock) {
        let now = Instant::now();
        for fault in faults.iter().filter(|fault| !matches!(fault.kind, FaultKind::Target(_) | FaultKind::Commands(_)))
        {
            for (begin, end) in fault.windows.all().take(WINDOWS_TOLD) {
                let name = &fault.name;
                let begins = (begin, format!("{name} begins: {}", fault.kind));
                for (at, message) in [begins, (end, format!("{name} has ended"))] {
                    let when = clock.origin() + at;
                    if when <= now {
                        self.notes.push((when, event("fault", message).with("fault", name.as_str())));
                    }
                }
            }
        }
    }

    /// The target has been stopped.
    pub(super) fn stopped(&mut self, end: &TargetEnd) {
        let how = match (end.code, end.signal) {
            (Some(code), _) => format!("the target has been stopped; it ended with exit code {code}"),
            (None, Some(signal)) => format!("the target has been stopped; it ended with signal {signal}"),
            (None, None) => "the target has been stopped".to_owned(),
        };
        self.note(event("target", how).with("forced", end.forced));
    }

    /// All events in the order of their times, with those that the watcher saw. Before the start of the run, times are
    /// negative.
    pub(super) fn told(&self, watched: &[Event], clock: RunClock) -> Vec<Event> {
        let at = |(when, event): &(Instant, Event)| Event { at_seconds: seconds(*when, clock), ..event.clone() };
        let mut all: Vec<Event> = self.notes.iter().map(at).chain(watched.iter().cloned()).collect();
        all.sort_by(|a, b| a.at_seconds.total_cmp(&b.at_seconds));
        all
    }
}

/// The verdict, the last of all events.
pub(super) fn verdict(found: &Found, result: &RunResult) -> Event {
    let at = found.clock.elapsed().as_secs_f64();
    let word = result.verdict.name();
    Event::new(at, "verdict", format!("the verdict is {word}")).with("verdict", word)
}

fn event(kind: &str, message: impl Into<String>) -> Event {
    Event::new(0.0, kind, message)
}

fn seconds(when: Instant, clock: RunClock) -> f64 {
    let start = clock.origin();
    match when.checked_duration_since(start) {
        Some(after) => after.as_secs_f64(),
        None => -start.saturating_duration_since(when).as_secs_f64(),
    }
}
