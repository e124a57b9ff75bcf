//! `--expect`: what ought to arrive, from the result of who sent it.

use super::super::generate::record::{GenRecord, SCHEMA as GEN_SCHEMA, State};
use super::super::generate::traffic::Route;
use super::super::scenario::scenario_of;
use super::super::{Cli, Command};
use crate::evidence;
use crate::evidence::error::EvidenceError;
use crate::judge::outcomes::{RequestId, RequestRecord};
use crate::run::plan_spec;
use clap::Parser;
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{Plan, PlanError};
use spanproof_reports::result::epoch::Epoch;
use spanproof_reports::result::{RunResult, SCHEMA as RESULT_SCHEMA};
use spanproof_scenarios::load::LoadOptions;
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::Scenario;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Where the expectation comes from.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// A result of `gen` or `run`, which may not be there yet.
    File(PathBuf),
    /// Given on the command line.
    Given {
        /// Name or file of the scenario.
        scenario: String,
        /// The seed, if another than the scenario's.
        seed: Option<u64>,
        /// `--set`
        sets: Vec<String>,
        /// The run's tag.
        tag: RunTag,
        /// The run's start.
        epoch_unix_ns: u64,
    },
}

/// An expectation that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExpectError {
    /// The file cannot be read.
    #[error("--expect {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no result.
    #[error("--expect {}: not a result: {reason}; give the result.json of a run, or what `gen --result` wrote", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The scenario behind it has problems.
    #[error("--expect: the scenario cannot be loaded again: {0}")]
    Scenario(String),
    /// The plan cannot be made.
    #[error("--expect: make the plan again: {0}")]
    Plan(#[from] PlanError),
    /// What lies beside the result of a run cannot be read.
    #[error("--expect {}: {source}", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: EvidenceError,
    },
    /// The plan is not the one that was sent.
    #[error(
        "--expect {}: the plan made again is not the one that was sent (fingerprints differ); the scenario file has \
         changed since, or another version of spanproof wrote this", path.display()
    )]
    OtherPlan {
        /// The file.
        path: PathBuf,
    },
}

/// What ought to arrive.
#[derive(Debug)]
pub(super) struct Expectation {
    /// The scenario's name.
    pub(super) name: String,
    /// The plan, with run tag and epoch.
    pub(super) plan: Arc<Plan>,
    source: Source,
}

/// Who says how the sending went.
#[derive(Debug)]
enum Source {
    /// Nobody: all of it was sent and acknowledged, says who expects it.
    Nobody,
    /// A sender that may still be at it writes it here.
    Sender(PathBuf),
    /// The evidence of a run that has ended.
    Run(Sent),
}

/// What is known of how the sending went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Requests that did not simply succeed.
    pub(super) requests: BTreeMap<RequestId, RequestRecord>,
    /// Chunks that were begun.
    pub(super) chunks: u64,
    /// Why what is absent need not have been acknowledged.
    pub(super) doubt: Option<String>,
    /// What the reader should know about this.
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// Changes when there is something new to read; `None` while there is nothing.
    pub(super) fn version(&self) -> Option<SystemTime> {
        match self {
            Self::File(path) => std::fs::metadata(result_in(path)).and_then(|metadata| metadata.modified()).ok(),
            Self::Given { .. } => Some(SystemTime::UNIX_EPOCH),
        }
    }

    /// What to expect; `None` while the file is not there.
    pub(super) fn read(&self) -> Result<Option<Expectation>, ExpectError> {
        match self {
            Self::File(path) => read_file(path),
            Self::Given { scenario, seed, sets, tag, epoch_unix_ns } => {
                let mut overrides = Overrides::new();
                if let Some(seed) = seed {
                    overrides.seed(&seed.to_string());
                }
                for set in sets {
                    overrides.set(set);
                }
                let options = LoadOptions { overrides, ..LoadOptions::default() };
                let scenario = scenario_of(scenario, &options).map_err(problems)?;
                let plan = Plan::new(plan_spec(&scenario, *tag))?.starting_at(*epoch_unix_ns);
                Ok(Some(Expectation { name: scenario.name, plan: Arc::new(plan), source: Source::Nobody }))
            }
        }
    }
}

impl Expectation {
    /// How the sending went, as far as it is known; everything not told counts as acknowledged.
    pub(super) fn sent(&self) -> Sent {
        match &self.source {
            Source::Run(sent) => sent.clone(),
            Source::Sender(file) => self.sent_by(file),
            Source::Nobody => {
                let note =
                    "what the sender was told is not known: every planned record counts as sent and acknowledged";
                Sent { notes: vec![note.to_owned()], ..Sent::all(&self.plan) }
            }
        }
    }

    /// The same of a sender on its own.
    fn sent_by(&self, file: &Path) -> Sent {
        let record = match document(file) {
            Ok(Document::Gen(record)) if record.run_tag.get() == self.plan.identity().tag().get() => Some(record),
            _ => None,
        };
        let Some(record) = record.filter(|record| record.state != State::Running) else {
            let doubt = "its sender has not written how its sending ended".to_owned();
            return Sent { doubt: Some(doubt), ..Sent::all(&self.plan) };
        };
        let left_out = (record.requests_left_out > 0).then(|| {
            format!("{} requests that did not simply succeed are not told one by one", record.requests_left_out)
        });
        Sent { requests: record.outcomes(), chunks: record.chunks_sent, doubt: left_out, notes: Vec::new() }
    }
}

