//! Targets: what receives the traffic, started and stopped alike whatever it is.

mod behind;
mod settings;

pub use settings::{STATE, embedded_config, process_spec};

use crate::embedded::{Bites, EmbeddedConfig, EmbeddedError, EmbeddedTarget, Sampling, Victims};
use crate::process::{
    Arguments, Exit, LogExcerpt, ProcessSpec, ProcessTarget, SinkAddresses, StartError, detect_version, last_words,
};
use crate::resources::{UsageSampler, UsageSummary};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use behind::Behind;

/// A collector prints its version within tenths of a second; a program that takes the question for a start is killed.
const VERSION_WITHIN: Duration = Duration::from_secs(2);

/// What is to be started.
#[derive(Debug)]
pub enum TargetPlan {
    /// Our own collector, in this process.
    Embedded(Box<EmbeddedConfig>),
    /// A program.
    Process(Box<ProcessSpec>),
    /// Something that already runs.
    External,
}

/// Why a target could not be started. The run is then inconclusive.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The embedded collector.
    #[error("start the embedded target: {0}")]
    Embedded(#[from] EmbeddedError),
    /// A program.
    #[error(transparent)]
    Process(#[from] Box<StartError>),
}

/// A target at work.
pub enum Target {
    /// Our own collector.
    Embedded(EmbeddedTarget),
    /// A program, and what it used so far.
    Process(Box<ProcessTarget>, UsageSampler),
    /// Something that somebody else runs.
    External,
}

/// How a target ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetEnd {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// True when it had to be killed, or had not drained by the deadline.
    pub forced: bool,
    /// CPU time from start to end, where it is known.
    pub cpu: Option<Duration>,
    /// Planted defects, each with how often it bit.
    pub bites: Vec<(String, Bites)>,
    /// The first spans that each of these bit, in the same order.
    pub victims: Vec<Victims>,
}

impl TargetPlan {
    /// The word in results.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Process(_) => "process",
            Self::External => "external",
        }
    }

    /// The same, an embedded one leaving out what this says.
    #[must_use]
    pub fn sampling_as(self, sampling: Option<Sampling>) -> Self {
        match self {
            Self::Embedded(config) => Self::Embedded(Box::new(EmbeddedConfig { sampling, ..*config })),
            others => others,
        }
    }

    /// The version that a collector's binary says it has, where it can be asked. A script may do anything when it is run, and
    /// a program with arguments of its own may not be the collector: neither is asked.
    pub fn version(&self) -> Option<String> {
        let Self::Process(spec) = self else { return None };
        if spec.arguments != Arguments::Collector || is_script(spec) {
            return None;
        }
        // A command that cannot be run is told when it is started.
        detect_version(&spec.command, VERSION_WITHIN).ok().flatten().map(|version| version.to_string())
    }

    /// Starts the target and waits until it is ready.
    ///
    /// # Errors
    /// See [`TargetError`].
    pub fn start(self, sink: SinkAddresses, interrupt: &CancellationToken) -> Result<Target, TargetError> {
        match self {
            Self::Embedded(mut config) => {
                config.export = vec![settings::sink_destination(&config, sink)];
                Ok(Target::Embedded(EmbeddedTarget::start(*config)?))
            }
            Self::Process(spec) => {
                let target = ProcessTarget::start(&spec, sink, interrupt).map_err(Box::new)?;
                let sampler = target.usage_sampler();
                Ok(Target::Process(Box::new(target), sampler))
            }
            Self::External => Ok(Target::External),
        }
    }
}

impl Target {
    /// Where it takes OTLP/gRPC and OTLP/HTTP; `None` for an external one, whose endpoint the scenario names.
    pub fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Embedded(target) => Some((target.grpc_addr(), target.http_addr())),
            Self::Process(target, _) => Some((target.endpoints().receiver_grpc, target.endpoints().receiver_http)),
            Self::External => None,
        }
    }

    /// Its process and what that used so far, where it is one that we started.
    pub fn process(&mut self) -> Option<(&mut ProcessTarget, &mut UsageSampler)> {
        match self {
            Self::Process(target, sampler) => Some((target, sampler)),
            Self::Embedded(_) | Self::External => None,
        }
    }

    /// Takes a sample of what it uses; its resident memory where that can be read.
    pub fn sample(&mut self) -> Option<u64> {
        match self {
            Self::Process(_, sampler) => sampler.sample().ok().flatten().map(|_| sampler.summary().memory_last_bytes),
            Self::Embedded(_) | Self::External => None,
        }
    }

    /// What its samples saw so far, where its memory can be told apart.
    pub fn usage(&self) -> Option<UsageSummary> {
        match self {
            Self::Process(_, sampler) => Some(sampler.summary()).filter(|seen| seen.memory_peak_bytes > 0),
            Self::Embedded(_) | Self::External => None,
        }
    }

    /// CPU time used so far, where it can be read from outside.
    pub fn cpu(&self) -> Option<Duration> {
        match self {
            Self::Process(_, sampler) => Some(sampler.summary().cpu),
            Self::Embedded(_) | Self::External => None,
        }
    }

    /// In words, if it ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        match self {
            Self::Process(target, _) => {
                target.try_exit().map(|exit| ended_in_words(&exit.to_string(), &target.log_tail(LOG_LINES)))
            }
            Self::Embedded(_) | Self::External => None,
        }
    }

    /// Stops it in good order: it may drain until its grace is over.
    pub fn stop(self, deadline: Duration) -> TargetEnd {
        match self {
            Self::Embedded(target) => {
                let report = target.shutdown(deadline);
                let bites = report.stats.defects.iter().map(|(defect, bites)| (defect.to_string(), *bites)).collect();
                let victims = report.stats.victims.into_iter().map(|(_, victims)| victims).collect();
                TargetEnd { forced: !report.drained, bites, victims, ..TargetEnd::default() }
            }
            Self::Process(target, _) => {
                let stopped = target.stop();
                let (code, signal) = match stopped.exit {
                    Exit::Code(code) => (Some(code), None),
                    Exit::Signal(signal) => (None, Some(signal)),
                    Exit::Unknown => (None, None),
                };
                TargetEnd { code, signal, forced: stopped.killed, cpu: stopped.cpu, ..TargetEnd::default() }
            }
            Self::External => TargetEnd::default(),
        }
    }
}

/// Lines of the log among which the one that says why a target ended is looked for: a stack has tens of lines.
const LOG_LINES: usize = 200;

/// The reason first: whoever has room for one line prints that.
fn ended_in_words(exit: &str, log: &LogExcerpt) -> String {
    match last_words(&log.lines) {
        Some(words) => {
            format!("the target ended by itself with {exit}; its log, {}, says: {}", log.path.display(), words.trim())
        }
        None => format!("the target ended by itself with {exit}; it wrote nothing to its log, {}", log.path.display()),
    }
}

/// True when the command's file begins as scripts do, or cannot be read.
fn is_script(spec: &ProcessSpec) -> bool {
    let mut head = [0; 2];
    let file = spec.file().and_then(|path| std::fs::File::open(path).ok());
    !file.is_some_and(|mut file| std::io::Read::read_exact(&mut file, &mut head).is_ok() && head != *b"#!")
}

/// Where a process target's log is kept in a result directory.
pub fn log_path(directory: &std::path::Path) -> PathBuf {
    directory.join("target.log")
}
