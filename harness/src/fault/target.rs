//! Faults of the target's process: stopped and let go on, ended and started again, out of descriptors, told to read its configuration
//! again, at their instants.
//!
//! The run calls [`TargetFaults::tick`] again and again. What each fault did is noted, with a sign of its own that it bit: the
//! kernel's word that the process is stopped, may open no file, or listens on other sockets than before; or how the
//! process ended.

use crate::process::{EndBy, Ended, FileLimit, ProcessTarget};
use crate::target::Target;
use rustix::process::Signal;
use spanproof_scenarios::scenario::{Fault, FaultKind, TargetFault};
use spanproof_scenarios::units::Ppb;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The faults of a run's target, and what they did so far.
#[derive(Debug, Default)]
pub struct TargetFaults {
    /// What is still to be done, the next first.
    steps: Vec<Step>,
    acts: BTreeMap<String, Acts>,
    /// The fault that holds now without having ended the process, and how.
    held: Option<(String, Held)>,
}

/// How a process is held that goes on existing.
#[derive(Debug)]
enum Held {
    /// It is stopped.
    Frozen,
    /// It may open no further file.
    Exhausted(FileLimit),
    /// It runs for a share of the time.
    Throttled,
    /// It was told to read its configuration again.
    Reloading {
        /// The sockets on which its receivers listened then.
        before: BTreeSet<u64>,
        /// Whether they listen on others since.
        is_done: bool,
    },
}

impl Held {
    /// What is told of it when it begins.
    fn begun(&self) -> &'static str {
        match self {
            Self::Frozen => "the target is stopped",
            Self::Exhausted(_) => "the target may open no further file or connection",
            Self::Throttled => "the target runs for a share of the time only",
            Self::Reloading { .. } => "the target is told to read its configuration again",
        }
    }

    /// What is told of it when it ends.
    fn ended(&self) -> &'static str {
        match self {
            Self::Frozen => "the target goes on",
            Self::Exhausted(_) => "the target may open files and connections again",
            Self::Throttled => "the target runs all the time again",
            Self::Reloading { is_done: true, .. } => "the target had closed its receivers and opened them again",
            Self::Reloading { is_done: false, .. } => "the target has not closed its receivers to open them again",
        }
    }
}

#[derive(Debug, Clone)]
struct Step {
    at: Duration,
    fault: String,
    does: Does,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Begin(TargetFault),
    End(TargetFault),
}

/// What a fault of the target did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acts {
    /// How often it acted.
    pub times: u64,
    /// How often there was a sign that it bit.
    pub signs: u64,
    /// When it acted first and last, from the start of the run.
    pub between: Option<(Duration, Duration)>,
    /// When nothing was left of a process that it killed.
    pub kills: Vec<Duration>,
    /// When nothing was left of a process that it ended in whatever way, or one had begun anew by itself.
    pub ends: Vec<Duration>,
}

impl TargetFaults {
    /// The faults of these that are the target's; `disarmed` is the name of one that is to do nothing all the same.
    pub fn new(faults: &[Fault], disarmed: Option<&str>) -> Self {
        let (mut steps, mut acts) = (Vec::new(), BTreeMap::new());
        for fault in faults {
            let FaultKind::Target(kind) = fault.kind else { continue };
            acts.insert(fault.name.clone(), Acts::default());
            if disarmed == Some(fault.name.as_str()) {
                continue;
            }
            let step = |at, does| Step { at, fault: fault.name.clone(), does };
            let windows = fault.windows.all();
            steps.extend(windows.flat_map(|(begin, end)| [step(begin, Does::Begin(kind)), step(end, Does::End(kind))]));
        }
        // What ends at an instant does so before something else begins.
        steps.sort_by_key(|step| (step.at, matches!(step.does, Does::Begin(_))));
        steps.reverse();
        Self { steps, acts, held: None }
    }

