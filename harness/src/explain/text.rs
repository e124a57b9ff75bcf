//! An explanation as lines, for people.

use super::quantity::{count, short};
use super::shares::{Amount, PolicyShare, Shares, WayShares};
use super::told::{ToldSpan, ToldTrace, ToldWay};
use super::{Explanation, Problem, ShownStep, ShownWay, Traffic, UnknownClaim, VersionFrom, Warning};
use spanproof_reports::plain_text::one_line;

/// Longest line that a setting may make, in characters.
const LINE_CHARS_MAX: usize = 400;

/// What is explained, as lines.
pub fn text(explanation: &Explanation) -> String {
    let mut out = head(explanation);
    for way in &explanation.ways {
        out.push_str(&of_way(way));
    }
    if let (Some(shares), Some(traffic)) = (&explanation.shares, &explanation.traffic) {
        of_shares(&mut out, shares, traffic);
    }
    if let Some(trace) = &explanation.trace {
        of_trace(&mut out, trace);
    }
    if !explanation.unknown.is_empty() {
        line(&mut out, "\nunknown");
        explanation.unknown.iter().for_each(|claim| of_claim(&mut out, claim));
    }
    let warned = match explanation.warnings.len() {
        0 => "no warnings".to_owned(),
        1 => "1 warning".to_owned(),
        more => format!("{more} warnings"),
    };
    line(&mut out, &format!("\n{warned}"));
    explanation.warnings.iter().for_each(|warning| of_warning(&mut out, warning));
    out
}

/// Why nothing can be explained, as lines: every problem with what to do.
pub fn problems(problems: &[Problem]) -> String {
    let mut out = match problems.len() {
        1 => "1 problem\n".to_owned(),
        more => format!("{more} problems\n"),
    };
    for problem in problems {
        let place = problem.line.map_or_else(|| problem.path.clone(), |line| format!("{}:{line}", problem.path));
        let field = if problem.field.is_empty() { String::new() } else { format!("  {}", problem.field) };
        line(&mut out, &format!("  {place}{field}"));
        line(&mut out, &format!("      {}", problem.message));
        if !problem.hint.is_empty() {
            line(&mut out, &format!("      try  {}", problem.hint));
        }
    }
    out
}

/// Adds a line on which nothing moves a cursor; a leading line break is kept.
fn line(out: &mut String, text: &str) {
    if text.starts_with('\n') {
        out.push('\n');
    }
    let text = text.trim_start_matches('\n');
    let indent = text.len() - text.trim_start().len();
    out.push_str(&text[..indent]);
    out.push_str(&one_line(&text[indent..], LINE_CHARS_MAX));
    out.push('\n');
}

fn head(explanation: &Explanation) -> String {
    let known = match explanation.collector_version_from {
        VersionFrom::Given => "",
        VersionFrom::Image => ", by its image",
        VersionFrom::Assumed => ", assumed; --collector-version says another",
    };
    let mut out = String::new();
    let files = explanation.files.join(" + ");
    line(&mut out, &format!("{files}   collector {}{known}", explanation.collector_version));
    if let Some(traffic) = &explanation.traffic {
        line(&mut out, &of_traffic(traffic));
    }
    out
}

fn of_traffic(traffic: &Traffic) -> String {
    let rate = traffic.spans_per_second.zip(traffic.traces_per_second());
    let rate = rate.map(|(spans, traces)| format!("{} spans/s in {} traces/s, ", short(spans), short(traces)));
    format!(
        "workload {}, seed {}: {}{} spans a trace in the mean and {} at most, {} B a span, {} ms at the longest",
        traffic.workload,
        traffic.seed,
        rate.unwrap_or_default(),
        short(traffic.spans_mean),
        traffic.spans_most,
        traffic.span_bytes_mean.round(),
        traffic.longest_ms,
    )
}

fn of_way(way: &ShownWay) -> String {
    let mut out = String::new();
    let begins = way.steps.first().map_or(&way.pipeline, |step| &step.pipeline);
    let pipelines =
        if *begins == way.pipeline { way.pipeline.clone() } else { format!("{begins} to {}", way.pipeline) };
    line(&mut out, &format!("\n{pipelines}   {} -> {}", way.receivers.join(", "), way.exporters.join(", ")));
    if way.steps.is_empty() {
        line(&mut out, "  passes nothing on the way");
    }
    for (index, step) in way.steps.iter().enumerate() {
        of_step(&mut out, index + 1, step);
    }
    out
}

