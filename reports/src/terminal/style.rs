//! Colour on a terminal, or none.

use crate::result::verdict::Verdict;
use std::ffi::OsStr;

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Plain text.
    #[default]
    Off,
    /// ANSI colours.
    On,
}

impl Colour {
    /// Colours when asked to, and never when `NO_COLOR` is set to anything but the empty text (<https://no-color.org>).
    /// `no_color` is the value of that variable.
    pub fn choose(wanted: bool, no_color: Option<&OsStr>) -> Self {
        if wanted && no_color.is_none_or(OsStr::is_empty) { Self::On } else { Self::Off }
    }
}

/// Paints words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) Colour);

impl Paint {
    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        self.with(
            match verdict {
                Verdict::Pass => "32",
                Verdict::Fail => "1;31",
                Verdict::Inconclusive => "1;33",
                Verdict::Skipped => "2",
            },
            text,
        )
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self.0 {
            Colour::Off => text.to_owned(),
            Colour::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}
