//! How long a tail sampler waits, and what becomes of traces when it has no room.

use super::{Found, below};
use crate::explain::Subject;
use crate::explain::quantity::{count, time};
use std::time::Duration;

pub(super) fn wait_not_whole(subject: &Subject) -> Vec<Found> {
    let mut found = Vec::new();
    for (step, tail) in subject.tails() {
        let (wait, after_root) = (tail.decision_wait, tail.decision_wait_after_root_received);
        if wait < Duration::from_secs(1) || wait.subsec_nanos() > 0 {
            let (from, to) = (tail.ticks(), tail.ticks() + 1);
            let message = format!("traces are decided {from} to {to} s after their first span, not {}", time(wait));
            found.push(not_whole(below(&step.keys(), &["decision_wait"]), message));
        }
        if after_root.subsec_nanos() > 0 {
            let (from, to) = (after_root.as_secs(), after_root.as_secs() + 1);
            let message = format!("traces are decided {from} to {to} s after their root, not {}", time(after_root));
            found.push(not_whole(below(&step.keys(), &["decision_wait_after_root_received"]), message));
        }
    }
    found
}

fn not_whole(keys: Vec<String>, message: String) -> Found {
    let why = "the time is cut to whole seconds, and decisions are made once a second";
    Found::new(keys, message, why, "write whole seconds, at least one, and reckon with one more")
}

pub(super) fn overflow_stalls(subject: &Subject) -> Vec<Found> {
    let stalls = subject.tails().filter(|(_, tail)| {
        tail.block_on_overflow && (tail.sampled_cache_size == 0 || tail.non_sampled_cache_size == 0)
    });
    let found = stalls.map(|(step, tail)| {
        let message = format!("after {} traces nothing is taken in any more, for ever", count(tail.num_traces));
        let why =
            "block_on_overflow waits for room, and only decision caches make room: without them decided traces stay";
        let remedy = "set decision_cache.sampled_cache_size and .non_sampled_cache_size, both well above num_traces";
        Found::new(below(&step.keys(), &["block_on_overflow"]), message, why, remedy)
    });
    found.collect()
}

pub(super) fn overflow_evicts(subject: &Subject) -> Vec<Found> {
    let Some(rate) = subject.traffic.as_ref().and_then(|traffic| traffic.traces_per_second()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (step, tail) in subject.tails() {
        let waiting = rate * (tail.ticks() + 1) as f64;
        if tail.block_on_overflow || waiting <= tail.num_traces as f64 {
            continue;
        }
        let room = count(tail.num_traces);
        let message = format!("traces are thrown out before they are decided: there is room for {room}");
        let waiting = waiting.ceil() as u64;
        let why = format!("at {rate:.0} traces a second {} wait for their decision at once", count(waiting));
        let remedy = format!("raise num_traces above {}, or lower decision_wait", count(waiting));
        found.push(Found::new(below(&step.keys(), &["num_traces"]), message, why, remedy));
    }
    found
}
