//! What `spanproof proxy` costs and how much later it makes things: bytes for each CPU second of its threads, and the time of a small
//! exchange with it and without it in between.

use clap::Parser;
use spanproof_harness::proxy::{ProxyConfig, ProxyServer};
use spanproof_harness::resources::ThreadCpu;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Measures a proxy between plain TCP peers over loopback.
#[derive(Parser)]
struct Arguments {
    /// Bytes in all.
    #[arg(long, default_value_t = 4_000_000_000)]
    bytes: u64,
    /// Connections side by side.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Bytes that a sender writes at once.
    #[arg(long, default_value_t = 171_000)]
    piece: usize,
    /// Small exchanges, one after the other.
    #[arg(long, default_value_t = 20_000)]
    exchanges: usize,
    /// Bytes of a small exchange in each direction.
    #[arg(long, default_value_t = 200)]
    exchanged: usize,
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// As large as the buffer of the sink's reader.
const READ_AT_ONCE: usize = 256 << 10;

fn main() -> Outcome {
    let arguments = Arguments::parse();
    throughput(&arguments)?;
    exchanges(&arguments)
}

fn throughput(arguments: &Arguments) -> Outcome {
    let connections = arguments.connections.max(1);
    let (at, peer) = peer(connections, |mut stream| {
        let mut buffer = vec![0; READ_AT_ONCE];
        while stream.read(&mut buffer)? > 0 {}
        Ok(())
    })?;
    let mut proxy = ProxyServer::start(ProxyConfig::new(([127, 0, 0, 1], 0).into(), vec![at]))?;
    let (mut cpu, began) = (ThreadCpu::new(), Instant::now());
    cpu.sample();
    let before = cpu.of_prefix("sp-proxy").ok_or("no CPU time is known")?;
    let (to, each, piece) = (proxy.address(), arguments.bytes / connections as u64, arguments.piece.max(1));
    let senders: Vec<_> = (0..connections).map(|_| std::thread::spawn(move || send(to, each, piece))).collect();
    for sender in senders {
        sender.join().map_err(|_| "a sender panicked")??;
    }
    peer.join().map_err(|_| "the peer panicked")??;
    let took = began.elapsed();
    cpu.sample();
    let used = cpu.of_prefix("sp-proxy").ok_or("no CPU time is known")? - before;
    let relayed = proxy.handle().state().bytes.upstream;
    proxy.shutdown(Duration::from_secs(1));
    writeln!(
        std::io::stdout(),
        "relayed {relayed} bytes over {connections} connections in {:.2} s: {:.2} GB for each CPU second of the proxy",
        took.as_secs_f64(),
        relayed as f64 / used.as_secs_f64().max(1e-9) / 1e9
    )?;
    Ok(())
}

fn send(to: SocketAddr, bytes: u64, piece: usize) -> std::io::Result<()> {
    let (mut stream, piece, mut sent) = (connected(to)?, vec![0x5a; piece], 0);
    while sent < bytes {
        stream.write_all(&piece)?;
        sent += piece.len() as u64;
    }
    Ok(())
}

fn exchanges(arguments: &Arguments) -> Outcome {
    let size = arguments.exchanged.max(1);
    let (at, peer) = peer(2, move |mut stream| {
        let mut message = vec![0; size];
        while stream.read_exact(&mut message).is_ok() {
            stream.write_all(&message)?;
        }
        Ok(())
    })?;
    let proxy = ProxyServer::start(ProxyConfig::new(([127, 0, 0, 1], 0).into(), vec![at]))?;
    let (mut plain, mut proxied) = (connected(at)?, connected(proxy.address())?);
    // By turns, so that whatever else the machine does meets both.
    let (mut without, mut with, mut message) = (Vec::new(), Vec::new(), vec![0x5a; size]);
    for _ in 0..arguments.exchanges {
        without.push(exchange(&mut plain, &mut message)?);
        with.push(exchange(&mut proxied, &mut message)?);
    }
    drop((plain, proxied));
    peer.join().map_err(|_| "the peer panicked")??;
    for (what, times) in [("without", &mut without), ("with", &mut with)] {
        times.sort_unstable();
        let at =
            |rank: f64| times.get((times.len() as f64 * rank) as usize).map_or(f64::NAN, |t| t.as_secs_f64() * 1e6);
        let (p50, p99) = (at(0.5), at(0.99));
        writeln!(std::io::stdout(), "an exchange of {size} bytes {what} it: p50 {p50:.0} us, p99 {p99:.0} us")?;
    }
    Ok(())
}

fn exchange(stream: &mut TcpStream, message: &mut [u8]) -> std::io::Result<Duration> {
    let began = Instant::now();
    stream.write_all(message)?;
    stream.read_exact(message)?;
    Ok(began.elapsed())
}

fn connected(to: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

type Peer = JoinHandle<std::io::Result<()>>;

/// Takes so many connections and attends to each on a thread of its own.
fn peer(
    connections: usize,
    attend: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + Copy + 'static,
) -> std::io::Result<(SocketAddr, Peer)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    let peer = std::thread::spawn(move || {
        let take = |_| {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(std::thread::spawn(move || attend(stream)))
        };
        let attending: std::io::Result<Vec<Peer>> = (0..connections).map(take).collect();
        attending?.into_iter().try_for_each(|attended| {
            attended.join().unwrap_or_else(|_| Err(std::io::Error::other("a peer's thread panicked")))
        })
    });
    Ok((at, peer))
}
