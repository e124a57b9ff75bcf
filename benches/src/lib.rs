//! What the benches share: the plans they measure with, and a clock that a busy machine does not disturb.
//!
//! One criterion file per hot path stands in `benches/`. All of them run on one thread and measure its CPU time, so that
//! "per core" means what it says and neighbours on the machine cost little. [`scale`] is another matter: a ledger of a thousand
//! million spans, for the program `ledger-scale`.

pub mod cpu_time;
pub mod plans;
pub mod prost_pace;
pub mod scale;
