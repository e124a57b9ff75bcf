//! A server on free ports with a backend that does as it is told and remembers what it saw.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, HEADROOM, Transport};
use spanproof_harness::wire::server::{Backend, Decision, Export, Limits, ServerConfig, ServerCounters, SinkServer};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const GRPC: Transport = Transport::Grpc;
pub const HTTP: Transport = Transport::HttpProtobuf { connections: NonZeroUsize::new(4).unwrap() };

type Decide = dyn Fn(&Export) -> Decision + Send + Sync;

struct Scripted {
    decide: Box<Decide>,
    seen: Mutex<Vec<Export>>,
}

impl Backend for Scripted {
    fn export(&self, request: Export) -> Decision {
        let decision = (self.decide)(&request);
        self.seen.lock().unwrap().push(request);
        decision
    }
}

pub struct Rig {
    pub server: SinkServer,
    backend: Arc<Scripted>,
}

impl Rig {
    pub fn start(limits: Limits, decide: impl Fn(&Export) -> Decision + Send + Sync + 'static) -> Self {
        let backend = Arc::new(Scripted { decide: Box::new(decide), seen: Mutex::default() });
        let any = Some("127.0.0.1:0".parse().unwrap());
        let config = ServerConfig { grpc: any, http: any, threads: NonZeroUsize::new(2).unwrap(), limits, pulse: None };
        let server = SinkServer::start(config, Arc::clone(&backend) as Arc<dyn Backend>).unwrap();
        Self { server, backend }
    }

    pub fn accepting() -> Self {
        Self::start(Limits::default(), |_| Decision::Accept)
    }

    pub fn deciding(decision: Decision) -> Self {
        Self::start(Limits::default(), move |_| decision.clone())
    }

    pub fn grpc(&self) -> SocketAddr {
        self.server.grpc_addr().unwrap()
    }

    pub fn http(&self) -> SocketAddr {
        self.server.http_addr().unwrap()
    }

    pub fn config(&self, transport: Transport) -> ClientConfig {
        let address = if transport == GRPC { self.grpc() } else { self.http() };
        ClientConfig::new(format!("http://{address}").parse().unwrap(), transport)
    }

    pub fn exporter(&self, transport: Transport) -> Exporter {
        Exporter::new(self.config(transport)).unwrap()
    }

    /// What the backend has seen so far, which is forgotten.
    pub fn seen(&self) -> Vec<Export> {
        std::mem::take(&mut self.backend.seen.lock().unwrap())
    }

    pub fn counters(&self) -> ServerCounters {
        self.server.counters()
    }

    /// Waits until the counters satisfy a condition, since a server counts after the peer has gone its way.
    pub async fn until(&self, what: &str, condition: impl Fn(&ServerCounters) -> bool) -> ServerCounters {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let counters = self.counters();
            if condition(&counters) {
                return counters;
            }
            assert!(Instant::now() < deadline, "waited for {what}: {counters:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every byte that was taken from the common bound has been given back.
    pub async fn until_nothing_in_flight(&self) {
        self.until("all bytes in flight to be given back", |counters| counters.in_flight_bytes == 0).await;
    }
}

/// A payload buffer around a message.
pub fn buffer(message: &[u8]) -> Vec<u8> {
    [&[0xEE; HEADROOM], message].concat()
}

/// Bytes without much structure.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub async fn send(exporter: &Exporter, message: &[u8]) -> Answer {
    exporter.export(exporter.payload(buffer(message))).await
}
