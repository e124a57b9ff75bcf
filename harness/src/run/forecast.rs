//! What the target's configuration foretells of the scenario's faults.

use super::remedy::{Outage, Settings, remedies};
use crate::collector_config::{Exporting, Protocol, Retry};
use crate::embedded::EmbeddedConfig;
use crate::fault::comes_again;
use crate::judge::evidence::Remedies;
use crate::predict::{self, Broken, Faults, Forecast, Item, Range};
use roaring::RoaringTreemap;
use spanproof_generators::plan::Plan;
use spanproof_generators::seed::Seed;
use spanproof_reports::figures::{bytes, clock, count};
use spanproof_reports::foretold;
use spanproof_reports::result::prediction::{CountRange, Prediction};
use spanproof_scenarios::scenario::{Absence, Fault, FaultKind, Reach, ReachOf, Scenario, SinkFault, Windows};
use spanproof_scenarios::units::{HumanDuration, Ppb};
use std::time::Duration;

/// More requests than these are not followed one by one, which would take longer than some runs.
const REQUESTS_MAX: usize = 200_000;

/// What is foretold.
#[derive(Debug, Clone, PartialEq)]
pub struct Foretold {
    /// In figures.
    pub told: Prediction,
    /// Records that are lost for certain.
    pub lost: RoaringTreemap,
    /// Records whose fate hangs on milliseconds.
    pub open: RoaringTreemap,
    /// What to change so that nothing is.
    pub remedies: Remedies,
}

/// What is foretold of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// Nothing is going to be broken.
    Clear,
    /// It cannot be told, because of this.
    Unknown(String),
    /// This.
    Known(Box<Foretold>),
}

impl Outlook {
    /// What is foretold, if anything.
    pub fn foretold(&self) -> Option<&Foretold> {
        match self {
            Self::Known(foretold) => Some(foretold),
            Self::Clear | Self::Unknown(_) => None,
        }
    }

    /// Why nothing is foretold, where something is going to be broken.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Clear | Self::Known(_) => None,
        }
    }

    /// In words, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Clear => Vec::new(),
            Self::Unknown(why) => vec![format!("what is lost cannot be foretold, because {why}")],
            Self::Known(foretold) => in_words(&foretold.told),
        }
    }
}

/// Foretells what becomes of the plan's requests. `exporting` is what is known of the target's exporter.
pub(super) fn outlook(
    scenario: &Scenario,
    plan: &Plan,
    exporting: Result<Exporting, String>,
    settings: &Settings<'_>,
) -> Outlook {
    if scenario.faults.is_empty() {
        return Outlook::Clear;
    }
    match foretell(scenario, plan, exporting, settings) {
        Ok(foretold) => Outlook::Known(Box::new(foretold)),
        Err(why) => Outlook::Unknown(why),
    }
}

fn foretell(
    scenario: &Scenario,
    plan: &Plan,
    exporting: Result<Exporting, String>,
    settings: &Settings<'_>,
) -> Result<Foretold, String> {
    let exporting = exporting?;
    if scenario.absence == Absence::Unknown {
        return Err("the target may leave spans out on purpose (`absence: unknown`)".to_owned());
    }
    let backend = Outages::of(&scenario.faults, exporting.protocol)?;
    let requests = requests(plan)?;
    let items: Vec<Item> = requests.iter().map(|request| request.item).collect();
    let seed = Seed(scenario.run.seed);
    let forecast = predict::forecast(&exporting, &items, &backend, seed);
    if forecast.refused.high > 0 && scenario.traffic.client.retry.is_some() {
        return Err("clients send again what a full queue refuses, which is not followed".to_owned());
    }
    let needed = if forecast.refused.high > 0 {
        let roomy = Exporting { queue_size: u64::MAX, ..exporting.clone() };
        predict::forecast(&roomy, &items, &backend, seed).peak.high
    } else {
        forecast.peak.high
    };
    let remedies = remedies(&exporting, backend.longest(&scenario.faults), needed, settings);
    let (mut lost, mut open) = (RoaringTreemap::new(), RoaringTreemap::new());
    if forecast.is_exact {
        for (request, given_up) in requests.iter().zip(&forecast.given_up) {
            match given_up {
                Some(true) => lost.extend(request.records(plan)),
                Some(false) => {}
                None => open.extend(request.records(plan)),
            }
        }
    }
    Ok(Foretold { told: told(&exporting, &forecast, lost.len(), open.len()), lost, open, remedies })
}

