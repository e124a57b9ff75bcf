//! The keeper's side: the small process between us and the target. See the parent module for why it exists.
//!
//! It speaks in lines of JSON: a [`Request`] and then [`Order`]s on its stdin, [`Event`]s on its stdout. Its stderr is the
//! target's log. Its working directory and environment are the target's. One binary plays two parts: the keeper itself, and
//! for an instant the target-to-be, which asks for its death signal and then executes the target's binary in its place.

use crate::resources::descendants;
use rustix::process::{Pid, Signal, WaitOptions, getpid, getppid, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The argument that makes our binary the keeper.
pub(super) const KEEPER_ARGUMENT: &str = "__keeper";

/// How long the keeper goes on killing before it gives up on a process that the kernel will not end.
const KILL_FOR: Duration = Duration::from_secs(5);

/// How long a target that is throttled runs and stands still together, as the kernel's quota of CPU time has it.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// What a keeper process is asked to be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Start this target and keep it.
    Keep(Program),
    /// Become this target; the number is the pid that must be our parent.
    Become(u32, Program),
    /// Undo what your maker has broken, should it end before it could.
    Inherit,
}

/// What to execute.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) path: String,
    pub(super) args: Vec<String>,
}

/// What the keeper is told to do with the target.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Send a signal to the target's process group.
    Signal(i32),
    /// Let the target run for so many of each [`PERIOD`]'s thousandths, and stand still for the others; `None` lets it run again.
    Throttle(Option<u16>),
    /// Send SIGTERM to the target's process group, and let everything end by itself.
    Stop,
    /// Kill everything.
    Kill,
}

/// What the keeper tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    /// The target's process exists.
    Started {
        /// Its pid and process group.
        pid: u32,
    },
    /// The target's process could not be made.
    Failed {
        /// What the system said.
        reason: String,
    },
    /// The target's own process ended, by exit code or by signal.
    Ended {
        /// The exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// Nothing is left below the keeper.
    Gone {
        /// CPU time of everything that ran below the keeper, in clock ticks.
        cpu_ticks: u64,
    },
}

/// Becomes the keeper and never returns if this process was started as one; does nothing otherwise.
///
/// The first call in `main` of every binary that starts a [`super::ProcessTarget`], before any thread is started.
pub fn become_keeper_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == KEEPER_ARGUMENT) {
        std::process::exit(run());
    }
}

fn run() -> i32 {
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).is_err() {
        return 2;
    }
    match serde_json::from_str(&line) {
        Ok(Request::Keep(program)) => keep(&program),
        Ok(Request::Become(parent, program)) => become_target(parent, &program),
        Ok(Request::Inherit) => super::heir::inherit(),
        Err(_) => 2,
    }
}

fn become_target(parent: u32, program: &Program) -> i32 {
    let asked = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // The parent may have ended before the death signal was set, and then nobody would send it.
    let parent_lives = getppid().is_some_and(|pid| pid.as_raw_nonzero().get().unsigned_abs() == parent);
    if asked.is_err() || !parent_lives {
        return 126;
    }
    let mut command = Command::new(&program.path);
    command.args(&program.args).stdin(Stdio::null());
    // Until here stdout led nowhere, so that nothing of ours (a test binary's banner) got into the log.
    let error = match std::io::stderr().as_fd().try_clone_to_owned() {
        Ok(log) => command.stdout(log).exec(),
        Err(error) => error,
    };
    write_line(std::io::stderr(), &format!("spanproof: cannot execute {}: {error}", program.path));
    127
}

fn keep(program: &Program) -> i32 {
    // Not named like our binary, so that killing us by name does not kill the keeper with us.
    rustix::thread::set_name(c"sp-keeper").ok();
    let started = rustix::process::set_child_subreaper(Some(getpid()))
        .map_err(std::io::Error::from)
        .and_then(|()| start_target(program));
    match started {
        Ok(pid) => {
            tell(&Event::Started { pid: pid.as_raw_nonzero().get().unsigned_abs() });
            keep_until_gone(pid)
        }
        Err(error) => {
            tell(&Event::Failed { reason: error.to_string() });
            1
        }
    }
}

fn start_target(program: &Program) -> std::io::Result<Pid> {
    let log = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut child = Command::new("/proc/self/exe")
        .arg0("sp-child")
        .arg(KEEPER_ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let request = serde_json::to_string(&Request::Become(std::process::id(), program.clone()))?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "{request}")?;
    }
    // Waited for by `reap`, never through `child`.
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| std::io::Error::other("pid out of range"))
}

