//! What a scenario means: plain values with every default filled in and every check passed, ready to be run.
//!
//! Past this point nothing is text that still needs reading. [`crate::load`] makes these from files and flags; the modules
//! here hold one section each, its types beside the checks that lead to them.

pub mod bounds;
mod checker;
mod client;
mod collector;
mod configuration;
mod endpoint;
mod faults;
mod limits;
mod link;
mod promises;
mod run;
mod switch;
mod target;
mod traffic;
mod volume;
mod workload;

pub use client::{Client, Retry, Transport};
pub use collector::{Collector, CollectorConfig, ConfigStart};
pub use endpoint::{Endpoint, stays_here};
pub use faults::{
    Command, Commands, Fault, FaultKind, LinkSite, Reach, RetryAfter, SinkFault, SinkSwitch, TargetFault, Windows,
};
pub use link::{Cut, LinkFault, LinkSwitch};
pub use run::{Extent, Run};
pub use spanproof_generators::model::Stratum;
pub use spanproof_generators::workload::Workload;
pub use target::{Embedded, External, Process, Ready, Target};
pub use traffic::{Batch, Profile, Traffic};

pub use crate::spec::{
    Absence, AnswerShape, Arrivals, Compression, Direction, EncodingOrder, Foreign, GrpcStatus, Guarantee, Http2Error,
    Packing, Protocol, ReachOf,
};

use crate::knowledge::LimitUse;
use crate::limits::Limit;
use crate::problem::ProblemKind;
use crate::promises::Promise;
use crate::spec::{ScenarioSpec, VERSION};

pub(crate) use checker::Checker;

/// A run to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Names the run and its result directory: `[a-z0-9-]`, at most 64 characters.
    pub name: String,
    /// One sentence on what it is for; may be empty.
    pub about: String,
    /// What receives the traffic.
    pub target: Target,
    /// The configuration of the collector under test.
    pub collector: Collector,
    /// Hosts beyond this machine that traffic may go to (`--allow-remote HOST`); no file can say so.
    pub allow_remote: Vec<String>,
    /// What is sent.
    pub traffic: Traffic,
    /// How long, and with which seed.
    pub run: Run,
    /// What is broken while the load runs, in the order written.
    pub faults: Vec<Fault>,
    /// What records that are not ours mean.
    pub foreign: Foreign,
    /// What an absent acknowledged span means for the verdict.
    pub absence: Absence,
    /// What must hold, in the order written.
    pub limits: Vec<Limit>,
    /// What is promised of what comes out, in the order written.
    pub promises: Vec<Promise>,
    /// What ends the run early, in the order written.
    pub abort: Vec<Limit>,
}

/// Works out what `spec` means. Problems go to the checker; None when there were any that left a hole.
pub(crate) fn resolve(spec: &ScenarioSpec, checker: &mut Checker<'_>) -> Option<Scenario> {
    let version = checker.required("scenario", spec.scenario, "begin the file with `scenario: 1`");
    if version.is_some_and(|version| version != VERSION) {
        let hint = format!("this version of spanproof reads `scenario: {VERSION}`");
        checker.invalid("scenario", "no such version of the format", hint);
    }
    let name = checker.required("name", spec.name.clone(), "add a name such as `name: my-first-run`");
    let name = name.filter(|name| check_name(name, checker));
    let transport = spec.traffic.as_ref().and_then(|traffic| traffic.transport.as_ref());
    let protocol = transport.and_then(|transport| transport.protocol).unwrap_or_default();
    let target = target::resolve(spec.target.as_ref(), protocol, checker);
    let collector = collector::resolve(spec.collector.as_ref(), target.as_ref(), checker);
    let run = run::resolve(spec.run.as_ref(), checker);
    let traffic = traffic::resolve(spec.traffic.as_ref(), checker);
    if let (Some(traffic), Some(run)) = (&traffic, &run) {
        volume::check(traffic, run, checker);
    }
    let faults = faults::resolve(&spec.faults, run.as_ref(), target.as_ref(), checker);
    let named: Vec<&str> = spec.faults.iter().filter_map(|fault| fault.name.as_deref()).collect();
    limits::check("limits", &spec.limits, LimitUse::AtEnd, &named, checker);
    limits::check("abort", &spec.abort, LimitUse::Abort, &named, checker);
    let promises = promises::resolve(&spec.promises, checker);
    Some(Scenario {
        name: name?,
        about: spec.about.clone().unwrap_or_default().trim().to_owned(),
        target: target?,
        collector: collector?,
        allow_remote: checker.allow_remote.to_vec(),
        traffic: traffic?,
        run: run?,
        faults: faults?,
        foreign: spec.foreign.unwrap_or_default(),
        absence: spec.absence.unwrap_or_default(),
        limits: spec.limits.clone(),
        promises,
        abort: spec.abort.clone(),
    })
}

fn check_name(name: &str, checker: &mut Checker<'_>) -> bool {
    let fits = is_name(name);
    if !fits {
        let message = format!("`{}` is no name for a scenario", crate::document::shortened(name));
        let hint = "use at most 64 lowercase letters and digits with single dashes between, such as `gateway-outage`";
        checker.report("name", ProblemKind::InvalidValue, message, hint);
    }
    fits
}

/// Whether something may be called so: at most 64 lowercase letters and digits, with single dashes between.
fn is_name(name: &str) -> bool {
    const LENGTH_MAX: usize = 64;
    let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= LENGTH_MAX && name.split('-').all(|word| !word.is_empty() && plain(word))
}
