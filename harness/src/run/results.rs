//! The result document, from all that was found.

use super::{Found, RunOptions};
use crate::clock::RunClock;
use crate::judge::outcomes::Outcomes;
use crate::resources::UsageSummary;
use crate::sink::recorder::Recorder;
use crate::target::Target;
use spanproof_generators::plan::Plan;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::epoch::{Epoch, RunTag};
use spanproof_reports::result::participants::{Driver, Exit, Machine, Memory, Sink};
use spanproof_reports::result::timeline::Settle;
use spanproof_reports::result::{RunResult, RunStatus, participants};
use spanproof_reports::terminal::plan::{Fault as PlannedFault, Plan as PlanForPeople};
use spanproof_scenarios::scenario::{self, Scenario};
use std::time::Duration;

/// The plan as it is printed before the run.
pub fn plan_for_people(
    scenario: &Scenario,
    plan: &Plan,
    patience: &super::Patience,
    outlook: &super::Outlook,
) -> PlanForPeople {
    PlanForPeople {
        scenario: scenario.name.clone(),
        target: target_words(scenario),
        seed: scenario.run.seed,
        spans: plan.spans(),
        traces: plan.traces(),
        strata: plan.strata().iter().map(|(stratum, count)| (stratum.name().to_owned(), *count)).collect(),
        starts: Duration::from_secs_f64(plan.starts_seconds().max(0.0)),
        duration: Duration::from_secs_f64(plan.seconds().max(0.0)),
        warm_up: scenario.run.warmup,
        faults: scenario.faults.iter().map(planned_fault).collect(),
        prediction: outlook.lines(),
        settle: patience.terms.clone(),
        settle_if_late: Some(patience.longest_if_late()).filter(|longest| *longest > patience.longest()),
        route: None,
        warnings: patience.notes.iter().chain(&patience.warnings).cloned().collect(),
    }
}

fn planned_fault(fault: &scenario::Fault) -> PlannedFault {
    let windows = &fault.windows;
    PlannedFault {
        name: fault.name.clone(),
        what: fault.kind.to_string(),
        at: windows.at,
        lasting: windows.lasting,
        again: (windows.times > 1).then_some((windows.every, windows.times)),
    }
}

fn target_words(scenario: &Scenario) -> String {
    match &scenario.target {
        scenario::Target::Embedded(_) => "embedded collector".to_owned(),
        scenario::Target::Process(process) => format!("process {}", process.command.display()),
        scenario::Target::External(external) => format!("external {}", external.endpoint.as_str()),
    }
}

/// The target's own name, where its kind does not say it all.
fn target_name(scenario: &Scenario) -> Option<String> {
    match &scenario.target {
        scenario::Target::Embedded(_) => None,
        scenario::Target::Process(process) => Some(process.command.display().to_string()),
        scenario::Target::External(external) => Some(external.endpoint.as_str().to_owned()),
    }
}

/// The document as far as it holds facts; account, checks, limits and verdict follow from the evidence.
pub(super) fn document(
    scenario: &Scenario,
    options: &RunOptions,
    found: &Found,
    outlook: &super::Outlook,
    clock: RunClock,
) -> RunResult {
    let mut result = head(scenario, options, found, clock);
    result.latency = found.recorded.latency.clone();
    result.driver = Some(driver(found));
    result.sink = Some(sink(found));
    result.target = Some(target(scenario, found));
    result.settle = Some(settle(&found.patience));
    result.timeline = Some(found.watched.timeline.timeline());
    result.warnings = warnings(found);
    result.prediction = outlook.foretold().map(|foretold| foretold.told.clone());
    result.prediction_unknown = outlook.unknown().map(str::to_owned);
    result
}

fn head(scenario: &Scenario, options: &RunOptions, found: &Found, clock: RunClock) -> RunResult {
    let named = spanproof_reports::result::Scenario {
        name: scenario.name.clone(),
        about: Some(scenario.about.clone()).filter(|about| !about.is_empty()),
        path: options.scenario_path.clone(),
    };
    let tag = found.plan.identity().tag().get();
    let epoch = Epoch::from_unix_ns(clock.epoch_unix_ns());
    let mut result = RunResult::new(named, scenario.run.seed, report_tag(tag), epoch);
    result.command.clone_from(&options.command);
    result.fingerprint = Some(found.fingerprint.clone());
    result.duration_seconds = clock.elapsed().as_secs_f64();
    result.machine = machine();
    if found.watched.interrupted {
        result.status = RunStatus::Interrupted { reason: "a signal".to_owned() };
    } else if let Some(limit) = &found.watched.aborted {
        result.status = RunStatus::Aborted { limit: limit.limit.clone() };
    }
    result
}

/// Both kinds of run tag hold 48 bits, so this never fails.
fn report_tag(tag: u64) -> RunTag {
    RunTag::new(tag).unwrap_or_default()
}

