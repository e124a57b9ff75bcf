//! The processor `tail_sampling`.

use super::Policy;
use std::time::Duration;

/// When traces are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Once, by all of their spans, when their time is up.
    #[default]
    TraceComplete,
    /// For each piece as it arrives, by this piece alone; kept or dropped at once, else not kept when the time is up.
    SpanIngest,
}

/// Configuration of the processor `tail_sampling`, and its defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct TailSampling {
    /// For how long spans are collected, from the first one of the trace on. The collector cuts it to whole seconds, at
    /// least one. 30 s.
    pub decision_wait: Duration,
    /// How long after a root span a trace is decided, if that is earlier; cut to whole seconds. 0, which is off.
    pub decision_wait_after_root_received: Duration,
    /// How many traces are kept in memory, decided ones included. 50,000.
    pub num_traces: u64,
    /// Whether new traces wait for a place, where otherwise the oldest trace goes. False.
    pub block_on_overflow: bool,
    /// How many kept trace ids are remembered; 0 for no cache. 0.
    pub sampled_cache_size: u64,
    /// How many trace ids that were not kept are remembered; 0 for no cache. 0.
    pub non_sampled_cache_size: u64,
    /// Whether the first policy that wants a trace ends the vote. False.
    pub sample_on_first_match: bool,
    /// When traces are decided.
    pub strategy: Strategy,
    /// Whether traces that are not yet decided are dropped when the collector stops, where otherwise they are decided by
    /// what is there. False.
    pub drop_pending_traces_on_shutdown: bool,
    /// A trace with more bytes than this is dropped at once; 0 for no limit. 0.
    pub maximum_trace_size_bytes: u64,
    /// Into how many parts the processor is divided, each with its share of the limits. 1.
    pub num_shards: u32,
    /// The policies, in the order in which they are written.
    pub policies: Vec<Policy>,
}

impl Default for TailSampling {
    fn default() -> Self {
        Self {
            decision_wait: Duration::from_secs(30),
            decision_wait_after_root_received: Duration::ZERO,
            num_traces: 50_000,
            block_on_overflow: false,
            sampled_cache_size: 0,
            non_sampled_cache_size: 0,
            sample_on_first_match: false,
            strategy: Strategy::TraceComplete,
            drop_pending_traces_on_shutdown: false,
            maximum_trace_size_bytes: 0,
            num_shards: 1,
            policies: Vec::new(),
        }
    }
}

impl TailSampling {
    /// One with these policies, and all else by default.
    pub fn of(policies: impl IntoIterator<Item = Policy>) -> Self {
        Self { policies: policies.into_iter().collect(), ..Self::default() }
    }

    /// The policies in the order in which they vote: those of type `drop` first, whatever is written.
    pub fn in_order(&self) -> impl Iterator<Item = &Policy> {
        let drops = self.policies.iter().filter(|policy| policy.drops());
        drops.chain(self.policies.iter().filter(|policy| !policy.drops()))
    }

    /// How many ticks of a second a trace is held: it is decided between so many seconds and one more after its first span.
    pub fn ticks(&self) -> u64 {
        self.decision_wait.as_secs().max(1)
    }
}
