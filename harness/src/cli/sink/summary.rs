//! What a sink says at its end: everything it saw, then what that means, and last how many spans.

use super::judged::Judged;
use crate::process::Exit as CommandExit;
use crate::sink::dump::Dumped;
use crate::sink::tally::TallyCounts;
use crate::wire::server::{Limits, Reason, ServerCounters};
use serde_json::{Value, json};
use spanproof_reports::figures::{clock, count};
use spanproof_reports::plain_text::one_line;
use spanproof_reports::result::check::{Finding, Level};
use spanproof_reports::result::verdict::Verdict;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Services listed by name in text.
const SERVICES_SHOWN: usize = 20;

/// Examples of one finding in text.
const EXAMPLES_SHOWN: usize = 2;

/// Why a sink ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// What `--until` asks for holds.
    Held,
    /// Everything expected has arrived.
    Arrived,
    /// The command has ended, and what followed it has settled.
    CommandDone,
    /// The time was over.
    Deadline,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Ended {
    /// The word in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Arrived => "arrived",
            Self::CommandDone => "command_done",
            Self::Deadline => "deadline",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How the command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandEnd {
    pub(super) exit: CommandExit,
    /// It ended before we would have ended it.
    pub(super) by_itself: bool,
}

/// All that a sink has to tell.
pub(super) struct Summary {
    pub(super) ended: Ended,
    /// Something besides Ctrl-C would have ended it.
    pub(super) has_end: bool,
    pub(super) took: Duration,
    pub(super) counts: TallyCounts,
    pub(super) server: ServerCounters,
    /// The text of `--until`, and whether it held.
    pub(super) until: Option<(String, bool)>,
    /// The scenario's name and the judgement; `None` inside when it never became known what to expect.
    pub(super) judged: Option<(String, Option<Judged>)>,
    pub(super) command: Option<CommandEnd>,
    pub(super) dump: Option<(PathBuf, Dumped)>,
    /// The faults that held or have held, as documents.
    pub(super) faults: Vec<Value>,
    /// The names of those that were asked for and touched nothing.
    pub(super) idle: Vec<String>,
}

impl Summary {
    /// For people. The last line ends with the number of spans, which programs may look for.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.seen(&mut text);
        self.broken(&mut text);
        if let Some(command) = &self.command {
            line(&mut text, "command", &format!("ended with {}", command.exit));
        }
        if let Some((goal, held)) = &self.until {
            let took = format!("{:.1} s", self.took.as_secs_f64());
            let words = if *held { format!("held after {took}") } else { format!("did not hold within {took}") };
            line(&mut text, "until", &format!("`{}` {words}", one_line(goal, 100)));
        }
        match &self.judged {
            Some((name, Some(judged))) => judgement(&mut text, name, judged),
            Some((name, None)) => line(&mut text, "undecided", &format!("{name}: nobody said what to expect")),
            None => {}
        }
        let verdict = match self.verdict() {
            Some(verdict) => format!("judged {}", verdict.name()),
            None => "counted, not judged".to_owned(),
        };
        let counts = &self.counts;
        let at_least = if counts.traces_at_least { "at least " } else { "" };
        let _ = writeln!(
            text,
            "{verdict}: {} requests, {} bytes, {at_least}{} traces, {} spans",
            count(counts.requests),
            count(counts.bytes),
            count(counts.traces),
            count(counts.spans)
        );
        text
    }

    /// The merged verdict of the checks, if there was anything to judge by.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let (_, judged) = self.judged.as_ref()?;
        Some(judged.as_ref().map_or(Verdict::Inconclusive, Judged::verdict))
    }

    fn seen(&self, text: &mut String) {
        let counts = &self.counts;
        if !counts.services.is_empty() {
            line(text, "services", &services(counts));
        }
        for (signal, of) in counts.signals.iter().filter(|(signal, _)| **signal != "traces") {
            line(text, signal, &format!("{} in {} requests", count(of.items), count(of.requests)));
        }
        let refused = Reason::ALL.into_iter().filter(|reason| self.server.refused(*reason) > 0);
        let refused: Vec<String> =
            refused.map(|reason| format!("{} {}", count(self.server.refused(reason)), reason.name())).collect();
        if !refused.is_empty() {
            line(text, "refused", &format!("{} requests: {}", count(self.server.refused_total()), refused.join(", ")));
        }
        let ServerCounters { connections_refused, connections_idle, .. } = self.server;
        if connections_refused > 0 {
            let most = count(Limits::default().connections_max as u64);
            line(text, "refused", &format!("{} connections: beyond {most} at once", count(connections_refused)));
        }
        if connections_idle > 0 {
            line(text, "closed", &format!("{} connections: no request came in time", count(connections_idle)));
        }
        if let Some((path, dump)) = &self.dump {
            let path = one_line(&path.display().to_string(), 200);
            let mut words = format!("{path}: {} requests, {} bytes", count(dump.requests), count(dump.bytes));
            if let Some(why) = &dump.why {
                let _ = write!(
                    words,
                    "; {} requests left out, the first since {}",
                    count(dump.left_out),
                    one_line(why, 200)
                );
            }
            line(text, "dump", &words);
        }
    }

    fn broken(&self, text: &mut String) {
        for fault in &self.faults {
            let word = |key: &str| fault[key].as_str().unwrap_or_default();
            let touched = fault["touched"]["requests"].as_u64().unwrap_or(0);
            let held = if fault["on"] == true { "" } else { ", switched off" };
            let words = format!(
                "{}: {}, {}{held}; touched {} requests",
                word("name"),
                word("what"),
                word("reach"),
                count(touched)
            );
            line(text, "fault", &words);
        }
        for name in &self.idle {
            line(text, "undecided", &format!("{name} touched nothing: what was tried with it has shown nothing"));
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let refused = Reason::ALL.into_iter().filter(|reason| self.server.refused(*reason) > 0);
        let refused: serde_json::Map<_, _> =
            refused.map(|reason| (reason.name().to_owned(), json!(self.server.refused(reason)))).collect();
        let mut document = json!({
            "schema": "spanproof.sink/1",
            "ended": self.ended.name(),
            "took_seconds": self.took.as_secs_f64(),
            "judged": self.judged.is_some(),
            "refused_requests": refused,
            "connections": {
                "served": self.server.connections,
                "refused": self.server.connections_refused,
                "idle": self.server.connections_idle,
            },
            "until": self.until.as_ref().map(|(text, held)| json!({"limit": text, "held": held})),
            "command": self.command.map(|command| command.exit.to_string()),
            "dump": self.dump.as_ref().map(|(path, dump)| json!({"path": path.display().to_string(), "wrote": dump})),
            "faults": self.faults,
            "idle_faults": self.idle,
            "verdict": self.verdict().map(Verdict::name),
        });
        let mut add =
            |key: &str, value: Value| drop(document.as_object_mut().map(|map| map.insert(key.to_owned(), value)));
        if let Some((name, judged)) = &self.judged {
            add("scenario", json!(name));
            add("checks", json!(judged.as_ref().map(|judged| &judged.checks)));
            add("ledger", json!(judged.as_ref().map(|judged| json!({"spans": judged.spans}))));
            add("notes", json!(judged.as_ref().map(|judged| &judged.notes)));
        }
        if let Ok(Value::Object(counts)) = serde_json::to_value(&self.counts) {
            counts.into_iter().for_each(|(key, value)| add(&key, value));
        }
        document
    }

    /// One line while it goes on.
    pub(super) fn progress(elapsed: Duration, spans: u64) -> String {
        format!("{} received {}", clock(elapsed.as_secs_f64()), count(spans))
    }
}

