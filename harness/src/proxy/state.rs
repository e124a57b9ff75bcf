//! What a proxy tells of itself, as a document.

use super::switchboard::Touched;
use super::{Shared, Way};
use serde::Serialize;
use spanproof_scenarios::scenario::{LinkFault, LinkSwitch};
use spanproof_scenarios::units::Ppb;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Everything that there is to tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// `spanproof.proxy/1`.
    pub schema: &'static str,
    /// Where connections are taken.
    pub listen: SocketAddr,
    /// Where they lead.
    pub upstream: Vec<SocketAddr>,
    /// How long the proxy has been there.
    pub seconds: f64,
    /// Connections.
    pub connections: Connections,
    /// Bytes that were handed on.
    pub bytes: Relayed,
    /// The faults that hold or have held, in the order in which they were first switched on.
    pub faults: Vec<FaultState>,
}

/// How many connections there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Taken so far.
    pub taken: u64,
    /// There now.
    pub open: u64,
    /// Closed at once, since there were too many.
    pub refused: u64,
    /// Reset, since the upstream could not be reached.
    pub unreachable: u64,
}

/// How many bytes were handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Relayed {
    /// From clients to the upstream.
    pub upstream: u64,
    /// Back.
    pub downstream: u64,
}

/// A fault and what it has touched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultState {
    /// Its name.
    pub name: String,
    /// What happens, as it reads after "the link".
    pub what: String,
    /// What happens, as it is written.
    pub fault: LinkFault,
    /// Which share of the connections it touches.
    pub share: Ppb,
    /// Whether it holds.
    pub on: bool,
    /// What it has touched, over all the times that it held.
    pub touched: Touch,
}

/// What a fault has touched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Touch {
    /// Connections.
    pub connections: u64,
    /// Bytes that it held up, delayed, paced, threw away or changed.
    pub bytes: u64,
    /// How often it acted.
    pub times: u64,
    /// When first, since the proxy began.
    pub first_seconds: Option<f64>,
    /// When last.
    pub last_seconds: Option<f64>,
}

impl State {
    pub(super) fn of(shared: &Shared) -> Self {
        let (tally, origin) = (&shared.tally, shared.board.origin());
        let bytes = |way| tally.bytes(way).load(Relaxed);
        let all = shared.board.all().into_iter();
        Self {
            schema: "spanproof.proxy/1",
            listen: shared.door.address(),
            upstream: shared.upstream.clone(),
            seconds: origin.elapsed().as_secs_f64(),
            connections: Connections {
                taken: tally.connections.load(Relaxed),
                open: tally.open.load(Relaxed),
                refused: tally.refused.load(Relaxed),
                unreachable: tally.unreachable.load(Relaxed),
            },
            bytes: Relayed { upstream: bytes(Way::Upstream), downstream: bytes(Way::Downstream) },
            faults: all.map(|(switch, on, touched)| FaultState::new(switch, on, touched, origin)).collect(),
        }
    }

    /// The fault of this name.
    pub fn fault(&self, name: &str) -> Option<&FaultState> {
        self.faults.iter().find(|fault| fault.name == name)
    }
}

impl FaultState {
    fn new(switch: LinkSwitch, on: bool, touched: Touched, origin: Instant) -> Self {
        let LinkSwitch { name, fault, share } = switch;
        let seconds = |instant: Instant| instant.saturating_duration_since(origin).as_secs_f64();
        let touched = Touch {
            connections: touched.connections,
            bytes: touched.bytes,
            times: touched.times,
            first_seconds: touched.between.map(|(first, _)| seconds(first)),
            last_seconds: touched.between.map(|(_, last)| seconds(last)),
        };
        Self { name, what: fault.to_string(), fault, share, on, touched }
    }
}
