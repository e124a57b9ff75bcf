//! A running process target: start, watch, stop.

use super::endpoints::{Endpoints, SinkAddresses, TargetPorts};
use super::error::{LogExcerpt, StartError};
use super::keeper::{Order, PERIOD, Program};
use super::kept::{Kept, Launch};
use super::launch::{resolve, write_config};
use super::limits;
use super::log_tail::log_tail;
use super::ports::ClaimedPort;
use super::ready::Condition;
use super::spec::ProcessSpec;
use crate::resources::UsageSampler;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How many log lines an error carries.
const ERROR_LINES: usize = 20;

/// Not as many as there are: then one that is closed could be replaced.
const NO_FILES: u64 = 0;

/// How long everything may take to end after SIGKILL, before we stop waiting for the kernel.
const KILL_WITHIN: Duration = Duration::from_secs(6);

/// How a target's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Its keeper was killed, and it died with it.
    Unknown,
}

impl Exit {
    pub(super) fn new(code: Option<i32>, signal: Option<i32>) -> Self {
        match (code, signal) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }

    /// Whether it ended by itself and with 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(9) => f.write_str("signal 9 (SIGKILL; the kernel sends it when memory runs out)"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Unknown => f.write_str("its keeper process, which was killed"),
        }
    }
}

/// How stopping a target went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// How its own process ended.
    pub exit: Exit,
    /// From SIGTERM until nothing was left of it.
    pub took: Duration,
    /// True when the grace did not suffice and SIGKILL ended it.
    pub killed: bool,
    /// CPU time of it and everything that it started, from start to end; `None` when its keeper was killed.
    pub cpu: Option<Duration>,
}

/// A target that was ready once. Dropping it kills it and everything that it started.
#[derive(Debug)]
pub struct ProcessTarget {
    spec: ProcessSpec,
    kept: Kept,
    /// True from when it was ended on purpose until it is started again: its end is then nobody's surprise.
    is_down: bool,
    endpoints: Endpoints,
    /// Its own also while it is down.
    _ports: TargetPorts,
    ready_after: Duration,
    starts: u32,
    log_from: u64,
}

/// How a target is ended on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndBy {
    /// By SIGKILL: at once, and nothing comes out of it any more.
    Kill,
    /// By SIGTERM: it may end in good order.
    Terminate,
}

/// How a target that was ended on purpose ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How its own process ended.
    pub exit: Exit,
    /// Whether it was killed, at once or because its grace did not suffice.
    pub killed: bool,
}

/// How many files and connections a target might have open before it was let open no more; `None` for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimit(Option<u64>);

/// A process that is ready.
struct Launched {
    kept: Kept,
    ready_after: Duration,
    log_from: u64,
}

/// Starts a process with these addresses and waits until it is ready.
fn launch(spec: &ProcessSpec, endpoints: &Endpoints, interrupt: &CancellationToken) -> Result<Launched, StartError> {
    let env = spec.environment(endpoints);
    let path = resolve(&spec.command, &env)?;
    let config = write_config(&spec.config_dir, &spec.config)?;
    let args = spec.arguments(endpoints, &config)?;
    let (log, log_from) = open_log(&spec.log_path)?;
    let program = Program { path: path.display().to_string(), args };
    let launched = Instant::now();
    let launch = Launch { program, env, cwd: spec.cwd.clone(), log };
    let mut kept = Kept::start(launch).map_err(|reason| StartError::Keeper { reason })?;
    let starting = Starting { command: path, launched, log_path: &spec.log_path, log_from };
    starting.wait_ready(&mut kept, spec.ready.conditions(endpoints), spec.start_deadline, interrupt)?;
    Ok(Launched { kept, ready_after: launched.elapsed(), log_from })
}

impl ProcessTarget {
    /// Starts a target on ports that are its own and waits until it is ready. If it dies because one was taken all the same, it is
    /// started once more with others. Blocks for up to twice the start deadline; `interrupt` ends the wait.
    ///
    /// # Errors
    /// [`StartError`]; whatever was started is gone then.
    pub fn start(spec: &ProcessSpec, sink: SinkAddresses, interrupt: &CancellationToken) -> Result<Self, StartError> {
        match Self::start_once(spec, sink, interrupt, 1) {
            Err(error) if error.is_address_in_use() => Self::start_once(spec, sink, interrupt, 2),
            outcome => outcome,
        }
    }

