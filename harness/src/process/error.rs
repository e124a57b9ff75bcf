//! Why a target could not be started.

use super::target::Exit;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The end of the target's log, printable, for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The whole log.
    pub path: PathBuf,
    /// Its last lines of this start, free of control characters.
    pub lines: Vec<String>,
}

impl fmt::Display for LogExcerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "it wrote nothing to its log, {}", self.path.display());
        }
        write!(f, "the end of its log, {}:", self.path.display())?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

/// Why a target could not be started. A target that is not startable makes a run inconclusive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No such file. Give the path of the binary, or put its folder on PATH.
    #[error("find the target's command `{}`: {looked}", command.display())]
    CommandNotFound {
        /// What was asked for.
        command: PathBuf,
        /// Where it was looked for.
        looked: String,
    },
    /// The file is there but cannot be run. `chmod +x` it, or give the binary and not its folder.
    #[error("run the target's command {}: not an executable file", command.display())]
    NotExecutable {
        /// The file.
        command: PathBuf,
    },
    /// The name of a configuration file must be a plain file name.
    #[error("write configuration file `{}`: give a plain file name without folders", name.escape_debug())]
    ConfigName {
        /// The name.
        name: String,
    },
    /// An argument holds a placeholder that does not exist.
    #[error("fill in argument `{}`: unknown placeholder {{{placeholder}}}; known are {known}", argument.escape_debug())]
    Placeholder {
        /// The argument.
        argument: String,
        /// The placeholder's name.
        placeholder: String,
        /// The names that exist.
        known: String,
    },
    /// A file or folder of the run cannot be written. Is the disk full, or the folder read-only?
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No free port on the loopback interface.
    #[error("pick free ports on 127.0.0.1 for the target: {source}")]
    Ports {
        /// What the system said.
        source: std::io::Error,
    },
    /// The process that keeps the target could not be started.
    #[error("start the target's keeper process: {reason}")]
    Keeper {
        /// What went wrong.
        reason: String,
    },
    /// The target ended before it was ready.
    #[error("start {}: it ended with {exit} after {:.1} s, before it was ready; {log}", command.display(), after.as_secs_f64())]
    Died {
        /// The target's binary.
        command: PathBuf,
        /// How it ended.
        exit: Exit,
        /// Since its start.
        after: Duration,
        /// What it said.
        log: LogExcerpt,
    },
    /// The target runs, but did not get ready in time. Is its receiver on the address that it was given
    /// (`SPANPROOF_RECEIVER_GRPC`)? Does it need a longer deadline?
    #[error("start {}: not ready after {:.1} s, waited for {waited_for}; {log}", command.display(), after.as_secs_f64())]
    NotReady {
        /// The target's binary.
        command: PathBuf,
        /// What did not happen.
        waited_for: String,
        /// Since its start.
        after: Duration,
        /// What it said.
        log: LogExcerpt,
    },
    /// We were interrupted while it started.
    #[error("start {}: interrupted after {:.1} s", command.display(), after.as_secs_f64())]
    Interrupted {
        /// The target's binary.
        command: PathBuf,
        /// Since its start.
        after: Duration,
    },
}

impl StartError {
    /// True when the target died because a port that it was given is taken.
    pub(super) fn is_address_in_use(&self) -> bool {
        let Self::Died { log, .. } = self else { return false };
        log.lines.iter().any(|line| line.to_ascii_lowercase().contains("address already in use"))
    }
}
