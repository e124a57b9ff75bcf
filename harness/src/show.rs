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
use spanproof_generators::model::Stratum;
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
    /// A span id that is not in the plan: foreign or invented.
    Unplanned(Unplanned),
}

/// An id that is not in the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stranger {
    /// The id asked for.
    pub id: String,
    /// When a record with it arrived, in seconds from the start of the run; only examples are kept.
    pub arrived_seconds: Option<f64>,
}

/// A span id that is not in the plan, of which it is not known whether it is foreign or invented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unplanned {
    /// The id asked for.
    pub id: String,
    /// Whether the trace id that it came under is sure to tell. A padded one is not: what comes under it without `spanproof.id`
    /// is foreign, although the trace is one of this run's.
    pub trace_id_settles: bool,
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
        Found::Unplanned => Shown::Unplanned(Unplanned {
            id: id.as_str().to_owned(),
            trace_id_settles: !frozen.evidence.plan.holds(Stratum::TraceIdPadded),
        }),
    })
}
