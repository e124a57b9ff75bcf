//! Runs the cases side by side, each a `spanproof run` of its own below a keeper, since CPU time is told by the names of
//! threads in one process. Those that rest on time are run first, with nothing beside them, and once more at the end where the
//! harness was late: what else a machine does comes and goes.

use super::Setup;
use super::arguments::arguments;
use super::case::{Case, Disturbance, Expected, Source};
use super::judged::{Came, judge};
use super::seen::{Outcome, Untried};
use crate::process::{Exit, KeptCommand};
use rustix::process::Signal;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a run is looked at.
const TICK: Duration = Duration::from_millis(20);

/// The longest case takes half a minute; one that takes so long hangs.
const DEADLINE: Duration = Duration::from_secs(180);

/// How often a case that rests on time is run at most. A machine that never leaves the harness alone for a second is no place
/// to measure at.
pub const TRIES_MAX: u32 = 16;

/// So many of these tries come first, the rest when all other cases have ended.
const TRIES_FIRST: u32 = 3;

/// What a run's progress says as soon as its load is under way.
const LOADING: &str = "in flight";

/// A run is disturbed so long after its load began: something has then been sent and lost, and most is still to be sent.
const DISTURB_AFTER: Duration = Duration::from_millis(1_500);

/// The end of a run's log that is shown where it could not run, in characters.
const LAST_WORDS_MAX: usize = 600;

/// One run of one case.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub case: Case,
    pub expected: Expected,
    pub seed: u64,
    /// Cases that look at this one's evidence, altered, and what must come of them.
    pub altered: Vec<(Case, Expected)>,
}

/// A run that has ended.
pub(super) struct Ended {
    pub seed: u64,
    /// What came of its case, and behind it of those that look at its evidence, altered.
    pub came: Vec<Came>,
    pub took: Duration,
    /// How often it was run.
    pub tries: u32,
}

/// A run under way.
struct Running<'a> {
    job: &'a Job,
    command: KeptCommand,
    began: Instant,
    load_began: Option<Instant>,
    disturbed: Disturbed,
    directory: PathBuf,
    log: PathBuf,
}

/// How far the disturbance of a run is.
#[derive(Clone, Copy)]
enum Disturbed {
    NotYet,
    PausedUntil(Instant),
    Done,
}

/// The work that is shared between the threads.
struct Work<'a> {
    setup: &'a Setup,
    queue: Mutex<VecDeque<Job>>,
    interrupt: &'a CancellationToken,
}

/// Runs all jobs and tells of each as it ends. Returns early when interrupted; nothing is left running then.
pub(super) fn run(setup: &Setup, jobs: Vec<Job>, interrupt: &CancellationToken, mut tell: impl FnMut(Ended)) {
    let (timed, others): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.case.rests_on_time);
    let work = &Work { setup, queue: Mutex::new(others.into()), interrupt };
    let (sender, ended): (Sender<Ended>, Receiver<Ended>) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let late: Vec<&Job> = timed.iter().filter(|job| !work.run_alone(job, 1..=TRIES_FIRST, &sender)).collect();
            work.run_side_by_side(&sender);
            for job in late {
                work.run_alone(job, TRIES_FIRST + 1..=TRIES_MAX, &sender);
            }
        });
        ended.into_iter().for_each(&mut tell);
    });
}

