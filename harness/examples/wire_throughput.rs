//! Measures both ends of the wire over loopback: how many megabytes a second, and what they cost in CPU time per end.
//!
//! `cargo run --release --example wire_throughput -- [grpc|http] [seconds] [body KiB] [in flight] [sink threads]
//! [none|gzip] [connections]`. Bodies are made anew for each request, as the driver does by patching. CPU time is read per
//! thread by name, so client and server are told apart within one process.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use spanproof_harness::wire::Compression;
use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, HEADROOM, Transport};
use spanproof_harness::wire::server::{Backend, Decision, Export, ServerConfig, SinkServer};

/// The binary's allocator, since large buffers cost page faults with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a span of the workload `uniform`, to turn bytes into spans.
const SPAN_BYTES: f64 = 350.0;

#[derive(Default)]
struct Count(AtomicU64);

impl Backend for Count {
    fn export(&self, request: Export) -> Decision {
        self.0.fetch_add(request.body.len() as u64, Relaxed);
        Decision::Accept
    }
}

struct Setup {
    transport: Transport,
    time: Duration,
    body: usize,
    in_flight: usize,
    sink_threads: NonZeroUsize,
    compression: Compression,
    connections: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setup = setup();
    let count = Arc::new(Count::default());
    let address = Some("127.0.0.1:0".parse()?);
    let config = ServerConfig { grpc: address, http: address, threads: setup.sink_threads, ..ServerConfig::default() };
    let server = SinkServer::start(config, Arc::clone(&count) as Arc<dyn Backend>)?;
    let target = match setup.transport {
        Transport::Grpc => server.grpc_addr(),
        Transport::HttpProtobuf { .. } => server.http_addr(),
    };
    let endpoint = format!("http://{}", target.ok_or("no address")?).parse()?;
    let mut config = ClientConfig::new(endpoint, setup.transport);
    config.compression = setup.compression;

    let before = cpu_seconds();
    let start = Instant::now();
    let client =
        std::thread::Builder::new().name("sp-drive".into()).spawn(move || (drive(&config, &setup), cpu_seconds()))?;
    let (requests, after) = client.join().map_err(|_| "the client panicked")?;
    let wall = start.elapsed().as_secs_f64();

    let bytes = count.0.load(Relaxed) as f64;
    let spent = |name: &str| after.get(name).unwrap_or(&0.0) - before.get(name).unwrap_or(&0.0);
    let (client, server_cpu) = (spent("sp-drive"), spent("sp-sink"));
    let mut out = std::io::stdout().lock();
    use std::io::Write;
    writeln!(out, "{requests} requests, {:.0} MB/s, {:.0} requests/s", bytes / 1e6 / wall, requests as f64 / wall)?;
    for (name, cpu) in [("client", client), ("server", server_cpu)] {
        let per_request = cpu * 1e6 / requests as f64;
        let spans = bytes / SPAN_BYTES / cpu / 1e6;
        writeln!(out, "{name}: {cpu:.2} CPU s, {per_request:.1} us/request, {spans:.2} M spans per CPU second")?;
    }
    Ok(())
}

fn setup() -> Setup {
    let mut words = std::env::args().skip(1);
    let transport = words.next();
    let mut number = |default: usize| words.next().and_then(|word| word.parse().ok()).unwrap_or(default);
    let (seconds, kib, in_flight, threads) = (number(5), number(176), number(16), number(1));
    let compression = match words.next().as_deref() {
        Some("gzip") => Compression::Gzip,
        _ => Compression::None,
    };
    let connections = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    let transport = match transport.as_deref() {
        Some("http") => {
            Transport::HttpProtobuf { connections: NonZeroUsize::new(in_flight).unwrap_or(NonZeroUsize::MIN) }
        }
        _ => Transport::Grpc,
    };
    Setup {
        transport,
        time: Duration::from_secs(seconds as u64),
        body: kib << 10,
        in_flight,
        sink_threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
        compression,
        connections,
    }
}

/// Keeps `in_flight` requests under way on each of `connections` exporters until the time is over.
fn drive(config: &ClientConfig, setup: &Setup) -> u64 {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return 0 };
    let template: Arc<[u8]> = (0..HEADROOM + setup.body).map(|i| ((i * 2_654_435_761) >> 16) as u8 & 15).collect();
    runtime.block_on(async {
        let end = Instant::now() + setup.time;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..setup.connections {
            let Ok(exporter) = Exporter::new(config.clone()).map(Arc::new) else { return 0 };
            for _ in 0..setup.in_flight {
                let (exporter, template) = (Arc::clone(&exporter), Arc::clone(&template));
                tasks.spawn(async move {
                    let mut requests = 0;
                    while Instant::now() < end {
                        let payload = exporter.payload(template.to_vec());
                        if exporter.export(payload).await == Answer::ACCEPTED {
                            requests += 1;
                        }
                    }
                    requests
                });
            }
        }
        tasks.join_all().await.into_iter().sum::<u64>()
    })
}

/// CPU seconds so far by thread name, numbers at the end of a name left out. Threads that ended are not seen, so it is
/// called by the client's thread as its last act.
fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return sums };
    for task in tasks.flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let name = read("comm").trim().trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-').to_owned();
        let nanos = read("schedstat").split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        *sums.entry(name).or_default() += nanos / 1e9;
    }
    sums
}
