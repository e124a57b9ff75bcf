//! Faults of a scenario: the backend is broken while a window lasts, or a way to or from the target, or the target's process is stopped or
//! ended, or commands of the user's do what they do, and each fault keeps a book of what it did.
//!
//! [`TargetFaults`] acts on the target at its instants, [`Links`] on the proxies that stand in the ways, and [`CommandFaults`] runs
//! commands. [`FaultySink`] stands before the recorder. For every request it asks each fault whether it holds at the instant of arrival
//! and touches this request; the first that does decides. What a fault touched, and when, is its evidence: one that touched nothing
//! proves nothing, and its run is inconclusive.

mod account;
mod book;
mod breakage;
mod commands;
mod link;
mod returns;
mod sink;
mod target;

pub use account::FaultAccount;
pub use book::{FaultBook, Observed, Struck, Struckable};
pub use breakage::{Breakage, breakage, if_accepted, prepare_answer};
pub use commands::{CommandFaults, LOG as COMMANDS_LOG, Told as ToldOfCommands};
pub use link::{Broken, Link, Links};
pub use returns::{Returns, Wrong};
pub use sink::{FaultySink, comes_again, is_for_good, prepare};
pub use target::{Acts, TargetFaults};
