//! Whether an external target can be one, before the load: it is not our own sink, and somebody listens, or soon does.

use super::{RunError, Talk, deadline};
use crate::wire::client::Endpoint;
use spanproof_reports::figures;
use spanproof_scenarios::scenario::External;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// One attempt to connect takes no longer: the target's machine may be far, but not so far.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// From a refusal to the next attempt.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Refuses an endpoint at which our own sink would listen: the sink would take what the driver sends, and all would be well
/// without any target.
///
/// # Errors
/// The endpoint is the sink's.
pub(super) fn refuse_own_sink(external: &External) -> Result<(), RunError> {
    // What cannot be resolved is said when it is connected to.
    let addresses = addresses(external).unwrap_or_default();
    let sinks = [("--sink-grpc", external.sink_grpc), ("--sink-http", external.sink_http)];
    for (flag, sink) in sinks.into_iter().filter_map(|(flag, sink)| Some((flag, sink?))) {
        if addresses.iter().any(|address| is_sinks(*address, sink)) {
            let endpoint = external.endpoint.as_str().to_owned();
            return Err(RunError::OwnSink { endpoint, flag, sink });
        }
    }
    Ok(())
}

/// Makes sure that somebody listens. A target that is just starting is tried again until the scenario's time for that is over.
///
/// # Errors
/// Nobody takes a connection, or nobody does and an interrupt ends the waiting.
pub(super) fn connect(external: &External, interrupt: &CancellationToken, talk: &mut dyn Talk) -> Result<(), RunError> {
    let endpoint = external.endpoint.as_str();
    let began = Instant::now();
    let end = deadline(began, external.ready_within);
    let mut is_told = false;
    while let Err(reason) = try_once(external) {
        if interrupt.is_cancelled() || Instant::now() >= end {
            return Err(RunError::Unreachable { endpoint: endpoint.to_owned(), reason, tried_for: began.elapsed() });
        }
        if !std::mem::replace(&mut is_told, true) {
            let longest = figures::duration(external.ready_within);
            talk.say(&format!("waiting up to {longest} for the target to take a connection at {endpoint}: {reason}"));
        }
        std::thread::sleep(AGAIN_AFTER.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// The name is looked up each time: that of a container is known only when it has started.
fn try_once(external: &External) -> Result<(), String> {
    let addresses = addresses(external).map_err(|error| error.to_string())?;
    let end = Instant::now() + CONNECT_WITHIN;
    let mut reason = "its name has no address".to_owned();
    for address in addresses {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            // To a free port of the ephemeral range a connection may meet itself and succeed.
            Ok(stream) if stream.local_addr().is_ok_and(|ours| ours == address) => {
                reason = format!("{address}: nobody listens");
            }
            Ok(_) => return Ok(()),
            Err(error) => reason = format!("{address}: {error}"),
        }
    }
    Err(reason)
}

fn addresses(external: &External) -> std::io::Result<Vec<SocketAddr>> {
    let endpoint: Endpoint = external.endpoint.as_str().parse().map_err(std::io::Error::other)?;
    Ok((endpoint.host(), endpoint.port()).to_socket_addrs()?.collect())
}

/// Whether a connection to `address` comes to a sink that is bound to `sink`.
fn is_sinks(address: SocketAddr, sink: SocketAddr) -> bool {
    if address.port() != sink.port() {
        return false;
    }
    let (to, at) = (connected(address.ip()), sink.ip().to_canonical());
    // Bound to everything of IPv6, a socket takes IPv4 too; the other way round it does not.
    let same_family = at.is_ipv6() || to.is_ipv4();
    if at.is_unspecified() { same_family && is_this_machine(to) } else { to == at }
}

/// Where a connection to an address ends up: one to no address in particular goes to the machine itself.
fn connected(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// Only addresses of this machine can be bound to.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_sinks_in_whatever_form_it_is_written() {
        let is = |address: &str, sink: &str| is_sinks(address.parse().unwrap(), sink.parse().unwrap());
        for (address, sink) in [
            ("127.0.0.1:5317", "127.0.0.1:5317"),
            ("0.0.0.0:5317", "127.0.0.1:5317"),
            ("127.0.0.1:5317", "0.0.0.0:5317"),
            ("0.0.0.0:5317", "0.0.0.0:5317"),
            ("127.9.9.9:5317", "0.0.0.0:5317"),
            ("127.0.0.1:5317", "[::]:5317"),
            ("[::1]:5317", "[::]:5317"),
            ("[::1]:5317", "[::1]:5317"),
            ("[::]:5317", "[::1]:5317"),
            ("[::ffff:127.0.0.1]:5317", "127.0.0.1:5317"),
        ] {
            assert!(is(address, sink), "{address} at {sink}");
        }
        for (address, sink) in [
            ("127.0.0.1:4317", "127.0.0.1:5317"),
            ("127.0.0.2:5317", "127.0.0.1:5317"),
            ("[::1]:5317", "127.0.0.1:5317"),
            ("[::1]:5317", "0.0.0.0:5317"),
            // Of a range for documentation: nobody's.
            ("192.0.2.1:5317", "0.0.0.0:5317"),
        ] {
            assert!(!is(address, sink), "{address} at {sink}");
        }
    }
}
