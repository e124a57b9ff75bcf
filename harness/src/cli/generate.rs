//! `spanproof gen`: sends traffic and nothing else; what telemetrygen does.

pub(crate) mod record;
mod sent;
pub(crate) mod traffic;
mod watch;

use super::headers::{self, Header};
use super::{Exit, Format, environment, fail, plaintext, print, say};
use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::driver::{Driver, DriverConfig};
use crate::judge::outcomes::Outcomes;
use crate::resources::ThreadCpu;
use crate::run::{client_config, fresh_tag, plan_spec};
use clap::{Args, ValueEnum};
use record::{GenRecord, SCHEMA, SpanCounts, State};
use sent::Sent;
use spanproof_generators::plan::Plan;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::epoch::{Epoch, RunTag};
use spanproof_scenarios::problem::{Problem, Problems};
use spanproof_scenarios::scenario::Scenario;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use traffic::{GenTraffic, Route};
use watch::Watch;

/// From everything being ready to the first intended instant.
const HEAD_START: Duration = Duration::from_millis(50);

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GenSignal {
    /// Traces.
    Traces,
}

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GenProtocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    #[value(alias = "http/protobuf")]
    Http,
}

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GenCompression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
}

/// Arguments of `gen`.
#[derive(Debug, Args)]
pub(crate) struct GenArguments {
    /// Which signal
    #[arg(value_enum)]
    signal: GenSignal,
    /// Where to send [default: OTEL_EXPORTER_OTLP_ENDPOINT, else http://127.0.0.1:4317, 4318 over HTTP]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// [default: OTEL_EXPORTER_OTLP_PROTOCOL, else grpc]
    #[arg(long, value_enum)]
    protocol: Option<GenProtocol>,
    /// [default: OTEL_EXPORTER_OTLP_COMPRESSION, else none]
    #[arg(long, value_enum)]
    compression: Option<GenCompression>,
    /// Connections all together [default: 4; with workload shop one for each service instance]
    #[arg(long, value_name = "N")]
    connections: Option<NonZeroU32>,
    /// shop or uniform [default: uniform]
    #[arg(long)]
    workload: Option<String>,
    /// Spans per second over all connections together, or `N traces/s` [default: 1000]
    #[arg(long)]
    rate: Option<String>,
    /// How long [default: 10s]
    #[arg(long)]
    duration: Option<String>,
    /// The number from which traffic, ids and schedule follow [default: 7]
    #[arg(long)]
    seed: Option<String>,
    /// Set any field of the traffic, e.g. traffic.batch.spans=100
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Consent to send to HOST, named in the environment, beyond this machine
    #[arg(long, value_name = "HOST")]
    allow_remote: Vec<String>,
    /// Write who sent what into FILE, for `spanproof sink --expect FILE`; before the first request and at the end
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// Say what would be sent and send nothing
    #[arg(long)]
    dry_run: bool,
    /// How the counts are printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Sends what was asked for. Exits 0 when all of it was acknowledged, 1 when not.
pub(crate) fn run(arguments: &GenArguments) -> Exit {
    let GenSignal::Traces = arguments.signal;
    let (scenario, headers) = match arguments.understood() {
        Ok(understood) => understood,
        Err(problems) => return super::scenario::complain(problems, arguments.format),
    };
    if let (false, Some(note)) = (arguments.quiet, plaintext::note()) {
        say(&note);
    }
    match send(&scenario, headers, arguments) {
        Ok(exit) => exit,
        Err((error, exit)) => fail(error.as_ref(), exit, arguments.format),
    }
}

impl GenArguments {
    /// What is to be sent, and with which headers; or all that is wrong with the arguments and the environment.
    fn understood(&self) -> Result<(Scenario, Vec<Header>), Problems> {
        let mut others = environment::problems();
        let targets = |set: &&String| set.split_once('=').is_some_and(|(path, _)| path.trim() == "target");
        let objection = |set: &String| {
            let hint = "name where to send with --endpoint; `spanproof run` starts targets";
            Problem::of_flag("--set", set, "gen starts no target: it sends to an endpoint and nothing else", hint)
        };
        others.extend(self.sets.iter().filter(targets).map(objection));
        headers::added(self.traffic().scenario(&self.route()), others)
    }

    fn traffic(&self) -> GenTraffic {
        GenTraffic {
            workload: self.workload.clone(),
            rate: self.rate.clone(),
            duration: self.duration.clone(),
            seed: self.seed.clone(),
            sets: self.sets.clone(),
        }
    }

