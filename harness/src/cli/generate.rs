//! `spanproof gen`: sends traffic and nothing else; what telemetrygen does.

pub(crate) mod record;
pub(crate) mod traffic;

use super::headers::{self, Header};
use super::talk::Stderr;
use super::{Exit, Format, environment, fail, plaintext, print, say};
use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::driver::{Driver, DriverConfig};
use crate::judge::outcomes::{Outcomes, Sums};
use crate::resources::ThreadCpu;
use crate::run::{Talk, client_config, fresh_tag, plan_spec};
use clap::{Args, ValueEnum};
use record::{GenRecord, SCHEMA, SpanCounts, State};
use spanproof_generators::plan::Plan;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::progress::Progress;
use spanproof_reports::result::epoch::{Epoch, RunTag};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::Scenario;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use traffic::{GenTraffic, Route};

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
        headers::added(self.traffic().scenario(&self.route()), environment::problems())
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
        print_plan(arguments.format, &plan, &endpoint);
        return Ok(Exit::PASS);
    }
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
    let is_told = watch(&driver, &plan, clock, (&outcomes, &endpoint), &interrupt, Stderr::new(arguments.quiet));
    drop(cpu.sample());
    let report = driver.finish(Instant::now() + scenario.traffic.client.timeout + Duration::from_secs(2));
    let (sums, exceptions) = (outcomes.sums(), outcomes.exceptions());
    if let Some((path, record)) = &mut record {
        let state = if report.stopped { State::Interrupted } else { State::Complete };
        record.finish(state, sums, report.chunks_opened, &exceptions);
        record.write(path).map_err(|error| (Box::new(error) as Box<_>, Exit::INCONCLUSIVE))?;
    }
    let lateness = Duration::from_micros(report.lateness.value_at_quantile(0.99));
    print_counts(arguments.format, plan.spans(), sums, lateness, cpu.of_prefix("sp-driver"));
    if !is_told {
        tell_failure(&outcomes, &endpoint, &mut Stderr::new(arguments.quiet));
    }
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

/// Watches until the last answer, or until it is interrupted. Whether a failure was told.
fn watch(
    driver: &Driver,
    plan: &Plan,
    clock: RunClock,
    (outcomes, endpoint): (&Outcomes, &str),
    interrupt: &CancellationToken,
    mut talk: Stderr,
) -> bool {
    let mut last = (Instant::now(), 0);
    let mut is_told = false;
    while !driver.is_finished() {
        std::thread::sleep(Duration::from_millis(50));
        if interrupt.is_cancelled() {
            driver.stop();
            break;
        }
        // Whoever looks at half an hour of load wants to know now.
        if !is_told && tell_failure(outcomes, endpoint, &mut talk) {
            is_told = true;
        }
        if last.0.elapsed() >= Duration::from_secs(1) {
            last = tell(&mut talk, driver, plan, clock, last);
        }
    }
    talk.close();
    is_told
}

/// Says of the first request that failed what came instead of a yes: perhaps no answer at all, as of a connection that was
/// refused. Whether there was one.
fn tell_failure(outcomes: &Outcomes, endpoint: &str, talk: &mut Stderr) -> bool {
    let Some(request) = outcomes.first_failure() else { return false };
    talk.close();
    say(&format!("the first request that failed, to {endpoint}: {}", crate::process::printable(&request.answer)));
    true
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

fn tell(talk: &mut Stderr, driver: &Driver, plan: &Plan, clock: RunClock, last: (Instant, u64)) -> (Instant, u64) {
    let progress = driver.progress();
    talk.progress(&Progress {
        phase: "load".to_owned(),
        elapsed: clock.elapsed(),
        planned_total: plan.spans(),
        sent: progress.sent,
        delivered: None,
        rate: (progress.sent - last.1) as f64 / last.0.elapsed().as_secs_f64().max(1e-9),
        in_flight: progress.outstanding,
        late_share: (progress.sent > 0).then_some(progress.late_share),
        target_memory: None,
    });
    (Instant::now(), progress.sent)
}

fn print_counts(format: Format, planned: u64, sums: Sums, lateness_p99: Duration, cpu: Duration) {
    let Sums { acknowledged, refused, unknown, .. } = sums;
    // What was never even due, since it was stopped, was not sent either.
    let not_sent = planned.saturating_sub(acknowledged + refused + unknown);
    let (lateness, cpu) = (lateness_p99.as_secs_f64() * 1e3, cpu.as_secs_f64());
    match format {
        Format::Text => print(&format!(
            "planned {planned} spans, acknowledged {acknowledged}, refused {refused}, unknown {unknown}, not sent \
             {not_sent}; p99 late {lateness:.2} ms; {cpu:.3} s of CPU\n"
        )),
        Format::Json => print(&format!(
            "{:#}\n",
            serde_json::json!({
                "spans": {"planned": planned, "acknowledged": acknowledged, "refused": refused, "unknown": unknown, "not_sent": not_sent},
                "driver": {"lateness_p99_ms": lateness, "cpu_seconds": cpu},
            })
        )),
    }
}
