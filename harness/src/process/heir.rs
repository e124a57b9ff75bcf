//! The heir: a small process of our own binary that undoes what we have broken if we end before we could, SIGKILL included.
//!
//! It is told in lines of JSON on its stdin what is to be done, and when it need not be done any more. When that pipe closes, which is
//! how our end looks from there, it does what is left, the last first, and ends. Like a keeper it has a process group of its own, so
//! that Ctrl-C does not reach it.

use super::command::KeptCommand;
use super::keeper::{KEEPER_ARGUMENT, Request};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// An heir to whom nothing is left ends at once.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A command to be run after us.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Will {
    /// By which it is revoked.
    pub name: String,
    /// A path, or a name on `PATH`.
    pub program: String,
    /// What the program is given.
    pub args: Vec<String>,
    /// On top of our environment.
    pub variables: BTreeMap<String, String>,
    /// How long it may take.
    pub within: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
enum Word {
    Leave(Will),
    Revoke(String),
}

/// Our side of it. Dropped without a word to the contrary, it does what was left to it.
#[derive(Debug)]
pub struct Heir {
    process: Child,
    /// `None` once closed.
    words: Option<ChildStdin>,
}

impl Heir {
    /// Starts it. What its commands write goes to `log`, which is open for appending.
    ///
    /// # Errors
    /// The system gave no process.
    pub fn start(log: File) -> std::io::Result<Self> {
        let mut process = Command::new("/proc/self/exe")
            .arg0("sp-heir")
            .arg(KEEPER_ARGUMENT)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut heir = Self { words: process.stdin.take(), process };
        let request = serde_json::to_string(&Request::Inherit)?;
        heir.write(&request)?;
        Ok(heir)
    }

    /// Has it run a command after our end.
    ///
    /// # Errors
    /// It is gone: then nobody would.
    pub fn leave(&mut self, will: &Will) -> std::io::Result<()> {
        let word = serde_json::to_string(&Word::Leave(will.clone()))?;
        self.write(&word)
    }

    /// The command of this name has been run.
    pub fn revoke(&mut self, name: &str) {
        if let Ok(word) = serde_json::to_string(&Word::Revoke(name.to_owned())) {
            // Should it be gone, it does nothing anyway.
            self.write(&word).ok();
        }
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        match &mut self.words {
            Some(pipe) => writeln!(pipe, "{line}"),
            None => Ok(()),
        }
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.words = None;
        let deadline = Instant::now() + END_WITHIN;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            // There is no wait with a deadline in the standard library.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The heir's side: its exit code.
pub(super) fn inherit() -> i32 {
    // Not named like our binary, so that killing us by name does not kill it with us.
    rustix::thread::set_name(c"sp-heir").ok();
    let mut left: Vec<Will> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Word::Leave(will)) => left.push(will),
            Some(Word::Revoke(name)) => left.retain(|will| will.name != name),
            None => break,
        }
    }
    let failed = left.into_iter().rev().filter(|will| !is_executed(will)).count();
    i32::from(failed > 0)
}

/// Whether a command was run and ended with 0.
fn is_executed(will: &Will) -> bool {
    let Ok(command) = KeptCommand::start(&will.program, &will.args, will.variables.clone()) else { return false };
    command.finish(will.within, || false).is_some_and(|exit| exit.is_success())
}
