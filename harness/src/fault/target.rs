//! Faults of the target's process: stopped and let go on, ended and started again, at their instants.
//!
//! The run calls [`TargetFaults::tick`] again and again. What each fault did is noted, with a sign of its own that it bit: the
//! kernel's word that the process is stopped, or how the process ended.

use crate::process::{EndBy, Ended, ProcessTarget};
use crate::target::Target;
use rustix::process::Signal;
use spanproof_scenarios::scenario::{Fault, FaultKind, TargetFault};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The faults of a run's target, and what they did so far.
#[derive(Debug, Default)]
pub struct TargetFaults {
    /// What is still to be done, the next first.
    steps: Vec<Step>,
    acts: BTreeMap<String, Acts>,
    /// The fault for whose sake the process is stopped now.
    frozen: Option<String>,
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
    /// When nothing was left of a process that it ended in whatever way.
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
        Self { steps, acts, frozen: None }
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
        self.look(process);
        let mut told = Vec::new();
        while let Some(step) = self.steps.pop_if(|step| step.at <= now()) {
            told.push(match step.does {
                Does::Begin(kind) => self.begin(&step.fault, kind, &now, process),
                Does::End(TargetFault::Freeze) => {
                    process.signal(Signal::CONT);
                    self.frozen = None;
                    format!("{} has ended: the target goes on", step.fault)
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
        let frozen = self.frozen.take().is_some();
        let Some((process, _)) = target.process() else { return false };
        if frozen {
            process.signal(Signal::CONT);
        }
        process.is_down()
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
        let (signal, words) = match kind {
            TargetFault::Freeze => {
                process.signal(Signal::STOP);
                self.frozen = Some(name.to_owned());
                return format!("{name} begins: the target is stopped");
            }
            TargetFault::Kill => (EndBy::Kill, "the target was killed"),
            TargetFault::Terminate => (EndBy::Terminate, "the target was asked to end"),
        };
        let Some(Ended { exit, killed }) = process.end(signal) else {
            return format!("{name} begins: {words}, and it did not end by that");
        };
        // Until nothing is left of it, it may have answered and delivered.
        let gone = now();
        acts.signs += 1;
        acts.ends.push(gone);
        if killed {
            acts.kills.push(gone);
        }
        let late = if killed && kind == TargetFault::Terminate { "; its grace was over, so it was killed" } else { "" };
        format!("{name} begins: {words}, and ended with {exit}{late}")
    }

    /// The kernel says whether a process is stopped. Once is enough for each time.
    fn look(&mut self, process: &ProcessTarget) {
        let Some(acts) = self.frozen.as_ref().and_then(|name| self.acts.get_mut(name)) else { return };
        if acts.signs < acts.times && process.is_stopped() {
            acts.signs += 1;
        }
    }
}