impl Work<'_> {
    /// Runs a job that rests on time, with nothing beside it. Where the harness was late, nothing is known of the judge, and it
    /// is run again; whatever else comes of it stands at once. False when it is still to be tried.
    fn run_alone(&self, job: &Job, tries: RangeInclusive<u32>, sender: &Sender<Ended>) -> bool {
        for tries in tries {
            let Some(ended) = self.run_once(job, tries) else { return true };
            if tries == TRIES_MAX || !ended.harness_was_late() {
                send(sender, ended);
                return true;
            }
        }
        false
    }

    /// Runs what is left in the queue, as many jobs at a time as was asked for, to the end of the last.
    fn run_side_by_side(&self, sender: &Sender<Ended>) {
        std::thread::scope(|scope| {
            for _ in 0..self.setup.jobs.get() {
                scope.spawn(|| self.take_turns(sender));
            }
        });
    }

    /// Runs one job after another until none is left.
    fn take_turns(&self, sender: &Sender<Ended>) {
        while let Some(job) = self.next() {
            let Some(ended) = self.run_once(&job, 1) else { return };
            send(sender, ended);
        }
    }

    /// Takes the next job, and lets go of the queue at once.
    fn next(&self) -> Option<Job> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Runs a job to its end and judges what it left. `None` when interrupted.
    fn run_once(&self, job: &Job, tries: u32) -> Option<Ended> {
        if self.interrupt.is_cancelled() {
            return None;
        }
        let began = Instant::now();
        let came = match self.launch(job, tries) {
            Ok(running) => self.finish(running)?,
            Err(reason) => Err(reason),
        };
        let came = came.unwrap_or_else(|reason| job.untried(&reason));
        Some(Ended { seed: job.seed, came, took: began.elapsed(), tries })
    }

    fn launch<'job>(&self, job: &'job Job, tries: u32) -> Result<Running<'job>, String> {
        let Source::Run { traffic, plant, settings } = job.case.source else {
            return Err("an altered case has no run of its own".to_owned());
        };
        let directory = self.setup.folder.join(file_name(&job.case, job.seed, tries));
        let log = directory.with_extension("log");
        let file = append(&log).map_err(|error| format!("write {}: {error}", log.display()))?;
        let arguments = arguments(self.setup, (traffic, plant, settings), &job.expected, job.seed, &directory);
        let binary = self.setup.binary.display().to_string();
        // In the folder, so that it is remembered there as the last run and not where the self-test was started.
        let command = KeptCommand::start_in(Some(&self.setup.folder), &binary, &arguments, BTreeMap::new(), file);
        let command = command.map_err(|error| error.to_string())?;
        let began = Instant::now();
        Ok(Running { job, command, began, load_began: None, disturbed: Disturbed::NotYet, directory, log })
    }

    /// Waits for the end of a run and judges what it left. `None` when we are interrupted ourselves.
    fn finish(&self, mut running: Running<'_>) -> Option<Result<Vec<Came>, String>> {
        let exit = loop {
            if self.interrupt.is_cancelled() {
                return None;
            }
            if let Some(exit) = running.command.exit() {
                break exit;
            }
            if running.began.elapsed() > DEADLINE {
                return Some(Err(format!("the run did not end within {} s", DEADLINE.as_secs())));
            }
            running.disturb_if_due();
            std::thread::sleep(TICK);
        };
        let Running { job, directory, log, .. } = running;
        let came = code(exit, job).and_then(|code| judge(self.setup, job, &directory, code));
        if !self.setup.keep {
            // What stays behind is removed with the whole folder.
            std::fs::remove_dir_all(directory).ok();
        }
        Some(came.map_err(|reason| format!("{reason}: {}", last_words(&log))))
    }
}

impl Running<'_> {
    /// Does to a run what its case asks for, once, in the middle of its load.
    fn disturb_if_due(&mut self) {
        let Some(disturbance) = self.job.case.disturbance else { return };
        let so_far = self.disturbed;
        match so_far {
            Disturbed::NotYet if self.is_in_mid_load() => self.disturbed = self.disturb(disturbance),
            Disturbed::PausedUntil(end) if Instant::now() >= end => {
                self.command.signal(Signal::CONT);
                self.disturbed = Disturbed::Done;
            }
            Disturbed::NotYet | Disturbed::PausedUntil(_) | Disturbed::Done => {}
        }
    }

    fn disturb(&mut self, disturbance: Disturbance) -> Disturbed {
        match disturbance {
            Disturbance::Interrupt => {
                self.command.interrupt();
                Disturbed::Done
            }
            Disturbance::Pause(lasting) => {
                self.command.signal(Signal::STOP);
                Disturbed::PausedUntil(Instant::now() + lasting)
            }
        }
    }

    fn is_in_mid_load(&mut self) -> bool {
        if self.load_began.is_none() && says(&self.log, LOADING) {
            self.load_began = Some(Instant::now());
        }
        self.load_began.is_some_and(|began| began.elapsed() > DISTURB_AFTER)
    }
}

impl Job {
    /// Nothing came of it, nor of those that look at its evidence.
    fn untried(&self, reason: &str) -> Vec<Came> {
        let own = (self.case, self.expected);
        let all = std::iter::once(&own).chain(&self.altered);
        all.map(|(case, expected)| Came::untried(*case, *expected, reason.to_owned())).collect()
    }
}

impl Ended {
    /// True when nothing can be said of the case because the harness itself was late.
    fn harness_was_late(&self) -> bool {
        let outcomes = self.came.iter().map(|came| &came.outcome);
        outcomes.take(1).any(|outcome| matches!(outcome, Outcome::Untried(Untried::HarnessWasLate(_))))
    }
}

fn send(sender: &Sender<Ended>, ended: Ended) {
    // Whoever listens does so until the last sender is gone.
    sender.send(ended).ok();
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A name for the results of a case that every file system takes. Those of an earlier try stay.
fn file_name(case: &Case, seed: u64, tries: u32) -> String {
    let name: String = case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if tries == 1 { format!("{name}-{seed}") } else { format!("{name}-{seed}-try-{tries}") }
}

fn says(log: &Path, word: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|text| text.contains(word))
}

/// The exit code of a run that came to a result; one that is interrupted has a code of its own.
fn code(exit: Exit, job: &Job) -> Result<i32, String> {
    match exit {
        Exit::Code(code @ (0 | 1 | 3)) => Ok(code),
        Exit::Code(code @ 130) if job.case.disturbance == Some(Disturbance::Interrupt) => Ok(code),
        other => Err(format!("the run ended with {other}")),
    }
}

/// The end of what a run said, on one line.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = words.chars().count().saturating_sub(LAST_WORDS_MAX);
    if words.is_empty() { "it said nothing".to_owned() } else { words.chars().skip(skip).collect() }
}
