//! `spanproof sink` as people use it: the real binary, real sockets, real signals.
#![expect(clippy::unwrap_used, reason = "the functions here serve tests only; clippy sees only the tests themselves")]

#[path = "sink_cli/commands.rs"]
mod commands;
#[path = "sink_cli/counting.rs"]
mod counting;
#[path = "sink_cli/hostile.rs"]
mod hostile;
#[path = "sink_cli/judging.rs"]
mod judging;
#[path = "sink_cli/others.rs"]
mod others;
#[path = "sink_cli/rig.rs"]
mod rig;
#[path = "sink_cli/switching.rs"]
mod switching;
