//! What memory alone takes of making requests: the CPU time to copy blocks from random places of a buffer that no cache near by
//! holds, with nothing patched. Requests of `shop` cannot be made ready faster on this machine.

use clap::Parser;
use spanproof_benches::cpu_time::CpuTime;
use spanproof_generators::mix::scramble;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

/// Measures the CPU time that copying from random places takes.
#[derive(Parser)]
struct Arguments {
    /// Bytes of the buffer; the default is the pool of `shop`.
    #[arg(long, default_value_t = 54_906_909)]
    bytes: usize,
    /// Bytes of a block; the default is what one service exports of a trace in the mean.
    #[arg(long, default_value_t = 1_413)]
    block: usize,
    /// Bytes of a span, in which the pace is given.
    #[arg(long, default_value_t = 382)]
    span: usize,
}

/// Spans that one pass comes to.
const SPANS: usize = 336_000;

/// Passes, of which the median is told.
const PASSES: usize = 15;

/// As large as a request.
const REQUEST: usize = 150_000;

/// The binary's allocator, since it decides how large the pages are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    let Arguments { bytes, block, span } = Arguments::parse();
    let block = block.clamp(1, bytes.max(1));
    let buffer: Vec<u8> = (0..bytes.max(1)).map(|at| at as u8).collect();
    let blocks = (SPANS * span / block) as u64;
    let places: Vec<usize> = (0..blocks).map(|at| scramble(at) as usize % (buffer.len() - block + 1)).collect();
    let mut paces: Vec<f64> = (0..PASSES).map(|_| copy(&buffer, &places, block)).map(pace).collect();
    paces.sort_by(f64::total_cmp);
    let (least, median, most) = (paces[0], paces[PASSES / 2], paces[PASSES - 1]);
    writeln!(
        std::io::stdout(),
        "copied blocks of {block} bytes from random places of {bytes}: {median:.1} M spans of {span} bytes a CPU second \
         ({least:.1} to {most:.1}), median of {PASSES}"
    )
}

/// One pass into a buffer that is used again.
fn copy(buffer: &[u8], places: &[usize], block: usize) -> Duration {
    let mut request = Vec::with_capacity(REQUEST + block);
    CpuTime::of(|| {
        for place in places {
            if request.len() > REQUEST {
                black_box(&request);
                request.clear();
            }
            request.extend_from_slice(&buffer[*place..*place + block]);
        }
    })
}

/// Million spans a second.
fn pace(took: Duration) -> f64 {
    SPANS as f64 / took.as_secs_f64() / 1e6
}
