//! What a target offers and where it listens. Nothing but this makes a case not applicable.

use super::axes::{Axes, protocol_name};
use super::raw::Fields;
use crate::wire::{Protocol, Signal};
use spanproof_scenarios::conformance::{Feature, Version};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What is known of a target before anything is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Where it takes OTLP/gRPC, if it does.
    pub grpc: Option<SocketAddr>,
    /// Where it takes OTLP/HTTP, if it does.
    pub http: Option<SocketAddr>,
    /// What it has.
    pub features: BTreeSet<Feature>,
    /// The largest request that it takes over gRPC, in bytes, where that is known.
    pub grpc_bytes_max: Option<usize>,
    /// The same over HTTP.
    pub http_bytes_max: Option<usize>,
    /// Headers that every request needs, as credentials.
    pub headers: Fields,
    /// The release that it is judged by.
    pub specification: Version,
}

/// What a target has unless it is said otherwise, besides what its addresses tell.
pub const USUAL: [Feature; 4] = [Feature::HttpJson, Feature::Traces, Feature::Metrics, Feature::Logs];

impl Profile {
    /// Of a target that takes what OTLP calls stable at these addresses.
    pub fn usual(grpc: Option<SocketAddr>, http: Option<SocketAddr>) -> Self {
        let mut features = BTreeSet::from(USUAL);
        features.extend(grpc.map(|_| Feature::Grpc));
        features.extend(http.map(|_| Feature::Http));
        if http.is_none() {
            features.remove(&Feature::HttpJson);
        }
        let specification = spanproof_scenarios::conformance::SPECIFICATION;
        let (grpc_bytes_max, http_bytes_max, headers) = (None, None, Vec::new());
        Self { grpc, http, features, grpc_bytes_max, http_bytes_max, headers, specification }
    }

    /// Without some of it.
    #[must_use]
    pub fn without(mut self, features: &[Feature]) -> Self {
        self.features.retain(|feature| !features.contains(feature));
        self
    }

    /// Whether it has something.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// The stable signals that it takes, in the order in which they are tried where the signal does not matter.
    pub fn signals(&self) -> Vec<Signal> {
        let known =
            [(Signal::Traces, Feature::Traces), (Signal::Logs, Feature::Logs), (Signal::Metrics, Feature::Metrics)];
        known.into_iter().filter(|(_, feature)| self.has(*feature)).map(|(signal, _)| signal).collect()
    }

    /// What a permutation needs that it lacks.
    pub fn lacks(&self, axes: Axes) -> Option<String> {
        let protocol = match axes.protocol {
            Protocol::Grpc => Feature::Grpc,
            Protocol::HttpProtobuf => Feature::Http,
            Protocol::HttpJson => Feature::HttpJson,
        };
        let signal = match axes.signal {
            Signal::Traces => Feature::Traces,
            Signal::Metrics => Feature::Metrics,
            Signal::Logs => Feature::Logs,
            Signal::Profiles => Feature::Profiles,
        };
        if !self.has(protocol) || self.address(axes.protocol).is_none() {
            return Some(format!("the target has no {}", protocol_name(axes.protocol)));
        }
        (!self.has(signal)).then(|| format!("the target has no {}", axes.signal.name()))
    }

    /// Where it takes requests that travel so.
    pub fn address(&self, protocol: Protocol) -> Option<SocketAddr> {
        match protocol {
            Protocol::Grpc => self.grpc,
            Protocol::HttpProtobuf | Protocol::HttpJson => self.http,
        }
    }

    /// The largest request that it takes so, where that is known.
    pub fn bytes_max(&self, protocol: Protocol) -> Option<usize> {
        match protocol {
            Protocol::Grpc => self.grpc_bytes_max,
            Protocol::HttpProtobuf | Protocol::HttpJson => self.http_bytes_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Compression;

    #[test]
    fn what_is_lacking_is_told() {
        let address = "127.0.0.1:4317".parse().ok();
        let profile = Profile::usual(address, None).without(&[Feature::Logs]);
        let lacks = |protocol, signal| profile.lacks(Axes { protocol, signal, compression: Compression::None });
        assert_eq!(lacks(Protocol::Grpc, Signal::Traces), None);
        assert_eq!(lacks(Protocol::Grpc, Signal::Logs).unwrap(), "the target has no logs");
        assert_eq!(lacks(Protocol::HttpJson, Signal::Traces).unwrap(), "the target has no http-json");
        assert_eq!(lacks(Protocol::Grpc, Signal::Profiles).unwrap(), "the target has no profiles");
        assert_eq!(profile.signals(), [Signal::Traces, Signal::Metrics]);
    }
}
