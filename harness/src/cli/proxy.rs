//! `spanproof proxy`: breaks the way between two peers on its own.
//!
//! It relays until Ctrl-C, or for as long as `--for` says, and tells what went through and what each fault touched. Exit codes: 0
//! relayed; 2 usage; 3 it could not listen, or a fault of `--fault` touched nothing, so that whatever was tried with it has shown
//! nothing.

mod summary;

use super::scenario::complain;
use super::{Exit, Format, fail, print, say, switching};
use crate::proxy::{Handle, ProxyConfig, ProxyServer, SwitchError};
use clap::Args;
use spanproof_scenarios::problem::{Problem, Problems};
use spanproof_scenarios::scenario::LinkSwitch;
use spanproof_scenarios::units::HumanDuration;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use summary::{Ended, Summary};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether to end.
const TICK: Duration = Duration::from_millis(20);

/// Connections may take this long to end of themselves when the proxy does.
const GRACE: Duration = Duration::from_secs(1);

/// Arguments of `proxy`.
#[derive(Debug, Args)]
pub(crate) struct ProxyArguments {
    /// Take connections here; port 0 is any free port
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Lead them here
    #[arg(long, value_name = "HOST:PORT")]
    upstream: String,
    /// What is broken from the beginning, as behind `fault:` in a scenario, e.g. 'latency: {by: 100ms}', or with a name and a share
    /// of the connections: '{name: slow, share: 30%, fault: {latency: {by: 100ms}}}'
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<String>,
    /// Switch faults over HTTP here while it runs; loopback only
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// End after this long, e.g. 30s [default: at Ctrl-C]
    #[arg(long = "for", value_name = "TIME")]
    lasting: Option<String>,
    /// The number from which follows what faults draw
    #[arg(long, value_name = "N", default_value = "7")]
    seed: u64,
    /// Threads that carry bytes
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// How what was relayed is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Nothing on stderr but errors
    #[arg(long, short)]
    quiet: bool,
}

/// What was typed, understood.
struct Settings {
    upstream: Vec<SocketAddr>,
    faults: Vec<LinkSwitch>,
    lasting: Option<Duration>,
}

/// Relays until there is a reason to end.
pub(crate) fn run(arguments: &ProxyArguments) -> Exit {
    let settings = match settings(arguments) {
        Ok(settings) => settings,
        Err(problems) => return complain(problems, arguments.format),
    };
    match relay(arguments, settings) {
        Ok(exit) => exit,
        Err((error, exit)) => fail(error.as_ref(), exit, arguments.format),
    }
}

fn settings(arguments: &ProxyArguments) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let upstream = upstream(&arguments.upstream).unwrap_or_else(|message| {
        let hint = "give a host and a port, such as 127.0.0.1:4317";
        problems.push(Problem::of_flag("--upstream", &arguments.upstream, message, hint));
        Vec::new()
    });
    let lasting = arguments.lasting.as_deref().and_then(|text| match text.parse::<HumanDuration>() {
        Ok(time) => Some(time.0),
        Err(error) => {
            problems.push(Problem::of_flag("--for", text, error.message, error.hint));
            None
        }
    });
    let (faults, wrong) = switching::faults(&arguments.faults, LinkSwitch::read, |switch| &switch.name);
    problems.extend(wrong);
    Problems::with(Ok(Settings { upstream, faults, lasting }), problems)
}

/// The addresses of a host and a port, or in words why there are none.
fn upstream(text: &str) -> Result<Vec<SocketAddr>, String> {
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    if addresses.is_empty() { Err("the host has no address".to_owned()) } else { Ok(addresses) }
}

type Failure = (Box<dyn std::error::Error>, Exit);

fn undecided(error: impl std::error::Error + 'static) -> Failure {
    (Box::new(error), Exit::INCONCLUSIVE)
}

fn relay(arguments: &ProxyArguments, settings: Settings) -> Result<Exit, Failure> {
    let interrupt = super::interrupt::token();
    let config = ProxyConfig::new(arguments.listen, settings.upstream);
    let config = ProxyConfig { seed: arguments.seed, threads: arguments.threads, ..config };
    let mut proxy = ProxyServer::start(config).map_err(undecided)?;
    let began = Instant::now();
    switch_on(proxy.handle(), &settings.faults).map_err(undecided)?;
    let control = switching::control(arguments.control, Arc::new(proxy.handle().clone()))?;
    if !arguments.quiet {
        say(&format!("listening on {} for {}", proxy.address(), arguments.upstream));
        if let Some(control) = &control {
            say(&format!("faults are switched at http://{}", control.address()));
        }
        settings.faults.iter().for_each(|switch| say(&format!("{}: the link {}", switch.name, switch.fault)));
    }
    let ended = wait(settings.lasting.and_then(|lasting| began.checked_add(lasting)), &interrupt);
    drop(control);
    let cut = proxy.shutdown(GRACE);
    let asked = settings.faults.iter().map(|switch| switch.name.clone()).collect();
    let summary = Summary { ended, took: began.elapsed(), cut, state: proxy.handle().state(), asked };
    match arguments.format {
        Format::Text => print(&summary.text()),
        Format::Json => print(&format!("{:#}\n", summary.json())),
    }
    Ok(exit(&summary))
}

fn switch_on(proxy: &Handle, faults: &[LinkSwitch]) -> Result<(), SwitchError> {
    faults.iter().try_for_each(|switch| proxy.switch_on(switch.clone()))
}

fn wait(deadline: Option<Instant>, interrupt: &CancellationToken) -> Ended {
    loop {
        if interrupt.is_cancelled() {
            return Ended::Interrupted;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ended::Deadline;
        }
        std::thread::sleep(TICK);
    }
}

fn exit(summary: &Summary) -> Exit {
    match crate::panics::seen() {
        Some(panic) => {
            say(&format!("error: {panic}"));
            Exit::INCONCLUSIVE
        }
        None if summary.idle().next().is_some() => Exit::INCONCLUSIVE,
        None => Exit::PASS,
    }
}
