//! What can be wrong with the table.

use crate::suggest::alternatives;
use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{of}: {what}", of = .id.as_ref().map_or(String::new(), |id| format!(", {id}")))]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// Of which requirement, where that is known.
    pub id: Option<String>,
    /// What it is.
    pub what: What,
}

/// What it is. The message says how to repair it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// It is no TOML.
    #[error("it is no TOML: {0}")]
    Syntax(String),
    /// There is not a single requirement.
    #[error("there is no [[requirement]]")]
    Empty,
    /// A key that means nothing here.
    #[error("`{0}` is no key; take it out")]
    UnknownKey(String),
    /// A key is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value of another type.
    #[error("`{key}` is to be {wanted} and is {is}")]
    Type {
        /// Whose value.
        key: &'static str,
        /// What it is to be.
        wanted: &'static str,
        /// What it is.
        is: &'static str,
    },
    /// A text without a word.
    #[error("`{0}` says nothing")]
    Blank(&'static str),
    /// A word that is none of those there are.
    #[error("`{key}` is {word:?}; it may be {known}", known = alternatives(known.iter().copied()))]
    Word {
        /// Whose value.
        key: &'static str,
        /// What stands there.
        word: String,
        /// What may.
        known: Vec<&'static str>,
    },
    /// An id that is not like the others.
    #[error("an id is the group's name in capitals, a dash and two digits, as HTTP-02")]
    Id,
    /// An id that another has.
    #[error("the requirement in line {0} has this id")]
    Twice(usize),
    /// No release.
    #[error("`since` is {0:?}; it is to be a release of OTLP, as 1.11.0")]
    Since(String),
    /// A release that the table does not know of.
    #[error("`since` is {0}, which is later than the table's own release")]
    Later(String),
}

/// Everything that is wrong, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(Problem::to_string).collect::<Vec<_>>();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
