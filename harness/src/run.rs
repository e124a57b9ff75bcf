//! One run, from scenario to verdict.
//!
//! [`run`] reads top to bottom as the story: plan, start the sink, start the target, drive, settle, stop, freeze the
//! evidence, judge it, write. Each step's details are one call down. Until the evidence is whole the directory is marked as
//! unfinished.

mod chronicle;
mod error;
mod faults;
mod follow;
mod forecast;
mod gate;
mod intervals;
mod narrate;
mod parts;
mod place;
mod planning;
mod promise;
mod reach;
mod remedy;
mod results;
mod room;
mod settle;
mod sustained;
mod watch;
mod ways;

pub use error::RunError;
pub use forecast::{Foretold, Outlook};
pub use place::check as check_place;
pub use planning::{client_config, connections, descriptors, fresh_tag, plan_spec, transport};
pub use results::plan_for_people;
pub use settle::{Patience, patience, target_variables};

use crate::chunks::OpenChunks;
use crate::clock::RunClock;
use crate::driver::{Driver, DriverConfig, RetryPolicy};
use crate::evidence::{self, Course, Findings, marker};
use crate::fault::{FaultBook, TargetFaults};
use crate::judge::evidence::Conduct;
use crate::judge::outcomes::{Outcomes, Sums};
use crate::judge::sampling::Rules;
use crate::judge::standstill::Resending;
use crate::knowledge::Harness;
use crate::process::{check_command, find_program};
use crate::resources::ThreadCpu;
use crate::sink::recorder::Recorder;
use crate::target::{TargetEnd, TargetPlan};
use chronicle::Chronicle;
use narrate::Narrator;
use parts::{Stopped, start, stop};
use remedy::Settings;
use spanproof_generators::plan::Plan;
use spanproof_generators::sampling::version::Version;
use spanproof_reports::directory::{Staged, WriteError};
use spanproof_reports::events::Event;
use spanproof_reports::latency::{LatencyRecorder, Recorded};
use spanproof_reports::result::RunResult;
use spanproof_scenarios::knowledge::{Knowledge, LimitUse};
use spanproof_scenarios::limits::Limit;
use spanproof_scenarios::scenario::{self, FaultKind, Scenario};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use watch::{Watched, Watcher};

/// Chunks kept open: enough for some seconds at high rates; each takes about 0.6 MB.
const CHUNKS_OPEN_MAX: usize = 96;

/// From everything being ready to the first intended instant.
const HEAD_START: Duration = Duration::from_millis(200);

/// What a run is told besides its scenario.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where results go; made if missing.
    pub directory: PathBuf,
    /// The command that repeats the run.
    pub command: Vec<String>,
    /// Where the scenario was found, for the result.
    pub scenario_path: Option<String>,
    /// Planted defects of an embedded collector that stands between target and sink; none for no such collector.
    pub behind: Vec<String>,
    /// A fault of the scenario that is to do nothing all the same, to see that this is noticed.
    pub disarmed: Option<String>,
    /// For tests: a thread of the driver panics when so many spans were sent.
    pub driver_breaks_after: Option<u64>,
    /// Tell what is broken, and how it goes on, as it happens.
    pub narrate: bool,
    /// Headers sent with every request; secret.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
}

/// Tells a person what happens; everything goes to stderr.
pub trait Talk {
    /// What is going to be done.
    fn plan(&mut self, plan: &spanproof_reports::terminal::plan::Plan);
    /// How far it is.
    fn progress(&mut self, progress: &spanproof_reports::progress::Progress);
    /// Something happened that deserves a line.
    fn say(&mut self, line: &str);
}

/// A finished run: its result is written.
pub struct Finished {
    /// The result document.
    pub result: RunResult,
    /// Where everything was written.
    pub directory: PathBuf,
}

