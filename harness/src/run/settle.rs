//! How long to wait for what the target may still hold, and what its configuration says of absence.

use super::ways::{self, Ways};
use super::{RunError, follow, promise};
use crate::collector_config::{CollectorConfig, ConfigError, Exporting, Pipelines, Remote, Source, SuspectWhy};
use crate::embedded::Sampling;
use crate::judge::checks::limits;
use crate::judge::declared;
use crate::judge::evidence::{Change, Settling};
use crate::judge::sampling::Rules;
use crate::process::printable;
use spanproof_reports::result::timeline::{SettleEnd, SettleTerm};
use spanproof_scenarios::scenario::{
    self, CollectorConfig as Configuration, FaultKind, LinkSite, Scenario, TargetFault,
};
use spanproof_scenarios::units::Auto;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// While spans keep coming late, settling lasts so many times as long as a record may take.
const LATE_TIMES: u32 = 3;

/// How long a target of which nothing is known is waited for, at most.
const UNKNOWN_HOLD: Duration = Duration::from_secs(30);

/// A collector's exporter waits no longer than 30 s before it sends again, half of it more at random, and 5 s for an answer.
const PAUSE_UNKNOWN: Duration = Duration::from_secs(50);

/// The embedded collector adds so much of a wait at random, and waits so long for an answer.
const EMBEDDED_JITTER: f64 = 0.5;
pub(super) const EMBEDDED_TIMEOUT: Duration = Duration::from_secs(10);

/// After everything has arrived, this long without a further record ends settling. What repeats something does so close behind,
/// and a collector that is stopped in good order next brings out what is left.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// The same for a target that is no collector as far as is known, so that to stop it may bring out nothing, and for one that nobody
/// stops: as long as a collector's exporter waits for an answer, and then before it sends again. A repeat that comes later is not seen.
const QUIET_UNKNOWN: Duration = Duration::from_secs(5);

/// How long to wait, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    /// The terms of the sum; the last is the margin after which a record is late.
    pub terms: Vec<SettleTerm>,
    /// What the target may hold a record back in good order.
    pub hold: Duration,
    /// The same while nothing is broken.
    pub without_faults: Duration,
    /// The longest that the target waits before it sends again what could not be delivered.
    pub pause: Duration,
    /// How long it waits for an answer, at least; `None` where that is not known.
    pub answer_within: Option<Duration>,
    /// When the last fault has ended, from the start of the run.
    pub last_fault: Option<Duration>,
    /// Beyond the hold, a record is late.
    pub margin: Duration,
    /// Set by the scenario instead of derived.
    pub fixed: Option<Duration>,
    /// After everything has arrived, this long without a further record ends settling.
    pub quiet: Duration,
    /// How the target's exporter queues and sends again, or why that is not known.
    pub exporting: Result<Exporting, String>,
    /// The texts of the target's configuration with their names, so that a line of it can be named.
    pub texts: Vec<(String, String)>,
    /// Components that may leave records out on purpose.
    pub may_leave_out: Vec<String>,
    /// Components that may change records on purpose.
    pub may_change: Vec<(String, Change)>,
    /// The pipelines and exporters by which a span may reach the sink more than once; empty unless there are two or more.
    pub ways: Vec<String>,
    /// Every pipeline that leads to the sink, in words; none where that is not known.
    pub pipelines: Vec<String>,
    /// How the embedded target samples, as the configuration says.
    pub embedded: Option<Sampling>,
    /// The ways to the sink, if they are known and something on them may leave records out.
    pub sampling: Option<Pipelines>,
    /// What to tell before the run starts, and in the result unless a finding says it.
    pub warnings: Vec<String>,
    /// What to tell before the run starts and in the result: a guarantee that cannot hold, a limit that cannot be judged.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Option<Duration>,
    /// How it ended.
    pub ended: Option<SettleEnd>,
}

impl Patience {
    /// How long settling lasts at most.
    pub fn longest(&self) -> Duration {
        self.fixed.unwrap_or(self.hold + self.margin)
    }

