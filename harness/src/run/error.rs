//! Why a run has no result, and the exit code that follows.

use crate::descriptors::TooFew;
use crate::driver::DriverError;
use crate::embedded::ParseDefectError;
use crate::evidence::error::EvidenceError;
use crate::process::StartError;
use crate::proxy::ProxyError;
use crate::target::TargetError;
use crate::wire::server::ServerError;
use spanproof_generators::plan::PlanError;
use spanproof_reports::directory::WriteError;
use spanproof_reports::figures::{bytes, duration};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no result at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be made. A mistake in the scenario.
    #[error("plan the run: {0}")]
    Plan(#[from] PlanError),
    /// A planted defect that is not one. A mistake in the scenario.
    #[error("{0}")]
    Defect(#[from] ParseDefectError),
    /// A fault that is to do nothing is not in the scenario. A mistake in the command.
    #[error("disarm {name}: the scenario has no such fault; name one of its `faults`")]
    Disarm {
        /// The name given.
        name: String,
    },
    /// A limit names a figure that results do not have. A mistake in the scenario.
    #[error("{}", .0.join("\n"))]
    Limits(Vec<String>),
    /// The collector's configuration does not hold together. A mistake in the scenario.
    #[error("read the collector's configuration: {}", .0.join("; "))]
    CollectorConfig(Vec<String>),
    /// The external target's endpoint is where our own sink listens, which would then be judged instead of a target.
    #[error(
        "send to {endpoint}: our own sink listens there ({flag} {sink}), so no target would be tested; give --endpoint the target's address, and {flag} the one to which the target delivers"
    )]
    OwnSink {
        /// The endpoint.
        endpoint: String,
        /// The flag that says where the sink listens.
        flag: &'static str,
        /// Where it listens.
        sink: SocketAddr,
    },
    /// Nobody took a connection at the external target's endpoint, however often it was tried. Start the target, or have it
    /// waited for longer.
    #[error(
        "reach the target at {endpoint}: {reason} (tried for {}); start the target, give its address with --endpoint, or more time with target.external.ready.timeout",
        duration(*tried_for)
    )]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Why not, at the last attempt.
        reason: String,
        /// From the first attempt to the last.
        tried_for: Duration,
    },
    /// The system gave no thread to break the ways to and from the target.
    #[error("start what breaks the links: {0}")]
    Links(#[source] std::io::Error),
    /// The system gave no process, thread or file for the commands of a fault.
    #[error("prepare the commands of faults: {0}")]
    Commands(#[source] std::io::Error),
    /// A command of a fault names no program. A mistake in the scenario, and said before anything is made.
    #[error("the fault `{fault}` cannot run {command}: {reason}")]
    FaultCommand {
        /// The fault.
        fault: String,
        /// The command, without its arguments.
        command: String,
        /// Why not.
        reason: String,
    },
    /// The system gave the proxy that breaks a link no address or no thread.
    #[error("put a proxy into the link: {0}")]
    Proxy(#[from] ProxyError),
    /// The target's configuration sends to other machines, and nobody has allowed that.
    #[error("{}; that is not this machine, and nobody has allowed traffic to it: take it out of its pipelines, or pass `--allow-remote HOST`", .0.join("; "))]
    Remote(Vec<String>),
    /// The client cannot be configured as the scenario says.
    #[error("configure the client: {0}")]
    Client(String),
    /// The target's command is no program. A mistake in the scenario, and said before anything is made.
    #[error(transparent)]
    Command(Box<StartError>),
    /// Results cannot be written; said before the load starts.
    #[error("write results to {}: {source}; choose another place with --out", directory.display())]
    Directory {
        /// Where to.
        directory: PathBuf,
        /// Why not.
        source: WriteError,
    },
    /// The directory holds what no run wrote, and a run replaces and removes files by their names.
    #[error("write results to {}: it holds what no run of spanproof wrote ({names}), which a run might replace; name a new or an empty directory with --out, or that of an earlier run", directory.display())]
    NotOurs {
        /// Where to.
        directory: PathBuf,
        /// Some of what is there.
        names: String,
    },
    /// The system allows too few open files and connections; said before anything is made.
    #[error(transparent)]
    Descriptors(#[from] TooFew),
    /// The disk has too little room for the results; said before the load starts.
    #[error("write results to {}: they may take {}, and {} is free; free some space, or choose another place with --out", directory.display(), bytes(*needed), bytes(*free))]
    Room {
        /// Where to.
        directory: PathBuf,
        /// The most that the run may write, in bytes.
        needed: u64,
        /// What the disk has, in bytes.
        free: u64,
    },
    /// The evidence cannot be written after the load, as on a disk that filled up. Free some space and run again: what is not
    /// whole proves nothing.
    #[error("write the evidence to {}: {source}; nothing can be concluded from what was written: free some space and run again. It had counted: {counted}", directory.display())]
    Frozen {
        /// Where to.
        directory: PathBuf,
        /// Why not.
        source: WriteError,
        /// What was counted, on which no verdict can rest.
        counted: String,
    },
    /// The evidence is whole and the results made from it cannot be written. Free some space; `judge` makes them.
    #[error("write results to {}: {source}; the evidence is whole: free some space, then `spanproof judge {}` makes them from it", directory.display(), directory.display())]
    Results {
        /// Where to.
        directory: PathBuf,
        /// Why not.
        source: WriteError,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The sink cannot listen.
    #[error("start the sink: {0}")]
    Sink(#[from] ServerError),
    /// The target cannot be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The driver cannot be started.
    #[error("start the driver: {0}")]
    Driver(#[from] DriverError),
    /// The evidence that was just written cannot be read back. The disk is full or failing.
    #[error("read the evidence back: {0}")]
    Evidence(#[from] EvidenceError),
}

impl RunError {
    /// 2 for a mistake in what was asked for, 3 for what could not be had.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Plan(_)
            | Self::Defect(_)
            | Self::Disarm { .. }
            | Self::Limits(_)
            | Self::CollectorConfig(_)
            | Self::OwnSink { .. }
            | Self::Client(_)
            | Self::Remote(_)
            | Self::Command(_)
            | Self::FaultCommand { .. }
            | Self::Directory { .. }
            | Self::NotOurs { .. }
            | Self::Descriptors(_)
            | Self::Room { .. }
            | Self::File { .. } => 2,
            Self::Sink(_)
            | Self::Target(_)
            | Self::Links(_)
            | Self::Commands(_)
            | Self::Proxy(_)
            | Self::Unreachable { .. }
            | Self::Driver(_)
            | Self::Evidence(_)
            | Self::Frozen { .. }
            | Self::Results { .. } => 3,
        }
    }
}
