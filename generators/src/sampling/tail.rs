//! The processor `tail_sampling`: how its policies vote on a trace, and what comes of the vote.
//!
//! [`TailSampler`] is a configuration made ready; [`TailSampler::decide`] answers for one trace with every ballot and its reason.
//! What the answer depends on besides configuration and trace (tokens of a bucket, a condition that cannot be read) leaves it
//! open, never guessed.

mod allocation;
mod depends;
mod evaluate;
mod outcome;
mod ready;
mod reason;

pub(crate) use depends::Varying;
pub use outcome::{Ballot, Decision, Open, Outcome, Vote};
pub(crate) use ready::{Ready, Voter};
pub use reason::{Reason, Seen};

use super::config::{Problem, Strategy, TailSampling};
use super::trace::Trace;
use super::version::{Deviation, Model};

/// A configuration of `tail_sampling`, made ready to decide.
#[derive(Debug, Clone)]
pub struct TailSampler {
    pub(crate) voters: Vec<Voter>,
    pub(crate) first_match: bool,
    pub(crate) model: Model,
    /// The order in which spans arrive is not known, so that no answer may depend on it.
    pub(crate) any_order: bool,
    /// A trace with more bytes than this is dropped; 0 for no limit.
    pub(crate) bytes_max: u64,
    /// Pieces are decided as they arrive, which is not modelled.
    pub(crate) by_piece: bool,
}

impl TailSampler {
    /// Makes a configuration ready, as `model` understands it.
    ///
    /// # Errors
    /// Everything for which the collector would not start.
    pub fn new(config: &TailSampling, model: Model) -> Result<Self, Vec<Problem>> {
        let mut problems = config.problems();
        problems.retain(|problem| problem.kind.refuses_start());
        if !problems.is_empty() {
            return Err(problems);
        }
        let voters = config.in_order().map(|policy| Voter::new(policy, model)).collect();
        Ok(Self {
            voters,
            first_match: config.sample_on_first_match,
            model,
            any_order: false,
            bytes_max: config.maximum_trace_size_bytes,
            by_piece: config.strategy == Strategy::SpanIngest,
        })
    }

    /// The same, for traces whose spans stand in no known order.
    pub fn in_any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// Decides a trace of which all spans are there.
    pub fn decide(&self, trace: &Trace<'_>) -> Decision {
        if self.by_piece {
            return Decision::open("sampling_strategy span-ingest is not modelled");
        }
        match trace.bytes {
            Some(bytes) if self.bytes_max > 0 && bytes > self.bytes_max => Decision::too_large(),
            None if self.bytes_max > 0 => self.vote(trace).unless("whether the trace is too large is not known"),
            _ => self.vote(trace),
        }
    }

    fn vote(&self, trace: &Trace<'_>) -> Decision {
        let mut ballots = Vec::with_capacity(self.voters.len());
        for voter in &self.voters {
            let ballot = voter.ballot(trace, self);
            let ends = ballot.vote == Vote::Dropped || (self.first_match && ballot.vote == Vote::Sampled);
            ballots.push(ballot);
            if ends {
                break;
            }
        }
        Decision::of(ballots)
    }

    /// Whether this model has a deviation.
    pub(crate) fn has(&self, deviation: Deviation) -> bool {
        self.model.has(deviation)
    }
}