/// Runs a scenario and writes its results.
///
/// # Errors
/// See [`RunError`]; nothing has then been judged, and everything that was started has been stopped.
pub fn run(
    scenario: &Scenario,
    options: &RunOptions,
    interrupt: &CancellationToken,
    talk: &mut dyn Talk,
) -> Result<Finished, RunError> {
    let Prepared { target_plan, plan, mut patience, outlook } = prepare(scenario, options)?;
    let (kind, fingerprint) = (target_plan.kind(), plan.fingerprint());
    talk.plan(&plan_for_people(scenario, &plan, &patience, &outlook));
    let mut chronicle = Chronicle::default();
    chronicle.planned(&plan, scenario.run.seed);
    chronicle.starting(kind);
    let _hold = marker::set(&options.directory).map_err(|source| failed_to_write(options, source))?;

    let mut cpu = ThreadCpu::new();
    let at_work = start(scenario, options, target_plan, interrupt, talk);
    // Whoever looks at the directory later is told; the error itself matters more than a mark that cannot be written anew.
    let mut at_work = at_work.inspect_err(|_| drop(marker::never_began(&options.directory)))?;
    chronicle.ready(at_work.version.as_deref());
    patience.knows(&scenario.target, at_work.version.as_deref());
    let client = client_config(scenario, at_work.entrance(), options.headers.clone())
        .map_err(|error| RunError::Client(error.to_string()))?;
    let clock = RunClock::starting_in(HEAD_START);
    let plan = Arc::new(plan.starting_at(clock.epoch_unix_ns()));
    let chunks = Arc::new(OpenChunks::new(Arc::clone(&plan), CHUNKS_OPEN_MAX));
    let latency = Arc::new(LatencyRecorder::cut_by(&faults::cuts(&scenario.faults)));
    let faults = Arc::new(FaultBook::new(&scenario.faults, scenario.run.seed, options.disarmed.as_deref()));
    let outcomes = Arc::new(Outcomes::default());
    let recorder =
        Recorder::new(Arc::clone(&chunks), clock, Arc::clone(&latency), patience.late_after(), scenario.run.warmup);
    let heals = scenario.faults.iter().map(|fault| fault.windows.end());
    let recorder = Arc::new(recorder.with_outcomes(Arc::clone(&outcomes)).with_heals(heals));
    at_work.gate.open(faults::before(Arc::clone(&recorder), (&scenario.faults, &faults), clock));
    let connections = planning::connections(scenario, &plan);
    let driver_config =
        DriverConfig { breaks_after: options.driver_breaks_after, ..driver_config(scenario, client, connections) };
    let driver = Driver::start(driver_config, chunks, clock, Arc::clone(&outcomes), Arc::clone(&latency))?;

    at_work.begin_faults(scenario, options, clock)?;
    let target_faults = RefCell::new(TargetFaults::new(&scenario.faults, options.disarmed.as_deref()));
    let watcher = Watcher {
        scenario,
        plan: &plan,
        clock,
        recorder: &recorder,
        outcomes: &outcomes,
        latency: &latency,
        faults: target_faults,
        book: &faults,
        pulse: at_work.observer.pulse(),
        resending: resending(&patience, options),
        narrator: options.narrate.then(|| RefCell::new(Narrator::new(&scenario.faults, Arc::clone(&faults)))),
    };
    let mut watched = watcher.load(driver, &mut at_work.target, &mut cpu, interrupt, talk);
    watcher.settle(&mut patience, &mut watched, &mut at_work.target, &mut cpu, interrupt, talk);
    let target_faults = watcher.faults.into_inner();
    watched.take_in(at_work.heal(clock));
    let broken = faults::broken(&scenario.faults, &at_work.links, clock);
    let acts = faults::acts(&scenario.faults, &target_faults, &at_work.commands);
    recorder.close();
    let mut stopped = stop(at_work, scenario, &faults, &mut cpu, clock);
    stopped.in_order &= !watched.left_down;
    chronicle.faults(&scenario.faults, clock);
    chronicle.stopped(&stopped.target);

    let recorded = latency.finish(&spanproof_reports::result::epoch::Epoch::from_unix_ns(clock.epoch_unix_ns()));
    let conduct = watched.driver.conduct(plan.spans(), &watched.busy);
    let (plan, sums) = (Arc::clone(&plan), outcomes.sums());
    let found =
        Found { plan, conduct, sums, watched, stopped, recorded, patience, fingerprint, connections, kind, cpu, clock };
    let mut document = results::document(scenario, options, &found, &outlook, clock);
    let did = faults::Did { book: &faults, acts: &acts, of_links: &broken };
    document.faults = faults::told(scenario, &did, (&recorder, &outcomes), &found);
    let mut events = chronicle.told(&found.watched.events, clock);
    freeze(scenario, options, &found, document, (&recorder, &faults), (&outcomes, &outlook), &events)?;
    let result = evidence::read_back(&options.directory, Some(&found.plan))?.judge();
    events.push(chronicle::verdict(&found, &result));
    finish(options, &result, &events)?;
    Ok(Finished { result, directory: options.directory.clone() })
}

