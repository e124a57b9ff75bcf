//! OTLP on the wire: the backend's end ([`server`]) and the exporter's end ([`client`]), on hyper, below the polite
//! libraries.
//!
//! Both ends carry requests as bytes and look into none of them: what a request holds is the business of whoever made it
//! and of the [`server::Backend`] that receives it. They are built for throughput (one buffer from socket to backend, one
//! buffer from generator to socket) and for saying exactly what happened to each request. Start reading at
//! [`server::SinkServer`] and [`client::Exporter`].
//!
//! What must never be here: decoding of telemetry (but OTLP/JSON, which is turned into protobuf at the door), retries
//! (they are the caller's policy), TLS (not yet).

mod base64;
pub mod client;
mod code;
mod compression;
mod message;
mod percent;
pub mod server;
mod signal;
mod status;

pub use code::Code;
pub use compression::Compression;
pub use message::PartialSuccess;
pub use signal::{Protocol, Signal};
pub use status::Status;

/// Bytes of a gRPC message prefix: one flag and a 32-bit big-endian length.
pub(crate) const PREFIX: usize = 5;
