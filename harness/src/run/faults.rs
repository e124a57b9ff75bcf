//! The scenario's faults in a run: put before the recorder, and told of in the result.

use super::{Found, RunError};
use crate::clock::RunClock;
use crate::fault::{
    Acts, Broken, CommandFaults, FaultBook, FaultySink, Links, Observed, Returns, TargetFaults, Wrong, is_for_good,
    prepare,
};
use crate::judge::account::Account;
use crate::judge::outcomes::Outcomes;
use crate::sink::recorder::Recorder;
use crate::wire::server::{Backend, Reason};
use roaring::RoaringTreemap;
use spanproof_generators::walk::SpanIds;
use spanproof_reports::figures::{hex, milliseconds};
use spanproof_reports::latency::Cuts;
use spanproof_reports::result::check::Example;
use spanproof_reports::result::faults::{Fault as Told, Link, Pause, Phase, Reactions, Recovery, Wrong as ToldWrong};
use spanproof_scenarios::scenario::{Fault, FaultKind, LinkSite, Scenario, SinkFault};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Finds a fault that is to do nothing and is not there.
pub(super) fn check(scenario: &Scenario, disarmed: Option<&str>) -> Result<(), RunError> {
    match disarmed.filter(|name| !scenario.faults.iter().any(|fault| fault.name == **name)) {
        Some(name) => Err(RunError::Disarm { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// By what latencies are told apart.
pub(super) fn cuts(faults: &[Fault]) -> Vec<Cuts> {
    faults.iter().map(|fault| Cuts(fault.windows.all().collect())).collect()
}

/// What takes requests: the recorder, behind the faults if there are any.
pub(super) fn before(
    recorder: Arc<Recorder>,
    (all, faults): (&[Fault], &Arc<FaultBook>),
    clock: RunClock,
) -> Arc<dyn Backend> {
    if faults.is_empty() {
        return recorder;
    }
    prepare(all);
    Arc::new(FaultySink::new(recorder, Arc::clone(faults), clock))
}

/// What faults did, by who did it.
pub(super) struct Did<'a> {
    /// At the sink.
    pub book: &'a FaultBook,
    /// To the target, and by commands, by name.
    pub acts: &'a BTreeMap<String, Acts>,
    /// On the ways, by name.
    pub of_links: &'a BTreeMap<String, Broken>,
}

/// What the faults of the ways have touched, by name.
pub(super) fn broken(faults: &[Fault], links: &Links, clock: RunClock) -> BTreeMap<String, Broken> {
    faults.iter().filter_map(|fault| Some((fault.name.clone(), links.broken(fault, clock)?))).collect()
}

/// What faults did that act on a process, by name.
pub(super) fn acts(faults: &[Fault], of_target: &TargetFaults, commands: &CommandFaults) -> BTreeMap<String, Acts> {
    let of = |name: &str| of_target.acts(name).or_else(|| commands.acts(name)).cloned();
    faults.iter().filter_map(|fault| Some((fault.name.clone(), of(&fault.name)?))).collect()
}

/// What became of each fault.
pub(super) fn told(
    scenario: &Scenario,
    did: &Did<'_>,
    (recorder, outcomes): (&Recorder, &Outcomes),
    found: &Found,
) -> BTreeMap<String, Told> {
    let all_came = all_came(recorder, outcomes, found);
    let faults = &scenario.faults;
    let parts = faults.iter().zip(&found.recorded.phases).zip(recorder.drained_after());
    parts
        .filter_map(|((fault, [before, during, after]), drained)| {
            let observed = did.book.observed(&fault.name)?;
            let phase = |latency: &_| Phase { latency: Clone::clone(latency) };
            let told = Told {
                recovery: Recovery {
                    first_delivery_seconds: observed.first_delivery.map(|after| after.as_secs_f64()),
                    drained_seconds: drained.filter(|_| all_came).map(|drained| drained.as_secs_f64()),
                },
                before: phase(before),
                during: phase(during),
                after: phase(after),
                ..match fault.kind {
                    FaultKind::Sink { fault: kind, .. } => of_sink(kind, scenario, &observed, found),
                    FaultKind::Target(_) => Told { of_target: true, ..of_acts(did.acts.get(&fault.name)) },
                    FaultKind::Commands(_) => Told { of_commands: true, ..of_acts(did.acts.get(&fault.name)) },
                    FaultKind::Link { site, .. } => {
                        of_link(site, did.of_links.get(&fault.name).copied().unwrap_or_default())
                    }
                }
            };
            Some((fault.name.clone(), planned(fault, told)))
        })
        .collect()
}

/// Whether nothing is missing that should have come: what is may have been due before any instant, so that nobody could say when the
/// last of it came.
fn all_came(recorder: &Recorder, outcomes: &Outcomes, found: &Found) -> bool {
    let opened = found.watched.driver.chunks_opened;
    if recorder.ledger().unique() < found.sums.acknowledged + found.sums.unknown {
        return false;
    }
    // The sum can hide an absent record behind one that was refused and came all the same.
    let account = || Account::draw_up(&found.plan, recorder.ledger(), &outcomes.exceptions(), |chunk| chunk < opened);
    found.sums.refused == 0 || {
        let counts = account().counts;
        counts.lost_acknowledged + counts.lost_unknown == 0
    }
}

fn planned(fault: &Fault, told: Told) -> Told {
    let windows = &fault.windows;
    Told {
        what: fault.kind.to_string(),
        at_seconds: windows.at.as_secs_f64(),
        lasting_seconds: windows.lasting.as_secs_f64(),
        every_seconds: (windows.times > 1).then_some(windows.every.as_secs_f64()),
        times: u64::from(windows.times),
        ..told
    }
}

fn of_sink(kind: SinkFault, scenario: &Scenario, observed: &Observed, found: &Found) -> Told {
    let (first_seconds, last_seconds) = seconds(observed.between);
    Told {
        touched: observed.touched,
        for_good: is_for_good(kind),
        takes: kind.keeps_answer_back(),
        discards: kind == SinkFault::Discard,
        spans: observed.records.len(),
        signs: on_the_wire(kind, found),
        reactions: reactions(scenario, &observed.returns),
        first_seconds,
        last_seconds,
        ..Told::default()
    }
}

/// What the target did with what was sent away. It is the target's doing only where nobody else has it send a request again: no client
/// that repeats what it was not answered, no target that comes back from the dead, and no link that loses an answer.
fn reactions(scenario: &Scenario, returns: &Returns) -> Option<Reactions> {
    let only_sink = scenario.faults.iter().all(|fault| matches!(fault.kind, FaultKind::Sink { .. }));
    let is_targets_own = only_sink && scenario.traffic.client.retry.is_none();
    (is_targets_own && returns.sent_away > 0).then(|| Reactions {
        sent_away: returns.sent_away,
        came_again: returns.came_again,
        attempts_max: u64::from(returns.attempts_max),
        oldest_taken_seconds: returns.oldest_taken.map(|oldest| oldest.as_secs_f64()),
        first_pause: Pause::of(&returns.first_pauses),
        after_final: wrong(&returns.after_final),
        too_early: wrong(&returns.too_early),
    })
}

fn wrong(wrong: &Wrong) -> ToldWrong {
    let example = |(request, away, again): &(SpanIds, Duration, Duration)| Example {
        trace_id: Some(hex(&request.trace_id)),
        span_id: Some(hex(&request.span_id)),
        text: format!(
            "the first span of a request that came again after {}",
            milliseconds((*again - *away).as_secs_f64() * 1e3)
        ),
        at_seconds: Some(again.as_secs_f64()),
    };
    ToldWrong { times: wrong.times, examples: wrong.examples.iter().map(example).collect() }
}

fn of_acts(acts: Option<&Acts>) -> Told {
    let acts = acts.cloned().unwrap_or_default();
    let (first_seconds, last_seconds) = seconds(acts.between);
    let all = |instants: &[Duration]| instants.iter().map(Duration::as_secs_f64).collect();
    Told {
        touched: acts.times,
        signs: Some(acts.signs),
        kills_seconds: all(&acts.kills),
        ends_seconds: all(&acts.ends),
        first_seconds,
        last_seconds,
        ..Told::default()
    }
}

fn of_link(site: LinkSite, broken: Broken) -> Told {
    let (first_seconds, last_seconds) = seconds(broken.between);
    let link = match site {
        LinkSite::Egress => Link::Egress,
        LinkSite::Ingress => Link::Ingress,
    };
    Told { link: Some(link), touched: broken.connections, first_seconds, last_seconds, ..Told::default() }
}

fn seconds(between: Option<(Duration, Duration)>) -> (Option<f64>, Option<f64>) {
    let seconds = between.map(|(first, last)| (first.as_secs_f64(), last.as_secs_f64()));
    seconds.map_or((None, None), |(first, last)| (Some(first), Some(last)))
}

/// What the sink's server counted of the kind. It counts when a request is settled, and knows nothing of faults.
fn on_the_wire(kind: SinkFault, found: &Found) -> Option<u64> {
    let counters = &found.stopped.counters;
    match kind {
        SinkFault::GrpcStatus { .. } | SinkFault::HttpStatus { .. } | SinkFault::Poison { .. } => {
            Some(counters.refused(Reason::Backend).saturating_sub(found.stopped.refused_before))
        }
        SinkFault::Reset { .. } | SinkFault::LostAnswer { .. } => Some(counters.reset),
        SinkFault::Partial { .. } => Some(counters.partial),
        SinkFault::BrokenAnswer(_) => Some(counters.broken),
        // Who loses patience ends the request first.
        SinkFault::Hang => Some(counters.hung + counters.abandoned),
        SinkFault::Slow { .. } => Some(counters.delayed),
        // To the server it looks like any other.
        SinkFault::Discard => None,
    }
}

/// The records that each fault touched, and those that were taken unanswered, in the order of the faults' names, as the result has
/// them.
pub(super) fn touched(faults: &[Fault], book: &FaultBook) -> Vec<[RoaringTreemap; 2]> {
    let records = |fault: &Fault| {
        let observed = book.observed(&fault.name)?;
        Some((fault.name.clone(), [observed.records, observed.unanswered]))
    };
    let by_name: BTreeMap<String, [RoaringTreemap; 2]> = faults.iter().filter_map(records).collect();
    by_name.into_values().collect()
}
