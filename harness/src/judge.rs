//! Judging: from what arrived and what was answered to words, counts and verdicts. Pure: no clock, no network, no runtime.
//!
//! [`ledger`] counts copies of records while the run lasts; [`outcomes`] keeps what the target answered; [`account`] puts the
//! two together, every record under exactly one word; [`explain`] names what differs in a corrupted record, and [`common`]
//! what the records of a finding have in common.

pub mod account;
pub mod checks;
pub mod common;
pub mod conclusion;
pub mod corruption;
pub mod declared;
pub mod doubted;
pub mod evidence;
pub mod explain;
pub mod instants;
pub mod ledger;
pub mod outcomes;
pub mod sampling;
pub mod standstill;
pub mod strangers;
pub mod without;