fn told(exporting: &Exporting, forecast: &Forecast, certain: u64, open: u64) -> Prediction {
    let counts = |range: Range<u64>| CountRange { low: range.low, high: range.high };
    Prediction {
        from: settings_in_words(exporting),
        exact: forecast.is_exact,
        lost: counts(forecast.lost),
        certain,
        open,
        refused: counts(forecast.refused),
        queue_peak: counts(forecast.peak),
        queue_size: exporting.queue_size,
        queue_peak_bytes: counts(forecast.peak_bytes),
        lost_from_seconds: forecast.given_up_between.map(|range| range.low.as_secs_f64()),
        lost_to_seconds: forecast.given_up_between.map(|range| range.high.as_secs_f64()),
        queue_full_seconds: forecast.full_at.map(|range| range.low.as_secs_f64()),
        attempts: counts(forecast.attempts),
        done_seconds: forecast.done.high.as_secs_f64(),
    }
}

fn settings_in_words(exporting: &Exporting) -> String {
    let retries = match exporting.retry {
        None => "no retries".to_owned(),
        Some(Retry { max_elapsed_time: None, .. }) => "retries without end".to_owned(),
        Some(Retry { max_elapsed_time: Some(budget), .. }) => format!("retries for {}", HumanDuration(budget)),
    };
    let (size, consumers) = (count(exporting.queue_size), count(exporting.consumers));
    format!("{}: a queue of {size} requests, {consumers} sent at once, {retries}", exporting.exporter)
}

fn in_words(told: &Prediction) -> Vec<String> {
    let mut lines = vec![told.from.clone()];
    lines.push(match foretold::lost_between(told) {
        None => "no span is acknowledged and then lost".to_owned(),
        Some(due) => format!("{} spans are acknowledged and then lost, of those due {due}{}", told.lost, hanging(told)),
    });
    let size = count(told.queue_size);
    let held = format!("{} of {size} requests in the queue at most", told.queue_peak);
    lines.push(format!("{held}, {} as sent; over by {}", told.queue_peak_bytes.shown(bytes), clock(told.done_seconds)));
    if let Some(at) = told.queue_full_seconds {
        lines.push(format!(
            "the queue is full at {} for the first time, and {} spans are refused",
            clock(at),
            told.refused
        ));
    }
    lines
}

fn hanging(told: &Prediction) -> String {
    match told.exact && told.open > 0 {
        true => format!(": {} for certain, of {} it hangs on milliseconds", count(told.certain), count(told.open)),
        false => String::new(),
    }
}

/// A request of the plan.
struct Planned {
    item: Item,
    chunk: u64,
    number: u32,
}

impl Planned {
    fn records(&self, plan: &Plan) -> impl Iterator<Item = u64> + use<> {
        let first = plan.spans_before(self.chunk);
        let offsets = plan.open(self.chunk).records_of(plan, self.number);
        offsets.into_iter().map(move |offset| first + u64::from(offset))
    }
}

/// All requests, in the order in which they are due.
fn requests(plan: &Plan) -> Result<Vec<Planned>, String> {
    // Counted first: to know their sizes each must be encoded, which takes many times as long.
    if are_too_many(plan) {
        return Err(format!("there are more than {} requests to follow", count(REQUESTS_MAX as u64)));
    }
    let mut all = Vec::new();
    let mut encoded = Vec::new();
    for chunk in (0..plan.chunks()).map(|number| plan.open(number)) {
        all.extend(chunk.requests().iter().zip(0_u32..).map(|(request, number)| {
            encoded.clear();
            chunk.encode(plan, number as usize, &mut encoded);
            let (at, bytes) = (Duration::from_nanos(request.due_ns), encoded.len() as u32);
            Planned { item: Item { at, spans: request.spans, bytes }, chunk: chunk.number(), number }
        }));
    }
    all.sort_by_key(|planned| planned.item.at);
    Ok(all)
}