/// What the threads of the keeper share.
#[derive(Debug)]
struct Kept {
    target: Pid,
    ended: bool,
    stopping: bool,
    /// For how many thousandths of a period it runs, while it is throttled.
    runs: Option<u16>,
    /// How often it was throttled so far: each time has a thread of its own, and the last one counts.
    throttled: u64,
}

fn keep_until_gone(target: Pid) -> i32 {
    let kept = Arc::new(Mutex::new(Kept { target, ended: false, stopping: false, runs: None, throttled: 0 }));
    let ordered = Arc::clone(&kept);
    std::thread::spawn(move || obey(&ordered));
    reap(&kept);
    tell(&Event::Gone { cpu_ticks: waited_ticks() });
    0
}

/// Waits for everything below us, on the thread that started the target: its death signal fires when this thread ends.
fn reap(kept: &Mutex<Kept>) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if pid == kept.target && !kept.ended {
                    kept.ended = true;
                    tell(&Event::Ended { code: status.exit_status(), signal: status.terminating_signal() });
                    if !kept.stopping {
                        // What an ended target leaves behind is not a target; while stopping it may still drain.
                        std::thread::spawn(kill_everything);
                    }
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Follows orders until the pipe closes, which is how our maker's end looks from here.
fn obey(kept: &Arc<Mutex<Kept>>) {
    for line in std::io::stdin().lock().lines() {
        match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Order::Signal(number)) => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    send(kept, signal);
                }
            }
            Some(Order::Throttle(runs)) => throttle(kept, runs),
            Some(Order::Stop) => {
                throttle(kept, None);
                kept.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
                send(kept, Signal::TERM);
                // A target that a fault has stopped must run to see it.
                send(kept, Signal::CONT);
            }
            Some(Order::Kill) | None => break,
        }
    }
    kill_everything();
    // Reached only if something outlived SIGKILL; the other thread ends the process otherwise.
    std::process::exit(3);
}

/// Has the target run for so many thousandths of each period from now on, or all the time.
fn throttle(kept: &Arc<Mutex<Kept>>, runs: Option<u16>) {
    let number = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut kept.runs, runs);
        kept.throttled += 1;
        if before.is_some() {
            send_to(&kept, Signal::CONT);
        }
        kept.throttled
    };
    if runs.is_some() {
        let kept = Arc::clone(kept);
        std::thread::spawn(move || while stand_still_and_run(&kept, number) {});
    }
}

/// One period of a target that is throttled; whether it is still to be so by this thread.
fn stand_still_and_run(kept: &Mutex<Kept>, number: u64) -> bool {
    let runs = {
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(runs) = kept.runs.filter(|_| kept.throttled == number) else { return false };
        // Under the lock, so that nothing is stopped that has just been let run for good.
        send_to(&kept, Signal::STOP);
        PERIOD.mul_f64(f64::from(runs) / 1000.0)
    };
    std::thread::sleep(PERIOD.saturating_sub(runs));
    send(kept, Signal::CONT);
    std::thread::sleep(runs);
    true
}

fn send(kept: &Mutex<Kept>, signal: Signal) {
    send_to(&kept.lock().unwrap_or_else(PoisonError::into_inner), signal);
}

fn send_to(kept: &Kept, signal: Signal) {
    if kept.ended {
        signal_descendants(signal);
    } else {
        kill_process_group(kept.target, signal).ok();
    }
}

fn kill_everything() {
    let start = Instant::now();
    while start.elapsed() < KILL_FOR {
        signal_descendants(Signal::KILL);
        // Killed processes need a moment to end, and one of them may have forked just before it was killed.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal_descendants(signal: Signal) {
    for pid in descendants(std::process::id()).unwrap_or_default() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            kill_process(pid, signal).ok();
        }
    }
}

/// CPU ticks of all children that were waited for, and of theirs.
fn waited_ticks() -> u64 {
    crate::resources::waited_for_ticks().unwrap_or(0)
}

fn tell(event: &Event) {
    if let Ok(text) = serde_json::to_string(event) {
        write_line(std::io::stdout(), &text);
    }
}

/// Nobody may be listening any more, and that must not stop the keeper.
fn write_line(mut to: impl Write, text: &str) {
    to.write_all(format!("{text}\n").as_bytes()).and_then(|()| to.flush()).ok();
}
