//! What kind of figure a path names, as far as its words tell, so that a wrong unit is found before a run and not after.
//!
//! This knows the roots of the result document, the span ledger and the latency series, because a slip there would
//! otherwise surface at the end of a long run. Deeper names of other roots are left to whoever holds the result.

use crate::suggest::{alternatives, hint_for};
use crate::units::ValueError;

use super::{Limit, LimitValue};

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// So many of something.
    Count,
    /// A length of time.
    Duration,
    /// Memory or traffic.
    Bytes,
    /// Its path does not tell.
    Unknown,
}

/// The roots of the result document that limits can read.
const ROOTS: [&str; 10] =
    ["spans", "traces", "ledger", "sampling", "latency", "recovery", "faults", "target", "driver", "sink"];

/// How a run went on after a fault.
const RECOVERY: [&str; 2] = ["first_delivery", "drained"];

/// Figures of the span ledger.
const SPANS: [&str; 23] = [
    "planned",
    "not_sent",
    "sent",
    "acknowledged",
    "refused",
    "unknown",
    "delivered",
    "recovered",
    "refused_delivered",
    "duplicated",
    "duplicated_explained",
    "duplicated_unexplained",
    "lost_acknowledged",
    "lost_unknown",
    "lost_refused",
    "lost_declared",
    "corrupted",
    "corrupted_only",
    "sampled_out",
    "absent",
    "invented",
    "foreign",
    "late",
];

/// Latency series, and what each has.
const SERIES: [&str; 3] = ["intended_to_acknowledged", "actual_to_acknowledged", "intended_to_delivered"];
const STATISTICS: [&str; 6] = ["count", "p50", "p90", "p99", "p999", "max"];

impl Quantity {
    /// What the figure at `path` measures.
    pub fn of(path: &str) -> Self {
        let path = path.strip_prefix("ledger.").unwrap_or(path);
        let words: Vec<&str> = path.split('.').collect();
        let last = words.last().copied().unwrap_or_default();
        if last == "count" || matches!(words[0], "spans" | "traces" | "sampling") {
            return Self::Count;
        }
        if ["_ms", "_seconds", "_bytes", "_ratio"].iter().any(|suffix| last.ends_with(suffix)) {
            return Self::Unknown;
        }
        if matches!(words[0], "latency" | "recovery") || last.contains("lateness") {
            return Self::Duration;
        }
        if words.contains(&"memory") { Self::Bytes } else { Self::Unknown }
    }
}

/// Refuses paths that no result has.
pub(super) fn check_path(path: &str) -> Result<(), ValueError> {
    let offset = if path.starts_with("ledger.") { "ledger.".len() } else { 0 };
    let words: Vec<&str> = path[offset..].split('.').collect();
    known(words[0], &ROOTS, "no figures are called", offset)?;
    match words.as_slice() {
        ["recovery", name] => {
            let plain = name.strip_suffix("_seconds").unwrap_or(name);
            known(plain, &RECOVERY, "recovery has no", "recovery.".len())
        }
        ["spans", name] => known(name, &SPANS, "the ledger of spans has no", offset + "spans.".len()),
        ["latency", series, rest @ ..] => {
            let at = offset + "latency.".len();
            known(series, &SERIES, "there is no latency series", at)?;
            let statistic = rest.first().copied().unwrap_or_default();
            let plain = statistic.strip_suffix("_ms").unwrap_or(statistic);
            let at = at + series.len() + usize::from(!rest.is_empty());
            // No "did you mean" here: a neighbouring percentile is another question, not another spelling.
            let hint = format!("it has {}", alternatives(STATISTICS));
            let unknown = || ValueError::new(at, format!("a latency series has no `{statistic}`"), hint);
            if STATISTICS.contains(&plain) && rest.len() == 1 { Ok(()) } else { Err(unknown()) }
        }
        [root] => {
            let hint = format!("name one of its figures, such as `{root}.{}`", example_under(root));
            Err(ValueError::new(path.len(), format!("`{path}` is no single figure"), hint))
        }
        _ => Ok(()),
    }
}

fn example_under(root: &str) -> &'static str {
    match root {
        "latency" => "intended_to_delivered.p99",
        "target" => "memory.peak",
        "driver" => "achieved_ratio",
        "sink" => "cpu_seconds",
        "ledger" => "spans.lost_acknowledged",
        _ => "lost_acknowledged",
    }
}

fn known(name: &str, names: &[&str], complaint: &str, at: usize) -> Result<(), ValueError> {
    if names.contains(&name) {
        return Ok(());
    }
    Err(ValueError::new(at, format!("{complaint} `{name}`"), hint_for(name, names)))
}

/// Refuses a value whose unit does not fit the figure. `at` is where the value stands.
pub(super) fn check_unit(limit: &Limit, at: usize) -> Result<(), ValueError> {
    let path = &limit.path;
    let written = limit.value;
    let zero = written == LimitValue::Number(0.0);
    let (wanted, hint) = match (Quantity::of(path), &written) {
        (Quantity::Duration, LimitValue::Duration(_)) | (Quantity::Bytes, LimitValue::Bytes(_)) => return Ok(()),
        (Quantity::Count, LimitValue::Number(_)) | (Quantity::Unknown, _) => return Ok(()),
        (Quantity::Duration | Quantity::Bytes, LimitValue::Number(_)) if zero => return Ok(()),
        (Quantity::Duration, LimitValue::Number(_)) => ("a duration", format!("add the unit: `{written}ms`")),
        (Quantity::Bytes, LimitValue::Number(_)) => ("a size", format!("add the unit: `{written}MiB`")),
        (Quantity::Duration, _) => ("a duration", "write it as `500ms`".to_owned()),
        (Quantity::Bytes, _) => ("a size", "write it as `450MiB`".to_owned()),
        (Quantity::Count, _) => ("a count", "write a number without a unit".to_owned()),
    };
    Err(ValueError::new(at, format!("`{path}` is {wanted}, `{written}` is not"), hint))
}
