//! Our side of a keeper: starting one, giving it orders, hearing what it tells.

use super::keeper::{Event, KEEPER_ARGUMENT, Order, Program, Request};
use super::target::Exit;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A keeper answers within milliseconds; a machine under load gets a thousand times that.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Our own binary, also where its file has been replaced.
const OURSELVES: &str = "/proc/self/exe";

/// How long [`Kept`] waits for its keeper when it is dropped: the keeper kills within milliseconds.
const END_WITHIN: Duration = Duration::from_secs(3);

/// What to start below a keeper, complete: nothing is inherited from our own environment.
pub(super) struct Launch {
    pub(super) program: Program,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: Option<PathBuf>,
    /// Takes stdout and stderr; opened for appending.
    pub(super) log: File,
}

/// A target below its keeper. Dropping it kills the target.
#[derive(Debug)]
pub(super) struct Kept {
    keeper: Child,
    /// `None` once closed, which is the order to kill.
    orders: Option<ChildStdin>,
    events: Receiver<Event>,
    pid: u32,
    ended: Option<Exit>,
    /// CPU time of the whole tree, known when nothing is left of it.
    gone: Option<Duration>,
}

impl Kept {
    /// Starts a keeper and its target. The error is a sentence for people.
    pub(super) fn start(launch: Launch) -> Result<Self, String> {
        if !Path::new(OURSELVES).exists() {
            return Err(
                "/proc is not mounted: without it spanproof can start no process of which nothing is left".to_owned()
            );
        }
        let mut command = Command::new(OURSELVES);
        command.arg0("sp-keeper").arg(KEEPER_ARGUMENT).env_clear().envs(&launch.env).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(launch.log);
        if let Some(cwd) = &launch.cwd {
            command.current_dir(cwd);
        }
        let mut keeper = command.spawn().map_err(|error| match &launch.cwd {
            Some(cwd) => format!("{error} (working directory {})", cwd.display()),
            None => error.to_string(),
        })?;
        let (sender, events) = channel();
        let orders = keeper.stdin.take();
        let stdout = keeper.stdout.take();
        // From here on a failure drops `kept`, which ends the keeper.
        let mut kept = Self { keeper, orders, events, pid: 0, ended: None, gone: None };
        if let Some(stdout) = stdout {
            let reader = std::thread::Builder::new().name("sp-keeper-read".to_owned());
            reader.spawn(move || forward(stdout, &sender)).map_err(|error| error.to_string())?;
        }
        kept.pid = kept.request(launch.program)?;
        Ok(kept)
    }

    fn request(&mut self, program: Program) -> Result<u32, String> {
        let request = serde_json::to_string(&Request::Keep(program)).map_err(|error| error.to_string())?;
        self.write(&request).map_err(|error| error.to_string())?;
        match self.events.recv_timeout(ANSWER_WITHIN) {
            Ok(Event::Started { pid }) => Ok(pid),
            Ok(Event::Failed { reason }) => Err(reason),
            Ok(_) | Err(RecvTimeoutError::Timeout) => Err(format!("the keeper did not answer in {ANSWER_WITHIN:?}")),
            Err(RecvTimeoutError::Disconnected) => Err("the keeper ended without an answer; does this binary call \
                 process::become_keeper_if_asked() first?"
                .to_owned()),
        }
    }

    /// Gives an order. One that cannot be given finds the keeper gone, and [`Kept::exit`] tells that.
    pub(super) fn order(&mut self, order: &Order) {
        if let Ok(text) = serde_json::to_string(order) {
            self.write(&text).ok();
        }
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        self.orders.as_mut().map_or(Ok(()), |pipe| writeln!(pipe, "{line}"))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn keeper_pid(&self) -> u32 {
        self.keeper.id()
    }

    /// How the target's own process ended; `None` while it runs.
    pub(super) fn exit(&mut self) -> Option<Exit> {
        while let Ok(event) = self.events.try_recv() {
            self.take(&event);
        }
        if self.ended.is_none() && matches!(self.keeper.try_wait(), Ok(Some(_))) {
            self.lost();
        }
        self.ended
    }

    /// Waits until nothing is left of the target and what it started; false if something is at the deadline.
    pub(super) fn wait_gone(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while self.gone.is_none() {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.take(&event),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => self.lost(),
            }
        }
        true
    }

    /// CPU time of the target and everything it started, known once it is gone and its keeper was there to see it.
    pub(super) fn cpu(&self) -> Option<Duration> {
        self.gone.filter(|cpu| !cpu.is_zero())
    }

    fn take(&mut self, event: &Event) {
        match *event {
            Event::Ended { code, signal } => self.ended = Some(Exit::new(code, signal)),
            Event::Gone { cpu_ticks } => self.gone = Some(crate::resources::ticks(cpu_ticks)),
            Event::Started { .. } | Event::Failed { .. } => {}
        }
    }

    /// The keeper ended without a word: somebody killed it, and the death signal killed the target.
    fn lost(&mut self) {
        // What it told before its end may still be on the way.
        while let Ok(event) = self.events.recv_timeout(Duration::from_millis(100)) {
            self.take(&event);
        }
        self.ended.get_or_insert(Exit::Unknown);
        self.gone.get_or_insert(Duration::ZERO);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.orders = None;
        let start = Instant::now();
        while start.elapsed() < END_WITHIN {
            if !matches!(self.keeper.try_wait(), Ok(None)) {
                return;
            }
            // There is no wait with a deadline in the standard library.
            std::thread::sleep(Duration::from_millis(2));
        }
        // Not expected. The target has its death signal from the keeper.
        self.keeper.kill().and_then(|()| self.keeper.wait()).ok();
    }
}

/// Reads events to the end. Lines that are none (a test binary's banner) are passed over.
fn forward(stdout: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { return };
        if let Ok(event) = serde_json::from_str(&line)
            && events.send(event).is_err()
        {
            return;
        }
    }
}