/// What is known before anything is started.
struct Prepared {
    target_plan: TargetPlan,
    plan: Plan,
    patience: Patience,
    outlook: Outlook,
}

/// Finds every mistake that can be found beforehand, and makes the directory and the plan.
fn prepare(scenario: &Scenario, options: &RunOptions) -> Result<Prepared, RunError> {
    check(scenario, options)?;
    check_program(scenario)?;
    let patience = patience(scenario, &options.directory)?;
    let plan = Plan::new(plan_spec(scenario, fresh_tag()))?;
    crate::descriptors::provide(planning::descriptors(scenario, &plan))?;
    // So late that what cannot begin leaves no directory behind.
    prepare_directory(options)?;
    let target_plan = planning::target_plan(scenario, &options.directory)?.sampling_as(patience.embedded.clone());
    room::check(&options.directory, room::needed(&plan, patience.longest_if_late()))?;
    let outlook = outlook(scenario, &plan, &patience, !options.behind.is_empty())?;
    Ok(Prepared { target_plan, plan, patience, outlook })
}

/// What the target's configuration foretells of the plan, as far as it is known. `has_behind`: another collector stands between
/// target and sink, and it is that one which meets the faults.
///
/// # Errors
/// A planted defect that is none.
pub fn outlook(scenario: &Scenario, plan: &Plan, patience: &Patience, has_behind: bool) -> Result<Outlook, RunError> {
    let exporting = match &scenario.target {
        _ if has_behind => Err("another collector stands between target and sink".to_owned()),
        scenario::Target::Embedded(embedded) => {
            forecast::of_embedded(&crate::target::embedded_config(embedded, scenario.run.seed)?, &scenario.faults)
        }
        scenario::Target::Process(_) | scenario::Target::External(_) => patience.exporting.clone(),
    };
    let place = |keys: &[&str]| promise::place(keys, &scenario.collector, &patience.texts);
    let settings = match &scenario.target {
        scenario::Target::Embedded(_) => Settings::Embedded,
        scenario::Target::Process(_) | scenario::Target::External(_) => Settings::Collector(&place),
    };
    Ok(forecast::outlook(scenario, plan, exporting, &settings))
}

/// Everything that the result document is made from.
struct Found {
    plan: Arc<Plan>,
    conduct: Conduct,
    sums: Sums,
    watched: Watched,
    stopped: Stopped,
    recorded: Recorded,
    patience: Patience,
    fingerprint: String,
    connections: usize,
    kind: &'static str,
    cpu: ThreadCpu,
    clock: RunClock,
}

/// Finds the mistakes that the scenario's own checks cannot see, before anything is made or started.
///
/// # Errors
/// A limit on a figure that results do not have, a planted defect that is none, an endpoint or header that cannot be used or is
/// our own sink's, a directory with files of others.
pub fn check(scenario: &Scenario, options: &RunOptions) -> Result<(), RunError> {
    check_limits(scenario)?;
    faults::check(scenario, options.disarmed.as_deref())?;
    place::check(&options.directory)?;
    planning::behind_config(scenario, &options.behind)?;
    match &scenario.target {
        scenario::Target::Embedded(embedded) => drop(crate::target::embedded_config(embedded, scenario.run.seed)?),
        scenario::Target::Process(_) => {}
        scenario::Target::External(external) => reach::refuse_own_sink(external)?,
    }
    // Where a target of ours will listen is not known yet; any address serves.
    let somewhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let wrong = |error: &dyn std::error::Error| RunError::Client(error.to_string());
    let client = client_config(scenario, Some((somewhere, somewhere)), options.headers.clone());
    client.map_err(|error| wrong(&error))?.check().map_err(|error| wrong(&error))
}

