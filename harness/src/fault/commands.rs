//! Faults of the user's own: commands that break something at their instants, that say whether it is broken, and that make it whole.
//!
//! Each fault has a thread of its own, since commands take their time. Whatever was begun is undone: at its end, when the run ends
//! early, and, should we be killed, by the [`Heir`].

use super::target::Acts;
use crate::clock::RunClock;
use crate::process::{Exit, Heir, KeptCommand, Will};
use crate::threads;
use spanproof_scenarios::scenario::{Command, Commands, Fault, FaultKind};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it is asked whether the fault bites, until it does.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What the threads are called by.
const THREAD: &str = "commands";

/// Where what commands write goes, in the directory of the run.
pub const LOG: &str = "commands.log";

/// The faults of a run that are commands.
#[derive(Default)]
pub struct CommandFaults {
    acts: BTreeMap<String, Acts>,
    runners: Vec<Runner>,
    shared: Option<Arc<Shared>>,
}

struct Runner {
    thread: JoinHandle<()>,
    /// Dropped, it has the thread undo what is begun, and end.
    go_on: Sender<()>,
}

/// What all threads share.
struct Shared {
    clock: RunClock,
    log: PathBuf,
    variables: BTreeMap<String, String>,
    heir: Mutex<Heir>,
    acts: Mutex<BTreeMap<String, Acts>>,
    told: Mutex<Vec<Told>>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// From the start of the run.
    pub at: Duration,
    /// In words.
    pub message: String,
    /// Whether somebody has to look after it.
    pub is_amiss: bool,
}

/// How a command ended.
enum Outcome {
    Ended(Exit),
    TookTooLong,
    NotStarted(String),
    /// The run ended first.
    Stopped,
}

impl CommandFaults {
    /// Begins each fault at its instants; `disarmed` is the name of one that is to do nothing all the same. Commands are told the
    /// target's process where it is one of ours.
    ///
    /// # Errors
    /// The system gave no process, thread or file; nothing has been begun then.
    pub fn begin(
        faults: &[Fault],
        (clock, directory): (RunClock, &Path),
        target: Option<u32>,
        disarmed: Option<&str>,
    ) -> std::io::Result<Self> {
        let own = faults.iter().filter_map(|fault| match &fault.kind {
            FaultKind::Commands(commands) => Some((fault, commands)),
            _ => None,
        });
        let own: Vec<_> = own.collect();
        let mut begun = Self {
            acts: own.iter().map(|(fault, _)| (fault.name.clone(), Acts::default())).collect(),
            runners: Vec::new(),
            shared: None,
        };
        if own.iter().all(|(fault, _)| disarmed == Some(&fault.name)) {
            return Ok(begun);
        }
        let log = directory.join(LOG);
        let pid = target.map(|pid| ("SPANPROOF_TARGET_PID".to_owned(), pid.to_string()));
        let shared = Arc::new(Shared {
            clock,
            variables: pid.into_iter().collect(),
            heir: Mutex::new(Heir::start(appending(&log)?)?),
            log,
            acts: Mutex::default(),
            told: Mutex::default(),
        });
        for (number, (fault, commands)) in own.into_iter().enumerate().filter(|(_, one)| disarmed != Some(&one.0.name))
        {
            let (go_on, stopped) = channel();
            let work = Work { fault: fault.clone(), commands: commands.clone(), shared: Arc::clone(&shared), stopped };
            let thread = std::thread::Builder::new().name(threads::name(THREAD, number));
            begun.runners.push(Runner { thread: thread.spawn(move || work.follow())?, go_on });
        }
        begun.shared = Some(shared);
        Ok(begun)
    }

    /// Undoes what is begun and forgets what was still to come. What happened, in the order in which it did; empty when called again.
    pub fn undo(&mut self) -> Vec<Told> {
        let (threads, all_go_on): (Vec<_>, Vec<_>) =
            self.runners.drain(..).map(|Runner { thread, go_on }| (thread, go_on)).unzip();
        drop(all_go_on);
        for thread in threads {
            // A panic there has been printed and remembered.
            thread.join().ok();
        }
        let Some(shared) = self.shared.take() else { return Vec::new() };
        self.acts.extend(std::mem::take(&mut *lock(&shared.acts)));
        let mut told = std::mem::take(&mut *lock(&shared.told));
        told.sort_by_key(|one| one.at);
        told
    }

    /// What the fault of this name did until it was undone; `None` if it is none of these.
    pub fn acts(&self, name: &str) -> Option<&Acts> {
        self.acts.get(name)
    }
}

