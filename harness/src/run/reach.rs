//! Whether an external target can be one, before the load: it is not our own sink, and somebody listens.

use super::RunError;
use crate::wire::client::Endpoint;
use spanproof_scenarios::scenario::External;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

/// A target that does not take a connection within this is not there: its machine may be far, but not so far.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

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

/// Makes sure that somebody listens.
///
/// # Errors
/// Nobody takes a connection.
pub(super) fn connect(external: &External) -> Result<(), RunError> {
    let failed = |reason: String| RunError::Unreachable { endpoint: external.endpoint.as_str().to_owned(), reason };
    let addresses = addresses(external).map_err(|error| failed(error.to_string()))?;
    let deadline = Instant::now() + CONNECT_WITHIN;
    let mut reason = "its name has no address".to_owned();
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Ok(()),
            Err(error) => reason = format!("{address}: {error}"),
        }
    }
    Err(failed(reason))
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
