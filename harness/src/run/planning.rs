//! From a scenario's words to the settings of plan, target and client.

use super::RunError;
use crate::embedded::EmbeddedConfig;
use crate::fault::Link;
use crate::target::{TargetPlan, embedded_config, process_spec};
use crate::wire::Compression;
use crate::wire::client::{ClientConfig, Endpoint, EndpointError, Transport};
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Ppb, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_scenarios::scenario::{self, Profile, Scenario};
use spanproof_scenarios::units::{Auto, RateOf};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;

/// Connections when the scenario leaves it open and whole traces are packed: enough to keep two cores busy.
const CONNECTIONS_WHOLE_TRACES: usize = 4;

/// Most connections when the scenario leaves it open.
const CONNECTIONS_MAX: usize = 64;

/// A run tag that no other run has: what an earlier run left behind must not pass for this one's.
pub fn fresh_tag() -> RunTag {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hash keys come from the system's entropy; the tag needs to be fresh, not secret.
    RunTag::new(std::hash::RandomState::new().build_hasher().finish())
}

/// What the plan is made from. The epoch is set when everything is ready.
pub fn plan_spec(scenario: &Scenario, tag: RunTag) -> PlanSpec {
    let traffic = &scenario.traffic;
    PlanSpec {
        seed: Seed(scenario.run.seed),
        tag,
        lane: 0,
        epoch_unix_ns: 0,
        workload: traffic.workload.clone(),
        mix: Mix { shares: traffic.anomalies.iter().map(|(stratum, share)| (*stratum, Ppb(share.0))).collect() },
        packing: match traffic.packing {
            scenario::Packing::PerService => Packing::PerService,
            scenario::Packing::WholeTraces => Packing::WholeTraces,
        },
        batch: BatchRule {
            spans: traffic.batch.spans.get(),
            timeout_ns: u64::try_from(traffic.batch.timeout.as_nanos()).unwrap_or(u64::MAX / 4),
        },
        request_bytes_max: traffic.request_bytes_max.get(),
        rate: match traffic.rate.of {
            RateOf::Spans => Rate::Spans(traffic.rate.per_second),
            RateOf::Traces => Rate::Traces(traffic.rate.per_second),
        },
        shape: Shape { segments: segments(scenario) },
        arrivals: match traffic.arrivals {
            scenario::Arrivals::Constant => Arrivals::Constant,
            scenario::Arrivals::Poisson => Arrivals::Poisson,
        },
        extent: match scenario.run.extent {
            scenario::Extent::Duration(_) => Extent::Profile,
            scenario::Extent::Spans(spans) => Extent::Spans(spans),
        },
    }
}

/// The warm-up at the plain rate, then the profile. A run bounded by spans goes on at the last rate as long as it takes.
fn segments(scenario: &Scenario) -> Vec<Segment> {
    let seconds = match scenario.run.extent {
        scenario::Extent::Duration(duration) => duration.as_secs_f64(),
        scenario::Extent::Spans(_) => profile_seconds(&scenario.traffic.profile),
    };
    let level = |seconds, factor| Segment { seconds, from: factor, to: factor };
    let mut segments = vec![level(scenario.run.warmup.as_secs_f64(), 1.0)];
    match &scenario.traffic.profile {
        Profile::Constant => segments.push(level(seconds, 1.0)),
        Profile::Ramp { from, over } => {
            let over = over.as_secs_f64();
            let start = from.0 as f64 / 1e9;
            // A run that ends on the ramp ends at the rate reached by then.
            let reached = if over > seconds { start + (1.0 - start) * seconds / over } else { 1.0 };
            segments.push(Segment { seconds: over.min(seconds), from: start, to: reached });
            segments.push(level(seconds - over, 1.0));
        }
        Profile::Step { at, factor } => {
            segments.push(level(at.as_secs_f64().min(seconds), 1.0));
            segments.push(level(seconds - at.as_secs_f64(), *factor));
        }
        Profile::Burst { every, length, factor } => {
            bursts(&mut segments, seconds, every.as_secs_f64(), length.as_secs_f64(), *factor)
        }
    }
    segments
}

