//! What spanproof sends, and what ought to arrive.
//!
//! Everything here is a pure function of a seed, a workload and a plan: no clock, no socket, no runtime and no ambient
//! randomness (`clippy.toml` beside this crate holds the crate to that). The same inputs give the same bytes on every
//! machine; transcendental functions therefore come from `libm`, and randomness from Xoshiro256++ under explicit seeds.
//!
//! Where to start: [`model`] says what a trace looks like before it is encoded, [`workload`] makes pools of such traces.

pub mod alias;
pub mod content;
pub mod encoded;
pub mod facts;
pub mod identity;
pub mod mix;
pub mod model;
pub mod plan;
pub mod protobuf;
pub mod sampling;
pub mod schedule;
pub mod seed;
pub mod walk;
pub mod workload;