impl Sent {
    /// All of it, and all acknowledged.
    fn all(plan: &Plan) -> Self {
        Self { requests: BTreeMap::new(), chunks: plan.chunks(), doubt: None, notes: Vec::new() }
    }
}

/// What `--expect` may name.
enum Document {
    Gen(Box<GenRecord>),
    Run(Box<RunResult>),
}

/// A folder stands for the result in it.
fn result_in(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("result.json") } else { path.to_owned() }
}

/// Reads a document.
fn document(path: &Path) -> Result<Document, ExpectError> {
    #[derive(serde::Deserialize)]
    struct Head {
        schema: String,
    }
    let path = result_in(path);
    let text = std::fs::read_to_string(&path).map_err(|source| ExpectError::Read { path: path.clone(), source })?;
    let format = |error: serde_json::Error| ExpectError::Format { path: path.clone(), reason: error.to_string() };
    let head: Head = serde_json::from_str(&text).map_err(format)?;
    match head.schema.as_str() {
        GEN_SCHEMA => Ok(Document::Gen(serde_json::from_str(&text).map_err(format)?)),
        RESULT_SCHEMA => Ok(Document::Run(serde_json::from_str(&text).map_err(format)?)),
        other => {
            let reason = format!("its schema is `{}`", spanproof_reports::plain_text::one_line(other, 100));
            Err(ExpectError::Format { path, reason })
        }
    }
}

fn read_file(path: &Path) -> Result<Option<Expectation>, ExpectError> {
    let document = match document(path) {
        Err(ExpectError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match document {
        Document::Gen(record) => {
            let scenario = record.traffic.scenario(&Route::default()).map_err(problems)?;
            let plan = plan_again(path, &scenario, record.run_tag, &record.epoch, Some(&record.fingerprint))?;
            Ok(Some(Expectation { name: scenario.name, plan, source: Source::Sender(path.to_owned()) }))
        }
        Document::Run(result) => of_run(path, &result).map(Some),
    }
}

/// What a run has sent: its evidence says it, wherever the run was done. A result without evidence is a copy, of which the plan can
/// be made again where its scenario is.
fn of_run(path: &Path, result: &RunResult) -> Result<Expectation, ExpectError> {
    let file = result_in(path);
    let frozen = match evidence::read(file.parent().unwrap_or(Path::new("."))) {
        Ok(frozen) => frozen.evidence,
        Err(EvidenceError::None { .. }) => return of_copy(path, result),
        Err(source) => return Err(ExpectError::Evidence { path: path.to_owned(), source }),
    };
    if result.fingerprint.as_ref().is_some_and(|fingerprint| *fingerprint != frozen.plan.fingerprint()) {
        return Err(ExpectError::OtherPlan { path: path.to_owned() });
    }
    let sent = Sent { requests: frozen.requests, chunks: frozen.chunks_opened, doubt: None, notes: Vec::new() };
    Ok(Expectation { name: result.scenario.name.clone(), plan: frozen.plan, source: Source::Run(sent) })
}

fn of_copy(path: &Path, result: &RunResult) -> Result<Expectation, ExpectError> {
    let scenario = scenario_of_run(path, result)?;
    let plan = plan_again(path, &scenario, result.run_tag, &result.epoch, result.fingerprint.as_ref())?;
    let spans = &result.ledger.spans;
    let told = "without the evidence beside the result nobody says which spans were acknowledged";
    let doubt = (spans.acknowledged != spans.planned).then(|| told.to_owned());
    let source = Source::Run(Sent { doubt, ..Sent::all(&plan) });
    Ok(Expectation { name: scenario.name, plan, source })
}

fn plan_again(
    path: &Path,
    scenario: &Scenario,
    tag: spanproof_reports::result::epoch::RunTag,
    epoch: &Epoch,
    fingerprint: Option<&String>,
) -> Result<Arc<Plan>, ExpectError> {
    let plan = Plan::new(plan_spec(scenario, RunTag::new(tag.get())))?.starting_at(epoch.unix_ns);
    if fingerprint.is_some_and(|fingerprint| *fingerprint != plan.fingerprint()) {
        return Err(ExpectError::OtherPlan { path: path.to_owned() });
    }
    Ok(Arc::new(plan))
}

/// The scenario of a run, from the command that its result names: the flags that changed the scenario stand only there.
fn scenario_of_run(path: &Path, result: &RunResult) -> Result<Scenario, ExpectError> {
    let unusable = |reason: &str| ExpectError::Format { path: path.to_owned(), reason: reason.to_owned() };
    let cli = Cli::try_parse_from(&result.command).map_err(|_| unusable("its command cannot be read"))?;
    match cli.command {
        Command::Run(arguments) => arguments.scenario().map_err(problems),
        _ => Err(unusable("its command is no `run`")),
    }
}

fn problems(problems: Problems) -> ExpectError {
    ExpectError::Scenario(problems.to_string())
}
