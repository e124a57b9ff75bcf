//! The scenario's faults in a run: put before the recorder, and told of in the result.

use super::{Found, RunError};
use crate::clock::RunClock;
use crate::fault::{FaultBook, FaultySink, Observed};
use crate::sink::recorder::Recorder;
use crate::wire::server::{Backend, Reason};
use roaring::RoaringTreemap;
use spanproof_reports::latency::Cuts;
use spanproof_reports::result::faults::{Fault as Told, Phase, Recovery};
use spanproof_scenarios::scenario::{Fault, Scenario, SinkFault};
use spanproof_scenarios::units::Ppb;
use std::collections::BTreeMap;
use std::sync::Arc;

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
pub(super) fn before(recorder: Arc<Recorder>, faults: &Arc<FaultBook>, clock: RunClock) -> Arc<dyn Backend> {
    if faults.is_empty() {
        return recorder;
    }
    Arc::new(FaultySink::new(recorder, Arc::clone(faults), clock))
}

/// A fault in one line: when it holds, and what it does to which requests.
pub(super) fn in_words(fault: &Fault) -> String {
    let share =
        if fault.share == Ppb::WHOLE { "every request".to_owned() } else { format!("{} of requests", fault.share) };
    format!("the sink {}, {share}", fault.kind)
}

/// What became of each fault.
pub(super) fn told(book: &FaultBook, recorder: &Recorder, found: &Found) -> BTreeMap<String, Told> {
    // The rest may have been due before, so that nobody can say when the last of it came.
    let all_came = recorder.ledger().unique() >= found.sums.acknowledged + found.sums.unknown;
    let parts = book.observed().into_iter().zip(&found.recorded.phases).zip(recorder.drained_after());
    parts
        .map(|(((fault, observed), [before, during, after]), drained)| {
            let phase = |latency: &_| Phase { latency: Clone::clone(latency) };
            let told = Told {
                on_the_wire: on_the_wire(fault.kind, found),
                recovery: Recovery {
                    first_delivery_seconds: observed.first_delivery.map(|after| after.as_secs_f64()),
                    drained_seconds: all_came.then_some(drained.as_secs_f64()),
                },
                before: phase(before),
                during: phase(during),
                after: phase(after),
                ..facts(&fault, &observed)
            };
            (fault.name, told)
        })
        .collect()
}

fn facts(fault: &Fault, observed: &Observed) -> Told {
    let windows = &fault.windows;
    Told {
        what: in_words(fault),
        at_seconds: windows.at.as_secs_f64(),
        lasting_seconds: windows.lasting.as_secs_f64(),
        every_seconds: (windows.times > 1).then_some(windows.every.as_secs_f64()),
        times: u64::from(windows.times),
        touched: observed.touched,
        takes: matches!(fault.kind, SinkFault::Slow { .. } | SinkFault::LostAnswer),
        spans: observed.records.len(),
        first_seconds: observed.between.map(|(first, _)| first.as_secs_f64()),
        last_seconds: observed.between.map(|(_, last)| last.as_secs_f64()),
        ..Told::default()
    }
}

/// What the sink's server counted of the kind. It counts when a request is settled, and knows nothing of faults.
fn on_the_wire(kind: SinkFault, found: &Found) -> Option<u64> {
    let counters = &found.stopped.counters;
    match kind {
        SinkFault::GrpcStatus { .. } | SinkFault::HttpStatus { .. } => {
            Some(counters.refused(Reason::Backend).saturating_sub(found.stopped.refused_before))
        }
        SinkFault::Reset { .. } | SinkFault::LostAnswer => Some(counters.reset),
        // Who loses patience ends the request first.
        SinkFault::Hang => Some(counters.hung + counters.abandoned),
        SinkFault::Slow { .. } => None,
    }
}

/// The records that each fault touched, in the order of their names, as the result has them.
pub(super) fn touched(book: &FaultBook) -> Vec<RoaringTreemap> {
    let by_name: BTreeMap<String, RoaringTreemap> =
        book.observed().into_iter().map(|(fault, observed)| (fault.name, observed.records)).collect();
    by_name.into_values().collect()
}
