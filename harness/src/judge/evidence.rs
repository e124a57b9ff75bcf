//! Evidence: all that a verdict rests on, frozen. Checks read this and nothing else.

use super::account::Account;
use super::corruption::{CorruptionKind, Fields};
use super::outcomes::{RequestId, RequestRecord, Sums};
use super::strangers::StrangerExamples;
use spanproof_generators::plan::{Packing, Plan, Request};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What driver and sink say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Conduct {
    /// 99th percentile of how late requests started.
    pub lateness_p99: Duration,
    /// Share of the planned spans whose sending began in the planned time.
    pub achieved_ratio: f64,
    /// The busiest thread of the driver: share of the load's time it spent on a CPU.
    pub driver_busy: f64,
    /// The busiest thread of the sink, likewise.
    pub sink_busy: f64,
}

/// What a component of the target's configuration may change on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The trace state, into which samplers write.
    TraceState,
    /// The schema URLs of resources and scopes.
    SchemaUrl,
    /// Whatever it is told to, ids excepted.
    Content,
}

impl Change {
    /// Whether it may be the reason for a difference in the field at `path`.
    pub fn may_be_behind(self, path: &str) -> bool {
        match self {
            Self::TraceState => path == "trace_state",
            Self::SchemaUrl => path.ends_with(".schema_url"),
            // What stands in brackets is no field but a message that cannot be read.
            Self::Content => !matches!(path, "trace_id" | "span_id") && !path.starts_with('('),
        }
    }
}

/// All that a verdict rests on.
pub struct Evidence {
    /// What was planned.
    pub plan: Arc<Plan>,
    /// Every record under one word.
    pub account: Account,
    /// Requests that did not simply succeed.
    pub requests: BTreeMap<RequestId, RequestRecord>,
    /// Sums over all requests.
    pub sums: Sums,
    /// Corrupt copies by the fields that differ.
    pub corruptions: BTreeMap<Fields, CorruptionKind>,
    /// Copies that differ by their hash and in which a full decode finds nothing.
    pub unexplained: u64,
    /// Chunks of the plan that were sent, from the first on.
    pub chunks_opened: u64,
    /// Connections that requests went over; 0 if it is not known.
    pub connections: u64,
    /// Records that are not in the plan.
    pub strangers: StrangerExamples,
    /// How many of them claim to be ours.
    pub invented: u64,
    /// How many do not.
    pub foreign: u64,
    /// Whether foreign records fail the run.
    pub foreign_fails: bool,
    /// What driver and sink say of themselves.
    pub conduct: Conduct,
    /// Components of the target's configuration that may leave records out on purpose.
    pub may_leave_out: Vec<String>,
    /// Whether the user says that the target may leave records out on purpose, in ways that are not known.
    pub absence_is_unknown: bool,
    /// Components of it that may change records on purpose.
    pub may_change: Vec<(String, Change)>,
    /// How long after its intended instant a record's first copy may come.
    pub late_after: Duration,
    /// Why the run ended before its plan did, if it did.
    pub cut_short: Option<String>,
    /// In words, if the target ended by itself.
    pub target_ended: Option<String>,
}

impl Evidence {
    /// The connection that a request of the plan goes over: every exporter keeps to one, and whole traces go round. Always 0 where
    /// nothing is known of connections.
    pub fn connection_of(&self, request: &Request, number: u32) -> u64 {
        let turn = match self.plan.spec().packing {
            Packing::PerService => request.exporter,
            Packing::WholeTraces => number,
        };
        u64::from(turn).checked_rem(self.connections).unwrap_or(0)
    }

    /// The components that may have changed these fields on purpose: together they reach every one of them. Empty when no
    /// configuration explains them.
    pub fn may_have_changed(&self, fields: &[String]) -> Vec<&str> {
        let behind = |field: &str| self.may_change.iter().filter(move |(_, change)| change.may_be_behind(field)).collect();
        let all: Vec<Vec<&(String, Change)>> = fields.iter().map(|field| behind(field)).collect();
        if all.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let names: std::collections::BTreeSet<&str> =
            all.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.into_iter().collect()
    }

    /// True when something was changed, and all of it may have been meant.
    pub fn all_changes_may_be_meant(&self) -> bool {
        let mut kinds = self.corruptions.keys().peekable();
        kinds.peek().is_some() && kinds.all(|fields| !self.may_have_changed(fields).is_empty())
    }
}

/// Why figures that rest on time must be withheld, or `None` when driver and sink kept up.
///
/// The bounds: 2 ms of lateness at the 99th percentile, 99.5 % of the plan begun in time, and 95 % of one CPU for the
/// busiest thread of driver or sink, above which its own queueing shows in the latencies.
pub fn harness_was_the_limit(conduct: &Conduct) -> Option<String> {
    const LATENESS_MAX: Duration = Duration::from_millis(2);
    const ACHIEVED_MIN: f64 = 0.995;
    const BUSY_MAX: f64 = 0.95;
    let mut reasons = Vec::new();
    if conduct.lateness_p99 > LATENESS_MAX {
        reasons.push(format!(
            "requests started {:.1} ms late at p99 (above 2 ms)",
            conduct.lateness_p99.as_secs_f64() * 1e3
        ));
    }
    if conduct.achieved_ratio < ACHIEVED_MIN {
        reasons.push(format!("{:.1} % of the plan began in time (below 99.5 %)", conduct.achieved_ratio * 100.0));
    }
    for (who, busy) in [("driver", conduct.driver_busy), ("sink", conduct.sink_busy)] {
        if busy > BUSY_MAX {
            reasons.push(format!("a thread of the {who} was busy {:.0} % of the time (above 95 %)", busy * 100.0));
        }
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
