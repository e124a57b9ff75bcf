//! Both ends of the wire over real loopback sockets: with each other, with an independent peer, and with hostile ones.

mod both_ends;
mod hostile;
mod peers;
mod refusals;
mod rig;