    /// The same while spans keep coming late, unless the scenario says how long it lasts: who holds them for longer than it may delivers them
    /// late, and does not lose them.
    pub fn longest_if_late(&self) -> Duration {
        self.fixed.unwrap_or_else(|| self.late_after().saturating_mul(LATE_TIMES))
    }

    /// Until when it goes on since spans came late, the last at this instant; all are from the start of the run, and settling `began` then.
    pub(super) fn goes_on_until(&self, began: Duration, last_late: Duration) -> Duration {
        last_late.saturating_add(self.margin).min(began.saturating_add(self.longest_if_late()))
    }

    /// Takes note of what the target is: `collector` is the version that it says it has.
    pub fn knows(&mut self, target: &scenario::Target, collector: Option<&str>) {
        if matches!(target, scenario::Target::Process(_)) && collector.is_none() {
            self.quiet = QUIET_UNKNOWN;
        }
    }

    /// From when it was sent, a record that takes longer than this is late.
    pub fn late_after(&self) -> Duration {
        self.hold + self.margin
    }

    /// What settling left open, given how many records came only afterwards and whether the target was then stopped in good
    /// order, which brings out what it still held.
    pub fn settling(&self, drained: u64, stopped_in_order: bool) -> Settling {
        let short = self.fixed.filter(|fixed| *fixed < self.late_after());
        let by_deadline = self.ended == Some(SettleEnd::Deadline);
        match short.filter(|_| by_deadline) {
            Some(short) => Settling { short: Some(short), drained, may_still_come: !stopped_in_order },
            None => Settling::default(),
        }
    }
}

/// Derives how long to wait from the scenario and the collector's configuration.
///
/// # Errors
/// A configuration that cannot be read or does not hold together.
pub fn patience(scenario: &Scenario, directory: &Path) -> Result<Patience, RunError> {
    let mut patience = Patience {
        terms: Vec::new(),
        hold: Duration::ZERO,
        without_faults: Duration::ZERO,
        pause: PAUSE_UNKNOWN,
        answer_within: None,
        last_fault: None,
        margin: scenario.run.late_after,
        fixed: match scenario.run.settle {
            Auto::Auto => None,
            Auto::Value(settle) => Some(settle),
        },
        quiet: match scenario.target {
            scenario::Target::External(_) => QUIET_UNKNOWN,
            scenario::Target::Embedded(_) | scenario::Target::Process(_) => QUIET,
        },
        exporting: Err("the target's configuration is not known".to_owned()),
        texts: Vec::new(),
        may_leave_out: Vec::new(),
        may_change: Vec::new(),
        ways: Vec::new(),
        pipelines: Vec::new(),
        embedded: None,
        sampling: None,
        warnings: Vec::new(),
        notes: not_measured(scenario),
        took: None,
        ended: None,
    };
    match &scenario.target {
        scenario::Target::Embedded(embedded) => {
            patience.notes.extend(promise::warning_for_embedded(&scenario.collector));
            patience.answer_within = Some(EMBEDDED_TIMEOUT);
            patience.pause = embedded
                .retry
                .as_ref()
                .map_or(Duration::ZERO, |retry| retry.max_interval.mul_f64(1.0 + EMBEDDED_JITTER) + EMBEDDED_TIMEOUT);
            follow_configuration(scenario, directory, &mut patience)?;
        }
        scenario::Target::Process(process) if scenario.collector.config != Configuration::None => {
            read_configuration(scenario, process, directory, &mut patience)?;
        }
        scenario::Target::Process(_) | scenario::Target::External(_) => {
            patience.hold = UNKNOWN_HOLD.saturating_sub(patience.margin);
            patience.terms.push(term("a target whose configuration is not known", patience.hold));
        }
    }
    wait_out_faults(scenario, &mut patience);
    patience.terms.push(term("margin (run.late_after)", patience.margin));
    if let Some(fixed) = patience.fixed {
        patience.terms = vec![term("run.settle", fixed)];
        if !patience.hold.is_zero() && fixed < patience.late_after() {
            patience.warnings.push(format!(
                "run.settle ({:.1} s) is shorter than the target may hold a span ({:.1} s): what comes out later cannot be judged",
                fixed.as_secs_f64(),
                patience.late_after().as_secs_f64()
            ));
        }
    }
    Ok(patience)
}

