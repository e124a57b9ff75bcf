//! What became of each trace, held against what the target's own configuration says should.
//!
//! [`Rules`] are the configuration as evidence carries it; [`weigh`] goes through every trace of the plan, asks the model of the
//! collector for its fate, looks at what came out, and gives the trace one word. What the configuration, the time at which spans
//! came or an answer of the target leaves open stays open: *unknown*, counted with the reason, and never taken for either.

mod limits;
mod presence;
mod promises;
mod rules;
mod traces;
mod weigh;

pub use limits::{LimitClaim, Window};
pub use promises::{Promised, keep};
pub use rules::Rules;
pub use traces::Books;
pub use weigh::weigh;

use roaring::RoaringTreemap;
use std::collections::BTreeMap;

/// What the rules say of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// It comes out.
    Kept,
    /// It does not.
    Dropped,
    /// A rate decides: all of it, or nothing.
    Limited,
    /// It hangs on when its spans came, to the fraction of a second: all of it, or nothing.
    Either,
    /// Nothing is claimed.
    Unknown,
}

impl Expected {
    /// Whether all of it comes out or nothing, as far as a decision about the whole trace goes.
    pub fn is_open_to_both(self) -> bool {
        matches!(self, Self::Limited | Self::Either)
    }
}

/// What became of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Became {
    /// All of it that may come out did.
    Kept,
    /// Nothing of it came out.
    Dropped,
    /// A part came out.
    Split,
}

/// Traces under one rule, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All came out.
    pub kept: u64,
    /// Nothing came out.
    pub dropped: u64,
    /// A part came out.
    pub split: u64,
}

impl Tally {
    /// All of them.
    pub fn traces(&self) -> u64 {
        self.kept + self.dropped + self.split
    }

    fn note(&mut self, became: Became) {
        match became {
            Became::Kept => self.kept += 1,
            Became::Dropped => self.dropped += 1,
            Became::Split => self.split += 1,
        }
    }
}

/// The rule that decides about a trace, in words, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// What the rule says.
    pub expected: Expected,
    /// Which it is, such as "policy `errors` of `tail_sampling`".
    pub by: String,
}

/// A trace of which something else became than the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The number in the plan of its first span.
    pub record: u64,
    /// What became of it.
    pub became: Became,
    /// The rule and what it looked at, in words.
    pub why: String,
    /// Its spans that came out, of those that the target was given.
    pub came: u64,
    /// Its spans that the target was given.
    pub given: u64,
}

/// What became of all traces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampled {
    /// The collector's version that was asked about, such as `0.155`, and whether the collector said it itself.
    pub version: (String, bool),
    /// Traces by the rule that decides about them.
    pub rules: BTreeMap<Rule, Tally>,
    /// Why nothing is claimed, and of how many traces.
    pub unknown: BTreeMap<String, u64>,
    /// Records that did not come out, and should not have.
    pub left_out: RoaringTreemap,
    /// Records that did not come out, and of which nothing is claimed.
    pub open: RoaringTreemap,
    /// Records that came out of traces that should have been dropped, or that a filter should have taken.
    pub kept_wrongly: RoaringTreemap,
    /// Records of traces of which nothing came out, and all should have.
    pub dropped_wrongly: RoaringTreemap,
    /// Records, come out or not, of traces of which a part did and all or nothing should have.
    pub split: RoaringTreemap,
    /// How many traces were kept wrongly, dropped wrongly, split.
    pub wrong_traces: WrongTraces,
    /// The first of each kind.
    pub wrong: Vec<Wrong>,
    /// What rates let through, beside what they may.
    pub limits: Vec<LimitClaim>,
}

/// Traces of which something else became than the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WrongTraces {
    /// They came out, and should not have.
    pub kept: u64,
    /// They did not, and should have.
    pub dropped: u64,
    /// A part came out, and all or nothing should have.
    pub split: u64,
}

impl WrongTraces {
    /// Whether there are none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Sampled {
    /// Traces of which all was claimed and held.
    pub fn as_expected(&self) -> u64 {
        let right = |(rule, tally): (&Rule, &Tally)| match rule.expected {
            Expected::Kept => tally.kept,
            Expected::Dropped => tally.dropped,
            Expected::Limited | Expected::Either => tally.kept + tally.dropped,
            Expected::Unknown => 0,
        };
        self.rules.iter().map(right).sum()
    }
}
