//! Commands of the user's that break something and make it whole again.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A fault that is the user's own: spanproof knows only how it is brought about, undone and seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Breaks something, and ends.
    pub start: Command,
    /// Makes it whole again. Whoever began runs it, whatever happens in between.
    pub undo: Command,
    /// Ends with exit code 0 when it sees that the fault bites.
    pub evidence: Command,
    /// Each of them has to end within this; above zero.
    pub within: Duration,
}

/// A program with its arguments. No shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// A path, or a name that is looked for on `PATH`.
    pub program: Arc<Path>,
    /// What it is given.
    pub args: Arc<[String]>,
}

impl Command {
    /// `None` without a word. A program that is a path is looked for where `resolve` says.
    pub(super) fn new(words: &[String], resolve: impl FnOnce(&str) -> PathBuf) -> Option<Self> {
        let (program, args) = words.split_first().filter(|(program, _)| !program.is_empty())?;
        let program = if program.contains('/') { resolve(program) } else { PathBuf::from(program) };
        Some(Self { program: program.into(), args: args.into() })
    }
}

/// Arguments may hold secrets, and are not shown.
impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let more = if self.args.is_empty() { "" } else { " .." };
        write!(f, "`{}{more}`", self.program.display().to_string().escape_debug())
    }
}

impl Display for Commands {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} is run, and {} at the end", self.start, self.undo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_its_arguments() {
        let command = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Command::new(&words, |path| Path::new("/there").join(path))
        };
        assert_eq!(command(&["./break.sh"]).unwrap().program.as_ref(), Path::new("/there/./break.sh"));
        assert_eq!(command(&["kubectl", "--token=secret"]).unwrap().to_string(), "`kubectl ..`");
        assert_eq!(command(&["a\u{1b}[31m"]).unwrap().to_string(), "`a\\u{1b}[31m`");
        assert_eq!((command(&[]), command(&["", "x"])), (None, None));
    }
}