fn line(text: &mut String, label: &str, words: &str) {
    // The longest word, `inconclusive`, goes beyond the column.
    let _ = writeln!(text, "{label:<9} {words}");
}

fn services(counts: &TallyCounts) -> String {
    let mut all: Vec<(&String, &u64)> = counts.services.iter().collect();
    all.sort_by_key(|(name, spans)| (std::cmp::Reverse(**spans), (*name).clone()));
    let name = |name: &str| if name.is_empty() { "(no name)".to_owned() } else { one_line(name, 60) };
    let mut words: Vec<String> = all
        .iter()
        .take(SERVICES_SHOWN)
        .map(|(service, spans)| format!("{} {}", name(service), count(**spans)))
        .collect();
    if all.len() > SERVICES_SHOWN {
        words.push(format!("and {} more", count((all.len() - SERVICES_SHOWN) as u64)));
    }
    if counts.services_left_out > 0 {
        words.push(format!("and others beyond those with {}", count(counts.services_left_out)));
    }
    words.join(", ")
}

fn judgement(text: &mut String, name: &str, judged: &Judged) {
    let worst_first = [Level::Failure, Level::Inconclusive, Level::Warning, Level::Info];
    for level in worst_first {
        let findings = judged.checks.iter().flat_map(|check| &check.findings);
        findings.filter(|finding| finding.level == level).for_each(|one| finding(text, one));
    }
    for note in &judged.notes {
        line(text, "note", note);
    }
    let spans = &judged.spans;
    let words = [
        ("planned", spans.planned),
        ("delivered", spans.delivered),
        ("lost", spans.lost_acknowledged + spans.lost_unknown),
        ("duplicated", spans.duplicated),
        ("corrupted", spans.corrupted),
        ("invented", spans.invented),
        ("foreign", spans.foreign),
    ];
    let words: Vec<String> = words.iter().map(|(word, number)| format!("{word} {}", count(*number))).collect();
    line(text, "ledger", &format!("{}: {}", one_line(name, 40), words.join(", ")));
}

fn finding(text: &mut String, finding: &Finding) {
    let words = format!("{} {}: {}", one_line(&finding.id, 40), count(finding.count), one_line(&finding.message, 300));
    line(text, finding.level.name(), &words);
    for example in finding.examples.iter().take(EXAMPLES_SHOWN) {
        let ids = [&example.trace_id, &example.span_id].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        line(text, "", &format!("{ids} {}", one_line(&example.text, 300)));
    }
}
