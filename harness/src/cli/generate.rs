//! `spanproof gen`: sends traffic and nothing else; what telemetrygen does.

use super::talk::Stderr;
use super::{Exit, Format, fail, headers, print, say};
use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::driver::{Driver, DriverConfig};
use crate::judge::outcomes::{Outcomes, Sums};
use crate::resources::ThreadCpu;
use crate::run::{Talk, client_config, plan_spec};
use clap::{Args, ValueEnum};
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::Plan;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::progress::Progress;
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::scenario::Scenario;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GenSignal {
    /// Traces.
    Traces,
}

/// Arguments of `gen`.
#[derive(Debug, Args)]
pub(crate) struct GenArguments {
    /// Which signal
    #[arg(value_enum)]
    signal: GenSignal,
    /// Where to send, e.g. http://127.0.0.1:4317 [default: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// shop or uniform
    #[arg(long, default_value = "uniform")]
    workload: String,
    /// Spans per second over all connections together, or `N traces/s`
    #[arg(long, default_value = "1000")]
    rate: String,
    /// How long
    #[arg(long, default_value = "10s")]
    duration: String,
    /// The number from which traffic, ids and schedule follow
    #[arg(long, default_value = "7")]
    seed: String,
    /// Set any field of the traffic, e.g. traffic.batch.spans=100
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Consent to send to HOST, named in the environment, beyond this machine
    #[arg(long, value_name = "HOST")]
    allow_remote: Vec<String>,
    /// How the counts are printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// What `gen` does is a scenario without a sink; its own address is never used.
const SCENARIO: &str = "\
scenario: 1
name: gen
target: { external: { endpoint: \"http://127.0.0.1:4317\", sink: { grpc: \"127.0.0.1:1\" } } }
traffic: { workload: uniform, rate: 1000, packing: whole-traces }
run: { duration: 10s }
";

/// Sends what was asked for. Exits 0 when all of it was acknowledged, 1 when not.
pub(crate) fn run(arguments: &GenArguments) -> Exit {
    let GenSignal::Traces = arguments.signal;
    let source = Source { name: "gen".to_owned(), text: SCENARIO.to_owned(), directory: ".".into() };
    let options = LoadOptions { overrides: overrides(arguments), allow_remote: arguments.allow_remote.clone() };
    let scenario = match load(&source, &options) {
        Ok(scenario) => scenario,
        Err(problems) => return super::scenario::complain(problems, arguments.format),
    };
    match send(&scenario, arguments) {
        Ok(exit) => exit,
        Err((error, exit)) => fail(error.as_ref(), exit.0),
    }
}

fn overrides(arguments: &GenArguments) -> Overrides {
    let mut overrides = Overrides::new();
    if let Some(endpoint) = &arguments.endpoint {
        overrides.endpoint(endpoint);
    }
    overrides.rate(&arguments.rate).duration(&arguments.duration).seed(&arguments.seed);
    overrides.set(&format!("traffic.workload={}", arguments.workload));
    if arguments.workload == "shop" && !arguments.sets.iter().any(|set| set.starts_with("traffic.packing=")) {
        overrides.set("traffic.packing=per-service");
    }
    for set in &arguments.sets {
        overrides.set(set);
    }
    overrides.environment(std::env::vars());
    overrides
}

type Failure = (Box<dyn std::error::Error>, Exit);

fn usage(error: impl std::error::Error + 'static) -> Failure {
    (Box::new(error), Exit::USAGE)
}

fn send(scenario: &Scenario, arguments: &GenArguments) -> Result<Exit, Failure> {
    let mut headers = headers::from_variables(&scenario.traffic.transport.headers_env).map_err(usage)?;
    headers.extend(headers::from_otel_environment().map_err(usage)?);
    let client = client_config(scenario, None, headers).map_err(usage)?;
    let plan = Plan::new(plan_spec(scenario, RunTag::new(RunClock::starting_in(Duration::ZERO).epoch_unix_ns() >> 12)))
        .map_err(usage)?;
    let interrupt = super::interrupt::token();
    let clock = RunClock::starting_in(Duration::from_millis(50));
    let plan = Arc::new(plan.starting_at(clock.epoch_unix_ns()));
    let chunks = Arc::new(OpenChunks::new(Arc::clone(&plan), 8));
    let outcomes = Arc::new(Outcomes::default());
    let config = crate::run::driver_config(scenario, client, crate::run::connections(scenario, &plan));
    let mut cpu = ThreadCpu::new();
    let driver = start(config, chunks, clock, &outcomes)?;
    let mut talk = Stderr::new(arguments.quiet);
    let mut last = (Instant::now(), 0);
    while !driver.is_finished() {
        std::thread::sleep(Duration::from_millis(50));
        if interrupt.is_cancelled() {
            driver.stop();
            break;
        }
        if last.0.elapsed() >= Duration::from_secs(1) {
            last = tell(&mut talk, &driver, &plan, clock, last);
        }
    }
    drop(cpu.sample());
    let report = driver.finish(Instant::now() + scenario.traffic.client.timeout + Duration::from_secs(2));
    talk.close();
    let lateness = Duration::from_micros(report.lateness.value_at_quantile(0.99));
    print_counts(arguments.format, plan.spans(), outcomes.sums(), lateness, cpu.of_prefix("sp-driver"));
    let answer = outcomes.exceptions().into_values().find(|request| !request.answer.is_empty());
    if let Some(request) = answer {
        say(&format!("an answer that was not OK: {}", crate::process::printable(&request.answer)));
    }
    let sums = outcomes.sums();
    Ok(match () {
        () if interrupt.is_cancelled() => Exit::INTERRUPTED,
        () if sums.acknowledged == plan.spans() => Exit::PASS,
        () => Exit::FAIL,
    })
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
        delivered: 0,
        rate: (progress.sent - last.1) as f64 / last.0.elapsed().as_secs_f64().max(1e-9),
        in_flight: progress.outstanding,
        lateness: Some(Duration::from_micros(progress.lateness_p99_us)),
        target_memory: None,
    });
    (Instant::now(), progress.sent)
}

fn print_counts(format: Format, planned: u64, sums: Sums, lateness_p99: Duration, cpu: Duration) {
    let Sums { acknowledged, refused, unknown, not_sent, .. } = sums;
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
