//! A proxy between plain TCP peers, and between our own client and sink.
#![expect(clippy::unwrap_used, reason = "these are tests; clippy only knows functions marked so")]

mod control;
mod cutting;
mod delaying;
mod hostile;
mod http2;
mod relaying;
mod rig;
#[path = "../wire/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of the wire, which need more of it")]
mod sink;
mod telemetry;
