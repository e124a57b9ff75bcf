//! A command that we run beside our own work, below a keeper like a target: it never outlives us.

use super::error::StartError;
use super::keeper::{Order, Program};
use super::kept::{Kept, Launch};
use super::launch::{inherited, resolve};
use super::target::Exit;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a command that is not waited for any longer may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How long everything may take to end after SIGKILL.
const KILL_WITHIN: Duration = Duration::from_secs(6);

/// A command that could not be started. Give the path of its program, or put its folder on PATH.
#[derive(Debug, thiserror::Error)]
#[error("start `{}`: {reason}", command.escape_debug())]
pub struct CommandError {
    /// The command.
    pub command: String,
    /// What went wrong.
    pub reason: String,
}

/// Finds out whether there is a program to be run.
///
/// # Errors
/// [`CommandError`].
pub fn check_command(program: &Path) -> Result<(), CommandError> {
    let found = resolve(program, &inherited());
    found.map(drop).map_err(|error| failed(&program.display().to_string(), words(error)))
}

/// A running command. What it writes goes to our stderr, its stdin is empty. Dropping it kills it and all it started.
#[derive(Debug)]
pub struct KeptCommand {
    kept: Kept,
}

impl KeptCommand {
    /// Starts a command with our environment and `variables` on top.
    ///
    /// # Errors
    /// [`CommandError`]; nothing has been started then.
    pub fn start(command: &str, args: &[String], variables: BTreeMap<String, String>) -> Result<Self, CommandError> {
        let log = std::io::stderr().as_fd().try_clone_to_owned().map_err(|error| failed(command, error))?;
        Self::start_in(None, command, args, variables, File::from(log))
    }

    /// The same in `folder`, if one is given, and with what it writes going to `log`, which is open for appending.
    ///
    /// # Errors
    /// [`CommandError`]; nothing has been started then.
    pub fn start_in(
        folder: Option<&Path>,
        command: &str,
        args: &[String],
        variables: BTreeMap<String, String>,
        log: File,
    ) -> Result<Self, CommandError> {
        let mut env = inherited();
        env.extend(variables);
        let path = resolve(Path::new(command), &env).map_err(|error| failed(command, words(error)))?;
        let program = Program { path: path.display().to_string(), args: args.to_vec() };
        let kept = Kept::start(Launch { program, env, cwd: folder.map(Path::to_owned), log })
            .map_err(|error| failed(command, error))?;
        Ok(Self { kept })
    }

    /// How it ended; `None` while it runs.
    pub fn exit(&mut self) -> Option<Exit> {
        self.kept.exit()
    }

    /// Waits for its end. One that has not ended within so long, or when there is a reason to give up, is ended with all that it
    /// started, and `None`.
    pub fn finish(mut self, within: Duration, gives_up: impl Fn() -> bool) -> Option<Exit> {
        let exit = self.wait(within, gives_up);
        if exit.is_none() {
            self.stop(GRACE);
        }
        exit
    }

    fn wait(&mut self, within: Duration, gives_up: impl Fn() -> bool) -> Option<Exit> {
        /// There is no event to wait for together with a reason to give up.
        const LOOK_EVERY: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + within;
        loop {
            if let Some(exit) = self.exit() {
                return Some(exit);
            }
            if gives_up() || Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends it SIGINT as Ctrl-C would, and leaves it to end by itself.
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Sends it a signal: it alone, and not what it started.
    pub fn signal(&mut self, signal: Signal) {
        self.kept.order(&Order::Signal(signal.as_raw()));
    }

    /// Ends it: SIGINT as Ctrl-C would, SIGTERM after half of `grace`, SIGKILL at its end. What it started ends with it.
    pub fn stop(mut self, grace: Duration) -> Exit {
        if self.exit().is_none() {
            self.interrupt();
            // The keeper ends what the command leaves behind, so all is gone soon after the command's own end.
            if !self.kept.wait_gone(grace / 2) {
                self.kept.order(&Order::Stop);
                self.kept.wait_gone(grace / 2);
            }
        }
        self.kept.order(&Order::Kill);
        self.kept.wait_gone(KILL_WITHIN);
        self.exit().unwrap_or(Exit::Unknown)
    }
}

fn failed(command: &str, reason: impl ToString) -> CommandError {
    CommandError { command: command.to_owned(), reason: reason.to_string() }
}

/// Why a command cannot be run, in words that do not speak of a target.
fn words(error: StartError) -> String {
    match error {
        StartError::CommandNotFound { looked, .. } => {
            looked.replace("; give the path of the binary, e.g. ./otelcol", "")
        }
        StartError::NotExecutable { .. } => "not an executable file".to_owned(),
        other => other.to_string(),
    }
}
