//! `run:` — how long, and with which seed.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::{Auto, Count, HumanDuration};

/// How long, and with which seed. Either `duration` or `spans` says when sending ends.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Sent before the measuring starts; counted in the ledger, left out of latencies and rates. Default: 0s.
    pub warmup: Option<HumanDuration>,
    /// How long traffic is sent after the warm-up.
    pub duration: Option<HumanDuration>,
    /// How many spans are sent after the warm-up, in whole traces, instead of a duration.
    pub spans: Option<Count>,
    /// How long to wait for what the target may still hold; `auto` works it out from the configuration. Default: auto.
    pub settle: Option<Auto<HumanDuration>>,
    /// The same seed makes the same bytes. Default: 7.
    pub seed: Option<u64>,
    /// Beyond what the configuration may hold, later than this is late. Default: 10s.
    pub late_after: Option<HumanDuration>,
}