fn of_step(out: &mut String, number: usize, step: &ShownStep) {
    line(out, &format!("  {number}  {}   {}", step.component, step.place));
    let unknown = if step.does == "unknown" { "unknown: " } else { "" };
    step.text.iter().for_each(|text| line(out, &format!("       {unknown}{text}")));
    let width = step.policies.iter().map(|policy| policy.name.chars().count()).max().unwrap_or(0);
    for policy in &step.policies {
        line(out, &format!("       {:width$}  {}", policy.name, policy.text));
    }
}

fn of_claim(out: &mut String, claim: &UnknownClaim) {
    line(out, &format!("  {}  {}: {}", claim.place, claim.component, claim.message));
}

fn of_warning(out: &mut String, warning: &Warning) {
    line(out, &format!("  {}  {}  [{}]", warning.place, warning.message, warning.id));
    line(out, &format!("      why  {}", warning.why));
    line(out, &format!("      try  {}", warning.remedy));
    if let Some(issue) = warning.issue {
        line(out, &format!("      see  {issue}"));
    }
}

fn of_shares(out: &mut String, shares: &Shares, traffic: &Traffic) {
    let sent = shares.sent;
    line(
        out,
        &format!("\nshares   of {} traces, {} spans of {}", count(sent.traces), count(sent.spans), traffic.workload),
    );
    for way in &shares.ways {
        of_way_shares(out, way, &sent);
    }
}

fn of_way_shares(out: &mut String, way: &WayShares, sent: &Amount) {
    line(out, &format!("  {}   {:>28}  {:>8}  {:>8}", way.pipeline, "traces", "spans", "bytes"));
    for stage in &way.stages {
        let part = percent(stage.dropped, stage.reached);
        line(out, &format!("       {} drops {part} of the spans that reach it", stage.component));
    }
    for policy in &way.policies {
        of_policy_share(out, policy, sent);
    }
    let rows = [("comes out", way.kept), ("by what a rate has left", way.limited), ("unknown", way.unknown)];
    for (name, amount) in rows {
        if name == "comes out" || amount.traces > 0 {
            row(out, name, &amount, sent);
        }
    }
}

fn of_policy_share(out: &mut String, policy: &PolicyShare, sent: &Amount) {
    let verb = if policy.drops { "drops" } else { "wants" };
    row(out, &format!("{} {verb}", policy.policy), &policy.wants, sent);
    if policy.alone.traces > 0 && policy.alone != policy.wants {
        row(out, "  and no other policy", &policy.alone, sent);
    }
    if policy.open.traces > 0 {
        row(out, "  perhaps", &policy.open, sent);
    }
}

fn row(out: &mut String, name: &str, amount: &Amount, sent: &Amount) {
    let parts = [(amount.traces, sent.traces), (amount.spans, sent.spans), (amount.bytes, sent.bytes)];
    let [traces, spans, bytes] = parts.map(|(part, whole)| percent(part, whole));
    line(out, &format!("       {name:30} {traces:>8}  {spans:>8}  {bytes:>8}"));
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.2} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// Spans of a trace that are printed.
const SPANS_MAX: usize = 60;

fn of_trace(out: &mut String, trace: &ToldTrace) {
    let ToldTrace { seed, index, stratum, trace_id, .. } = trace;
    line(out, &format!("\ntrace {seed}:{index}   {stratum}, {} spans, id {trace_id}", trace.spans.len()));
    for (number, span) in trace.spans.iter().enumerate().take(SPANS_MAX) {
        of_span(out, number, span);
    }
    if let Some(more) = trace.spans.len().checked_sub(SPANS_MAX).filter(|more| *more > 0) {
        line(out, &format!("       and {more} more"));
    }
    trace.ways.iter().for_each(|way| of_told_way(out, way));
}

fn of_span(out: &mut String, number: usize, span: &ToldSpan) {
    let ToldSpan { depth, service, name, start_ms, duration_ms, error } = span;
    let indent = "  ".repeat((*depth).min(20));
    let error = if *error { "  ERROR" } else { "" };
    line(out, &format!("  {number:>3}  {start_ms:9.1} ms {duration_ms:9.1} ms  {indent}{service}: {name}{error}"));
}

fn of_told_way(out: &mut String, way: &ToldWay) {
    line(out, &format!("\n  {}", way.pipeline));
    for step in &way.steps {
        line(out, &format!("    {}   {}", step.component, step.text));
        let width = step.ballots.iter().map(|ballot| ballot.policy.chars().count()).max().unwrap_or(0);
        for ballot in &step.ballots {
            line(out, &format!("       {:width$}  {:7}  {}", ballot.policy, ballot.vote, ballot.reason));
        }
    }
    line(out, &format!("    {}", way.text));
}
