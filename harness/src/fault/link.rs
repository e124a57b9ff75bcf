//! Faults of the ways to and from the target: proxies stand there, and at each fault's instants they are told what to break.
//!
//! A thread of its own switches, since a run looks after its other parts only every 50 ms. The proxies are in this process, so nothing is
//! left of them when it ends, however it ends.

use crate::clock::RunClock;
use crate::process::SinkAddresses;
use crate::proxy::{Handle, ProxyConfig, ProxyError, ProxyServer, SwitchError};
use crate::threads;
use spanproof_scenarios::scenario::{Fault, FaultKind, LinkSite, LinkSwitch};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// At the end connections get so long to end of themselves: their peers have ended by then.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the switching thread is called by.
const THREAD: &str = "links";

/// A way with a proxy for each protocol in it.
pub struct Link {
    proxies: Vec<ProxyServer>,
    entrance: SinkAddresses,
}

/// What a fault has touched on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broken {
    /// Connections.
    pub connections: u64,
    /// When it touched something first and last, from the start of the run.
    pub between: Option<(Duration, Duration)>,
}

impl Link {
    /// Whether a fault breaks the way at a site, so that a proxy has to stand there.
    pub fn is_needed(site: LinkSite, faults: &[Fault]) -> bool {
        faults.iter().any(|fault| matches!(fault.kind, FaultKind::Link { site: of, .. } if of == site))
    }

    /// Listens where it is told to, and leads on from there. Without an address to listen at nobody comes over that protocol.
    ///
    /// # Errors
    /// See [`ProxyError`].
    pub fn start(listen: [Option<SocketAddr>; 2], lead_to: SinkAddresses, seed: u64) -> Result<Self, ProxyError> {
        let mut proxies = Vec::new();
        let mut at = [lead_to.grpc, lead_to.http];
        for (listen, at) in listen.into_iter().zip(&mut at) {
            let Some(listen) = listen else { continue };
            let proxy = ProxyServer::start(ProxyConfig { seed, ..ProxyConfig::new(listen, vec![*at]) })?;
            *at = proxy.address();
            proxies.push(proxy);
        }
        let [grpc, http] = at;
        Ok(Self { proxies, entrance: SinkAddresses { grpc, http } })
    }

    /// Where to connect to.
    pub fn entrance(&self) -> SinkAddresses {
        self.entrance
    }

    fn handles(&self) -> impl Iterator<Item = Handle> {
        self.proxies.iter().map(|proxy| proxy.handle().clone())
    }
}

/// The ways of a run that are broken, and who breaks them.
pub struct Links {
    egress: Option<Link>,
    ingress: Option<Link>,
    switcher: Option<Switcher>,
}

struct Switcher {
    thread: JoinHandle<Vec<String>>,
    /// Dropped, it ends the thread.
    go_on: Sender<()>,
}

struct Step {
    at: Duration,
    switch: LinkSwitch,
    begins: bool,
    handles: Vec<Handle>,
}

impl Links {
    /// The way from the target to the sink and that from the client to the target, where proxies stand in them.
    pub fn new(egress: Option<Link>, ingress: Option<Link>) -> Self {
        Self { egress, ingress, switcher: None }
    }

    /// Where the client has to connect to get to the target, if not to the target itself.
    pub fn entrance(&self) -> Option<SinkAddresses> {
        self.ingress.as_ref().map(Link::entrance)
    }

    /// Breaks what is to be broken, when it is; `disarmed` is the name of a fault that is to do nothing all the same.
    ///
    /// # Errors
    /// The system gave no thread.
    pub fn begin(&mut self, faults: &[Fault], clock: RunClock, disarmed: Option<&str>) -> std::io::Result<()> {
        let mut steps: Vec<Step> =
            faults.iter().filter(|fault| disarmed != Some(&fault.name)).flat_map(|fault| self.steps(fault)).collect();
        if steps.is_empty() {
            return Ok(());
        }
        // What ends at an instant does so before something else begins.
        steps.sort_by_key(|step| (step.at, step.begins));
        let (go_on, stopped) = channel();
        let thread =
            std::thread::Builder::new().name(threads::name(THREAD, 0)).spawn(move || follow(steps, clock, &stopped))?;
        self.switcher = Some(Switcher { thread, go_on });
        Ok(())
    }

    fn steps(&self, fault: &Fault) -> Vec<Step> {
        let FaultKind::Link { site, fault: kind, share } = fault.kind else { return Vec::new() };
        let Some(link) = self.at(site) else { return Vec::new() };
        let handles: Vec<Handle> = link.handles().collect();
        let switch = LinkSwitch { name: fault.name.clone(), fault: kind, share };
        let step = |at, begins| Step { at, switch: switch.clone(), begins, handles: handles.clone() };
        fault.windows.all().flat_map(|(begin, end)| [step(begin, true), step(end, false)]).collect()
    }

    fn at(&self, site: LinkSite) -> Option<&Link> {
        match site {
            LinkSite::Egress => self.egress.as_ref(),
            LinkSite::Ingress => self.ingress.as_ref(),
        }
    }

    /// Breaks nothing from now on, so that the target can be stopped in good order. What could not be switched, in words.
    pub fn undo(&mut self) -> Vec<String> {
        let mut failed = Vec::new();
        if let Some(Switcher { thread, go_on }) = self.switcher.take() {
            drop(go_on);
            // A panic there has been printed and remembered.
            failed = thread.join().unwrap_or_default();
        }
        for handle in self.egress.iter().chain(&self.ingress).flat_map(Link::handles) {
            failed.extend(handle.switch_all_off().err().map(|error| in_words("all faults", "off", &error)));
        }
        failed
    }

    /// What a fault has touched so far; `None` if it is none of a way's.
    pub fn broken(&self, fault: &Fault, clock: RunClock) -> Option<Broken> {
        let FaultKind::Link { site, .. } = fault.kind else { return None };
        let since_start = |instant| Duration::from_nanos(clock.ns(instant));
        let all = self.at(site).into_iter().flat_map(Link::handles).filter_map(|handle| handle.touched(&fault.name));
        Some(all.fold(Broken::default(), |sum, touched| {
            let now = touched.between.map(|(first, last)| (since_start(first), since_start(last)));
            Broken {
                connections: sum.connections + touched.connections,
                between: match (sum.between, now) {
                    (Some((first, last)), Some((begin, end))) => Some((first.min(begin), last.max(end))),
                    (one, other) => one.or(other),
                },
            }
        }))
    }

    /// Takes the proxies away. Call it when nobody is to send anything any more.
    pub fn stop(&mut self) {
        for link in [self.egress.take(), self.ingress.take()].into_iter().flatten() {
            for mut proxy in link.proxies {
                proxy.shutdown(PATIENCE);
            }
        }
    }
}

/// Switches each fault at its instant; what could not be switched, in words. Ends early when nobody wants it any more.
fn follow(steps: Vec<Step>, clock: RunClock, stopped: &Receiver<()>) -> Vec<String> {
    let mut failed = Vec::new();
    for Step { at, switch, begins, handles } in steps {
        let wait = (clock.origin() + at).saturating_duration_since(Instant::now());
        if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        for handle in handles {
            let (how, done) = match begins {
                true => ("on", handle.switch_on(switch.clone())),
                false => ("off", handle.switch_off(&switch.name).map(drop)),
            };
            failed.extend(done.err().map(|error| in_words(&format!("`{}`", switch.name), how, &error)));
        }
    }
    failed
}

fn in_words(what: &str, how: &str, error: &SwitchError) -> String {
    format!("{what} could not be switched {how}: {error}")
}
