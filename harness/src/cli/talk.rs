//! What a run says while it lasts: a line that renews itself on a terminal, a plain line now and then elsewhere.

use crate::run::Talk;
use spanproof_reports::progress::{Progress, progress_line};
use spanproof_reports::terminal::plan::{Plan, plan_block};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Off a terminal, a line this often, and one when what is being done changes.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Talks on stderr, or keeps quiet.
pub(crate) struct Stderr {
    quiet: bool,
    terminal: bool,
    /// True while an unfinished progress line stands on the terminal.
    open: bool,
    last_plain: Option<Instant>,
    last_phase: String,
}

impl Stderr {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            terminal: std::io::stderr().is_terminal(),
            open: false,
            last_plain: None,
            last_phase: String::new(),
        }
    }

    /// Ends an unfinished line.
    pub(crate) fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.write("\r\x1b[2K");
        }
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

impl Talk for Stderr {
    fn plan(&mut self, plan: &Plan) {
        if !self.quiet {
            self.write(&plan_block(plan));
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if self.quiet {
            return;
        }
        let line = progress_line(progress);
        if self.terminal {
            self.write(&format!("\r\x1b[2K{}", line.trim_end()));
            self.open = true;
        } else if self.last_phase != progress.phase
            || self.last_plain.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL)
        {
            self.last_phase.clone_from(&progress.phase);
            self.last_plain = Some(Instant::now());
            self.write(&format!("{}\n", line.trim_end()));
        }
    }

    fn say(&mut self, line: &str) {
        if !self.quiet {
            self.close();
            self.write(&format!("{line}\n"));
        }
    }
}
