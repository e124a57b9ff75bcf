//! The faults of a proxy: which hold, and what each has touched.

use super::Way;
use super::door::Door;
use spanproof_generators::mix::{hash_bytes, scramble};
use spanproof_scenarios::scenario::{LinkFault, LinkSwitch};
use spanproof_scenarios::units::Ppb;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;

/// More faults than this are no plan, and each is kept account of.
const FAULTS_MAX: usize = 64;

/// So much of a line's time that nobody used may be made up for: a timer wakes a millisecond or two late.
const MADE_UP_FOR: Duration = Duration::from_millis(20);

/// Why a fault could not be switched.
#[derive(Debug, Error)]
pub enum SwitchError {
    /// Use a name again: its account begins anew if it is another fault.
    #[error("{FAULTS_MAX} faults are as many as are kept account of; use one of their names again")]
    TooMany,
    /// The system did not stop listening, or did not listen again.
    #[error("shut or open the listening socket: {0}")]
    Door(#[source] std::io::Error),
}

/// What a fault has touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touched {
    /// Connections.
    pub connections: u64,
    /// Bytes that it held up, delayed, paced, threw away or changed.
    pub bytes: u64,
    /// How often it acted: connections reset or closed, directions ended, ends passed on late, bits flipped, pieces held up or delayed.
    pub times: u64,
    /// When it touched the first thing and the last.
    pub between: Option<(Instant, Instant)>,
}

/// All faults that there were.
pub(super) struct Switchboard {
    origin: Instant,
    seed: u64,
    known: Mutex<Vec<Known>>,
    episodes: AtomicU64,
    holding: watch::Sender<Arc<Holding>>,
}

/// A fault, on or off.
struct Known {
    switch: LinkSwitch,
    account: Arc<Account>,
    on: Option<Arc<Switched>>,
}

/// What holds now.
#[derive(Default)]
pub(super) struct Holding(pub Vec<Arc<Switched>>);

/// A fault from when it was switched on until it is switched off.
pub(super) struct Switched {
    /// No other time of this or any fault has it.
    pub episode: u64,
    pub fault: LinkFault,
    share: Ppb,
    /// From this it draws.
    pub draws: u64,
    pub account: Arc<Account>,
    lines: [Line; 2],
}

/// When a line with limited bandwidth is free.
#[derive(Default)]
struct Line(Mutex<Option<Instant>>);