    fn start_once(
        spec: &ProcessSpec,
        sink: SinkAddresses,
        interrupt: &CancellationToken,
        starts: u32,
    ) -> Result<Self, StartError> {
        let ports = ClaimedPort::some().map_err(|source| StartError::Ports { source })?;
        let endpoints = Endpoints::on(&ports, sink);
        let Launched { kept, ready_after, log_from } = launch(spec, &endpoints, interrupt)?;
        Ok(Self { spec: spec.clone(), kept, is_down: false, endpoints, _ports: ports, ready_after, starts, log_from })
    }

    /// Ends it on purpose, by SIGKILL or SIGTERM, and waits until nothing is left of it: the grace for SIGTERM and then SIGKILL, for
    /// which it waits some seconds. `None` if it had ended before, or something is left all the same.
    pub fn end(&mut self, signal: EndBy) -> Option<Ended> {
        if self.is_down || self.kept.exit().is_some() {
            return None;
        }
        self.is_down = true;
        let in_order = signal == EndBy::Terminate && {
            self.kept.order(&Order::Stop);
            self.kept.wait_gone(self.spec.stop_grace)
        };
        if !in_order {
            self.kept.order(&Order::Kill);
            if !self.kept.wait_gone(KILL_WITHIN) {
                return None;
            }
        }
        Some(Ended { exit: self.kept.exit().unwrap_or(Exit::Unknown), killed: !in_order })
    }

    /// Starts it again where it was, with the same addresses, and waits until it is ready. Blocks for up to the start deadline. Without
    /// effect unless it is down.
    ///
    /// # Errors
    /// [`StartError`]; it is then still down.
    pub fn start_again(&mut self, interrupt: &CancellationToken) -> Result<(), StartError> {
        if self.is_down {
            let Launched { kept, ready_after, log_from } = launch(&self.spec, &self.endpoints, interrupt)?;
            (self.kept, self.ready_after, self.log_from, self.is_down) = (kept, ready_after, log_from, false);
        }
        Ok(())
    }

    /// Whether it was ended on purpose and not started again.
    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// Has it stand still for all but so many thousandths of each tenth of a second, or run all the time again.
    pub fn throttle(&mut self, runs: Option<u16>) {
        self.kept.order(&Order::Throttle(runs));
    }

    /// Whether it is seen to be stopped within two of the periods in which a throttled process stands still and runs. Blocks for as long.
    pub fn is_seen_stopped(&self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < 2 * PERIOD {
            if self.is_stopped() {
                return true;
            }
            std::thread::sleep(PERIOD / 50);
        }
        false
    }