    /// Whether something is still to be done.
    pub fn is_pending(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What the fault of this name did; `None` if it is none of the target's.
    pub fn acts(&self, name: &str) -> Option<&Acts> {
        self.acts.get(name)
    }

    /// Does what is due, and looks whether what was done holds. Gives what happened, each in a line. Blocks while a process ends or
    /// starts, up to its deadlines.
    ///
    /// # Errors
    /// In words, if the process could not be started again: there is no target then.
    pub fn tick(
        &mut self,
        now: impl Fn() -> Duration,
        target: &mut Target,
        interrupt: &CancellationToken,
    ) -> Result<Vec<String>, String> {
        let Some((process, sampler)) = target.process() else { return Ok(Vec::new()) };
        self.look(&now, process);
        let mut told = Vec::new();
        while let Some(step) = self.steps.pop_if(|step| step.at <= now()) {
            told.push(match step.does {
                Does::Begin(kind) => self.begin(&step.fault, kind, &now, process),
                Does::End(
                    TargetFault::Freeze | TargetFault::Cpu { .. } | TargetFault::Descriptors | TargetFault::Reload,
                ) => {
                    format!("{} has ended: {}", step.fault, self.release(process))
                }
                Does::End(TargetFault::Kill | TargetFault::Terminate) => {
                    let failed =
                        |error| format!("the target could not be started again after `{}`: {error}", step.fault);
                    process.start_again(interrupt).map_err(failed)?;
                    process.be_followed(sampler);
                    let took = process.ready_after().as_secs_f64();
                    format!("{} has ended: the target is ready again, {took:.1} s after it was started", step.fault)
                }
            });
        }
        Ok(told)
    }

    /// Undoes what holds and forgets what was still to come, so that the target can be stopped in good order. Whether the target is down
    /// and stays so: what it may still hold will not come out.
    pub fn undo(&mut self, target: &mut Target) -> bool {
        self.steps.clear();
        let Some((process, _)) = target.process() else { return false };
        self.release(process);
        process.is_down()
    }

    /// Lets go what is held, and says so.
    fn release(&mut self, process: &mut ProcessTarget) -> &'static str {
        let Some((_, held)) = self.held.take() else { return "nothing was held" };
        match held {
            Held::Frozen => process.signal(Signal::CONT),
            Held::Exhausted(limit) => process.allow_files(limit),
            Held::Throttled => process.throttle(None),
            Held::Reloading { .. } => {}
        }
        held.ended()
    }

    fn begin(
        &mut self,
        name: &str,
        kind: TargetFault,
        now: impl Fn() -> Duration,
        process: &mut ProcessTarget,
    ) -> String {
        let acts = self.acts.entry(name.to_owned()).or_default();
        let begun = now();
        acts.times += 1;
        acts.between = Some((acts.between.map_or(begun, |(first, _)| first), begun));
        let held = match kind {
            TargetFault::Kill => return acts.note_end(name, kind, now, process.end(EndBy::Kill)),
            TargetFault::Terminate => return acts.note_end(name, kind, now, process.end(EndBy::Terminate)),
            TargetFault::Freeze => {
                process.signal(Signal::STOP);
                Held::Frozen
            }
            TargetFault::Cpu { share } => {
                process.throttle(Some(thousandths(share)));
                Held::Throttled
            }
            TargetFault::Descriptors => match process.exhaust_files() {
                Some(limit) => Held::Exhausted(limit),
                None => {
                    return format!(
                        "{name} begins: the system does not let the target's limit of open files be changed"
                    );
                }
            },
            TargetFault::Reload => {
                let before = process.listeners();
                process.signal(Signal::HUP);
                Held::Reloading { before, is_done: false }
            }
        };
        let words = held.begun();
        self.held = Some((name.to_owned(), held));
        format!("{name} begins: {words}")
    }

    /// The kernel says whether what is held is so. Once is enough for each time.
    fn look(&mut self, now: impl Fn() -> Duration, process: &ProcessTarget) {
        let Some((name, held)) = &mut self.held else { return };
        let Some(acts) = self.acts.get_mut(name).filter(|acts| acts.signs < acts.times) else { return };
        let bites = match held {
            Held::Frozen => process.is_stopped(),
            Held::Exhausted(_) => process.has_exhausted(),
            Held::Throttled => process.is_seen_stopped(),
            Held::Reloading { before, is_done } => {
                let listeners = process.listeners();
                *is_done = !listeners.is_empty() && listeners.is_disjoint(before);
                if *is_done {
                    // What it was sending before it opened its receivers again, it may not know to have arrived.
                    acts.ends.push(now());
                }
                *is_done
            }
        };
        acts.signs += u64::from(bites);
    }
}

/// The scenario asks for whole percents and more.
fn thousandths(share: Ppb) -> u16 {
    u16::try_from(share.0 / (Ppb::WHOLE.0 / 1000)).unwrap_or(1000)
}

impl Acts {
    /// Notes how a process ended on purpose, and says so.
    fn note_end(&mut self, name: &str, kind: TargetFault, now: impl Fn() -> Duration, ended: Option<Ended>) -> String {
        let words = if kind == TargetFault::Kill { "the target was killed" } else { "the target was asked to end" };
        let Some(Ended { exit, killed }) = ended else {
            return format!("{name} begins: {words}, and it did not end by that");
        };
        // Until nothing is left of it, it may have answered and delivered.
        let gone = now();
        self.signs += 1;
        self.ends.push(gone);
        if killed {
            self.kills.push(gone);
        }
        let late = if killed && kind == TargetFault::Terminate { "; its grace was over, so it was killed" } else { "" };
        format!("{name} begins: {words}, and ended with {exit}{late}")
    }
}
