//! What this crate does not know and yet decides whether a scenario can be run: which figures results hold, which defects
//! can be planted, what a client can reach, what a collector's configuration says.
//!
//! Whoever runs scenarios knows. Loading asks, and reports the objections with all other problems, each in its place.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};

use crate::limits::Limit;
use crate::scenario::{Endpoint, Protocol};

/// What is wrong with something, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// How to repair it; may be empty.
    pub hint: String,
}

impl Objection {
    /// An objection with its hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// From one sentence with the way out behind a semicolon, as errors of ours put it.
    pub fn of_sentence(sentence: &str) -> Self {
        let (message, hint) = sentence.split_once("; ").unwrap_or((sentence, ""));
        Self::new(message, hint)
    }
}

impl Display for Objection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { message, hint } = self;
        if hint.is_empty() { f.write_str(message) } else { write!(f, "{message}; {hint}") }
    }
}

/// When a limit is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUse {
    /// Once, at the end of the run.
    AtEnd,
    /// Again and again while it lasts, to end it.
    Abort,
}

/// One text of a collector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigText {
    /// What messages call it: the path of a file, or the field that holds it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Where in a collector's configuration something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigPlace {
    /// At a line and a column, both from 1, of the text with this index.
    At {
        /// Index of the text.
        text: usize,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// At these keys, in whichever text has most of them; a name from a list may be the last.
    Keys(Vec<String>),
}

/// Answers what this crate cannot know. `None` and an empty list are consent.
pub trait Knowledge: Debug + Send + Sync {
    /// Whether a limit can be judged.
    fn limit(&self, limit: &Limit, usage: LimitUse) -> Option<Objection>;

    /// Whether this is a defect that can be planted.
    fn defect(&self, text: &str) -> Option<Objection>;

    /// Whether traffic can be sent there.
    fn endpoint(&self, endpoint: &Endpoint, protocol: Protocol) -> Option<Objection>;

    /// What is wrong with a collector's configuration, given the variables that the scenario sets.
    fn configuration(
        &self,
        texts: &[ConfigText],
        variables: &BTreeMap<String, String>,
    ) -> Vec<(ConfigPlace, Objection)>;
}
