//! Faults of a scenario: the backend is broken while a window lasts, or a way to or from the target, or the target's process is stopped or
//! ended, and each fault keeps a book of what it did.
//!
//! [`TargetFaults`] acts on the target at its instants, [`Links`] on the proxies that stand in the ways. [`FaultySink`] stands before the recorder. For every request it asks each fault whether it holds at the instant of arrival and
//! touches this request; the first that does decides. What a fault touched, and when, is its evidence: one that touched nothing
//! proves nothing, and its run is inconclusive.

mod book;
mod link;
mod returns;
mod sink;
mod target;

pub use book::{FaultBook, Observed, Struck, Struckable};
pub use link::{Broken, Link, Links};
pub use returns::{Returns, Wrong};
pub use sink::{FaultySink, comes_again, is_for_good, prepare};
pub use target::{Acts, TargetFaults};
