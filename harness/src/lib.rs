//! Drives a target with OTLP, plays its backend, and judges what came out.

pub mod collector_config;
pub mod embedded;
pub mod judge;
pub mod process;
pub mod resources;
pub mod wire;
