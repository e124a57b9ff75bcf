//! Ports that a target is told to listen on, which nobody takes before it does.
//!
//! A port that was bound once and let go is free for everybody until the target binds it, which takes a real collector some tenths of a
//! second, and again while a fault keeps the target down. The kernel deals such a port to the next connection or listener that asks for
//! any. So they come from outside the range that it deals from, and a claim that lives as long as the target keeps other runs away.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Servers that people start by hand listen below.
const CANDIDATES: RangeInclusive<u16> = 15_000..=u16::MAX;

/// With fewer than this outside the range of the kernel, its ports are taken as well.
const ENOUGH: usize = 256;

/// The range that the kernel deals from unless told otherwise (`ip_local_port_range` of ip-sysctl).
const DEALT_BY_DEFAULT: RangeInclusive<u16> = 32_768..=60_999;

/// A port on the loopback interface that was free, and that no other run of ours takes while this lives.
#[derive(Debug)]
pub(super) struct ClaimedPort {
    port: u16,
    /// A name that one process at a time can have, in the same network namespace as the port. It is gone with us, however we end.
    _claim: UnixListener,
}

impl ClaimedPort {
    /// Claims as many ports as asked for.
    ///
    /// # Errors
    /// When there are not as many, or no loopback interface.
    pub(super) fn some<const N: usize>() -> io::Result<[Self; N]> {
        let candidates = candidates(&dealt_by_the_kernel());
        // From another place each time, so that runs side by side seldom ask for the same, and a port that was just in use rests.
        let first = RandomState::new().hash_one(()) as usize % candidates.len();
        let mut ports = candidates[first..].iter().chain(&candidates[..first]);
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        let free = || ports.find_map(|port| Self::new(*port).map_err(|error| last = error).ok());
        let some: Vec<Self> = std::iter::from_fn(free).take(N).collect();
        some.try_into().map_err(|_| last)
    }

    fn new(port: u16) -> io::Result<Self> {
        let name = SocketAddr::from_abstract_name(format!("spanproof-port-{port}"))?;
        let claim = UnixListener::bind_addr(&name)?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        Ok(Self { port, _claim: claim })
    }

    pub(super) fn address(&self) -> std::net::SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// What the kernel deals to whoever asks for any port.
fn dealt_by_the_kernel() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text.split_whitespace().map(str::parse);
    match (bounds.next(), bounds.next()) {
        (Some(Ok(low)), Some(Ok(high))) => low..=high,
        _ => DEALT_BY_DEFAULT,
    }
}

/// The ports to choose from: those that are not dealt, where there are enough.
fn candidates(dealt: &RangeInclusive<u16>) -> Vec<u16> {
    let kept: Vec<u16> = CANDIDATES.filter(|port| !dealt.contains(port)).collect();
    if kept.len() < ENOUGH { CANDIDATES.collect() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_claimed_twice_and_is_let_go() {
        let [port] = ClaimedPort::some().unwrap();
        let number = port.port;
        assert_eq!(ClaimedPort::new(number).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // The target itself can have it.
        drop(TcpListener::bind(port.address()).unwrap());
        drop(port);
        ClaimedPort::new(number).unwrap();
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_left_alone() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = ClaimedPort::new(listener.local_addr().unwrap().port()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    /// What the kernel deals is none that a target waits for, however much is asked for at a time.
    #[test]
    fn no_port_of_a_target_is_dealt_to_anybody() {
        let dealt = dealt_by_the_kernel();
        let claimed: [_; 64] = ClaimedPort::some().unwrap();
        assert!(claimed.iter().all(|claim| !dealt.contains(&claim.port)), "{claimed:?} of {dealt:?}");
    }

    #[test]
    fn without_ports_of_their_own_targets_take_those_of_the_kernel() {
        assert_eq!(candidates(&DEALT_BY_DEFAULT).len(), 32_768 - 15_000 + (65_535 - 60_999));
        assert_eq!(candidates(&(1_024..=65_535)).len(), CANDIDATES.len());
        assert_eq!(candidates(&(1_024..=65_000)).first(), Some(&65_001));
    }
}
