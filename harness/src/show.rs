//! Any record of a run from its id: what was sent, when and in which request, what became of that request, what arrived.
//!
//! [`find`] turns an id, or its beginning, into a trace of the plan; [`trace`] rebuilds that trace from the plan and lays the
//! evidence beside it; [`text`] draws it for people. Nothing is looked up but the exceptions: the plan knows all else.

pub mod find;
pub mod text;
pub mod trace;

use crate::evidence::Frozen;
use find::{Found, HexId, NotFound};
use serde::Serialize;
use trace::Trace;

/// What is known of an id.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shown {
    /// A trace of the plan.
    Trace(Box<Trace>),
    /// It carries this run's tag and was never planned.
    Invented(Stranger),
    /// It is not of this run.
    Foreign(Stranger),
}

/// An id that is not in the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stranger {
    /// The id asked for.
    pub id: String,
    /// When a record with it arrived, in seconds from the start of the run; only examples are kept.
    pub arrived_seconds: Option<f64>,
}

/// Finds an id in a run.
///
/// # Errors
/// When nothing has this id, or several things begin with it.
pub fn show(frozen: &Frozen, id: &HexId) -> Result<Shown, NotFound> {
    let stranger = |received_ns: Option<u64>| Stranger {
        id: id.as_str().to_owned(),
        arrived_seconds: received_ns.map(|ns| ns as f64 / 1e9),
    };
    Ok(match find::find(frozen, id)? {
        Found::Trace(index) => Shown::Trace(Box::new(Trace::rebuild(frozen, index, id))),
        Found::Invented(received_ns) => Shown::Invented(stranger(received_ns)),
        Found::Foreign(received_ns) => Shown::Foreign(stranger(received_ns)),
    })
}
