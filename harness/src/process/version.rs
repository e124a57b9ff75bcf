//! Which version a target is, since several rules of the collector changed from one to the next.

use super::error::StartError;
use super::keeper::{Order, Program};
use super::kept::{Kept, Launch};
use super::launch::{inherited, resolve};
use super::log_tail::log_tail;
use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

/// A version as collectors print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// The first three numbers joined by dots in a text such as `otelcol-contrib version 0.155.0`.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|char: char| !char.is_ascii_digit() && char != '.').find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let mut numbers = word.trim_matches('.').split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        // Four numbers are an address.
        numbers.next().is_none().then_some(version)
    }
}

/// Runs `COMMAND --version` and reads the version; `None` when it does not say one within `deadline`. Whatever the command
/// starts is killed at the deadline. Blocks for up to the deadline.
///
/// # Errors
/// When the command is not there or cannot be run at all.
pub fn detect_version(command: &Path, deadline: Duration) -> Result<Option<Version>, StartError> {
    let path = resolve(command, &inherited())?;
    let folder = std::env::temp_dir();
    let written = |source| StartError::Write { path: folder.clone(), source };
    let log = tempfile::NamedTempFile::new_in(&folder).map_err(written)?;
    let program = Program { path: path.display().to_string(), args: vec!["--version".to_owned()] };
    let out = OpenOptions::new().append(true).open(log.path()).map_err(written)?;
    let launch = Launch { program, env: inherited(), cwd: None, log: out };
    let mut kept = Kept::start(launch).map_err(|reason| StartError::Keeper { reason })?;
    if !kept.wait_gone(deadline) {
        kept.order(&Order::Kill);
    }
    drop(kept);
    Ok(Version::find(&log_tail(log.path(), 0, 50).join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_collectors_print() {
        let found = |text| Version::find(text).map(|version| version.to_string());
        assert_eq!(found("otelcol-contrib version 0.155.0\n").as_deref(), Some("0.155.0"));
        assert_eq!(found("otelcol version v0.164.0-rc1 (go1.26)").as_deref(), Some("0.164.0"));
        assert_eq!(found("rotel 0.0.1-alpha10").as_deref(), Some("0.0.1"));
        assert_eq!(found("listening on 127.0.0.1:4317, v1.2.3.").as_deref(), Some("1.2.3"));
        assert_eq!(found("version 7 or 2.42"), None);
        assert_eq!(found("99999999999.1.1"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version::find("0.155.0") > Version::find("0.99.9"));
    }
}
