//! The faults of a sink that are switched while it runs: which hold, and what each has touched.

use crate::fault::{FaultAccount, prepare_answer};
use crate::wire::Signal;
use crate::wire::server::Export;
use roaring::RoaringTreemap;
use serde_json::{Value, json};
use spanproof_generators::mix::{hash_bytes, scramble};
use spanproof_generators::walk::SpanIds;
use spanproof_scenarios::scenario::{ReachOf, SinkFault, SinkSwitch};
use spanproof_scenarios::units::Ppb;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};
use thiserror::Error;

/// More faults than this are no plan, and each is kept account of.
const FAULTS_MAX: usize = 64;

/// From this follows what faults draw, together with their names.
const SEED: u64 = 7;

/// There are as many as are kept account of.
#[derive(Debug, Error)]
#[error("{FAULTS_MAX} faults are as many as are kept account of; use one of their names again")]
pub struct TooManyFaults;

/// All faults that there were.
pub struct SinkSwitchboard {
    origin: Instant,
    known: RwLock<Vec<Known>>,
    left: RwLock<Left>,
}

/// What faults left behind that were replaced.
#[derive(Default)]
struct Left {
    unanswered: RoaringTreemap,
    refused: u64,
}

/// A fault, on or off.
struct Known {
    switch: SinkSwitch,
    on: bool,
    /// From this it draws.
    draws: u64,
    /// Requests that came while it held, touched or not, where a share of them is drawn.
    seen: AtomicU64,
    account: Arc<FaultAccount>,
}

impl Default for SinkSwitchboard {
    fn default() -> Self {
        Self { origin: Instant::now(), known: RwLock::default(), left: RwLock::default() }
    }
}

impl SinkSwitchboard {
    /// From now on a fault holds. One of the same name that is another is replaced, and its account is lost.
    ///
    /// # Errors
    /// [`TooManyFaults`]; everything is as before.
    pub fn switch_on(&self, switch: SinkSwitch) -> Result<(), TooManyFaults> {
        prepare_answer(switch.fault);
        let mut known = write(&self.known);
        match known.iter().position(|known| known.switch.name == switch.name) {
            Some(place) if known[place].switch == switch => known[place].on = true,
            Some(place) => {
                let replaced = std::mem::replace(&mut known[place], Known::new(switch));
                let mut left = write(&self.left);
                left.unanswered |= replaced.account.unanswered();
                left.refused += replaced.refused();
            }
            None if known.len() == FAULTS_MAX => return Err(TooManyFaults),
            None => known.push(Known::new(switch)),
        }
        Ok(())
    }

    /// From now on the faults of which this is true do not hold.
    pub fn switch_off(&self, is_meant: impl Fn(&SinkSwitch) -> bool) {
        write(&self.known).iter_mut().filter(|known| is_meant(&known.switch)).for_each(|known| known.on = false);
    }

    /// What a request meets, noted in its account; the first that holds and touches it. `None` where all is well.
    pub fn strike(&self, export: &Export) -> Option<(SinkFault, Arc<FaultAccount>)> {
        let known = read(&self.known);
        let struck = known.iter().find(|known| known.on && known.touches(export))?;
        struck.account.note_touched(export.received.saturating_duration_since(self.origin));
        Some((struck.switch.fault, Arc::clone(&struck.account)))
    }

    /// The records that were taken without their sender having been told by now.
    pub fn unanswered(&self) -> RoaringTreemap {
        let left = read(&self.left).unanswered.clone();
        read(&self.known).iter().fold(left, |all, known| all | known.account.unanswered())
    }

    /// Requests that were refused for a fault's sake.
    pub fn refused(&self) -> u64 {
        let left = read(&self.left).refused;
        left + read(&self.known).iter().map(Known::refused).sum::<u64>()
    }

    /// Each fault, in the order in which they were first switched on, as a document.
    pub fn state(&self) -> Vec<Value> {
        read(&self.known).iter().map(Known::state).collect()
    }

    /// The same of one; `None` if there was none of this name.
    pub fn fault(&self, name: &str) -> Option<Value> {
        read(&self.known).iter().find(|known| known.switch.name == name).map(Known::state)
    }

    /// What each has touched: its name, what it does, and how many requests.
    pub fn touched(&self) -> Vec<(SinkSwitch, u64)> {
        read(&self.known).iter().map(|known| (known.switch.clone(), known.account.touched())).collect()
    }
}

impl Known {
    fn new(switch: SinkSwitch) -> Self {
        let draws = hash_bytes(scramble(SEED), switch.name.as_bytes());
        Self { switch, on: true, draws, seen: AtomicU64::new(0), account: Arc::default() }
    }

    fn touches(&self, export: &Export) -> bool {
        let drawn = |from: u64| scramble(self.draws ^ from);
        if let SinkFault::Poison { one_in, .. } = self.switch.fault {
            let poisoned = |span: SpanIds| drawn(u64::from_le_bytes(span.span_id)).is_multiple_of(one_in);
            return export.signal == Signal::Traces && SpanIds::all_in(&export.body).any(poisoned);
        }
        let reach = self.switch.reach;
        let number = || match reach.of {
            ReachOf::Requests => self.seen.fetch_add(1, Relaxed),
            ReachOf::Connections => export.connection,
        };
        reach.from == Ppb::WHOLE || drawn(number()) % Ppb::WHOLE.0 < reach.from.0
    }

    fn refused(&self) -> u64 {
        if self.switch.fault.refuses() { self.account.touched() } else { 0 }
    }

