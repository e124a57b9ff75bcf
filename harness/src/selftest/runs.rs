//! Runs the cases side by side, each a `spanproof run` of its own below a keeper, since CPU time is told by the names of
//! threads in one process. What a run leaves is judged again from its evidence, and that must say what the run said.

use super::Setup;
use super::arguments::arguments;
use super::case::{Case, Expected, Source};
use crate::evidence::{self, Frozen};
use crate::process::{Exit, KeptCommand};
use spanproof_reports::result::RunResult;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a run is looked at.
const TICK: Duration = Duration::from_millis(20);

/// The longest case takes half a minute; one that takes so long hangs.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a run's progress says as soon as its load is over.
const SETTLING: &str = " settle";

/// The end of a run's log that is shown where it could not run, in characters.
const LAST_WORDS_MAX: usize = 600;

/// One run of one case.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub case: Case,
    pub expected: Expected,
    pub seed: u64,
    /// Cases that look at this one's evidence, altered.
    pub altered: Vec<Case>,
}

/// A run that has ended.
pub(super) struct Ended {
    pub job: Job,
    /// What was judged, or why there is nothing.
    pub judged: Result<Judged, String>,
    pub took: Duration,
}

/// What the evidence of a run says.
pub(super) struct Judged {
    /// As it is.
    pub result: RunResult,
    /// And as each altered case has it.
    pub altered: Vec<(Case, RunResult)>,
}

/// A run under way.
struct Running {
    job: Job,
    command: KeptCommand,
    began: Instant,
    directory: PathBuf,
    log: PathBuf,
}

/// The work that is shared between the threads.
struct Work<'a> {
    setup: &'a Setup,
    queue: Mutex<VecDeque<Job>>,
    interrupt: &'a CancellationToken,
}

/// Runs all jobs and tells of each as it ends. Those that rest on time send their load first, one after another with nothing
/// beside them; the others run side by side. Returns early when interrupted; nothing is left running then.
pub(super) fn run(setup: &Setup, jobs: Vec<Job>, interrupt: &CancellationToken, mut tell: impl FnMut(Ended)) {
    let (timed, others): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.case.rests_on_time);
    let work = &Work { setup, queue: Mutex::new(others.into()), interrupt };
    let (sender, ended): (Sender<Ended>, Receiver<Ended>) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for job in timed {
                if let Some(running) = work.start(job, &sender) {
                    let running = work.load(running);
                    let sender = sender.clone();
                    scope.spawn(move || work.finish(running, &sender));
                }
            }
            for _ in 0..setup.jobs.get() {
                let sender = sender.clone();
                scope.spawn(move || work.take_turns(&sender));
            }
        });
        ended.into_iter().for_each(&mut tell);
    });
}

