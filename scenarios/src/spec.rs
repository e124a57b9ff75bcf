//! What a scenario file says, field by field, before anything is filled in or checked against anything else.
//!
//! Every type here refuses unknown fields, and its documentation becomes the JSON Schema that editors show. Almost every
//! field is optional: whether one is needed, and what it is when absent, is decided where the meaning is worked out
//! ([`crate::scenario`]). A choice between things is an externally tagged enum (`target: {process: {...}}`), which gives
//! one error for one slip; later kinds of target or workload are one more variant.

mod bare_names;
mod client;
mod collector;
mod faults;
mod link;
mod run;
mod schema;
mod target;
mod traffic;
mod workload;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::Limit;
use crate::promises::PromiseSpec;

pub use client::{ClientSpec, Compression, Protocol, RetrySpec, TransportSpec};
pub use collector::{CollectorSpec, Guarantee};
pub use faults::{
    AnswerShape, BrokenAnswerSpec, CpuSpec, ExecSpec, FaultKindSpec, FaultSite, FaultSpec, GrpcStatus, GrpcStatusSpec,
    Http2Error, HttpStatusSpec, LostAnswerSpec, NoSettings, PartialSuccessSpec, PoisonSpec, ReachOf, ResetSpec,
    RetryAfterForm, SinkSwitchSpec, SlowSpec,
};
pub use link::{
    BandwidthSpec, CorruptSpec, CutSpec, Direction, FloodSpec, GoawaySpec, LatencySpec, LinkFaultSpec, LinkSwitchSpec,
    MaxStreamsSpec, ResetStreamSpec, SlowCloseSpec, StallSpec,
};
pub use run::RunSpec;
pub use schema::schema;
pub use target::{EmbeddedSpec, EncodingOrder, ExternalReadySpec, ExternalSpec};
pub use target::{ProcessSpec, ReadyOn, ReadySpec, SinkSpec, TargetSpec};
pub use traffic::{Arrivals, BatchSpec, BurstSpec, Packing, ProfileSpec, RampSpec, StepSpec, TrafficSpec};
pub use workload::{AnomaliesSpec, ShopSpec, UniformSpec, WorkloadSpec};

/// The version of the scenario format that this crate reads.
pub const VERSION: u32 = 1;

/// A spanproof scenario: what to send, through what, and what must hold.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "spanproof scenario")]
pub struct ScenarioSpec {
    /// Version of this format: 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub scenario: Option<u32>,
    /// Names the run and its result directory: lowercase letters, digits and dashes.
    #[schemars(required, regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"), length(max = 64))]
    pub name: Option<String>,
    /// One sentence on what the scenario is for.
    pub about: Option<String>,
    /// What receives the traffic and how it is started. Default: embedded.
    pub target: Option<TargetSpec>,
    /// The collector's configuration, the same for every kind of target.
    pub collector: Option<CollectorSpec>,
    /// What is sent.
    #[schemars(required)]
    pub traffic: Option<TrafficSpec>,
    /// How long, and with which seed.
    #[schemars(required)]
    pub run: Option<RunSpec>,
    /// What is broken while the load runs.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// What records at the sink that are not ours mean for the verdict. Default: fail.
    pub foreign: Option<Foreign>,
    /// What an acknowledged span that never came out means for the verdict. Default: loss.
    pub absence: Option<Absence>,
    /// What must hold for the run to pass.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// What is believed to come out of the target's sampling, whatever its configuration says.
    #[serde(default)]
    pub promises: Vec<PromiseSpec>,
    /// What ends the run early, load or settling, keeping what was learned. The run is then inconclusive (exit code 3), unless a
    /// check or one of `limits` fails: to have it fail, state the same figure there.
    #[serde(default)]
    pub abort: Vec<Limit>,
}

/// What it means that an acknowledged span did not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Absence {
    /// It was lost, unless the known configuration holds a sampler or a filter.
    #[default]
    Loss,
    /// Nobody can tell: the target samples or filters in ways that are not known here.
    Unknown,
}

/// What records that are not ours mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Foreign {
    /// They fail the run.
    #[default]
    Fail,
    /// They are counted and nothing else.
    Ignore,
}
