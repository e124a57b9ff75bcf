//! `spanproof explain`: what a collector's configuration does to traces, read off it; nothing is started or sent.
//!
//! Pure: texts and variables in, an [`Explanation`] out. Start at [`explain()`]. The rules of samplers and filters stand as plain
//! sentences (`sentence`), traps as [`Warning`]s with a stable id each ([`warnings`]), and what the configuration alone does not
//! decide as *unknown*, said once for each component.

mod course;
mod outline;
pub mod problem;
mod quantity;
mod reach;
mod sentence;
pub mod shares;
pub mod subject;
pub mod text;
mod told;
pub mod traffic;
mod unknown;
pub mod warnings;

pub(crate) use course::{Decided, ReadyWay, Told};
pub use outline::{ShownPolicy, ShownStep, ShownWay};
pub use problem::Problem;
pub use shares::Shares;
pub use subject::{Asked, Subject, VersionFrom};
pub(crate) use told::way as told_way;
pub use told::{ToldTrace, ToldWay, tell};
pub use traffic::Traffic;
pub use unknown::UnknownClaim;
pub use warnings::Warning;

use serde::Serialize;

/// What a configuration does to traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Of this document; it grows when fields change their meaning or go.
    pub schema: u32,
    /// The files, in the order in which they were merged.
    pub files: Vec<String>,
    /// The collector that is meant, such as `0.155`.
    pub collector_version: String,
    /// How that is known.
    pub collector_version_from: VersionFrom,
    /// Each way of traces from receivers to exporters.
    pub ways: Vec<ShownWay>,
    /// What the traffic that was asked about comes to; `None` where none was.
    pub traffic: Option<Traffic>,
    /// What part of that traffic each stage and policy keeps.
    pub shares: Option<Shares>,
    /// The way of one trace, if one was asked for.
    pub trace: Option<ToldTrace>,
    /// What the configuration does not decide.
    pub unknown: Vec<UnknownClaim>,
    /// Traps, in the order of their places.
    pub warnings: Vec<Warning>,
}

/// The version of [`Explanation`] as a document.
pub const SCHEMA: u32 = 1;

/// Explains a configuration that could be read.
pub fn explain(subject: &Subject) -> Explanation {
    Explanation {
        schema: SCHEMA,
        files: subject.places.origins().map(|origin| origin.file.clone()).collect(),
        collector_version: subject.version.to_string(),
        collector_version_from: subject.version_from,
        ways: outline::ways(subject),
        traffic: subject.traffic.clone(),
        shares: subject.shares.clone(),
        trace: None,
        unknown: unknown::claims(subject),
        warnings: warnings::all(subject),
    }
}

#[cfg(test)]
mod tests;
