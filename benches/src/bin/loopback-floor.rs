//! What the kernel alone takes of a loopback connection: CPU time to write so many bytes in pieces at a pace, and to read them,
//! with nothing generated, framed or checked. No client and no sink over loopback can cost less on this machine.

use clap::Parser;
use spanproof_benches::cpu_time::CpuTime;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Measures the CPU time that writing and reading take over loopback.
#[derive(Parser)]
struct Arguments {
    /// Bytes in all; the default is what 4.2 million spans of `uniform` take.
    #[arg(long, default_value_t = 1_420_000_000)]
    bytes: u64,
    /// Bytes of a request, which is written as soon as it is due.
    #[arg(long, default_value_t = 171_000)]
    request: usize,
    /// Bytes that one system call writes at most: 16384 is how gRPC libraries cut their frames.
    #[arg(long, default_value_t = 171_000)]
    piece: usize,
    /// Bytes a second; the default is what 600,000 spans a second take.
    #[arg(long, default_value_t = 203_000_000)]
    pace: u64,
}

/// As large as the buffer of the sink's reader.
const READ_AT_ONCE: usize = 256 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut writer = TcpStream::connect(listener.local_addr()?)?;
    writer.set_nodelay(true)?;
    let (mut reader, _) = listener.accept()?;
    let reading = std::thread::spawn(move || timed(|| read_all(&mut reader)));
    let write = timed(|| write_all(&mut writer, &arguments))?;
    drop(writer);
    let read = reading.join().map_err(|_| "the reader panicked")??;
    writeln!(
        std::io::stdout(),
        "wrote {} bytes in pieces of {}: {:.2} s of CPU to write, {:.2} s to read",
        arguments.bytes,
        arguments.piece.min(arguments.request),
        write.as_secs_f64(),
        read.as_secs_f64()
    )?;
    Ok(())
}

/// The CPU time of this thread that something takes, if it comes to an end.
fn timed(mut work: impl FnMut() -> std::io::Result<()>) -> std::io::Result<Duration> {
    let mut ended = Ok(());
    let took = CpuTime::of(|| ended = work());
    ended.map(|()| took)
}

fn write_all(stream: &mut TcpStream, arguments: &Arguments) -> std::io::Result<()> {
    let body = vec![0x5a; arguments.request.max(1)];
    let (began, mut written) = (Instant::now(), 0);
    while written < arguments.bytes {
        let due = Duration::from_secs_f64(written as f64 / arguments.pace.max(1) as f64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        for piece in body.chunks(arguments.piece.max(1)) {
            stream.write_all(piece)?;
        }
        written += body.len() as u64;
    }
    Ok(())
}

fn read_all(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; READ_AT_ONCE];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
