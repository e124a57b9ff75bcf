//! The block printed before a run: what is about to happen, and until when.

use crate::figures::{clock, count};
use crate::plain_text::one_line;
use crate::result::timeline::SettleTerm;
use crate::terminal::WIDTH;
use std::time::Duration;

/// What is about to be run.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// What is driven and how, in a few words.
    pub target: String,
    /// The seed.
    pub seed: u64,
    /// Spans in the plan.
    pub spans: u64,
    /// Traces in the plan.
    pub traces: u64,
    /// Traces of each stratum, in the order in which to list them.
    pub strata: Vec<(String, u64)>,
    /// For how long traces start, warm-up included.
    pub starts: Duration,
    /// Until when load is applied: the spans of slow traces are due when those have ended.
    pub duration: Duration,
    /// How much of that comes before the measuring; zero for no warm-up.
    pub warm_up: Duration,
    /// What is going to be broken.
    pub faults: Vec<Fault>,
    /// What the target's configuration foretells of that, a line each.
    pub prediction: Vec<String>,
    /// What settling waits for at most; the terms add up to the longest wait.
    pub settle: Vec<SettleTerm>,
    /// What it waits for at most while spans keep coming late, if that is longer.
    pub settle_if_late: Option<Duration>,
    /// Where records come from and go to, e.g. `127.0.0.1:4317 -> 127.0.0.1:5317`.
    pub route: Option<String>,
    /// What the reader should know before it starts, one sentence each.
    pub warnings: Vec<String>,
}

/// Something that is going to be broken for a while.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// What will be broken and how, in words.
    pub what: String,
    /// When it begins, from the start of the load.
    pub at: Duration,
    /// How long it lasts.
    pub lasting: Duration,
    /// From one beginning to the next, and how often it comes; none for once.
    pub again: Option<(Duration, u32)>,
}

/// The block, every line ended by a line feed.
pub fn plan_block(plan: &Plan) -> String {
    let settle = plan.settle.iter().map(|term| term.seconds).sum::<f64>();
    let end = plan.duration.as_secs_f64() + settle;
    let mut lines = vec![
        format!("{}   {}   seed {}", one_line(&plan.scenario, 40), one_line(&plan.target, 60), plan.seed),
        format!(
            "plan     {} spans in {} traces over {}{}{}, settle up to {}, over after {} at most{}",
            count(plan.spans),
            count(plan.traces),
            clock(plan.starts.as_secs_f64()),
            warm_up(plan.warm_up),
            last_spans(plan),
            clock(settle),
            clock(end),
            if_late(plan)
        ),
    ];
    if !plan.strata.is_empty() {
        let strata = plan.strata.iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>();
        lines.push(format!("traces   {}", strata.join(", ")));
    }
    lines.extend(plan.faults.iter().map(fault));
    for (number, line) in plan.prediction.iter().enumerate() {
        lines.push(format!("{:<9}{line}", if number == 0 { "predict" } else { "" }));
    }
    if plan.settle.len() > 1 {
        let terms = plan.settle.iter().map(|term| format!("{} {}", term.name, clock(term.seconds))).collect::<Vec<_>>();
        lines.push(format!("settle   {} = {}", terms.join(" + "), clock(settle)));
    }
    lines.extend(plan.route.iter().map(|route| format!("route    {route}")));
    lines.extend(plan.warnings.iter().map(|warning| format!("warning  {warning}")));
    lines.iter().map(|line| one_line(line, WIDTH * 2) + "\n").collect()
}

fn fault(fault: &Fault) -> String {
    let (begin, end) = (fault.at.as_secs_f64(), (fault.at + fault.lasting).as_secs_f64());
    let again = match fault.again {
        Some((every, times)) => format!(", {times} times, every {}", clock(every.as_secs_f64())),
        None => String::new(),
    };
    format!("fault    {} {}-{}{again}: {}", one_line(&fault.name, 40), clock(begin), clock(end), fault.what)
}

/// A trace's last batch goes some seconds after its start anyway; what is worth telling is that slow traces take longer.
fn last_spans(plan: &Plan) -> String {
    let more = plan.duration.saturating_sub(plan.starts);
    if more < Duration::from_secs(2) {
        return String::new();
    }
    format!(", last spans at {}", clock(plan.duration.as_secs_f64()))
}

/// Spans that come late are waited for longer, so the end is not the last.
fn if_late(plan: &Plan) -> String {
    let end = plan.settle_if_late.map(|settle| clock((plan.duration + settle).as_secs_f64()));
    end.map_or(String::new(), |end| format!(" ({end} if spans come late)"))
}

fn warm_up(of: Duration) -> String {
    if of.is_zero() { String::new() } else { format!(" ({} of it warm-up)", clock(of.as_secs_f64())) }
}
