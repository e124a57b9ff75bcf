//! How long a run lasts, and its seed.

use std::time::Duration;

use super::bounds::DURATION_MAX;
use super::checker::Checker;
use crate::problem::ProblemKind;
use crate::spec::RunSpec;
use crate::units::{Auto, Count};

/// How long, and with which seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Sent before the measuring starts.
    pub warmup: Duration,
    /// When sending ends.
    pub extent: Extent,
    /// How long to wait for what the target may still hold.
    pub settle: Auto<Duration>,
    /// The same seed makes the same bytes.
    pub seed: u64,
    /// Beyond what the configuration may hold, later than this is late.
    pub late_after: Duration,
}

/// When sending ends, counted from the end of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// After this time.
    Duration(Duration),
    /// With the trace that brings the spans to this many, or more.
    Spans(u64),
}

const SEED: u64 = 7;

pub(super) fn resolve(spec: Option<&RunSpec>, checker: &mut Checker<'_>) -> Option<Run> {
    let extent_hint = "add `run: {duration: 30s}`, or `run: {spans: 1000000}`";
    let spec = checker.required("run", spec, extent_hint)?;
    let extent = extent(spec, extent_hint, checker);
    let warmup = spec.warmup.unwrap_or_default().0;
    if warmup > DURATION_MAX {
        checker.invalid("run.warmup", "the warm-up is longer than a year", "give a shorter time");
    }
    Some(Run {
        warmup,
        extent: extent?,
        settle: spec.settle.unwrap_or_default().map(|duration| duration.0),
        seed: spec.seed.unwrap_or(SEED),
        late_after: spec.late_after.map_or(Duration::from_secs(10), |duration| duration.0),
    })
}

fn extent(spec: &RunSpec, hint: &str, checker: &mut Checker<'_>) -> Option<Extent> {
    match (spec.duration, spec.spans) {
        (Some(_), Some(_)) => {
            let message = "`duration` and `spans` are both given";
            checker.report("run.spans", ProblemKind::Contradiction, message, "keep one of the two");
            None
        }
        (Some(duration), None) => {
            let duration = checker.lasting("run.duration", Some(duration), Duration::from_secs(1));
            if duration > DURATION_MAX {
                checker.invalid("run.duration", "the run is longer than a year", "give a shorter time");
            }
            Some(Extent::Duration(duration))
        }
        (None, Some(Count(0))) => {
            checker.invalid("run.spans", "a run of no spans shows nothing", "give a number above 0");
            None
        }
        (None, Some(Count(spans))) => Some(Extent::Spans(spans)),
        (None, None) => {
            let failed = |name| checker.document.has_failed(&crate::document::FieldPath::keys(name));
            if !failed("run.spans") {
                checker.required::<()>("run.duration", None, hint);
            }
            None
        }
    }
}
