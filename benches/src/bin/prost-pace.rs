//! What prost takes to encode and to decode the requests of `uniform`, for scripts that measure spanproof end to end: their
//! figures are given as multiples of these, from the same minutes on the same machine.
//!
//! Prints one JSON object: million spans per CPU second, medians of five passes.

use spanproof_benches::cpu_time::CpuTime;
use spanproof_benches::plans::uniform;
use spanproof_benches::prost_pace::{decode, decoded, encode};
use std::io::Write;
use std::time::Duration;

/// The binary's allocator, since decoding allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PASSES: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measured = uniform()?;
    let requests = measured.requests();
    let (structures, mut buffer) = (decoded(&requests)?, Vec::new());
    let encode = median(measured.spans(), || CpuTime::of(|| encode(&structures, &mut buffer)));
    let decode = median(measured.spans(), || decode(&requests));
    writeln!(std::io::stdout(), "{{\"encode\": {encode:.3}, \"decode\": {decode:.3}}}")?;
    Ok(())
}

/// Million spans per CPU second.
fn median(spans: u64, mut pass: impl FnMut() -> Duration) -> f64 {
    let mut paces: Vec<f64> = (0..PASSES).map(|_| spans as f64 / 1e6 / pass().as_secs_f64()).collect();
    paces.sort_by(f64::total_cmp);
    paces[PASSES / 2]
}
