//! The sink: plays the backend and checks every record as it arrives.
//!
//! [`recorder::Recorder`] knows the plan and keeps the ledger; [`tally::Tally`] knows nothing and counts. Both stand behind
//! the server of [`crate::wire::server`], and both record before they answer.

pub mod recorder;
pub mod tally;
