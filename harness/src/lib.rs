//! Drives a target with OTLP, plays its backend, and judges what came out.

pub mod chunks;
pub mod cli;
pub mod clock;
pub mod collector_config;
pub mod control;
pub mod descriptors;
pub mod driver;
pub mod embedded;
pub mod evidence;
pub mod explain;
pub mod fault;
pub mod judge;
pub mod knowledge;
pub mod panics;
pub mod predict;
pub mod process;
pub mod proxy;
pub mod pulse;
pub mod resources;
pub mod run;
pub mod selftest;
pub mod show;
pub mod shrink;
pub mod sink;
pub mod target;
mod threads;
pub mod wire;
