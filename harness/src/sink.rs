//! The sink: plays the backend and checks every record as it arrives.
//!
//! [`recorder::Recorder`] knows the plan and keeps the ledger; [`tally::Tally`] knows nothing and counts. Both stand behind
//! the server of [`crate::wire::server`], and both record before they answer. [`reception::Reception`] puts them together
//! for a sink that stands alone and may learn of its plan late; [`switched::SwitchedSink`] breaks such a sink while it runs, by the faults
//! of its [`switchboard::SinkSwitchboard`]; [`dump::Dump`] writes down what arrived.
//! [`refusals`] says what the server did not take, and whose doing that was.

pub mod dump;
pub mod reception;
pub mod recorder;
pub mod refusals;
pub mod switchboard;
pub mod switched;
pub mod tally;