impl Work<'_> {
    /// Runs one job after another until none is left.
    fn take_turns(&self, sender: &Sender<Ended>) {
        while let Some(job) = self.next() {
            if let Some(running) = self.start(job, sender) {
                self.finish(running, sender);
            }
        }
    }

    /// Takes the next job, and lets go of the queue at once.
    fn next(&self) -> Option<Job> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Starts a run; what could not be started has ended.
    fn start(&self, job: Job, sender: &Sender<Ended>) -> Option<Running> {
        if self.interrupt.is_cancelled() {
            return None;
        }
        match self.launch(&job) {
            Ok((command, directory, log)) => Some(Running { job, command, began: Instant::now(), directory, log }),
            Err(reason) => {
                send(sender, Ended { job, judged: Err(reason), took: Duration::ZERO });
                None
            }
        }
    }

    fn launch(&self, job: &Job) -> Result<(KeptCommand, PathBuf, PathBuf), String> {
        let Source::Run { traffic, plant, settings } = job.case.source else {
            return Err("an altered case has no run of its own".to_owned());
        };
        let directory = self.setup.folder.join(file_name(&job.case, job.seed));
        let log = directory.with_extension("log");
        let file = append(&log).map_err(|error| format!("write {}: {error}", log.display()))?;
        let arguments = arguments(self.setup, (traffic, plant, settings), &job.expected, job.seed, &directory);
        let binary = self.setup.binary.display().to_string();
        // In the folder, so that it is remembered there as the last run and not where the self-test was started.
        let command = KeptCommand::start_in(Some(&self.setup.folder), &binary, &arguments, BTreeMap::new(), file);
        command.map(|command| (command, directory, log)).map_err(|error| error.to_string())
    }

    /// Waits until the load of a run is over.
    fn load(&self, mut running: Running) -> Running {
        while running.command.exit().is_none()
            && !settling(&running.log)
            && running.began.elapsed() < DEADLINE
            && !self.interrupt.is_cancelled()
        {
            std::thread::sleep(TICK);
        }
        running
    }

    /// Waits for the end of a run and judges what it left.
    fn finish(&self, mut running: Running, sender: &Sender<Ended>) {
        let judged = loop {
            if self.interrupt.is_cancelled() {
                return;
            }
            if let Some(exit) = running.command.exit() {
                break judge(&running, exit);
            }
            if running.began.elapsed() > DEADLINE {
                break Err(format!("the run did not end within {} s", DEADLINE.as_secs()));
            }
            std::thread::sleep(TICK);
        };
        let Running { job, began, directory, .. } = running;
        if !self.setup.keep {
            // What stays behind is removed with the whole folder.
            std::fs::remove_dir_all(directory).ok();
        }
        send(sender, Ended { job, judged, took: began.elapsed() });
    }
}

fn send(sender: &Sender<Ended>, ended: Ended) {
    // Whoever listens does so until the last sender is gone.
    sender.send(ended).ok();
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A name for the results of a case that every file system takes.
fn file_name(case: &Case, seed: u64) -> String {
    let name: String = case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{name}-{seed}")
}

fn settling(log: &Path) -> bool {
    std::fs::read_to_string(log).is_ok_and(|text| text.contains(SETTLING))
}

/// Judges what a run left, from its evidence alone.
fn judge(running: &Running, exit: Exit) -> Result<Judged, String> {
    let Running { job, directory, log, .. } = running;
    let code = match exit {
        Exit::Code(code @ (0 | 1 | 3)) => code,
        other => return Err(format!("the run ended with {other}: {}", last_words(log))),
    };
    let frozen = evidence::read(directory).map_err(|error| format!("{error}: {}", last_words(log)))?;
    let result = frozen.judge();
    if i32::from(result.exit_code()) != code {
        return Err(format!("the run ended with {code}, and its evidence says {}", result.verdict));
    }
    said_the_same(directory, &result)?;
    let altered = job.altered.iter().map(|case| Ok((*case, altered(case, directory, &frozen)?)));
    Ok(Judged { altered: altered.collect::<Result<_, String>>()?, result })
}

/// The result that the run wrote is the one that its evidence gives.
fn said_the_same(directory: &Path, judged: &RunResult) -> Result<(), String> {
    let written = spanproof_reports::directory::load(directory).map_err(|error| error.to_string())?;
    let text = |result: &RunResult| serde_json::to_string(result).map_err(|error| error.to_string());
    if text(&written)? == text(judged)? {
        Ok(())
    } else {
        Err("judging its evidence again does not give the result that the run wrote".to_owned())
    }
}

/// What the evidence says when it is altered.
fn altered(case: &Case, directory: &Path, as_it_is: &Frozen) -> Result<RunResult, String> {
    let Source::Altered { alter, .. } = case.source else {
        return Err(format!("{} alters nothing", case.name));
    };
    let known = Arc::clone(&as_it_is.evidence.plan);
    let mut frozen = evidence::read_back(directory, Some(&known)).map_err(|error| error.to_string())?;
    alter(&mut frozen);
    Ok(frozen.judge())
}

/// The end of what a run said, on one line.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = words.chars().count().saturating_sub(LAST_WORDS_MAX);
    if words.is_empty() { "it said nothing".to_owned() } else { words.chars().skip(skip).collect() }
}
