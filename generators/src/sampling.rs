//! What samplers and filters do to a trace, as pure functions of their configuration and of what the trace holds.
//!
//! The harness made the traffic and reads the collector's own configuration, so it can say of each trace whether it is kept.
//! Everything here follows the collector's source and measurements of it; where a version differs from another, or the
//! documentation from the code, [`version::Model`] says which of them is meant.
//!
//! Where to start: [`config`] holds the rules as plain data; [`chain`] follows one trace through them and gives reasons;
//! [`oracle`] compiles the same rules for speed.

pub mod chain;
pub mod config;
pub mod filter;
pub mod hash;
pub mod head;
pub mod limit;
pub mod oracle;
pub mod ottl;
pub mod pattern;
pub mod probabilistic;
pub mod tail;
pub mod threshold;
pub mod trace;
pub mod tracestate;
pub mod version;
