//! Drives a target with OTLP, plays its backend, and judges what came out.

pub mod collector_config;
pub mod embedded;
pub mod process;
pub mod resources;
pub mod wire;