    fn route(&self) -> Route {
        Route {
            endpoint: self.endpoint.clone(),
            protocol: self.protocol.map(|protocol| match protocol {
                GenProtocol::Grpc => "grpc",
                GenProtocol::Http => "http",
            }),
            compression: self.compression.map(|compression| match compression {
                GenCompression::None => "none",
                GenCompression::Gzip => "gzip",
            }),
            connections: self.connections.map(NonZeroU32::get),
            allow_remote: self.allow_remote.clone(),
            environment: crate::process::inherited().into_iter().collect(),
        }
    }
}

type Failure = (Box<dyn std::error::Error>, Exit);

fn usage(error: impl std::error::Error + 'static) -> Failure {
    (Box::new(error), Exit::USAGE)
}

fn send(scenario: &Scenario, headers: Vec<Header>, arguments: &GenArguments) -> Result<Exit, Failure> {
    let client = client_config(scenario, None, headers).map_err(usage)?;
    let endpoint = client.endpoint.to_string();
    let plan = Plan::new(plan_spec(scenario, fresh_tag())).map_err(usage)?;
    if arguments.dry_run {
        arguments.result.as_deref().map_or(Ok(()), record::check_place).map_err(usage)?;
        print_plan(arguments.format, &plan, &endpoint);
        return Ok(Exit::PASS);
    }
    crate::descriptors::provide(crate::run::descriptors(scenario, &plan)).map_err(usage)?;
    let interrupt = super::interrupt::token();
    let clock = RunClock::starting_in(HEAD_START);
    let plan = Arc::new(plan.starting_at(clock.epoch_unix_ns()));
    let mut record = arguments.result.as_ref().map(|path| (path, new_record(arguments.traffic(), &plan)));
    if let Some((path, record)) = &record {
        record.write(path).map_err(usage)?;
    }
    // The disk may have been slower than the head start.
    let clock = clock.restarted_in(HEAD_START);
    let chunks = Arc::new(OpenChunks::new(Arc::clone(&plan), 8));
    let outcomes = Arc::new(Outcomes::default());
    let config = crate::run::driver_config(scenario, client, crate::run::connections(scenario, &plan));
    let mut cpu = ThreadCpu::new();
    let driver = start(config, chunks, clock, &outcomes)?;
    let mut watch = Watch::new(&plan, clock, &outcomes, &endpoint, arguments.quiet);
    watch.until_finished(&driver, &mut cpu, &interrupt);
    let report = driver.finish(Instant::now() + scenario.traffic.client.timeout + Duration::from_secs(2));
    let (sums, exceptions) = (outcomes.sums(), outcomes.exceptions());
    if let Some((path, record)) = &mut record {
        let state = if report.stopped { State::Interrupted } else { State::Complete };
        record.finish(state, sums, report.chunks_opened, &exceptions);
        record.write(path).map_err(|error| (Box::new(error) as Box<_>, Exit::INCONCLUSIVE))?;
    }
    let sent = Sent::new(plan.spans(), (sums, &exceptions), &report, &watch.busy, &cpu);
    match arguments.format {
        Format::Text => print(&sent.text()),
        Format::Json => print(&format!("{:#}\n", sent.json())),
    }
    watch.tell_failure();
    Ok(match () {
        () if interrupt.is_cancelled() => Exit::INTERRUPTED,
        () if sums.acknowledged == plan.spans() => Exit::PASS,
        () => Exit::FAIL,
    })
}

fn new_record(traffic: GenTraffic, plan: &Plan) -> GenRecord {
    GenRecord {
        schema: SCHEMA.to_owned(),
        spanproof_version: env!("CARGO_PKG_VERSION").to_owned(),
        state: State::Running,
        traffic,
        seed: plan.spec().seed.0,
        // Both kinds of run tag hold 48 bits, so this never fails.
        run_tag: RunTag::new(plan.identity().tag().get()).unwrap_or_default(),
        epoch: Epoch::from_unix_ns(plan.spec().epoch_unix_ns),
        fingerprint: plan.fingerprint(),
        spans: SpanCounts { planned: plan.spans(), ..SpanCounts::default() },
        chunks_sent: 0,
        requests: Vec::new(),
        requests_left_out: 0,
    }
}

fn print_plan(format: Format, plan: &Plan, endpoint: &str) {
    let (spans, traces, seconds) = (plan.spans(), plan.traces(), plan.seconds());
    match format {
        Format::Text => print(&format!(
            "would send {spans} spans in {traces} traces over {seconds:.1} s to {endpoint}; fingerprint {}\n",
            plan.fingerprint()
        )),
        Format::Json => print(&format!(
            "{:#}\n",
            serde_json::json!({
                "endpoint": endpoint, "spans": {"planned": spans}, "traces": traces, "seconds": seconds,
                "fingerprint": plan.fingerprint(),
            })
        )),
    }
}

fn start(
    config: DriverConfig,
    chunks: Arc<OpenChunks>,
    clock: RunClock,
    outcomes: &Arc<Outcomes>,
) -> Result<Driver, Failure> {
    let latency = Arc::new(LatencyRecorder::new());
    Driver::start(config, chunks, clock, Arc::clone(outcomes), latency).map_err(usage)
}
