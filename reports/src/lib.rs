//! What a spanproof run found: one result document, and everything that is rendered from it.
//!
//! Start at [`result::RunResult`]. [`latency`] fills one part of it while a run goes on; [`terminal`], [`summary`],
//! [`junit`] and [`html`] are pure functions of it; [`directory`] writes and reads them as files.
//! [`conformance`] is the same for a conformance run, which has findings of its own. This crate knows no OTLP,
//! opens no socket and reads no clock: instants and durations are given to it.
//!
//! Names and texts inside a result come from scenarios, collectors and the wire, so every renderer treats them as hostile
//! and escapes them for its own format ([`plain_text`] holds what the formats share).

pub mod compare;
pub mod conformance;
pub mod directory;
pub mod events;
pub mod figures;
pub mod foretold;
pub mod github;
pub mod headline;
pub mod html;
pub mod junit;
pub mod latency;
pub mod plain_text;
pub mod progress;
pub mod result;
pub mod rows;
pub mod suite;
pub mod summary;
pub mod terminal;
