//! What a proxy says at its end: what went through, and what each fault touched.

use crate::proxy::{FaultState, State};
use serde_json::{Value, json};
use spanproof_reports::figures::{clock, several};
use std::fmt::Write;
use std::time::Duration;

/// Why a proxy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The time was over.
    Deadline,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Ended {
    /// The word in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Interrupted => "interrupted",
        }
    }
}

/// All that a proxy has to tell.
pub(super) struct Summary {
    pub(super) ended: Ended,
    pub(super) took: Duration,
    /// Connections that had to be cut at the end.
    pub(super) cut: usize,
    pub(super) state: State,
    /// The names of the faults that were to hold from the beginning.
    pub(super) asked: Vec<String>,
}

impl Summary {
    /// The faults that were to hold and have touched nothing.
    pub(super) fn idle(&self) -> impl Iterator<Item = &FaultState> {
        let asked = |fault: &&FaultState| self.asked.contains(&fault.name);
        self.state.faults.iter().filter(asked).filter(|fault| fault.touched.first_seconds.is_none())
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let State { connections, bytes, faults, .. } = &self.state;
        for fault in faults {
            line(&mut text, "fault", &touched(fault));
        }
        if connections.refused > 0 {
            line(&mut text, "refused", &format!("{}: too many at once", several(connections.refused, "connection")));
        }
        if connections.unreachable > 0 {
            let words = several(connections.unreachable, "connection");
            line(&mut text, "reset", &format!("{words}: the upstream could not be reached"));
        }
        if self.cut > 0 {
            line(&mut text, "cut", &format!("{} that had not ended", several(self.cut as u64, "connection")));
        }
        for fault in self.idle() {
            line(&mut text, "undecided", &format!("{} touched nothing, so nothing has been shown", fault.name));
        }
        let words = format!(
            "{}, {} upstream, {} downstream, in {}",
            several(connections.taken, "connection"),
            several(bytes.upstream, "byte"),
            several(bytes.downstream, "byte"),
            clock(self.took.as_secs_f64())
        );
        line(&mut text, "relayed", &words);
        text
    }

    /// For programs: the state, with how it ended.
    pub(super) fn json(&self) -> Value {
        let mut document = json!(self.state);
        if let Some(map) = document.as_object_mut() {
            map.insert("ended".to_owned(), json!(self.ended.name()));
            map.insert("took_seconds".to_owned(), json!(self.took.as_secs_f64()));
            map.insert("cut_connections".to_owned(), json!(self.cut));
        }
        document
    }
}

fn touched(fault: &FaultState) -> String {
    let FaultState { name, what, share, touched, .. } = fault;
    let of = if share.ratio() < 1.0 { format!(", {share} of connections") } else { String::new() };
    let words = format!("{name}: the link {what}{of}");
    let (Some(first), Some(last)) = (touched.first_seconds, touched.last_seconds) else {
        return format!("{words}: touched nothing");
    };
    format!(
        "{words}: touched {} and {}, {}, {}-{}",
        several(touched.connections, "connection"),
        several(touched.bytes, "byte"),
        several(touched.times, "time"),
        clock(first),
        clock(last)
    )
}

fn line(text: &mut String, label: &str, words: &str) {
    let _ = writeln!(text, "{label:<10}{words}");
}
