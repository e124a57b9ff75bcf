//! What samplers do to traces: against vectors measured on the real ones, rule by rule, and compiled against followed.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

#[path = "sampling/chains.rs"]
mod chains;
#[path = "sampling/conditions.rs"]
mod conditions;
#[path = "sampling/filters.rs"]
mod filters;
#[path = "sampling/limits.rs"]
mod limits;
#[path = "sampling/oracle.rs"]
mod oracle;
#[path = "sampling/patterns.rs"]
mod patterns;
#[path = "sampling/policies.rs"]
mod policies;
#[path = "sampling/problems.rs"]
mod problems;
#[path = "sampling/spans.rs"]
mod spans;
#[path = "sampling/thresholds.rs"]
mod thresholds;
#[path = "sampling/tracestates.rs"]
mod tracestates;
#[path = "sampling/vectors.rs"]
mod vectors;
#[path = "sampling/version.rs"]
mod version;
#[path = "sampling/votes.rs"]
mod votes;