/// How long a profile takes to show its whole form once.
fn profile_seconds(profile: &Profile) -> f64 {
    match profile {
        Profile::Constant => 1.0,
        Profile::Ramp { over, .. } => over.as_secs_f64(),
        Profile::Step { at, .. } => at.as_secs_f64() + 1.0,
        Profile::Burst { every, .. } => every.as_secs_f64(),
    }
}

fn bursts(segments: &mut Vec<Segment>, seconds: f64, every: f64, length: f64, factor: f64) {
    let mut at = 0.0;
    while at < seconds {
        let calm = if at == 0.0 { every } else { every - length };
        segments.push(Segment { seconds: calm.min(seconds - at), from: 1.0, to: 1.0 });
        at += calm;
        segments.push(Segment { seconds: length.min(seconds - at), from: factor, to: factor });
        at += length;
    }
}

/// Connections to the target.
pub fn connections(scenario: &Scenario, plan: &Plan) -> usize {
    match (scenario.traffic.transport.connections, scenario.traffic.packing) {
        (Auto::Value(connections), _) => connections.get() as usize,
        (Auto::Auto, scenario::Packing::WholeTraces) => CONNECTIONS_WHOLE_TRACES,
        (Auto::Auto, scenario::Packing::PerService) => (plan.pool().exporters() as usize).clamp(1, CONNECTIONS_MAX),
    }
}

/// The most files and connections that a run of this plan has open at once in our process.
pub fn descriptors(scenario: &Scenario, plan: &Plan) -> u64 {
    let transport = &scenario.traffic.transport;
    let of_each = match self::transport(transport.protocol, scenario.traffic.client.max_in_flight.get()) {
        Transport::HttpProtobuf { connections } => connections.get(),
        Transport::Grpc => 1,
    };
    // Our end; that of the embedded target; and both ends of a proxy between them.
    let embedded = usize::from(matches!(scenario.target, scenario::Target::Embedded(_)));
    let proxy = 2 * usize::from(Link::is_needed(scenario::LinkSite::Ingress, &scenario.faults));
    crate::descriptors::needed(connections(scenario, plan).saturating_mul(of_each), 1 + embedded + proxy)
}

/// What is to be started.
pub(super) fn target_plan(scenario: &Scenario, directory: &Path) -> Result<TargetPlan, RunError> {
    Ok(match &scenario.target {
        scenario::Target::Embedded(embedded) => {
            TargetPlan::Embedded(Box::new(embedded_config(embedded, scenario.run.seed)?))
        }
        scenario::Target::Process(process) => {
            let spec = process_spec(process, &scenario.collector, directory)
                .map_err(|source| RunError::File { path: directory.to_owned(), source })?;
            TargetPlan::Process(Box::new(spec))
        }
        scenario::Target::External(_) => TargetPlan::External,
    })
}

/// The embedded collector behind the target, if there is to be one.
pub(super) fn behind_config(scenario: &Scenario, defects: &[String]) -> Result<Option<EmbeddedConfig>, RunError> {
    if defects.is_empty() {
        return Ok(None);
    }
    let defects = defects.iter().map(|defect| defect.parse()).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(EmbeddedConfig { defects, seed: scenario.run.seed, ..EmbeddedConfig::default() }))
}

/// How requests are sent. `addresses` are those of a target that we started.
///
/// # Errors
/// An endpoint that cannot be used.
pub fn client_config(
    scenario: &Scenario,
    addresses: Option<(SocketAddr, SocketAddr)>,
    headers: Vec<(http::HeaderName, http::HeaderValue)>,
) -> Result<ClientConfig, EndpointError> {
    let transport = &scenario.traffic.transport;
    let of = &scenario.traffic.client;
    let endpoint = match (&scenario.target, addresses) {
        (scenario::Target::External(external), _) => external.endpoint.as_str().to_owned(),
        (_, Some((grpc, http))) => match transport.protocol {
            scenario::Protocol::Grpc => format!("http://{grpc}"),
            scenario::Protocol::Http => format!("http://{http}"),
        },
        (_, None) => String::new(),
    };
    let way = self::transport(transport.protocol, of.max_in_flight.get());
    let mut config = ClientConfig::new(endpoint.parse::<Endpoint>()?, way);
    config.compression = match transport.compression {
        scenario::Compression::None => Compression::None,
        scenario::Compression::Gzip => Compression::Gzip,
    };
    config.timeout = of.timeout;
    config.connect_timeout = of.timeout;
    config.headers = headers;
    Ok(config)
}

