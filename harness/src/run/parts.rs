//! The parts of a run: started in the order in which each needs the address of the last, and stopped so that whatever is still inside comes
//! out.

use super::gate::Gate;
use super::{RunError, RunOptions, Talk, planning, reach};
use crate::clock::RunClock;
use crate::embedded::Bites;
use crate::fault::{CommandFaults, FaultBook, Link, Links, ToldOfCommands};
use crate::judge::evidence::Refusals;
use crate::planted::Planted;
use crate::process::SinkAddresses;
use crate::pulse::{Observer, Pulse};
use crate::resources::{ThreadCpu, UsageSummary};
use crate::sink::refusals::close;
use crate::target::{Behind, Target, TargetEnd, TargetPlan};
use crate::wire::server::{ServerConfig, ServerCounters, ServerError, SinkServer};
use spanproof_scenarios::scenario::{self, LinkSite, Scenario};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// All parts of a run at work.
pub(super) struct AtWork {
    pub sink: SinkServer,
    /// Notes when we stand still.
    pub observer: Observer,
    pub gate: Arc<Gate>,
    pub behind: Option<Behind>,
    pub links: Links,
    pub commands: CommandFaults,
    pub target: Target,
    pub version: Option<String>,
}

impl AtWork {
    /// Where the client sends to: the target, or what stands before it. `None` for a target whose endpoint the scenario names.
    pub(super) fn entrance(&self) -> Option<(SocketAddr, SocketAddr)> {
        let before = self.links.entrance();
        before.map(|SinkAddresses { grpc, http }| (grpc, http)).or_else(|| self.target.addresses())
    }

    /// Has links broken and commands run at their instants from now on.
    pub(super) fn begin_faults(
        &mut self,
        scenario: &Scenario,
        options: &RunOptions,
        clock: RunClock,
    ) -> Result<(), RunError> {
        let (faults, disarmed) = (&scenario.faults, options.disarmed.as_deref());
        self.links.begin(faults, clock, disarmed).map_err(RunError::Links)?;
        let pid = self.target.process().map(|(process, _)| process.pid());
        self.commands =
            CommandFaults::begin(faults, (clock, &options.directory), pid, disarmed).map_err(RunError::Commands)?;
        Ok(())
    }

    /// Makes whole what these have broken, so that the target can be stopped in good order. What they did, as far as it is not told
    /// otherwise, and what could not be done.
    pub(super) fn heal(&mut self, clock: RunClock) -> Vec<ToldOfCommands> {
        let mut told = self.commands.undo();
        let at = clock.elapsed();
        told.extend(self.links.undo().into_iter().map(|message| ToldOfCommands { at, message, is_amiss: true }));
        told
    }
}

/// What is left when all parts have stopped.
pub(super) struct Stopped {
    pub counters: ServerCounters,
    /// Requests that the sink refused before the run had begun.
    pub refused_before: u64,
    pub refusals: Refusals,
    /// When we stood still.
    pub pulse: Arc<Pulse>,
    /// The target was ended in a way that brings out what it still holds.
    pub in_order: bool,
    pub target: TargetEnd,
    pub behind: Option<TargetEnd>,
    pub usage: Option<UsageSummary>,
    pub target_cpu: Option<Duration>,
    pub version: Option<String>,
}

impl Stopped {
    /// How everything ended that spans went through.
    pub(super) fn ends(&self) -> impl Iterator<Item = &TargetEnd> {
        std::iter::once(&self.target).chain(&self.behind)
    }

    /// What planted defects bit; `None` without any.
    pub(super) fn planted(&self) -> Option<Planted> {
        let all = self.ends().flat_map(|end| end.bites.iter().zip(&end.victims));
        Planted::of(all.map(|((defect, bites), victims)| (defect.as_str(), *bites, victims)))
    }

    /// Planted defects that touched nothing.
    pub(super) fn never_bit(&self) -> Vec<String> {
        let idle = |(defect, bites): &(String, Bites)| (bites.times == 0).then(|| defect.clone());
        self.ends().flat_map(|end| &end.bites).filter_map(idle).collect()
    }
}

