//! A trace as a tree, for people.

use super::trace::{Arrived, Span, Trace};
use super::{Shown, Stranger, Unplanned};
use spanproof_reports::plain_text::one_line;
use std::fmt::Write;

/// Longest text of a name or a value.
const VALUE_CHARS_MAX: usize = 120;

/// What is known of an id, as lines.
pub fn text(shown: &Shown) -> String {
    match shown {
        Shown::Trace(trace) => tree(trace),
        Shown::Invented(stranger) => {
            said(stranger, "invented: the id carries this run's tag, and no such trace was ever planned")
        }
        Shown::Foreign(stranger) => {
            said(stranger, "foreign: the id is not of this run; somebody else sent it, or an id was changed on the way")
        }
        Shown::Unplanned(unplanned) => undecided(unplanned),
    }
}

fn undecided(unplanned: &Unplanned) -> String {
    let unless = if unplanned.trace_id_settles { "" } else { ", unless that begins with 16 zeros, as padded ones do" };
    format!(
        "{}  not in the plan: foreign, or invented; `spanproof show` of the trace id that it came under settles it: one of this \
         run's means invented{unless}\n",
        unplanned.id
    )
}

fn said(stranger: &Stranger, what: &str) -> String {
    let arrived = stranger.arrived_seconds.map(|at| format!("; it arrived {at:.3} s after the start"));
    format!("{}  {what}{}\n", stranger.id, arrived.unwrap_or_default())
}

fn tree(trace: &Trace) -> String {
    let mut out = format!(
        "trace {}   number {} of {}, {}, {} spans{}\nstarts {:.6} s after the start of the run\n\n",
        trace.trace_id,
        trace.index,
        trace.of,
        trace.stratum,
        trace.spans.len(),
        tally(trace),
        trace.start_seconds,
    );
    out.push_str("      start       took  arrived    span\n");
    for span in &trace.spans {
        line(&mut out, trace, span);
        details(&mut out, trace, span);
    }
    for id in &trace.invented {
        // Writing to a String does not fail, here and below.
        let _ = writeln!(out, "                         INVENTED   {id}  arrived in this trace and was never planned");
    }
    out
}

/// How many spans something happened to, by what.
fn tally(trace: &Trace) -> String {
    let count = |is: fn(&Span) -> bool| trace.spans.iter().filter(|span| is(span)).count();
    let counts = [
        ("missing", count(|span| word(span) == "MISSING")),
        ("not sent", count(|span| word(span) == "not sent")),
        ("repeated", count(|span| span.arrived == Arrived::Repeated)),
        ("changed", count(|span| span.corrupt)),
        ("late", count(|span| span.late)),
    ];
    let parts: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() { ", all arrived once and intact".to_owned() } else { format!(": {}", parts.join(", ")) }
}

fn word(span: &Span) -> &'static str {
    match (span.arrived, span.corrupt) {
        (Arrived::Missing, _) if span.request.outcome == "not-sent" => "not sent",
        (Arrived::Missing, _) => "MISSING",
        (Arrived::Once, true) => "CHANGED",
        (Arrived::Once, false) => "once",
        (Arrived::Repeated, true) => "REP+CHG",
        (Arrived::Repeated, false) => "REPEATED",
    }
}

fn line(out: &mut String, trace: &Trace, span: &Span) {
    let offset = (span.start_seconds - trace.start_seconds) * 1e3;
    let branch = if span.depth > 0 { format!("{}└ ", "  ".repeat(span.depth - 1)) } else { String::new() };
    let mark = if span.wanted { "→ " } else { "" };
    let _ = writeln!(
        out,
        "{:>9.3}ms {:>8.3}ms  {:<9}  {branch}{mark}{}  {}  ({}{})  {}",
        offset.max(0.0),
        span.duration_ms,
        word(span),
        one_line(&span.service, VALUE_CHARS_MAX),
        one_line(&span.name, VALUE_CHARS_MAX),
        span.span_kind,
        if span.status == "error" { ", error" } else { "" },
        span.span_id,
    );
}

/// The request for every span, and whatever is out of the ordinary.
fn details(out: &mut String, trace: &Trace, span: &Span) {
    let indent = format!("{:34}{}", "", "  ".repeat(span.depth));
    let _ = writeln!(out, "{indent}{}", request(span));
    if let Some(answer) = span.request.answer.as_deref() {
        let _ = writeln!(out, "{indent}answer: {}", one_line(answer, VALUE_CHARS_MAX));
    }
    if span.trace_id != trace.trace_id {
        let _ = writeln!(out, "{indent}sent under trace id {}", span.trace_id);
    }
    if span.orphan {
        let _ =
            writeln!(out, "{indent}its parent {} is not in this trace", span.parent_span_id.as_deref().unwrap_or(""));
    }
    if span.late {
        let _ = writeln!(out, "{indent}its first copy came later than allowed");
    }
    for difference in &span.differences {
        let shown =
            |value: &str| if value.is_empty() { "(nothing)".to_owned() } else { one_line(value, VALUE_CHARS_MAX) };
        let (sent, received) = (shown(&difference.sent), shown(&difference.received));
        let _ =
            writeln!(out, "{indent}{}: sent {sent}, received {received}", one_line(&difference.path, VALUE_CHARS_MAX));
    }
    if span.corrupt && span.arrived == Arrived::Repeated {
        let said = if span.intact { "an intact copy came, too" } else { "no copy came intact" };
        let _ = writeln!(out, "{indent}{said}");
    }
    if span.corrupt && span.differences.is_empty() {
        let changed = one_line(&span.changed.join(", "), VALUE_CHARS_MAX);
        let _ = writeln!(out, "{indent}another {changed} (values are kept of the first examples only)");
    }
    if span.wanted {
        for (key, value) in &span.attributes {
            let _ = writeln!(out, "{indent}{} = {}", one_line(key, VALUE_CHARS_MAX), one_line(value, VALUE_CHARS_MAX));
        }
    }
}

fn request(span: &Span) -> String {
    let request = &span.request;
    let connection = request.connection.map_or(String::new(), |number| format!(", connection {number}"));
    let attempts = if request.attempts > 1 { format!(" after {} attempts", request.attempts) } else { String::new() };
    let sent = request.sent_seconds.map_or(String::new(), |at| format!(", sent at {at:.3} s"));
    let ended = request.ended_seconds.map_or(String::new(), |at| format!(" at {at:.3} s"));
    let arrived = request.arrived_seconds.map_or(String::new(), |[first, last]| {
        // Instants are those of the whole request; a span that is missing did not arrive with the others.
        let who = if span.arrived == Arrived::Missing { "; others of it arrived" } else { "; arrived" };
        if last - first < 0.0005 {
            format!("{who} at {first:.3} s")
        } else {
            format!("{who} from {first:.3} to {last:.3} s")
        }
    });
    let outcome = if request.outcome == "not-sent" { "never sent" } else { request.outcome };
    format!(
        "request {}.{} of {} spans{connection}, due at {:.3} s{sent}: {outcome}{attempts}{ended}{arrived}",
        request.chunk, request.number, request.spans, request.due_seconds
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_span_id_is_the_trace_id_settles_except_a_padded_one() {
        let said = |trace_id_settles| text(&Shown::Unplanned(Unplanned { id: "0a".repeat(8), trace_id_settles }));
        assert_eq!(
            said(true),
            "0a0a0a0a0a0a0a0a  not in the plan: foreign, or invented; `spanproof show` of the trace id that it came under \
             settles it: one of this run's means invented\n"
        );
        assert!(said(false).ends_with("means invented, unless that begins with 16 zeros, as padded ones do\n"));
    }
}