/// While the backend is broken, or it is down itself, a target may hold everything, and then it waits for its next try.
fn wait_out_faults(scenario: &Scenario, patience: &mut Patience) {
    patience.without_faults = patience.hold;
    let begin = scenario.faults.iter().map(|fault| fault.windows.at).min();
    let end = scenario.faults.iter().map(|fault| fault.windows.end()).max();
    let (Some(begin), Some(end)) = (begin, end) else { return };
    let asked = scenario.faults.iter().filter_map(|fault| fault.kind.retry_after()).max().unwrap_or_default();
    patience.pause = patience.pause.max(asked);
    patience.last_fault = Some(end);
    let again = scenario.faults.iter().map(|fault| to_start_again(scenario, fault)).max().unwrap_or_default();
    let terms = [
        ("while faults last", end.saturating_sub(begin)),
        ("until the target tries again", patience.pause),
        ("until it is up again", again),
        ("until gRPC connects again", to_connect_again(&scenario.faults)),
    ];
    for (name, wait) in terms.into_iter().filter(|(_, wait)| !wait.is_zero()) {
        patience.hold = patience.hold.saturating_add(wait);
        patience.terms.push(term(name, wait));
    }
}

/// How long after a link is well again a client may wait before it connects.
fn to_connect_again(faults: &[scenario::Fault]) -> Duration {
    let is_egress = |kind: &FaultKind| matches!(kind, FaultKind::Link { site: LinkSite::Egress, .. });
    let broken = faults.iter().filter(|fault| is_egress(&fault.kind)).map(|fault| fault.windows.lasting);
    broken.max().map_or(Duration::ZERO, declared::to_connect_again)
}

/// How much longer than its window a fault may keep the target down: until it has ended, and until it is ready again.
fn to_start_again(scenario: &Scenario, fault: &scenario::Fault) -> Duration {
    match (&fault.kind, &scenario.target) {
        // What it breaks is whole when the command that undoes it has ended, and the one before it may last just as long.
        (FaultKind::Commands(commands), _) => commands.within.saturating_mul(2),
        (FaultKind::Target(TargetFault::Kill), scenario::Target::Process(process)) => process.ready.timeout,
        (FaultKind::Target(TargetFault::Terminate), scenario::Target::Process(process)) => {
            process.ready.timeout.saturating_add(process.stop_grace)
        }
        (FaultKind::Target(_) | FaultKind::Sink { .. } | FaultKind::Link { .. }, _) => Duration::ZERO,
    }
}

fn term(name: &str, wait: Duration) -> SettleTerm {
    SettleTerm { name: name.to_owned(), seconds: wait.as_secs_f64() }
}

/// What the embedded target does as the collector's configuration says; of what it cannot do is told.
fn follow_configuration(scenario: &Scenario, directory: &Path, patience: &mut Patience) -> Result<(), RunError> {
    if scenario.collector.config == Configuration::None {
        return Ok(());
    }
    let texts = texts(&scenario.collector.config, directory)?;
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let config = CollectorConfig::read(&sources, &target_variables(&scenario.collector.env)).map_err(wrong)?;
    let Ways::Known(ours) = ways::to_sink(&config.pipelines().map_err(wrong)?, None) else { return Ok(()) };
    match follow::sampling(&ours) {
        Ok(None) => {}
        Ok(Some(sampling)) => {
            patience.hold += follow::holds(&sampling);
            patience.terms.push(term("until traces are decided", follow::holds(&sampling)));
            for suspect in ours.absence_is_explained_by() {
                let component = suspect.component.to_string();
                let change = match sampling {
                    Sampling::Spans { .. } => Change::TraceState,
                    Sampling::Traces { .. } => Change::SchemaUrl,
                };
                patience.may_change.push((component.clone(), change));
                patience.may_leave_out.push(component);
            }
            patience.embedded = Some(sampling);
            patience.sampling = Some(ours);
        }
        Err(why) => patience
            .notes
            .push(format!("the embedded target leaves out nothing, whatever the configuration says: {why}")),
    }
    Ok(())
}