    fn state(&self) -> Value {
        let seconds = |at: Duration| at.as_secs_f64();
        let between = self.account.between();
        json!({
            "name": self.switch.name,
            "what": self.switch.fault.to_string(),
            "reach": self.switch.reach.to_string(),
            "on": self.on,
            "touched": {
                "requests": self.account.touched(),
                "first_seconds": between.map(|(first, _)| seconds(first)),
                "last_seconds": between.map(|(_, last)| seconds(last)),
            },
        })
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Compression, Protocol};

    fn switch(text: &str) -> SinkSwitch {
        SinkSwitch::read("test", text).unwrap()
    }

    fn request(connection: u64, span_ids: &[u64]) -> Export {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
        use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
        use prost::Message;
        let span = |id: &u64| Span { trace_id: vec![1; 16], span_id: id.to_le_bytes().into(), ..Span::default() };
        let scope = ScopeSpans { spans: span_ids.iter().map(span).collect(), ..ScopeSpans::default() };
        let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
        let body = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
        Export {
            signal: Signal::Traces,
            protocol: Protocol::Grpc,
            compression: Compression::None,
            wire_bytes: body.len() as u64,
            body: body.into(),
            connection,
            peer: "127.0.0.1:1".parse().unwrap(),
            received: Instant::now(),
            headers: http::HeaderMap::new(),
        }
    }

    #[test]
    fn a_fault_holds_from_when_it_is_switched_on_until_it_is_switched_off() {
        let board = SinkSwitchboard::default();
        let strikes = || board.strike(&request(0, &[1])).map(|(fault, _)| fault);
        assert_eq!(strikes(), None);
        board.switch_on(switch("hang")).unwrap();
        board.switch_on(switch("discard")).unwrap();
        assert_eq!(strikes(), Some(SinkFault::Hang), "the first decides");
        board.switch_off(|fault| fault.name == "hang");
        assert_eq!(strikes(), Some(SinkFault::Discard));
        board.switch_off(|_| true);
        assert_eq!(strikes(), None);
        let touched: Vec<_> = board.touched().into_iter().map(|(switch, touched)| (switch.name, touched)).collect();
        assert_eq!(touched, [("hang".to_owned(), 1), ("discard".to_owned(), 1)]);
        let state = board.fault("hang").unwrap();
        assert_eq!((&state["on"], &state["touched"]["requests"]), (&false.into(), &1.into()), "{state}");
        assert!(state["touched"]["first_seconds"].as_f64() >= Some(0.0), "{state}");
    }

    #[test]
    fn the_same_fault_goes_on_with_its_account_and_another_of_its_name_begins_anew() {
        let board = SinkSwitchboard::default();
        let untold = || board.strike(&request(0, &[1])).unwrap().1;
        board.switch_on(switch("{name: x, fault: lost_answer}")).unwrap();
        untold().note_unanswered(&[5].into_iter().collect());
        board.switch_off(|_| true);
        board.switch_on(switch("{name: x, fault: lost_answer}")).unwrap();
        untold();
        assert_eq!(board.touched()[0].1, 2);
        board.switch_on(switch("{name: x, fault: hang}")).unwrap();
        assert_eq!(board.touched(), [(switch("{name: x, fault: hang}"), 0)]);
        assert_eq!(board.unanswered().iter().collect::<Vec<_>>(), [5], "what it left unanswered may come again yet");
        board.switch_on(switch("{name: x, fault: {http_status: {status: 503}}}")).unwrap();
        untold();
        board.switch_on(switch("{name: x, fault: hang}")).unwrap();
        untold();
        assert_eq!(board.refused(), 1, "who hangs refuses nothing");
    }

    #[test]
    fn a_share_is_of_requests_or_of_connections() {
        let board = SinkSwitchboard::default();
        board.switch_on(switch("{share: 30%, fault: hang}")).unwrap();
        let count = (0..10_000).filter(|_| board.strike(&request(0, &[1])).is_some()).count();
        // Five standard deviations of a binomial of 10,000 draws at 30 %.
        assert!((2771..=3229).contains(&count), "{count}");
        board.switch_on(switch("{name: hang, share: 50%, share_of: connections, fault: hang}")).unwrap();
        let of = |connection| board.strike(&request(connection, &[1])).is_some();
        let first: Vec<bool> = (0..100).map(of).collect();
        assert_eq!(first, (0..100).map(of).collect::<Vec<bool>>());
        assert!(first.contains(&true) && first.contains(&false));
    }

    #[test]
    fn what_has_a_poisoned_span_is_touched_whatever_comes_with_it() {
        let board = SinkSwitchboard::default();
        board.switch_on(switch("poison: {one_in: 100}")).unwrap();
        let struck = |ids: &[u64]| board.strike(&request(0, ids)).is_some();
        let poisoned: Vec<u64> = (0..10_000).filter(|id| struck(&[*id])).collect();
        // Four standard deviations of a binomial of 10,000 draws at 1 %.
        assert!((60..=140).contains(&poisoned.len()), "{}", poisoned.len());
        let sound: Vec<u64> = (0..10_000).filter(|id| !poisoned.contains(id)).collect();
        assert!(!struck(&sound) && struck(&[&sound[..], &poisoned[..1]].concat()));
    }

    #[test]
    fn there_are_only_so_many() {
        let board = SinkSwitchboard::default();
        for number in 0..FAULTS_MAX {
            board.switch_on(switch(&format!("{{name: f{number}, fault: hang}}"))).unwrap();
        }
        assert!(board.switch_on(switch("discard")).is_err());
        board.switch_on(switch("{name: f0, fault: discard}")).unwrap();
    }
}