fn machine() -> Option<Machine> {
    let machine = crate::resources::Machine::read().ok()?;
    Some(Machine {
        cores: u32::try_from(machine.cores.get()).ok(),
        cpu: machine.cpu_model,
        memory_bytes: Some(machine.memory_bytes),
        kernel: Some(machine.kernel),
    })
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

fn driver(found: &Found) -> Driver {
    let report = &found.watched.driver;
    let lateness = |quantile| Some(milliseconds(report.lateness.value_at_quantile(quantile)));
    Driver {
        cpu_seconds: found.cpu.of_prefix("sp-driver").map(|cpu| cpu.as_secs_f64()),
        lateness_p50_ms: lateness(0.5),
        lateness_p99_ms: lateness(0.99),
        lateness_max_ms: Some(milliseconds(report.lateness.max())),
        withheld: None,
        achieved_ratio: Some(report.on_time_spans as f64 / found.plan.spans().max(1) as f64),
        achieved_rate: achieved_rate(found),
        requests: found.sums.requests,
        resent: found.sums.resent,
        connections: found.connections as u64,
    }
}

/// Spans sent per second of starts. Where the load took longer than planned, so did the starts.
fn achieved_rate(found: &Found) -> Option<f64> {
    let report = &found.watched.driver;
    let (took, starts) = (found.watched.load_took.as_secs_f64(), found.plan.starts_seconds());
    let slow_traces = (found.plan.seconds() - starts).max(0.0);
    let seconds = if report.stopped { took.min(starts) } else { took - slow_traces };
    (seconds > 0.0).then(|| report.sent_spans as f64 / seconds)
}

fn sink(found: &Found) -> Sink {
    let counters = &found.stopped.counters;
    Sink {
        cpu_seconds: found.cpu.of_prefix("sp-sink").map(|cpu| cpu.as_secs_f64()),
        requests: counters.requests,
        refused_requests: counters.refused_total(),
        malformed: counters.refused(crate::wire::server::Reason::Malformed),
        bytes: counters.body_bytes,
    }
}

fn target(scenario: &Scenario, found: &Found) -> participants::Target {
    let end = &found.stopped.target;
    let embedded = found.kind == "embedded";
    let cpu = if embedded { found.cpu.of_prefix("sp-target") } else { end.cpu.max(found.stopped.target_cpu) };
    participants::Target {
        kind: found.kind.to_owned(),
        name: target_name(scenario),
        version: found.stopped.version.clone(),
        cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64()),
        memory: found.stopped.usage.as_ref().map(memory),
        exit: (!embedded).then(|| Exit {
            code: end.code,
            signal: end.signal.map(|signal| signal.to_string()),
            unexpected: found.watched.target_ended.is_some(),
        }),
        log: (found.kind == "process").then(|| "target.log".to_owned()),
    }
}

fn memory(seen: &UsageSummary) -> Memory {
    Memory {
        peak_bytes: Some(seen.memory_peak_bytes),
        mean_bytes: Some(seen.memory_mean_bytes),
        working_set_bytes: Some(seen.memory_last_bytes),
        limit_bytes: None,
    }
}

fn settle(patience: &super::Patience) -> Settle {
    Settle {
        planned_seconds: patience.longest().as_secs_f64(),
        terms: patience.terms.clone(),
        took_seconds: patience.took.map(|took| took.as_secs_f64()),
        ended: patience.ended,
    }
}

/// What was said before the run and holds whatever came of it, and what happened during it.
fn warnings(found: &Found) -> Vec<String> {
    let mut warnings = found.patience.notes.clone();
    warnings.extend(found.watched.amiss.iter().cloned());
    if found.cpu.is_blind() {
        let told = "/proc/self/task could not be read: no CPU time is known, nor whether a thread of driver or sink was saturated";
        warnings.push(told.to_owned());
    }
    for end in found.stopped.ends() {
        warnings.extend(end.bites.iter().map(|(defect, bites)| format!("planted defect {defect} bit {bites}")));
        if end.forced {
            warnings.push("the target did not stop in its grace and was ended by force".to_owned());
        }
    }
    warnings
}

/// What is known while the run lasts, for abort limits.
pub(super) fn so_far(
    scenario: &Scenario,
    recorder: &Recorder,
    outcomes: &Outcomes,
    latency: &LatencyRecorder,
    target: &Target,
    sent: u64,
) -> RunResult {
    let named = spanproof_reports::result::Scenario { name: scenario.name.clone(), about: None, path: None };
    let mut result = RunResult::new(named, scenario.run.seed, report_tag(0), Epoch::from_unix_ns(0));
    let (sums, ledger) = (outcomes.sums(), recorder.ledger());
    let spans = &mut result.ledger.spans;
    spans.sent = sent;
    spans.acknowledged = sums.acknowledged;
    spans.refused = sums.refused;
    spans.unknown = sums.unknown;
    spans.not_sent = sums.not_sent;
    spans.delivered = ledger.delivered();
    // Copies, not records: never less, and the same unless one record comes more than twice.
    spans.duplicated = ledger.extra();
    spans.corrupted = ledger.corrupt();
    spans.corrupted_only = ledger.corrupted_only();
    spans.invented = ledger.invented();
    spans.foreign = ledger.foreign();
    spans.late = ledger.exceptions().late.len();
    result.latency = latency.summaries();
    result.target = Some(participants::Target {
        kind: String::new(),
        memory: target.usage().as_ref().map(memory),
        cpu_seconds: target.cpu().map(|cpu| cpu.as_secs_f64()),
        ..participants::Target::default()
    });
    result
}
