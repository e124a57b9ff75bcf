//! What a case is tried over: the ways a request can travel.

use crate::wire::{Compression, Protocol, Signal};
use std::fmt;

/// One permutation. It stands in the name of a trial: `HTTP-10/status[http-protobuf,gzip,traces]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axes {
    /// Transport and encoding.
    pub protocol: Protocol,
    /// Of requests.
    pub compression: Compression,
    /// What is sent.
    pub signal: Signal,
}

impl Axes {
    /// The same without compression: what a control is tried over.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { compression: Compression::None, ..self }
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(protocol_name(self.protocol))?;
        if self.compression != Compression::None {
            write!(f, ",{}", self.compression.token())?;
        }
        write!(f, ",{}", self.signal.name())
    }
}

/// A protocol as it stands in names, where `/` would begin something else.
pub fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "grpc",
        Protocol::HttpProtobuf => "http-protobuf",
        Protocol::HttpJson => "http-json",
    }
}

/// Over which permutations a case is to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Each of these.
    pub protocols: &'static [Protocol],
    /// Each of these, too, for each of the former.
    pub compressions: &'static [Compression],
    /// With which telemetry.
    pub signals: Signals,
}

/// With which telemetry a case is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    /// The first of traces, logs and metrics that the target takes: it is not about the signal.
    Any,
    /// Each of these.
    Each(&'static [Signal]),
}

/// OTLP/gRPC.
pub const GRPC: &[Protocol] = &[Protocol::Grpc];
/// OTLP/HTTP with protobuf.
pub const PROTOBUF: &[Protocol] = &[Protocol::HttpProtobuf];
/// OTLP/HTTP with JSON.
pub const JSON: &[Protocol] = &[Protocol::HttpJson];
/// OTLP/HTTP.
pub const HTTP: &[Protocol] = &[Protocol::HttpProtobuf, Protocol::HttpJson];
/// What carries protobuf.
pub const BINARY: &[Protocol] = &[Protocol::Grpc, Protocol::HttpProtobuf];
/// Every protocol.
pub const ALL: &[Protocol] = &[Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson];

/// The three signals that are stable.
pub const STABLE: Signals = Signals::Each(&[Signal::Traces, Signal::Metrics, Signal::Logs]);

impl Over {
    /// Over these protocols without compression, with whatever telemetry.
    pub const fn any(protocols: &'static [Protocol]) -> Self {
        Self { protocols, compressions: &[Compression::None], signals: Signals::Any }
    }

    /// Over these protocols without compression, with each of these.
    pub const fn each(protocols: &'static [Protocol], signals: Signals) -> Self {
        Self { protocols, compressions: &[Compression::None], signals }
    }

    /// The same with gzip.
    #[must_use]
    pub const fn gzipped(self) -> Self {
        Self { compressions: &[Compression::Gzip], ..self }
    }

    /// Every permutation, given the signals that count for [`Signals::Any`], the first of which is taken.
    pub fn permutations(&self, offered: &[Signal]) -> Vec<Axes> {
        let any = [offered.first().copied().unwrap_or(Signal::Traces)];
        let signals = match self.signals {
            Signals::Any => &any[..],
            Signals::Each(signals) => signals,
        };
        let mut all = Vec::new();
        for &protocol in self.protocols {
            for &compression in self.compressions {
                all.extend(signals.iter().map(|&signal| Axes { protocol, compression, signal }));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_named_by_what_differs_from_the_usual() {
        let over = Over::each(HTTP, STABLE).gzipped();
        let names = over.permutations(&[]).iter().map(Axes::to_string).collect::<Vec<_>>();
        assert_eq!(names.len(), 6);
        assert_eq!(names[0], "http-protobuf,gzip,traces");
        assert_eq!(over.permutations(&[])[5].plain().to_string(), "http-json,logs");
        let any = Over::any(GRPC).permutations(&[Signal::Logs, Signal::Metrics]);
        assert_eq!(any.iter().map(Axes::to_string).collect::<Vec<_>>(), ["grpc,logs"]);
    }
}
