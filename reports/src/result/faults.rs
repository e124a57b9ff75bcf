//! What became of the faults of a scenario: what each touched, and what came before, during and after it.

use crate::result::check::Example;
use crate::result::latency::Latency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One fault: when it was to hold, what it did, and how all went on from there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What was broken and how, in words.
    pub what: String,
    /// Whether it was one of the target's process, and not of the sink.
    #[serde(default)]
    pub of_target: bool,
    /// Whether commands of the user's did it.
    /// Absent where they did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_commands: bool,
    /// Which link it broke.
    /// Absent where it was one of the sink or of the target's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// When it first began, in seconds from the epoch.
    pub at_seconds: f64,
    /// How long it held each time, in seconds.
    pub lasting_seconds: f64,
    /// From one beginning to the next, in seconds; absent for one that came once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<f64>,
    /// How often it came.
    pub times: u64,
    /// Requests that it touched; of a fault of the target's process or of commands, how often it acted; of a link's, connections that it touched. A fault that touched nothing shows nothing.
    pub touched: u64,
    /// When it killed the target's process, in seconds from the epoch.
    /// Absent where it killed nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kills_seconds: Vec<f64>,
    /// When it ended the target's process in whatever way.
    /// Absent where it ended nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends_seconds: Vec<f64>,
    /// Whether the sink took what was in them and kept the answer from the target, so that the target may send it again.
    #[serde(default)]
    pub takes: bool,
    /// Whether the target has no reason to keep them: OTLP has nobody send again what was answered so.
    #[serde(default)]
    pub for_good: bool,
    /// Whether the sink said that it had taken what was in them and had not.
    #[serde(default)]
    pub discards: bool,
    /// Spans of the plan that were in them, each counted once.
    #[serde(default)]
    pub spans: u64,
    /// Signs of its own account that it bit: what the sink's server counted of the kind (answers that it gave, or requests that it
    /// left without one), how often the kernel said that the target's process was stopped or had ended by it, or in how many windows
    /// the user's command saw it. None for a kind
    /// that leaves none.
    /// Absent for a kind that leaves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs: Option<u64>,
    /// When it touched the first request or acted first, in seconds from the epoch.
    /// Absent where it touched nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seconds: Option<f64>,
    /// When it touched or acted last.
    /// Absent where it touched nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seconds: Option<f64>,
    /// What the target did with the requests that it sent away.
    /// Absent where it sent none away, or where it is not the target alone that may send one again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<Reactions>,
    /// How it went on when all was well again.
    #[serde(default)]
    pub recovery: Recovery,
    /// Until it first began.
    #[serde(default)]
    pub before: Phase,
    /// While it held.
    #[serde(default)]
    pub during: Phase,
    /// From the first end on, whenever it did not hold.
    #[serde(default)]
    pub after: Phase,
}

/// A way that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// From the target to the sink.
    Egress,
    /// From the client to the target.
    Ingress,
}

/// What a target did with the requests that a fault sent away: refused, left unanswered, or answered in part. A request is known by
/// its first span; of one that was put together anew nothing is told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reactions {
    /// Requests that were sent away, each counted once.
    pub sent_away: u64,
    /// How often one of them came again.
    pub came_again: u64,
    /// The most often that one of them came, its first time included.
    pub attempts_max: u64,
    /// The longest from the first time that one came until it was taken, in seconds.
    /// Absent where none was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_taken_seconds: Option<f64>,
    /// From the first time to the second, where the answer was a refusal that named no time.
    /// Absent where too few came again after such an answer, and where the harness was the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_pause: Option<Pause>,
    /// Came again although OTLP has nobody send again what was answered so.
    #[serde(default)]
    pub after_final: Wrong,
    /// Came again before the time that the answer named.
    #[serde(default)]
    pub too_early: Wrong,
}

