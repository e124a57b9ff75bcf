//! The embedded target: a small collector of our own, in this process but over real loopback sockets.
//!
//! It is the known-good control of every check and the carrier of the [planted defects](defects), and it makes a first run
//! possible where nothing else is installed. A request takes this way: `receive` (sockets, sizes, compression) hands its
//! bytes to `intake` (decode, limits, defects, encode once), which answers after putting the result on the `queue` of
//! each destination, or leaving it with the sampler until its traces are decided (`sampling`); consumers take it from there to
//! `outlet` (retry) and `export` (one attempt over gRPC or HTTP).
//!
//! What it must never do: use the code with which the harness walks, hashes or writes spans. A judge that shares a mistake
//! with the control cannot see it, so everything here decodes and encodes with prost, or with the writer in [`descending`].
//! JSON alone is read by the sink's reader, which makes protobuf of it and knows neither the walk nor the hash; what leaves here is
//! never JSON, so a mistake of that reader meets the judge once and is seen.
//! It also never runs on another part's threads: its runtime's threads are named `sp-target-N`, which is how its CPU is told
//! from the harness's own.

mod admission;
mod config;
pub mod defects;
pub mod descending;
mod endpoint;
mod export;
mod intake;
mod outlet;
mod queue;
mod raw_codec;
mod receive;
mod retry;
mod sampling;
mod stats;
mod target;

#[cfg(test)]
mod arbitrary;

pub use config::{Compression, Destination, EmbeddedConfig, FieldOrder, Guarantee, Protocol, RetryConfig};
pub use defects::{Bites, Deed, Defect, DefectKind, Invention, ParseDefectError, Unit, Victim, Victims};
pub use endpoint::EndpointError;
pub use sampling::{Mistake, Policy, Rule as SamplingRule, Sampling};
pub use stats::{EmbeddedStats, ShutdownReport, Tally};
pub use target::{EmbeddedError, EmbeddedTarget};