/// What a fault touches, while it does so.
pub(super) struct Account {
    /// No other account has it.
    pub number: u64,
    origin: Instant,
    connections: AtomicU64,
    bytes: AtomicU64,
    times: AtomicU64,
    /// From the origin; meaningless while nothing was touched.
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Switchboard {
    pub fn new(seed: u64, origin: Instant) -> Self {
        let (known, episodes) = (Mutex::default(), AtomicU64::new(0));
        Self { origin, seed, known, episodes, holding: watch::Sender::default() }
    }

    /// When the proxy began.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// What holds, and a sign whenever that changes.
    pub fn follow(&self) -> watch::Receiver<Arc<Holding>> {
        self.holding.subscribe()
    }

    pub fn switch_on(&self, switch: LinkSwitch, door: &Door) -> Result<(), SwitchError> {
        let mut known = lock(&self.known);
        let place = match known.iter().position(|known| known.switch.name == switch.name) {
            Some(place) if known[place].switch == switch => place,
            Some(place) => {
                known[place] = self.new_account(switch);
                place
            }
            None if known.len() == FAULTS_MAX => return Err(SwitchError::TooMany),
            None => {
                known.push(self.new_account(switch));
                known.len() - 1
            }
        };
        let fault = &mut known[place];
        if fault.on.is_some() {
            return Ok(());
        }
        fault.on = Some(Arc::new(self.new_episode(fault)));
        let published = self.publish(&known, door);
        if published.is_err() {
            known[place].on = None;
        }
        published
    }

    /// Whether there was a fault of which this is true; whether it held does not matter.
    pub fn switch_off(&self, is_meant: &dyn Fn(&LinkSwitch) -> bool, door: &Door) -> Result<bool, SwitchError> {
        let mut known = lock(&self.known);
        let held: Vec<_> = known.iter().map(|fault| fault.on.clone()).collect();
        let mut found = false;
        for fault in known.iter_mut().filter(|fault| is_meant(&fault.switch)) {
            fault.on = None;
            found = true;
        }
        let published = self.publish(&known, door);
        if published.is_err() {
            known.iter_mut().zip(held).for_each(|(fault, on)| fault.on = on);
        }
        published.map(|()| found)
    }

    pub fn touched(&self, name: &str) -> Option<Touched> {
        lock(&self.known).iter().find(|known| known.switch.name == name).map(|known| known.account.read())
    }

    /// Each fault in the order in which they were first switched on: whether it holds, and what it has touched.
    pub fn all(&self) -> Vec<(LinkSwitch, bool, Touched)> {
        let known = lock(&self.known);
        known.iter().map(|known| (known.switch.clone(), known.on.is_some(), known.account.read())).collect()
    }

    fn new_account(&self, switch: LinkSwitch) -> Known {
        let account = Account {
            number: self.episodes.fetch_add(1, Relaxed),
            origin: self.origin,
            connections: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            times: AtomicU64::new(0),
            first_ns: AtomicU64::new(u64::MAX),
            last_ns: AtomicU64::new(0),
        };
        Known { switch, account: Arc::new(account), on: None }
    }

    fn new_episode(&self, fault: &Known) -> Switched {
        Switched {
            episode: self.episodes.fetch_add(1, Relaxed),
            fault: fault.switch.fault,
            share: fault.switch.share,
            draws: hash_bytes(scramble(self.seed), fault.switch.name.as_bytes()),
            account: Arc::clone(&fault.account),
            lines: Default::default(),
        }
    }

    /// The door first: whoever learns that connections are taken again may connect.
    fn publish(&self, known: &[Known], door: &Door) -> Result<(), SwitchError> {
        let holding = Holding(known.iter().filter_map(|known| known.on.clone()).collect());
        door.set_shut(holding.refuses()).map_err(SwitchError::Door)?;
        self.holding.send_replace(Arc::new(holding));
        Ok(())
    }
}

impl Holding {
    /// Whether no connections are taken.
    pub fn refuses(&self) -> bool {
        self.0.iter().any(|switched| switched.fault == LinkFault::Refuse)
    }
}

impl Switched {
    /// Whether it touches the connection of this number.
    pub fn touches(&self, connection: u64) -> bool {
        self.share == Ppb::WHOLE || scramble(self.draws ^ connection) % Ppb::WHOLE.0 < self.share.0
    }

    /// Takes the line for so many bytes at a rate; when they are through.
    pub fn reserve(&self, way: Way, bytes: usize, per_second: u64, now: Instant) -> Instant {
        let mut free = lock(&self.lines[way as usize].0);
        let takes = u128::from(bytes as u64) * 1_000_000_000 / u128::from(per_second.max(1));
        let takes = Duration::from_nanos(u64::try_from(takes).unwrap_or(u64::MAX));
        let earliest = now.checked_sub(MADE_UP_FOR).unwrap_or(now);
        let begins = free.unwrap_or(now).max(earliest);
        let through = begins.checked_add(takes).unwrap_or(begins);
        *free = Some(through);
        through
    }
}

impl Account {
    /// Something was touched just now.
    pub fn note(&self, new_connection: bool, bytes: u64, times: u64) {
        let now = self.origin.elapsed().as_nanos() as u64;
        self.first_ns.fetch_min(now, Relaxed);
        self.last_ns.fetch_max(now, Relaxed);
        self.connections.fetch_add(u64::from(new_connection), Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.times.fetch_add(times, Relaxed);
    }

    fn read(&self) -> Touched {
        let (first, last) = (self.first_ns.load(Relaxed), self.last_ns.load(Relaxed));
        let instant = |ns| self.origin + Duration::from_nanos(ns);
        Touched {
            connections: self.connections.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            times: self.times.load(Relaxed),
            between: (first <= last).then(|| (instant(first), instant(last))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