fn read_configuration(
    scenario: &Scenario,
    process: &scenario::Process,
    directory: &Path,
    patience: &mut Patience,
) -> Result<(), RunError> {
    let texts = texts(&scenario.collector.config, directory)?;
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let config = CollectorConfig::read(&sources, &variables(scenario, process)).map_err(wrong)?;
    check_remotes(&config, scenario, &texts)?;
    let all = config.pipelines().map_err(wrong)?;
    let open = ways::left_open(&process.args, &all, config.missing_variables());
    let ours = ours(&all, open.clone(), patience)?;
    note_ways(patience, &ours);
    for (hold, wait) in ours.slowest_way(UNKNOWN_HOLD.saturating_sub(patience.margin)) {
        patience.hold += wait;
        patience.terms.push(term(&format!("{} ({})", hold.component, hold.why), wait));
    }
    patience.answer_within = ours.shortest_timeout().filter(|_| open.is_none());
    patience.exporting = open.clone().map_or_else(|| ours.exporting(), Err);
    patience.pause = ours.longest_pause().unwrap_or(PAUSE_UNKNOWN);
    for suspect in ours.absence_is_explained_by() {
        patience.may_leave_out.push(suspect.component.to_string());
    }
    // What an argument or a variable may change is not known well enough to judge by.
    let followed = open.is_none() && Rules::of(&ours, None).is_some();
    patience.sampling = followed.then(|| ours.clone());
    for suspect in ours.changes_content_by() {
        let change = match suspect.why {
            SuspectWhy::ErasesSchemaUrl => Change::SchemaUrl,
            SuspectWhy::WritesTraceState => Change::TraceState,
            SuspectWhy::ChangesAttributes(keys) => Change::Attributes(keys),
            SuspectWhy::ChangesResource(keys) => Change::Resource(keys),
            SuspectWhy::Renames => Change::Name,
            SuspectWhy::SetsStatus => Change::Status,
            SuspectWhy::Samples
            | SuspectWhy::Filters
            | SuspectWhy::Routes
            | SuspectWhy::Changes
            | SuspectWhy::Unknown => Change::Content,
        };
        patience.may_change.push((suspect.component.to_string(), change));
    }
    warn(patience);
    patience.notes.extend(promise::warning(&scenario.collector, &ours, &texts));
    patience.texts = texts;
    Ok(())
}

