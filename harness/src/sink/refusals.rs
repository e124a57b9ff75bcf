//! What a sink does not take: the answer to what it cannot read, and what its server refused, sorted by whose doing that was.

use crate::clock::RunClock;
use crate::judge::doubted::TurnedAway;
use crate::judge::evidence::Refusals;
use crate::wire::server::{self, Decision, Fault, Limits, Reason, Refusal, ServerCounters, SinkServer};
use crate::wire::{Code, Signal};
use spanproof_generators::protobuf::MalformedError;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The answer to a request that cannot be read. One that holds too much is no smaller for being sent again.
pub(super) fn unreadable(signal: Signal, error: MalformedError) -> Decision {
    match error {
        MalformedError::TooMany => Decision::Refuse(Refusal {
            grpc: Some(Code::RESOURCE_EXHAUSTED),
            http: http::StatusCode::PAYLOAD_TOO_LARGE,
            message: error.to_string(),
            retry_after: None,
        }),
        _ => Decision::Malformed { message: format!("not an export request for {}: {error}", signal.name()) },
    }
}

/// What a server that has been closed did.
pub struct Closed {
    /// What it counted.
    pub counters: ServerCounters,
    turned_away: Vec<server::TurnedAway>,
    cut: u64,
}

/// Closes a server; requests under way get so long to end.
pub fn close(server: SinkServer, grace: Duration) -> Closed {
    // In this order: what is turned away meanwhile is no reason to say that some of what was counted is not told.
    let (counters, mut turned_away) = (server.counters(), server.turned_away());
    let closing = Instant::now();
    let cut = server.shutdown(grace) as u64;
    // A fault that keeps answers back keeps connections open, too.
    let cut = cut.saturating_sub(counters.waiting);
    if cut > 0 {
        // The longest that a body may take.
        let from = closing.checked_sub(Limits::default().body_timeout).unwrap_or(closing);
        turned_away.push(server::TurnedAway { from, to: Instant::now(), requests: cut, bytes: None });
    }
    Closed { counters, turned_away, cut }
}

impl Closed {
    /// Sorts what the server refused. `meant` is how many requests its backend refused on purpose: before there was anything to record,
    /// and for a fault of the scenario. Instants are told by `clock`.
    pub fn refusals(&self, meant: u64, clock: RunClock) -> Refusals {
        let in_run = |at: Instant| Duration::from_nanos(clock.ns(at));
        let told = self.turned_away.iter().map(|one| TurnedAway {
            from: in_run(one.from),
            to: in_run(one.to),
            requests: one.requests,
            bytes: one.bytes,
        });
        // When its backend refused a request of its own accord, the server does not know.
        let are_all = self.counters.refused(Reason::Backend) <= meant;
        let when = if are_all { told.collect() } else { Vec::new() };
        Refusals { when, ..refusals(&self.counters, meant, self.cut) }
    }
}

/// Sorts what a server refused. `meant` is how many requests its backend refused on purpose: before there was anything to record,
/// and for a fault of the scenario; `cut` is how many connections had requests under way when it was closed.
fn refusals(counters: &ServerCounters, meant: u64, cut: u64) -> Refusals {
    let refused = |reason: Reason| match reason {
        Reason::Backend => counters.refused(reason).saturating_sub(meant),
        _ => counters.refused(reason),
    };
    let because_of = |fault: Fault| {
        let reasons = Reason::ALL.into_iter().filter(move |reason| reason.fault() == fault);
        reasons.map(|reason| (reason.name(), refused(reason)))
    };
    let connections =
        [("connections beyond the limit", counters.connections_refused), ("connections cut at the end", cut)];
    Refusals {
        by_bounds: counted(because_of(Fault::Server).chain(connections)),
        malformed: counted(because_of(Fault::Peer)),
        when: Vec::new(),
    }
}

fn counted(reasons: impl Iterator<Item = (&'static str, u64)>) -> BTreeMap<String, u64> {
    reasons.filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.to_owned(), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_told_by_whose_doing_it_was() {
        let mut counters = ServerCounters { refused: [1; Reason::ALL.len()], ..ServerCounters::default() };
        counters.refused[Reason::Overloaded as usize] = 7;
        counters.connections_refused = 2;
        let found = refusals(&counters, 1, 0);
        let bounds = "connections beyond the limit 2, overloaded 7, too large 1, too many headers 1, too slow 1, unknown compression 1";
        assert_eq!(found.by_bounds_in_words().as_deref(), Some(bounds), "what was refused before the run is left out");
        let malformed = "broken framing 1, corrupt compression 1, malformed 1, not OTLP/JSON 1, unknown path 1, wrong content \
                         type 1, wrong method 1";
        assert_eq!(found.malformed_in_words().as_deref(), Some(malformed));
    }

    #[test]
    fn a_connection_that_ends_in_the_middle_of_a_request_is_nobodys_doing() {
        let mut counters = ServerCounters::default();
        counters.refused[Reason::Truncated as usize] = 3;
        assert_eq!(refusals(&counters, 0, 0), Refusals::default());
        assert_eq!(refusals(&counters, 0, 1).by_bounds_in_words().as_deref(), Some("connections cut at the end 1"));
    }
}
