//! Both ends of the wire over real loopback sockets: with each other, with an independent peer, and with hostile ones.

#![expect(clippy::unwrap_used, reason = "these are tests; clippy only knows functions marked so")]

mod both_ends;
mod frames;
mod hostile;
mod peers;
mod refusals;
mod rig;