    /// Whether its own process is stopped, as by SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        crate::resources::is_stopped(self.kept.pid())
    }

    /// Lets its own process open no file, and take no connection, beyond those that it has. `None` where the system does not allow
    /// that, or it has ended.
    pub fn exhaust_files(&self) -> Option<FileLimit> {
        let before = limits::file_limits(self.pid())?;
        limits::limit_files(self.pid(), Some(NO_FILES)).then_some(FileLimit(before.soft))
    }

    /// Whether the kernel says that it may open none.
    pub fn has_exhausted(&self) -> bool {
        limits::file_limits(self.pid()).is_some_and(|limits| limits.soft == Some(NO_FILES))
    }

    /// Lets it open as many as it might before. Without effect once it has ended.
    pub fn allow_files(&self, limit: FileLimit) {
        limits::limit_files(self.pid(), limit.0);
    }

    /// The sockets on which its receivers listen, by their inode numbers: a receiver that was closed and opened again has another one.
    pub fn listeners(&self) -> BTreeSet<u64> {
        limits::listeners(&[self.endpoints.receiver_grpc.port(), self.endpoints.receiver_http.port()])
    }

    /// Where it listens, and where it was told to export to.
    pub fn endpoints(&self) -> Endpoints {
        self.endpoints
    }

    /// The pid of its own process; also its process group.
    pub fn pid(&self) -> u32 {
        self.kept.pid()
    }

    /// From its start until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// 1, or 2 when the first start found a port taken.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// How its own process ended by itself; `None` while it runs, or is down on purpose. What it left behind is killed then.
    pub fn try_exit(&mut self) -> Option<Exit> {
        self.kept.exit().filter(|_| !self.is_down)
    }

    /// Sends a signal to its process group, e.g. SIGSTOP for a fault. Without effect once it has ended.
    pub fn signal(&mut self, signal: rustix::process::Signal) {
        self.kept.order(&Order::Signal(signal.as_raw()));
    }

    /// The last lines of its log, printable.
    pub fn log_tail(&self, lines: usize) -> LogExcerpt {
        LogExcerpt { path: self.spec.log_path.clone(), lines: log_tail(&self.spec.log_path, self.log_from, lines) }
    }

    /// A sampler of what it and everything that it started use. It finds nothing once the target is gone.
    pub fn usage_sampler(&self) -> UsageSampler {
        UsageSampler::of_descendants(self.kept.keeper_pid())
    }

    /// Has a sampler follow this process, started again, from now on.
    pub fn be_followed(&self, sampler: &mut UsageSampler) {
        sampler.follow(self.kept.keeper_pid());
    }

    /// Asks it to end (SIGTERM to its process group), gives it the grace, then kills it. What it started may end within the
    /// same grace. Blocks for up to the grace and some seconds.
    ///
    /// A collector (seen with 0.155) takes SIGTERM gracefully only from some milliseconds after it is ready; stopped earlier,
    /// it ends with signal 15 and drains nothing.
    pub fn stop(mut self) -> Stopped {
        let start = Instant::now();
        self.kept.order(&Order::Stop);
        let killed = !self.kept.wait_gone(self.spec.stop_grace);
        if killed {
            self.kept.order(&Order::Kill);
            self.kept.wait_gone(KILL_WITHIN);
        }
        Stopped { exit: self.kept.exit().unwrap_or(Exit::Unknown), took: start.elapsed(), killed, cpu: self.kept.cpu() }
    }
}

/// Opens the log for appending; also gives its length.
fn open_log(path: &Path) -> Result<(std::fs::File, u64), StartError> {
    let open = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let log = OpenOptions::new().append(true).create(true).open(path)?;
        let length = log.metadata()?.len();
        Ok((log, length))
    };
    open().map_err(|source| StartError::Write { path: path.to_owned(), source })
}

/// A start in progress, for its waiting and its errors.
struct Starting<'spec> {
    command: PathBuf,
    launched: Instant,
    log_path: &'spec Path,
    log_from: u64,
}

impl Starting<'_> {
    fn wait_ready(
        &self,
        kept: &mut Kept,
        mut conditions: Vec<Condition>,
        deadline: Duration,
        interrupt: &CancellationToken,
    ) -> Result<(), StartError> {
        loop {
            // Asked before and after: a port that somebody else holds looks ready while the target dies of it.
            conditions.retain(|condition| !condition.holds());
            let command = self.command.clone();
            let after = self.launched.elapsed();
            if let Some(exit) = kept.exit() {
                // Its last words are complete once everything below the keeper is gone.
                kept.wait_gone(Duration::from_secs(1));
                return Err(StartError::Died { command, exit, after, log: self.excerpt() });
            }
            let Some(first) = conditions.first() else { return Ok(()) };
            if interrupt.is_cancelled() {
                return Err(StartError::Interrupted { command, after });
            }
            if after >= deadline {
                let waited_for = first.to_string();
                return Err(StartError::NotReady { command, waited_for, after, log: self.excerpt() });
            }
            // Nothing tells when somebody starts to listen on a port, so it is asked for.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn excerpt(&self) -> LogExcerpt {
        LogExcerpt { path: self.log_path.to_owned(), lines: log_tail(self.log_path, self.log_from, ERROR_LINES) }
    }
}