/// What a target is given stays on this machine, unless somebody has allowed otherwise.
fn check_remotes(config: &CollectorConfig, scenario: &Scenario, texts: &[(String, String)]) -> Result<(), RunError> {
    let remotes = config.remotes().into_iter().filter(|remote| {
        // The sink, before its address is known.
        let is_sink = remote.host.starts_with(ways::SINK_GRPC) || remote.host.starts_with(ways::SINK_HTTP);
        !is_sink && !scenario.allow_remote.contains(&remote.host)
    });
    let told = remotes.map(|Remote { exporter, keys, host }| {
        let id = exporter.to_string();
        let path: Vec<&str> = ["exporters", id.as_str()].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let place = promise::place(&path, &scenario.collector, texts);
        format!("{place}: `{exporter}` would send to `{}`", printable(&host))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { Ok(()) } else { Err(RunError::Remote(told)) }
}

fn wrong(errors: Vec<ConfigError>) -> RunError {
    RunError::CollectorConfig(errors.iter().map(ToString::to_string).collect())
}

/// The ways that lead to the sink. Where that cannot be told, every way to an OTLP backend may, which is said.
fn ours(all: &Pipelines, open: Option<String>, patience: &mut Patience) -> Result<Pipelines, RunError> {
    match ways::to_sink(all, open) {
        Ways::Known(ours) => {
            patience.pipelines = ways::in_words(&ours);
            Ok(ours)
        }
        Ways::Unsure(told) => {
            patience.notes.push(told);
            Ok(all.to_otlp())
        }
        Ways::None(told) => Err(RunError::CollectorConfig(vec![told])),
    }
}

/// More than one way to the sink is allowed, and told: what repeats then need not be the target's fault.
fn note_ways(patience: &mut Patience, ours: &Pipelines) {
    patience.ways = ways::repeats(ours);
    if !patience.ways.is_empty() {
        let (count, named) = (patience.ways.len(), patience.ways.join(", "));
        patience.notes.push(format!(
            "the configuration leads to the sink by {count} ways ({named}): spans that take more than one come out repeated"
        ));
    }
}

/// Limits on figures that this kind of target does not have.
fn not_measured(scenario: &Scenario) -> Vec<String> {
    let all = scenario.limits.iter().map(|limit| ("limit", limit));
    let all = all.chain(scenario.abort.iter().map(|limit| ("abort limit", limit)));
    let reason = |limit| limits::not_measured(scenario.target.kind(), limit);
    all.filter_map(|(what, limit)| Some(format!("{what} `{limit}` cannot be judged: {}", reason(limit)?))).collect()
}

fn warn(patience: &mut Patience) {
    if !patience.may_leave_out.is_empty() && patience.sampling.is_none() {
        let components = patience.may_leave_out.join(", ");
        patience.warnings.push(format!("{components} may leave spans out on purpose: absence will not be called loss"));
    }
    // What one is known to do to everything needs no warning.
    let open = patience.may_change.iter().filter(|(_, change)| *change != Change::SchemaUrl);
    let mut components: Vec<&str> = open.map(|(component, _)| component.as_str()).collect();
    // One that changes several things has an entry for each, one after the other.
    components.dedup();
    if !components.is_empty() {
        let components = components.join(", ");
        patience.warnings.push(format!("{components} may change spans on purpose: that will not be called corruption"));
    }
}

fn texts(config: &Configuration, directory: &Path) -> Result<Vec<(String, String)>, RunError> {
    match config {
        Configuration::None => Ok(Vec::new()),
        Configuration::Inline(text) => Ok(vec![("collector.config_inline".to_owned(), text.clone())]),
        Configuration::Files(paths) => paths
            .iter()
            .map(|path| {
                let text = std::fs::read_to_string(path);
                text.map(|text| (path.display().to_string(), text))
                    .map_err(|source| RunError::File { path: directory.join(path), source })
            })
            .collect(),
    }
}

/// The variables that a target will see, as far as they are known before it starts: ours, those of the scenario, and
/// addresses, whose names stand in for them so that it can be seen where each goes.
pub fn target_variables(of_scenario: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const ADDRESSES: [&str; 10] = [
        "SPANPROOF_RECEIVER_GRPC",
        "SPANPROOF_RECEIVER_HTTP",
        "SPANPROOF_HEALTH",
        "SPANPROOF_TELEMETRY_HOST",
        "SPANPROOF_TELEMETRY_PORT",
        crate::target::STATE,
        ways::SINK_GRPC,
        ways::SINK_GRPC_PORT,
        ways::SINK_HTTP,
        ways::SINK_HTTP_PORT,
    ];
    let mut variables = crate::process::inherited();
    variables.extend(of_scenario.clone());
    // Last, as when the target is started.
    variables.extend(ADDRESSES.map(|name| (name.to_owned(), name.to_owned())));
    variables
}

/// What the scenario itself sets, and what the target sees besides.
fn variables(scenario: &Scenario, process: &scenario::Process) -> BTreeMap<String, String> {
    let mut variables = scenario.collector.env.clone();
    variables.extend(process.env.clone());
    target_variables(&variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::load::{LoadOptions, Source as ScenarioSource, load};

    /// Ways of 3 s, 4 s, and 3 s and 2 s one after the other.
    const PARALLEL: &str = "
receivers: {otlp: {protocols: {grpc: {}}}}
processors: {batch/a: {timeout: 3s}, batch/b: {timeout: 4s}, batch/c: {timeout: 2s}, groupbytrace: {wait_duration: 3s},
  filter: {}, attributes: {}, batch/far: {timeout: 20s}}
exporters: {otlp_grpc: {endpoint: '${env:SPANPROOF_SINK_GRPC}'}, otlp_grpc/far: {endpoint: '127.0.0.1:9'}}
service:
  pipelines:
    traces/a: {receivers: [otlp], processors: [batch/a], exporters: [otlp_grpc]}
    traces/b: {receivers: [otlp], processors: [batch/b], exporters: [otlp_grpc]}
    traces/c: {receivers: [otlp], processors: [groupbytrace, batch/c], exporters: [otlp_grpc]}
    traces/far: {receivers: [otlp], processors: [filter, attributes, batch/far], exporters: [otlp_grpc/far]}
";

    /// The patience with a target and more of the scenario's `run` section.
    fn patience_with(target: &str, run: &str) -> Patience {
        patience_of(PARALLEL, target, run).unwrap()
    }

    /// The same with a configuration.
    fn patience_of(config: &str, target: &str, run: &str) -> Result<Patience, RunError> {
        let config = config.replace('\n', "\n    ");
        let text = format!(
            "scenario: 1\nname: x\ntarget: {target}\ncollector:\n  config_inline: |{config}\n\
             traffic: {{workload: shop, rate: 100 spans/s}}\nrun: {{duration: 1s{run}}}\n"
        );
        let source = ScenarioSource { name: "x.yaml".to_owned(), text, directory: Path::new(".").to_owned() };
        patience(&load(&source, &LoadOptions::default()).unwrap(), Path::new("."))
    }

    const PROCESS: &str = "{process: {command: otelcol}}";

    #[test]
    fn of_parallel_pipelines_the_slowest_is_waited_for_and_only_its_terms_are_told() {
        let patience = patience_with(PROCESS, "");
        assert_eq!((patience.hold.as_secs(), patience.longest().as_secs()), (5, 15));
        let terms: Vec<_> = patience.terms.iter().map(|term| (term.name.as_str(), term.seconds)).collect();
        let [(first, 3.0), (second, 2.0), ("margin (run.late_after)", 10.0)] = terms[..] else { panic!("{terms:?}") };
        assert!(first.starts_with("groupbytrace") && second.starts_with("batch/c"), "{terms:?}");
        assert!(patience.warnings.is_empty(), "{:?}", patience.warnings);
    }

    #[test]
    fn what_stands_only_before_another_backend_excuses_nothing_here() {
        let patience = patience_with(PROCESS, "");
        assert_eq!((&patience.may_leave_out[..], &patience.may_change[..]), (&[][..], &[][..]));
        let all = patience_of(&PARALLEL.replace("127.0.0.1:9", "${env:SPANPROOF_SINK_GRPC}"), PROCESS, "").unwrap();
        assert_eq!((&all.may_leave_out[..], all.hold.as_secs()), (&["filter".to_owned()][..], 20));
    }

    #[test]
    fn a_processor_excuses_the_attributes_that_it_is_told_to_change_and_no_others() {
        let actions = "attributes: {actions: [{key: nosuchkey, action: delete}]}";
        let config = PARALLEL.replace("127.0.0.1:9", "${env:SPANPROOF_SINK_GRPC}").replace("attributes: {}", actions);
        let patience = patience_of(&config, PROCESS, "").unwrap();
        let [(component, change)] = &patience.may_change[..] else { panic!("{:?}", patience.may_change) };
        assert_eq!(component, "attributes");
        let excused = ["nosuchkey", "server.address"].map(|key| change.may_be_behind(&format!("attributes[{key:?}]")));
        assert_eq!(excused, [true, false]);
    }

    #[test]
    fn of_the_pipelines_those_to_the_sink_are_known() {
        let ways = ["a: otlp -> batch/a", "b: otlp -> batch/b", "c: otlp -> groupbytrace -> batch/c"];
        let ways = ways.map(|way| format!("traces/{way} -> otlp_grpc"));
        assert_eq!(patience_with(PROCESS, "").pipelines, ways);
        let unsure = patience_of(&PARALLEL.replace("${env:SPANPROOF_SINK_GRPC}", "${file:x}"), PROCESS, "").unwrap();
        assert_eq!(unsure.pipelines, [""; 0], "which of them leads there is not known");
    }

    #[test]
    fn more_than_one_way_to_the_sink_is_told_before_the_run() {
        let patience = patience_with(PROCESS, "");
        assert_eq!(patience.ways.len(), 3);
        let [note] = &patience.notes[..] else { panic!("{:?}", patience.notes) };
        assert!(
            note.starts_with("the configuration leads to the sink by 3 ways (traces/a by otlp_grpc, traces/b"),
            "{note}"
        );
    }

    #[test]
    fn a_configuration_that_leads_nowhere_near_the_sink_is_a_mistake_unless_it_leaves_that_open() {
        let elsewhere = PARALLEL.replace("${env:SPANPROOF_SINK_GRPC}", "127.0.0.1:5317");
        let error = patience_of(&elsewhere, PROCESS, "").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("`otlp_grpc` has the endpoint `127.0.0.1:5317`"), "{error}");
        let open = PARALLEL.replace("SPANPROOF_SINK_GRPC", "NO_SUCH_VARIABLE_HERE");
        let patience = patience_of(&open, PROCESS, "").unwrap();
        let told = patience.notes.iter().filter(|note| note.contains("NO_SUCH_VARIABLE_HERE")).count();
        assert_eq!(told, 1, "{:?}", patience.notes);
        assert_eq!(patience.may_leave_out, ["filter"]);
    }

    #[test]
    fn a_settle_that_is_shorter_than_the_hold_is_warned_of_and_leaves_open_what_comes_after_it() {
        let mut patience = patience_with(PROCESS, ", settle: 4s");
        let [warning] = &patience.warnings[..] else { panic!("{:?}", patience.warnings) };
        assert!(
            warning.starts_with("run.settle (4.0 s) is shorter than the target may hold a span (15.0 s)"),
            "{warning}"
        );
        patience.ended = Some(SettleEnd::EverythingArrived);
        assert_eq!(patience.settling(7, false), Settling::default());
        patience.ended = Some(SettleEnd::Deadline);
        let short = Some(Duration::from_secs(4));
        assert_eq!(patience.settling(7, true), Settling { short, drained: 7, may_still_come: false });
        assert_eq!(patience.settling(0, false), Settling { short, drained: 0, may_still_come: true });
    }

    /// A span is late after 15 s here; 10 s of that are `run.late_after`.
    #[test]
    fn settling_goes_on_while_spans_come_late_and_not_for_ever() {
        let patience = patience_with(PROCESS, "");
        let until =
            |last_late| patience.goes_on_until(Duration::from_secs(60), Duration::from_secs(last_late)).as_secs();
        assert_eq!([20, 74, 80, 94, 95, 96, 500].map(until), [30, 84, 90, 104, 105, 105, 105]);
        assert_eq!((patience.longest().as_secs(), patience.longest_if_late().as_secs()), (15, 45));
        let fixed = patience_with(PROCESS, ", settle: 4s");
        assert_eq!(
            (fixed.longest().as_secs(), fixed.longest_if_late().as_secs()),
            (4, 4),
            "the scenario says for how long"
        );
        assert_eq!(fixed.goes_on_until(Duration::from_secs(60), Duration::from_secs(63)).as_secs(), 64);
    }

    #[test]
    fn a_settle_that_is_long_enough_leaves_nothing_open() {
        let mut patience = patience_with(PROCESS, ", settle: 15s");
        patience.ended = Some(SettleEnd::Deadline);
        assert!(patience.warnings.is_empty(), "{:?}", patience.warnings);
        assert_eq!(patience.settling(7, false), Settling::default());
    }
}