/// Also where a panic ends the run.
impl Drop for CommandFaults {
    fn drop(&mut self) {
        self.undo();
    }
}

/// One fault, in its thread.
struct Work {
    fault: Fault,
    commands: Commands,
    shared: Arc<Shared>,
    stopped: Receiver<()>,
}

impl Work {
    fn follow(self) {
        for (begin, end) in self.fault.windows.all() {
            if !self.waits_until(begin) || !self.leave_will() {
                return;
            }
            let bites = self.start();
            self.look(end, bites);
            self.undo();
            self.shared.heir().revoke(&self.fault.name);
        }
    }

    /// False if the run ends first.
    fn waits_until(&self, at: Duration) -> bool {
        let wait = (self.shared.clock.origin() + at).saturating_duration_since(Instant::now());
        self.stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout)
    }

    /// Has the heir undo what is about to begin; false if there is none any more, and then nothing may begin.
    fn leave_will(&self) -> bool {
        let Command { program, args } = &self.commands.undo;
        let will = Will {
            name: self.fault.name.clone(),
            program: program.display().to_string(),
            args: args.to_vec(),
            variables: self.variables(),
            within: self.commands.within,
        };
        let left = self.shared.heir().leave(&will);
        if let Err(error) = &left {
            self.tell(format!("has not begun, since nobody would undo it if spanproof were killed: {error}"), true);
        }
        left.is_ok()
    }

    /// Whether the fault has begun.
    fn start(&self) -> bool {
        let begun = self.now();
        let outcome = self.run(&self.commands.start, || self.is_stopped());
        let succeeded = outcome.succeeded();
        if succeeded {
            let mut acts = lock(&self.shared.acts);
            let acts = acts.entry(self.fault.name.clone()).or_default();
            acts.times += 1;
            acts.between = Some((acts.between.map_or(begun, |(first, _)| first), begun));
        }
        self.tell(format!("begins: {} {outcome}", self.commands.start), !succeeded);
        succeeded
    }

    /// Until the end, asks whether it bites, until it does.
    fn look(&self, end: Duration, mut asks: bool) {
        while self.now() < end && !self.is_stopped() {
            if asks && self.run(&self.commands.evidence, || self.is_stopped() || self.now() >= end).succeeded() {
                lock(&self.shared.acts).entry(self.fault.name.clone()).or_default().signs += 1;
                self.tell(format!("bites: {} says so", self.commands.evidence), false);
                asks = false;
            }
            self.waits_until(if asks { end.min(self.now() + ASK_EVERY) } else { end });
        }
    }

    fn undo(&self) {
        let outcome = self.run(&self.commands.undo, || false);
        let words = format!("has ended: {} {outcome}", self.commands.undo);
        if outcome.succeeded() {
            self.tell(words, false);
        } else {
            self.tell(format!("{words}; what it was to make whole may still be broken"), true);
        }
    }

    /// Runs a command to its end, unless it takes too long or `stops`.
    fn run(&self, command: &Command, stops: impl Fn() -> bool) -> Outcome {
        let program = command.program.display().to_string();
        let started = appending(&self.shared.log).map_err(|error| error.to_string()).and_then(|log| {
            let started = KeptCommand::start_in(None, &program, &command.args, self.variables(), log);
            started.map_err(|error| error.reason)
        });
        let running = match started {
            Ok(running) => running,
            Err(reason) => return Outcome::NotStarted(reason),
        };
        match running.finish(self.commands.within, &stops) {
            Some(exit) => Outcome::Ended(exit),
            None if stops() => Outcome::Stopped,
            None => Outcome::TookTooLong,
        }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.shared.variables.clone();
        variables.insert("SPANPROOF_FAULT".to_owned(), self.fault.name.clone());
        variables
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    fn tell(&self, words: String, is_amiss: bool) {
        let message = format!("{} {words}", self.fault.name);
        lock(&self.shared.told).push(Told { at: self.now(), message, is_amiss });
    }
}

impl Shared {
    fn heir(&self) -> MutexGuard<'_, Heir> {
        lock(&self.heir)
    }
}

impl Outcome {
    fn succeeded(&self) -> bool {
        matches!(self, Self::Ended(exit) if exit.is_success())
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(exit) => write!(f, "ended with {exit}"),
            Self::TookTooLong => f.write_str("took too long and was stopped"),
            Self::NotStarted(reason) => write!(f, "could not be started: {reason}"),
            Self::Stopped => f.write_str("was stopped, since the run ended"),
        }
    }
}

fn appending(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
