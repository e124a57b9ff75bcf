//! prost doing the same work, which every figure of ours is a multiple of: in the benches, and in `prost-pace` for scripts.

use crate::cpu_time::CpuTime;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::{DecodeError, Message};
use std::hint::black_box;
use std::time::Duration;

/// The requests as the structures that prost encodes.
///
/// # Errors
/// When prost does not read what we have made.
pub fn decoded(requests: &[(u64, Bytes)]) -> Result<Vec<ExportTraceServiceRequest>, DecodeError> {
    requests.iter().map(|(_, bytes)| ExportTraceServiceRequest::decode(bytes.clone())).collect()
}

/// Encodes each into the same buffer.
pub fn encode(decoded: &[ExportTraceServiceRequest], buffer: &mut Vec<u8>) {
    for request in decoded {
        buffer.clear();
        // A vector takes whatever it is given.
        let _ = black_box(request.encode(buffer));
    }
}

/// Decodes all requests; CPU time, with that of freeing what was decoded.
pub fn decode(requests: &[(u64, Bytes)]) -> Duration {
    fresh(requests, |_, body| drop(black_box(ExportTraceServiceRequest::decode(body))))
}

/// CPU time of working on all requests once, by their due instants and bytes. Each was just copied, as a server's are from its
/// socket, so its bytes are in a cache near by; the copy is not measured.
pub fn fresh(requests: &[(u64, Bytes)], mut work: impl FnMut(u64, Bytes)) -> Duration {
    let one = |(due_ns, body): &(u64, Bytes)| {
        let body = Bytes::copy_from_slice(body);
        CpuTime::of(|| work(*due_ns, body))
    };
    requests.iter().map(one).sum()
}