/// A plan can be made where the target is not installed; a run cannot.
fn check_program(scenario: &Scenario) -> Result<(), RunError> {
    if let scenario::Target::Process(process) = &scenario.target {
        find_program(&process.command).map_err(|error| RunError::Command(Box::new(error)))?;
    }
    for fault in &scenario.faults {
        let FaultKind::Commands(commands) = &fault.kind else { continue };
        for command in [&commands.start, &commands.undo, &commands.evidence] {
            check_command(&command.program).map_err(|error| RunError::FaultCommand {
                fault: fault.name.clone(),
                command: command.to_string(),
                reason: error.reason,
            })?;
        }
    }
    Ok(())
}

/// Loading has asked the same of a scenario that came through the command line; a library's caller may not have.
fn check_limits(scenario: &Scenario) -> Result<(), RunError> {
    let asked = |limits: &[Limit], usage| -> Vec<String> {
        let objections = limits.iter().filter_map(|limit| Some((limit, Harness.limit(limit, usage)?)));
        objections.map(|(limit, objection)| format!("limit `{limit}`: {objection}")).collect()
    };
    let mut problems = asked(&scenario.limits, LimitUse::AtEnd);
    problems.extend(asked(&scenario.abort, LimitUse::Abort));
    if problems.is_empty() { Ok(()) } else { Err(RunError::Limits(problems)) }
}

fn prepare_directory(options: &RunOptions) -> Result<(), RunError> {
    spanproof_reports::directory::prepare(&options.directory).map_err(|source| failed_to_write(options, source))
}

/// How the driver is to behave.
pub fn driver_config(
    scenario: &Scenario,
    client: crate::wire::client::ClientConfig,
    connections: usize,
) -> DriverConfig {
    let of = &scenario.traffic.client;
    let in_flight = (of.max_in_flight.get() as usize).div_ceil(connections).max(1);
    DriverConfig {
        client,
        connections,
        queue: of.queue.get() as usize,
        in_flight_per_connection: in_flight,
        retry: of.retry.as_ref().map(|retry| RetryPolicy {
            initial: retry.initial_interval,
            max: retry.max_interval,
            budget: retry.budget,
        }),
        warm_up: scenario.run.warmup,
        threads: 1,
        breaks_after: None,
    }
}

/// Writes down all that a verdict rests on, with the logs beside it.
fn freeze(
    scenario: &Scenario,
    options: &RunOptions,
    found: &Found,
    document: RunResult,
    (recorder, faults): (&Recorder, &FaultBook),
    (outcomes, outlook): (&Outcomes, &Outlook),
    events: &[Event],
) -> Result<(), RunError> {
    let directory = &options.directory;
    let mut course = Course {
        refusals: found.stopped.refusals.clone(),
        settling: found.patience.settling(recorder.drained(), found.stopped.in_order),
        chunks_opened: found.watched.driver.chunks_opened,
        sums: found.sums,
        conduct: found.conduct,
        may_leave_out: found.patience.may_leave_out.clone(),
        may_change: found.patience.may_change.clone(),
        ways: found.patience.ways.clone(),
        pipelines: pipelines(&found.patience, options),
        forewarned: found.patience.warnings.clone(),
        late_after: found.patience.late_after(),
        late_margin: found.patience.margin,
        cut_short: found.watched.cut_short(),
        waited_until: None,
        target_ended: found.watched.target_ended.clone(),
        never_bit: found.stopped.never_bit(),
        guarantee: scenario.collector.guarantee,
        may_hold: if scenario.faults.is_empty() { Duration::ZERO } else { found.patience.without_faults },
        pause: if scenario.faults.is_empty() { Duration::ZERO } else { found.patience.pause },
        foreign_fails: scenario.foreign == scenario::Foreign::Fail,
        absence_is_unknown: scenario.absence == scenario::Absence::Unknown,
        limits: scenario.limits.clone(),
        promises: scenario.promises.clone(),
        standstills: found.stopped.pulse.standstills(found.clock),
        resending: resending(&found.patience, options),
        remedies: outlook.foretold().map(|foretold| foretold.remedies.clone()).unwrap_or_default(),
        document,
    };
    course.waited_until = found.watched.waited_until().filter(|_| course.has_early_end());
    course.withhold();
    let failed =
        |source| RunError::Frozen { directory: directory.clone(), source, counted: counted(found.sums, recorder) };
    watch::write_events(directory, events).map_err(failed)?;
    spanproof_reports::directory::write_latency_log(directory, &course.document.latency, &found.recorded.log)
        .map_err(failed)?;
    found.stopped.planted().map_or(Ok(()), |planted| planted.write(directory)).map_err(failed)?;
    let rules = rules(found);
    let findings = Findings {
        rules: rules.as_ref(),
        plan: &found.plan,
        fingerprint: &found.fingerprint,
        ledger: recorder.ledger(),
        requests: &outcomes.exceptions(),
        corruptions: &recorder.corruptions().kinds(),
        unexplained: recorder.corruptions().unexplained(),
        strangers: &recorder.strangers().examples(),
        instants: &outcomes.instants().take_down(),
        touched: &faults::touched(&scenario.faults, faults),
        foretold: outlook.foretold().map(|foretold| [&foretold.lost, &foretold.open]),
        course: &course,
    };
    evidence::write(directory, &findings).map_err(failed)
}

