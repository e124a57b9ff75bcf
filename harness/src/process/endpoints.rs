//! The addresses that a target is given: where it shall listen, and where its backend is.

use super::ports::ClaimedPort;
use std::net::SocketAddr;

/// Where our sink listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkAddresses {
    /// OTLP/gRPC.
    pub grpc: SocketAddr,
    /// OTLP/HTTP.
    pub http: SocketAddr,
}

/// The ports of one target, in the order of [`Endpoints`].
pub(super) type TargetPorts = [ClaimedPort; 4];

/// All addresses of one start of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// The target's OTLP/gRPC receiver.
    pub receiver_grpc: SocketAddr,
    /// The target's OTLP/HTTP receiver.
    pub receiver_http: SocketAddr,
    /// The target's health check.
    pub health: SocketAddr,
    /// The target's own metrics.
    pub telemetry: SocketAddr,
    /// Our sink.
    pub sink: SinkAddresses,
}

impl Endpoints {
    /// Addresses on these ports.
    pub(super) fn on(ports: &TargetPorts, sink: SinkAddresses) -> Self {
        let [receiver_grpc, receiver_http, health, telemetry] = ports.each_ref().map(ClaimedPort::address);
        Self { receiver_grpc, receiver_http, health, telemetry, sink }
    }

    /// The placeholders of arguments (`{receiver_grpc}`) with what replaces them.
    pub fn placeholders(&self) -> [(&'static str, String); 9] {
        [
            ("receiver_grpc", self.receiver_grpc.to_string()),
            ("receiver_http", self.receiver_http.to_string()),
            ("health", self.health.to_string()),
            ("telemetry_host", self.telemetry.ip().to_string()),
            ("telemetry_port", self.telemetry.port().to_string()),
            ("sink_grpc", self.sink.grpc.to_string()),
            ("sink_grpc_port", self.sink.grpc.port().to_string()),
            ("sink_http", self.sink.http.to_string()),
            ("sink_http_port", self.sink.http.port().to_string()),
        ]
    }

    /// The same as environment variables: `SPANPROOF_RECEIVER_GRPC` and so on.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.placeholders().into_iter().map(|(name, value)| (format!("SPANPROOF_{}", name.to_uppercase()), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    #[test]
    fn picked_ports_differ_and_reach_the_target_as_variables() {
        let sink = SinkAddresses { grpc: "127.0.0.1:5317".parse().unwrap(), http: "[::1]:5318".parse().unwrap() };
        let endpoints = Endpoints::on(&ClaimedPort::some().unwrap(), sink);
        let ours = [endpoints.receiver_grpc, endpoints.receiver_http, endpoints.health, endpoints.telemetry];
        assert_eq!(HashSet::from(ours).len(), 4);
        let variables: BTreeMap<_, _> = endpoints.variables().collect();
        assert_eq!(
            variables.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "SPANPROOF_HEALTH",
                "SPANPROOF_RECEIVER_GRPC",
                "SPANPROOF_RECEIVER_HTTP",
                "SPANPROOF_SINK_GRPC",
                "SPANPROOF_SINK_GRPC_PORT",
                "SPANPROOF_SINK_HTTP",
                "SPANPROOF_SINK_HTTP_PORT",
                "SPANPROOF_TELEMETRY_HOST",
                "SPANPROOF_TELEMETRY_PORT",
            ]
        );
        assert_eq!(variables["SPANPROOF_SINK_HTTP"], "[::1]:5318");
        assert_eq!(variables["SPANPROOF_SINK_HTTP_PORT"], "5318");
        assert_eq!(variables["SPANPROOF_TELEMETRY_HOST"], "127.0.0.1");
    }
}
