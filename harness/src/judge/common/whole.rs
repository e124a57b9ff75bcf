//! Whether whole requests or whole traces are affected, and whether the requests come at a beat.

use super::separate::Events;
use super::survey::{Sent, Survey};
use spanproof_reports::figures::{count, several};
use std::collections::BTreeMap;

/// From this share of the affected records on, they count as coming in wholes.
const MOST: f64 = 0.98;

/// From this share of the steps on, they count as a beat.
const BEAT: f64 = 0.8;

/// Fewer steps than this make no beat.
const STEPS_MIN: usize = 4;

/// What wholes the affected records make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Whole {
    affected: u64,
    /// Requests of which every span is affected.
    requests: u64,
    in_requests: u64,
    /// Traces likewise.
    traces: u64,
    in_traces: u64,
}

impl Whole {
    pub(super) fn of(survey: &Survey<'_>) -> Self {
        let mut whole = Self {
            affected: survey.totals().affected,
            traces: survey.traces_whole,
            in_traces: survey.in_whole_traces,
            ..Self::default()
        };
        for request in survey.connections.values().flatten().filter(|request| request.affected == request.spans) {
            whole.requests += 1;
            whole.in_requests += u64::from(request.spans);
        }
        whole
    }

    /// The affected records come in whole requests, of more than a span each.
    pub(super) fn requests_only(&self) -> bool {
        self.in_requests as f64 >= MOST * self.affected as f64 && self.affected >= 2 * self.requests
    }

    /// The affected records come in whole traces that do not travel in whole requests.
    pub(super) fn traces_only(&self) -> bool {
        !self.requests_only()
            && self.in_traces as f64 >= MOST * self.affected as f64
            && self.traces > 1
            && self.affected >= 2 * self.traces
    }

    /// What befell independently of each other: a lost request of 400 spans is one event and not 400.
    pub(super) fn events(&self, survey: &Survey<'_>) -> Events {
        if self.requests_only() {
            Events { affected: self.requests, all: survey.requests() }
        } else if self.traces_only() {
            Events { affected: self.traces, all: survey.traces }
        } else {
            Events { affected: self.affected, all: survey.totals().all() }
        }
    }

    pub(super) fn said(&self, survey: &Survey<'_>) -> Vec<String> {
        let mut said = Vec::new();
        if self.requests_only() {
            said.push(format!("{} of {}", several(self.requests, "whole request"), count(survey.requests())));
            said.extend(beat(survey));
        } else if self.traces_only() {
            let share = 100.0 * self.traces as f64 / survey.traces.max(1) as f64;
            let (traces, all) = (count(self.traces), count(survey.traces));
            said.push(format!("whole traces only: {traces} of {all} ({share:.1} %), {} cut", count(survey.traces_cut)));
        }
        said
    }
}

/// The beat at which requests are affected: over all of them, or on the one connection that is affected.
fn beat(survey: &Survey<'_>) -> Option<String> {
    let hit = |requests: &Vec<Sent>| requests.iter().any(|request| request.affected > 0);
    let mut affected = survey.connections.iter().filter(|(_, requests)| hit(requests));
    let (number, requests) = affected.next()?;
    if affected.next().is_none() && survey.connections.len() > 1 {
        let step = step(requests)?;
        return Some(format!("every {} request of connection {number}", ordinal(step)));
    }
    let mut all: Vec<Sent> = survey.connections.values().flatten().copied().collect();
    all.sort_by_key(|request| request.due_ns);
    step(&all).map(|step| format!("every {} request", ordinal(step)))
}

/// From one affected request to the next, as it nearly always is; requests that overtake each other blur it a little.
fn step(requests: &[Sent]) -> Option<u64> {
    let places: Vec<usize> =
        requests.iter().enumerate().filter(|(_, one)| one.affected > 0).map(|(at, _)| at).collect();
    let mut steps: BTreeMap<usize, usize> = BTreeMap::new();
    places.iter().zip(places.iter().skip(1)).for_each(|(a, b)| *steps.entry(b - a).or_default() += 1);
    let (step, times) = steps.iter().max_by_key(|(_, times)| **times)?;
    let all: usize = steps.values().sum();
    (*step > 1 && all >= STEPS_MIN && *times as f64 >= BEAT * all as f64).then_some(*step as u64)
}

/// A number as people count with it: 1st, 2nd, 3rd.
pub(super) fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{}{ending}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(affected: impl Fn(u64) -> bool) -> Vec<Sent> {
        let one = |at| Sent { due_ns: at, spans: 2, affected: if affected(at) { 2 } else { 0 } };
        (0..30).map(one).collect()
    }

    #[test]
    fn a_beat_is_found_and_a_scatter_is_none() {
        assert_eq!(step(&requests(|at| at % 3 == 1)), Some(3));
        assert_eq!(step(&requests(|at| at % 3 == 1 && at != 10)), Some(3));
        assert_eq!(step(&requests(|at| [1, 2, 5, 11, 13, 22, 23].contains(&at))), None);
        assert_eq!(step(&requests(|at| [0, 2, 4, 7, 11, 16, 22].contains(&at))), None, "two steps in six are no beat");
        assert_eq!(step(&requests(|at| [0, 2, 4, 6, 8, 11].contains(&at))), Some(2), "four in five are one");
        assert_eq!(step(&requests(|_| true)), None);
        assert_eq!(step(&requests(|at| at % 6 == 0)), Some(6));
        assert_eq!(step(&requests(|at| at % 10 == 0)), None, "two steps are no beat");
    }

    #[test]
    fn what_comes_in_whole_requests_is_nearly_all_in_them_and_more_than_a_span_each() {
        let of = |in_requests, requests| Whole { affected: 100, in_requests, requests, ..Whole::default() };
        assert!(of(98, 50).requests_only() && of(100, 1).requests_only());
        assert!(!of(97, 50).requests_only() && !of(98, 51).requests_only());
    }

    #[test]
    fn what_comes_in_whole_traces_comes_in_several_and_not_in_whole_requests() {
        let of = |in_traces, traces| Whole { affected: 100, in_traces, traces, ..Whole::default() };
        assert!(of(98, 50).traces_only() && of(100, 2).traces_only());
        assert!(!of(97, 50).traces_only() && !of(98, 51).traces_only() && !of(100, 1).traces_only());
        assert!(!Whole { in_requests: 100, requests: 9, ..of(100, 20) }.traces_only());
    }

    #[test]
    fn ordinals_read_as_people_say_them() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 102, 113].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 113th"
        );
    }
}