/// The client's word for a protocol, with at most so many requests in flight.
pub fn transport(protocol: scenario::Protocol, max_in_flight: u32) -> Transport {
    match protocol {
        scenario::Protocol::Grpc => Transport::Grpc,
        scenario::Protocol::Http => Transport::HttpProtobuf { connections: in_flight(max_in_flight) },
    }
}

/// HTTP/1.1 connections of one exporter: one request each at a time.
fn in_flight(most: u32) -> NonZeroUsize {
    NonZeroUsize::new((most as usize).min(4)).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::load::{LoadOptions, Source, load};

    /// Traces that start in each second of a run at 1000 traces/s, as the plan has them: one span each, so that each record is
    /// a trace.
    fn starts_by_second(traffic: &str, run: &str) -> Vec<u64> {
        let text = format!(
            "scenario: 1\nname: x\ntraffic: {{workload: {{uniform: {{spans_per_trace: 1}}}}, rate: 1000 traces/s, {traffic}}}\n\
             run: {{{run}}}\n"
        );
        let source = Source { name: "x".to_owned(), text, directory: "".into() };
        let scenario = load(&source, &LoadOptions::default()).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = Plan::new(plan_spec(&scenario, RunTag::ZERO)).unwrap();
        let mut counts = Vec::new();
        for chunk in (0..plan.chunks()).map(|chunk| plan.open(chunk)) {
            for offset in 0..chunk.records() {
                let second = (chunk.describe(&plan, offset).start_ns / 1_000_000_000) as usize;
                counts.resize(counts.len().max(second + 1), 0);
                counts[second] += 1;
            }
        }
        counts
    }

    #[track_caller]
    fn assert_close(counts: &[u64], wanted: &[u64], tolerance: u64) {
        assert_eq!(counts.len(), wanted.len(), "{counts:?}");
        let close = counts.iter().zip(wanted).all(|(count, wanted)| count.abs_diff(*wanted) <= tolerance);
        assert!(close, "{counts:?}, wanted {wanted:?}");
    }

    #[test]
    fn a_ramp_rises_in_a_straight_line_from_its_share_and_stays() {
        let counts = starts_by_second("profile: {ramp: {from: 10%, over: 4s}}", "duration: 6s");
        assert_close(&counts, &[213, 438, 663, 888, 1000, 1000], 1);
    }

    #[test]
    fn a_step_multiplies_once() {
        let counts = starts_by_second("profile: {step: {at: 2s, factor: 3}}", "duration: 5s");
        assert_close(&counts, &[1000, 1000, 3000, 3000, 3000], 1);
        let counts = starts_by_second("profile: {step: {at: 2s, factor: 0.5}}", "duration: 4s");
        assert_close(&counts, &[1000, 1000, 500, 500], 1);
    }

    #[test]
    fn bursts_come_and_go_in_their_rhythm() {
        let counts = starts_by_second("profile: {burst: {every: 3s, for: 1s, factor: 5}}", "duration: 8s");
        assert_close(&counts, &[1000, 1000, 1000, 5000, 1000, 1000, 5000, 1000], 1);
    }

    #[test]
    fn a_warm_up_comes_first_at_the_plain_rate() {
        let counts = starts_by_second("profile: {step: {at: 1s, factor: 3}}", "warmup: 2s, duration: 3s");
        assert_close(&counts, &[1000, 1000, 1000, 3000, 3000], 1);
    }

    #[test]
    fn random_arrivals_follow_the_profile_too() {
        let traffic = "arrivals: poisson, profile: {burst: {every: 3s, for: 1s, factor: 5}}";
        // Five standard deviations of a Poisson count of 5000.
        assert_close(&starts_by_second(traffic, "duration: 4s"), &[1000, 1000, 1000, 5000], 354);
    }
}