/// Starts the sink, what stands behind the target, and the target, in this order: each needs the address of the last.
pub(super) fn start(
    scenario: &Scenario,
    options: &RunOptions,
    target: TargetPlan,
    interrupt: &CancellationToken,
    talk: &mut dyn Talk,
) -> Result<AtWork, RunError> {
    let gate = Arc::new(Gate::default());
    let any = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let delivered_to = match &scenario.target {
        scenario::Target::External(external) => [external.sink_grpc, external.sink_http],
        scenario::Target::Embedded(_) | scenario::Target::Process(_) => [any, any],
    };
    // A proxy in the way takes the sink's place.
    let has_egress = Link::is_needed(LinkSite::Egress, &scenario.faults);
    let [grpc, http] = if has_egress { delivered_to.map(|at| at.and(any)) } else { delivered_to };
    let observer = Observer::start().map_err(ServerError::Threads)?;
    let pulse = Some(observer.pulse());
    let config = ServerConfig { grpc, http, threads: NonZeroUsize::MIN, pulse, ..ServerConfig::default() };
    let sink = SinkServer::start(config, Arc::clone(&gate) as Arc<_>)?;
    let unused = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let addresses =
        SinkAddresses { grpc: sink.grpc_addr().unwrap_or(unused), http: sink.http_addr().unwrap_or(unused) };
    let behind = planning::behind_config(scenario, &options.behind)?.map(|config| Behind::start(config, addresses));
    let behind = behind.transpose()?;
    let addresses = behind.as_ref().map_or(addresses, Behind::addresses);
    let link = |site, listen, lead_to| {
        let needed = Link::is_needed(site, &scenario.faults);
        needed.then(|| Link::start(listen, lead_to, scenario.run.seed)).transpose()
    };
    let egress = link(LinkSite::Egress, delivered_to, addresses)?;
    let addresses = egress.as_ref().map_or(addresses, Link::entrance);
    // Ours tell when they are ready; of an external one nobody else would say that it is not there.
    if let scenario::Target::External(external) = &scenario.target {
        reach::connect(external, interrupt, talk)?;
    }
    let version = target.version();
    let target = target.start(addresses, interrupt)?;
    let entrance = target.addresses().map(|(grpc, http)| SinkAddresses { grpc, http });
    let ingress = entrance.map(|entrance| link(LinkSite::Ingress, [any, any], entrance)).transpose()?.flatten();
    Ok(AtWork {
        sink,
        observer,
        gate,
        behind,
        links: Links::new(egress, ingress),
        commands: CommandFaults::default(),
        target,
        version,
    })
}

/// Stops the target, then what stands behind it, then the sink, so that whatever was still inside comes out.
pub(super) fn stop(
    at_work: AtWork,
    scenario: &Scenario,
    faults: &FaultBook,
    cpu: &mut ThreadCpu,
    clock: RunClock,
) -> Stopped {
    let grace = match &scenario.target {
        scenario::Target::Process(process) => process.stop_grace,
        scenario::Target::Embedded(_) | scenario::Target::External(_) => Duration::from_secs(10),
    };
    let AtWork { sink, observer, gate, behind, mut links, commands: _, mut target, version } = at_work;
    target.sample();
    let (usage, target_cpu) = (target.usage(), target.cpu());
    let target = target.stop(grace);
    let behind = behind.map(|behind| behind.stop(grace));
    links.stop();
    // Threads that end take their CPU time along, so it is read first.
    cpu.sample();
    let closed = close(sink, Duration::from_secs(2));
    let pulse = observer.pulse();
    drop(observer);
    let refusals = closed.refusals(gate.refused() + faults.refused(), clock);
    let counters = closed.counters;
    let is_ours = !matches!(scenario.target, scenario::Target::External(_));
    let in_order = is_ours && !target.forced && !behind.as_ref().is_some_and(|behind| behind.forced);
    let refused_before = gate.refused();
    Stopped { counters, refused_before, refusals, pulse, in_order, target, behind, usage, target_cpu, version }
}
