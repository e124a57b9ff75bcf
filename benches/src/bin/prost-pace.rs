//! What prost takes to encode and to decode the requests of `uniform`, for scripts that measure spanproof end to end: their
//! figures are given as multiples of these, from the same minutes on the same machine.
//!
//! Prints one JSON object: million spans per CPU second, medians of five passes.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanproof_benches::cpu_time::CpuTime;
use spanproof_benches::plans::uniform;
use std::hint::black_box;
use std::io::Write;

/// The binary's allocator, since decoding allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PASSES: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measured = uniform()?;
    let requests: Vec<Bytes> = measured.requests().into_iter().map(|(_, bytes)| bytes).collect();
    let decoded: Vec<ExportTraceServiceRequest> =
        requests.iter().map(|bytes| ExportTraceServiceRequest::decode(bytes.clone())).collect::<Result<_, _>>()?;
    let mut buffer = Vec::new();
    let encode = median(measured.spans(), || {
        for request in &decoded {
            buffer.clear();
            // A vector takes whatever it is given.
            let _ = black_box(request.encode(&mut buffer));
        }
    });
    let decode = median(measured.spans(), || {
        for bytes in &requests {
            drop(black_box(ExportTraceServiceRequest::decode(bytes.clone())));
        }
    });
    writeln!(std::io::stdout(), "{{\"encode\": {encode:.3}, \"decode\": {decode:.3}}}")?;
    Ok(())
}

/// Million spans per CPU second.
fn median(spans: u64, mut pass: impl FnMut()) -> f64 {
    let mut paces: Vec<f64> = (0..PASSES).map(|_| spans as f64 / 1e6 / CpuTime::of(&mut pass).as_secs_f64()).collect();
    paces.sort_by(f64::total_cmp);
    paces[PASSES / 2]
}
