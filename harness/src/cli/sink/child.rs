//! The command behind `--`: told where the sink is, and never left behind.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The signals that exporters have variables of their own for; the empty one stands for all.
const SIGNALS: [(&str, &str); 4] = [("", ""), ("TRACES_", "traces"), ("METRICS_", "metrics"), ("LOGS_", "logs")];

/// The environment of a command that is to send to the sink: gRPC if the sink takes it, else HTTP. The variables of single
/// signals are set too, so that none that is inherited leads elsewhere.
pub(super) fn variables(grpc: Option<SocketAddr>, http: Option<SocketAddr>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let (Some(address), protocol) = (grpc.or(http), if grpc.is_some() { "grpc" } else { "http/protobuf" }) else {
        return variables;
    };
    let base = format!("http://{}", reachable(address));
    for (word, path) in SIGNALS {
        // Over HTTP an endpoint of a single signal is taken as it stands, so it needs the whole path.
        let endpoint = if path.is_empty() || grpc.is_some() { base.clone() } else { format!("{base}/v1/{path}") };
        variables.insert(format!("OTEL_EXPORTER_OTLP_{word}ENDPOINT"), endpoint);
        variables.insert(format!("OTEL_EXPORTER_OTLP_{word}PROTOCOL"), protocol.to_owned());
        variables.insert(format!("OTEL_EXPORTER_OTLP_{word}INSECURE"), "true".to_owned());
    }
    variables
}

/// An address that can be connected to: one that listens on all interfaces is reached over loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_preferred_and_unspecified_addresses_become_loopback() {
        let variables = variables("0.0.0.0:5317".parse().ok(), "127.0.0.1:5318".parse().ok());
        assert_eq!(variables["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://127.0.0.1:5317");
        assert_eq!(variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "http://127.0.0.1:5317");
        assert_eq!(variables["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"], "grpc");
    }

    #[test]
    fn over_http_single_signals_have_their_paths() {
        let variables = variables(None, "[::]:5318".parse().ok());
        assert_eq!(variables["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://[::1]:5318");
        assert_eq!(variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "http://[::1]:5318/v1/traces");
        assert_eq!(variables["OTEL_EXPORTER_OTLP_PROTOCOL"], "http/protobuf");
    }
}