fn are_too_many(plan: &Plan) -> bool {
    let in_chunks = (0..plan.chunks()).map(|number| plan.open(number).requests().len());
    let mut so_far = in_chunks.scan(0, |sum, requests| {
        *sum += requests;
        Some(*sum)
    });
    so_far.any(|sum| sum > REQUESTS_MAX)
}

/// The scenario's faults, all of which break the backend in a way that can be followed.
struct Outages(Vec<(Windows, Reach, Broken)>);

impl Outages {
    fn of(faults: &[Fault], protocol: Protocol) -> Result<Self, String> {
        let of_one = |fault: &Fault| match fault.kind {
            FaultKind::Target(_) => Err(format!("`{}` happens to the target itself", fault.name)),
            FaultKind::Link { .. } => Err(format!("`{}` happens on the way", fault.name)),
            FaultKind::Commands(_) => Err(format!("`{}` does what its commands do", fault.name)),
            FaultKind::Sink { reach: Reach { of: ReachOf::Connections, .. }, .. } => {
                Err(format!("`{}` touches some connections and not others", fault.name))
            }
            FaultKind::Sink { fault: kind, reach } => broken(kind, protocol)
                .map(|broken| (fault.windows, reach, broken))
                .ok_or_else(|| format!("what comes of `{}` is not followed", fault.name)),
        };
        faults.iter().map(of_one).collect::<Result<_, _>>().map(Self)
    }

    /// The longest of those that a longer wait outlasts, with its name; `None` where each refuses for good.
    fn longest<'a>(&self, faults: &'a [Fault]) -> Option<Outage<'a>> {
        let outlasted = faults.iter().zip(&self.0).filter(|(_, (_, _, broken))| *broken != Broken::RefusesForGood);
        let (fault, (windows, _, broken)) = outlasted.max_by_key(|(_, (windows, ..))| windows.lasting)?;
        Some(Outage { name: &fault.name, lasting: windows.lasting, broken: *broken })
    }
}

impl Faults for Outages {
    fn at(&self, instant: Duration, draw: &mut dyn FnMut() -> f64) -> Option<Broken> {
        self.0.iter().find_map(|(windows, reach, broken)| {
            let share = reach.after(windows.since(instant)?, windows.lasting);
            (share == Ppb::WHOLE || draw() < share.0 as f64 / Ppb::WHOLE.0 as f64).then_some(*broken)
        })
    }

    fn draw(&self) -> bool {
        self.0.iter().any(|(_, reach, _)| *reach != Reach::WHOLE)
    }
}

/// As an exporter sees it; `None` for what is taken in spite of it, or depends on what is in a request.
fn broken(fault: SinkFault, protocol: Protocol) -> Option<Broken> {
    match fault {
        SinkFault::GrpcStatus { .. } | SinkFault::HttpStatus { .. } | SinkFault::Reset { .. } => {
            Some(match comes_again(fault, protocol) {
                true => Broken::Refuses { retry_after: fault.retry_after() },
                false => Broken::RefusesForGood,
            })
        }
        SinkFault::Hang => Some(Broken::Hangs),
        SinkFault::Poison { .. }
        | SinkFault::Partial { .. }
        | SinkFault::Slow { .. }
        | SinkFault::LostAnswer { .. }
        | SinkFault::BrokenAnswer(_)
        | SinkFault::Discard => None,
    }
}

/// What is known of the embedded target, which has its own settings.
pub(super) fn of_embedded(config: &EmbeddedConfig, faults: &[Fault]) -> Result<Exporting, String> {
    let bare = |fault: &&Fault| matches!(fault.kind, FaultKind::Sink { fault: SinkFault::HttpStatus { .. }, .. });
    if let Some(fault) = faults.iter().find(bare) {
        return Err(format!("the embedded target takes the page of `{}` for a broken message", fault.name));
    }
    Ok(Exporting {
        exporter: "embedded".to_owned(),
        protocol: Protocol::Grpc,
        queue_size: config.queue_requests.get() as u64,
        consumers: config.consumers.get() as u64,
        retry: config.retry.map(|retry| Retry {
            initial_interval: retry.initial_interval,
            multiplier: retry.multiplier,
            randomization_factor: retry.randomization,
            max_interval: retry.max_interval,
            max_elapsed_time: retry.max_elapsed,
        }),
        timeout: config.timeout,
    })
}
