//! Faults of a scenario at the sink: the backend is broken while a window lasts, and each fault keeps a book of what it did.
//!
//! [`FaultySink`] stands before the recorder. For every request it asks each fault whether it holds at the instant of arrival and
//! touches this request; the first that does decides. What a fault touched, and when, is its evidence: one that touched nothing
//! proves nothing, and its run is inconclusive.

mod book;
mod sink;

pub use book::{FaultBook, Observed};
pub use sink::FaultySink;