/// How long requests waited before they came again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    /// How many were looked at.
    pub count: u64,
    /// One in ten waited no longer than this, in milliseconds.
    pub tenth_ms: f64,
    /// Half of them waited no longer than this.
    pub half_ms: f64,
    /// Nine in ten waited no longer than this.
    pub nine_tenths_ms: f64,
}

/// Something that a target ought not to have done.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Wrong {
    /// How often it did.
    pub times: u64,
    /// The first few: the first span of the request.
    /// Absent where it never did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

impl Pause {
    /// Fewer than this say nothing of chance.
    pub const COUNT_MIN: usize = 20;

    /// Of these pauses; `None` of too few.
    pub fn of(pauses: &[Duration]) -> Option<Self> {
        let mut ms: Vec<f64> = pauses.iter().map(|pause| pause.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        let at = |tenths: usize| ms[(ms.len() - 1) * tenths / 10];
        let (count, enough) = (ms.len() as u64, ms.len() >= Self::COUNT_MIN);
        enough.then(|| Self { count, tenth_ms: at(1), half_ms: at(5), nine_tenths_ms: at(9) })
    }

    /// Whether they are so alike that there can be no chance in them: nine in ten from the shortest tenth on differ by less than a
    /// tenth of the pause.
    pub fn is_in_step(&self) -> bool {
        self.nine_tenths_ms - self.tenth_ms < 0.1 * self.half_ms
    }
}

/// How a run went on after a fault.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// From the fault's end until the sink took a request again, in seconds: the longest, if it came more than once.
    /// Absent where it took none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_delivery_seconds: Option<f64>,
    /// From the fault's last end until the last span had come that was due before it, in seconds. Absent where spans are missing
    /// that should have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_seconds: Option<f64>,
}

/// A part of the run, cut at a fault's beginnings and ends by the instant at which something ended: an answer, or an arrival.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Latencies in this part.
    #[serde(default)]
    pub latency: Latency,
}

impl Fault {
    /// A part of the run by its field's name.
    pub fn part(&self, name: &str) -> Option<&Phase> {
        match name {
            "before" => Some(&self.before),
            "during" => Some(&self.during),
            "after" => Some(&self.after),
            _ => None,
        }
    }

    /// When it was to hold, from the start of the run: each time from when to when.
    pub fn windows(&self) -> Vec<(Duration, Duration)> {
        let window = |number: u64| {
            let begin = self.at_seconds + number as f64 * self.every_seconds.unwrap_or(0.0);
            (Duration::from_secs_f64(begin), Duration::from_secs_f64(begin + self.lasting_seconds))
        };
        (0..self.times).map(window).collect()
    }

    /// Removes every percentile of its parts of the run, and of the pauses of what was sent again.
    pub(super) fn withhold(&mut self, reason: &str) {
        for phase in [&mut self.before, &mut self.during, &mut self.after] {
            phase.latency.withhold(reason);
        }
        if let Some(reactions) = &mut self.reactions {
            reactions.first_pause = None;
        }
    }

    /// Whether it acts on a process, and touches no request itself.
    pub fn is_of_acts(&self) -> bool {
        self.of_target || self.of_commands
    }

    /// Whether it left evidence that it bit: it touched something, and no sign is missing where there should be one.
    pub fn has_bitten(&self) -> bool {
        self.touched > 0 && self.signs != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(ms: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        ms.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn pauses_without_chance_are_in_step_and_those_with_it_are_not() {
        assert_eq!(Pause::of(&pauses(0..19)), None);
        let alike = Pause::of(&pauses((0..100).map(|number| 500 + number % 30))).unwrap();
        assert_eq!((alike.count, alike.half_ms), (100, 513.0));
        assert!(alike.is_in_step());
        // As the collector's: half of the interval more or less.
        let drawn = Pause::of(&pauses((0..100).rev().map(|number| 250 + 5 * number))).unwrap();
        assert_eq!((drawn.tenth_ms, drawn.nine_tenths_ms), (295.0, 695.0));
        assert!(!drawn.is_in_step());
    }
}