/// The rules by which the target keeps traces, for the version that it says it has.
fn rules(found: &Found) -> Option<Rules> {
    let said = found.stopped.version.as_ref().and_then(|version| version.parse().ok());
    // The embedded target does as that version does.
    let version = if found.patience.embedded.is_some() { Some(Version::MEASURED) } else { said };
    Rules::of(found.patience.sampling.as_ref()?, version)
}

/// What the target does where our sink does not answer.
fn resending(patience: &Patience, options: &RunOptions) -> Resending {
    let behind = (!options.behind.is_empty()).then_some(settle::EMBEDDED_TIMEOUT);
    let answer_within = patience.answer_within.map(|within| behind.map_or(within, |behind| behind.min(within)));
    Resending { answer_within, pause: patience.pause }
}

/// The ways from the target's receivers to the sink, in words, as far as they are known.
fn pipelines(patience: &Patience, options: &RunOptions) -> Vec<String> {
    let behind = if options.behind.is_empty() { "" } else { " -> embedded" };
    patience.pipelines.iter().map(|way| format!("{way}{behind}")).collect()
}

/// What is known of a run whose evidence could not be written: not what a verdict could rest on, and better than nothing.
fn counted(sums: Sums, recorder: &Recorder) -> String {
    let Sums { acknowledged, refused, unknown, .. } = sums;
    let ledger = recorder.ledger();
    format!(
        "acknowledged {acknowledged}, refused {refused}, unknown {unknown}; \
         of {} spans that came, {} unchanged; twice {}, foreign {}, invented {}",
        ledger.unique(),
        ledger.delivered(),
        ledger.extra(),
        ledger.foreign(),
        ledger.invented()
    )
}

/// Takes away the mark, since the evidence is whole and has been read back, and gives what follows from it its names. In this
/// order: no verdict ever stands in a directory that is marked, and where the results cannot be written `judge` makes them.
/// They are on the disk before the mark goes, so that hardly any time passes in between.
fn finish(options: &RunOptions, result: &RunResult, events: &[Event]) -> Result<(), RunError> {
    let directory = &options.directory;
    let failed = |source| RunError::Results { directory: directory.clone(), source };
    let staged = spanproof_reports::directory::stage(directory, result);
    marker::clear(directory).map_err(failed)?;
    staged.and_then(Staged::publish).map(drop).map_err(failed)?;
    watch::write_events(directory, events).map_err(failed)
}

fn failed_to_write(options: &RunOptions, source: WriteError) -> RunError {
    RunError::Directory { directory: options.directory.clone(), source }
}

/// Until when something may go on, given when it began.
fn deadline(from: Instant, lasting: Duration) -> Instant {
    from.checked_add(lasting).unwrap_or(from + Duration::from_secs(86_400))
}
