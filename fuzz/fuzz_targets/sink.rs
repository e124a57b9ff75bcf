//! What a hostile peer sends to the server: every request that arrives is answered in time and counted once, no bytes stay
//! held, and a valid request is accepted all the while.
//!
//! The first byte of an input says how the rest travels: four bits for the [`Flavour`], two for the signal, one for a body in
//! two pieces.

#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use spanproof_generators::walk::Walk;
use spanproof_harness::sink::tally::Tally;
use spanproof_harness::wire::Signal;
use spanproof_harness::wire::server::{Backend, Limits, ServerConfig, ServerCounters, SinkServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Longer than any of the server's own waits; an answer that takes longer will not come.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request with one empty span.
const VALID: &[u8] = &[0x0a, 4, 0x12, 2, 0x12, 0];

/// After so many inputs a valid request is sent.
const EVERY: u64 = 32;

#[derive(Clone, Copy)]
enum Flavour {
    /// A POST of OTLP/HTTP with this content type and encoding.
    Http(&'static str, &'static str),
    /// The same, but the connection ends one byte early.
    Cut,
    /// A gRPC message with this flag and `grpc-encoding`.
    Grpc(u8, &'static str),
    /// The body of a gRPC call, message prefix and all.
    Frames,
    /// All of a connection to the HTTP listener.
    RawHttp,
    /// All of a connection to the gRPC listener.
    RawGrpc,
}

const FLAVOURS: [Flavour; 12] = [
    Flavour::Http("application/x-protobuf", ""),
    Flavour::Http("application/x-protobuf", "gzip"),
    Flavour::Http("application/x-protobuf", "zstd"),
    Flavour::Http("application/json", ""),
    Flavour::Http("application/json", "gzip"),
    Flavour::Frames,
    Flavour::Grpc(0, "gzip"),
    Flavour::Grpc(1, "gzip"),
    Flavour::Grpc(1, "zstd"),
    Flavour::Cut,
    Flavour::RawHttp,
    Flavour::RawGrpc,
];

struct Rig {
    server: SinkServer,
    runtime: Runtime,
    peer: Peer,
    inputs: u64,
}

/// The hostile peer, with the connections that it keeps.
struct Peer {
    http: SocketAddr,
    grpc: SocketAddr,
    kept_http: Option<TcpStream>,
    kept_grpc: Option<h2::client::SendRequest<Bytes>>,
}

static RIG: LazyLock<Mutex<Rig>> = LazyLock::new(|| Mutex::new(Rig::start()));

fuzz_target!(|input: &[u8]| {
    if let Some((&how, body)) = input.split_first() {
        RIG.lock().unwrap_or_else(PoisonError::into_inner).send(how, body);
    }
});

impl Rig {
    fn start() -> Self {
        let limits = Limits {
            request_bytes_max: 64 << 10,
            in_flight_bytes_max: 4 << 20,
            in_flight_wait: Duration::from_millis(200),
            body_pause_max: Duration::from_millis(500),
            body_timeout: Duration::from_secs(1),
            // The connections that are kept have to outlast whatever the fuzzer does between two inputs.
            header_timeout: Duration::from_secs(3600),
            idle_timeout: Duration::from_secs(3600),
            ..Limits::default()
        };
        let any = Some("127.0.0.1:0".parse().unwrap());
        let config = ServerConfig { grpc: any, http: any, limits, ..ServerConfig::default() };
        let server = SinkServer::start(config, Arc::new(Tally::default()) as Arc<dyn Backend>).unwrap();
        let (http, grpc) = (server.http_addr().unwrap(), server.grpc_addr().unwrap());
        let peer = Peer { http, grpc, kept_http: None, kept_grpc: None };
        Self { server, runtime: Builder::new_current_thread().enable_all().build().unwrap(), peer, inputs: 0 }
    }

    fn send(&mut self, how: u8, body: &[u8]) {
        self.inputs += 1;
        if self.inputs % EVERY == 1 {
            for flavour in [FLAVOURS[0], FLAVOURS[6]] {
                assert!(self.one(flavour, Signal::Traces, VALID, false), "a valid request is refused");
            }
        }
        let flavour = FLAVOURS[usize::from(how & 15) % FLAVOURS.len()];
        let signal = Signal::ALL[usize::from(how >> 4 & 3)];
        let pieces = how & 64 != 0;
        match flavour {
            Flavour::RawHttp => self.raw(self.peer.http, body),
            Flavour::RawGrpc => self.raw(self.peer.grpc, body),
            _ => {
                let accepted = self.one(flavour, signal, body, pieces);
                if let (Flavour::Http("application/x-protobuf", "") | Flavour::Grpc(0, _), Signal::Traces) =
                    (flavour, signal)
                {
                    assert_eq!(accepted, Walk::default().read(body).is_ok(), "accepted is what can be read");
                }
            }
        }
    }

    /// Sends one request, and says whether it was accepted. It is counted once, as what its answer says.
    fn one(&mut self, flavour: Flavour, signal: Signal, body: &[u8], pieces: bool) -> bool {
        let before = self.server.counters();
        let peer = &mut self.peer;
        let sent = async {
            match flavour {
                Flavour::Http(content_type, encoding) => peer.http(signal, content_type, encoding, body, pieces).await,
                Flavour::Cut => peer.cut(signal, body).await,
                Flavour::Grpc(flag, encoding) => {
                    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
                    peer.grpc(signal, encoding, [&[flag][..], &length, body].concat(), pieces).await
                }
                _ => peer.grpc(signal, "gzip", body.to_vec(), pieces).await,
            }
        };
        let accepted = self.runtime.block_on(async { timeout(DEADLINE, sent).await }).expect("an answer in time");
        let after = self.settled();
        assert_eq!(after.requests, before.requests + 1, "one request is one request");
        assert_eq!(after.accepted, before.accepted + u64::from(accepted), "counted as answered");
        accepted
    }

    /// Sends all bytes of a connection and nothing more. Whatever requests they hold, the connection ends.
    fn raw(&mut self, address: SocketAddr, bytes: &[u8]) {
        let said = async { timeout(DEADLINE, say(address, bytes)).await };
        self.runtime.block_on(said).expect("the connection ends in time");
        self.settled();
    }

    /// The counters, once nothing is under way any more.
    fn settled(&self) -> ServerCounters {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let now = self.server.counters();
            let ended = now.accepted + now.partial + now.refused_total() + now.hung + now.reset + now.abandoned;
            if ended == now.requests && now.in_flight_bytes == 0 && now.connections_open <= 2 {
                assert_eq!(now.hung + now.reset + now.partial, 0, "the backend decides nothing of the kind");
                return now;
            }
            assert!(Instant::now() < deadline, "under way for ever, or counted twice: {now:?}");
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

impl Peer {
    /// A POST over the kept HTTP/1.1 connection; whether its answer is a success.
    async fn http(&mut self, signal: Signal, content_type: &str, encoding: &str, body: &[u8], pieces: bool) -> bool {
        let mut stream = match self.kept_http.take() {
            Some(stream) => stream,
            None => connect(self.http).await,
        };
        let request = [&head(signal, content_type, encoding, body.len()), body].concat();
        let cut = if pieces { request.len() - body.len() / 2 } else { request.len() };
        for piece in [&request[..cut], &request[cut..]] {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let (status, stays) = read_answer(&mut stream).await.expect("an answer");
        self.kept_http = stays.then_some(stream);
        (200..300).contains(&status)
    }

    /// A POST that breaks off. Whether there is still somebody to be answered is a matter of luck.
    async fn cut(&mut self, signal: Signal, body: &[u8]) -> bool {
        let request = [&head(signal, "application/x-protobuf", "", body.len() + 1), body].concat();
        let answer = say(self.http, &request).await;
        answer.starts_with(b"HTTP/1.1 2")
    }

    /// A gRPC call over the kept HTTP/2 connection; whether its status is OK.
    async fn grpc(&mut self, signal: Signal, encoding: &str, body: Vec<u8>, pieces: bool) -> bool {
        let mut connection = match self.kept_grpc.take() {
            Some(connection) => connection,
            None => {
                let (sender, connection) = h2::client::handshake(connect(self.grpc).await).await.unwrap();
                tokio::spawn(connection);
                sender
            }
        };
        let request = http::Request::post(format!("http://{}{}", self.grpc, signal.grpc_path()))
            .header("content-type", "application/grpc")
            .header("grpc-encoding", encoding);
        connection = connection.ready().await.unwrap();
        let (answer, mut stream) = connection.send_request(request.body(()).unwrap(), false).unwrap();
        let mut body = Bytes::from(body);
        let rest = if pieces { body.split_off(body.len() / 2) } else { Bytes::new() };
        // A server that has decided already does not read on. Of frames with nothing in them that end nothing, the HTTP/2 library takes
        // so many on a connection and no more, which is right: no client has a use for them.
        if !body.is_empty() {
            let _ = stream.send_data(body, false);
            tokio::task::yield_now().await;
        }
        let _ = stream.send_data(rest, true);
        let (head, mut body) = answer.await.expect("an answer").into_parts();
        while let Some(Ok(data)) = body.data().await {
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        let trailers = body.trailers().await.ok().flatten();
        let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        let status = status.or(head.headers.get("grpc-status")).expect("a status").to_str().unwrap().to_owned();
        self.kept_grpc = Some(connection);
        status == "0"
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Writes bytes, ends, and reads what comes until the other side ends, too.
async fn say(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address).await;
    let mut answer = Vec::new();
    // A server that has heard enough may close at any time.
    if stream.write_all(bytes).await.is_ok() && stream.shutdown().await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    answer
}

fn head(signal: Signal, content_type: &str, encoding: &str, length: usize) -> Vec<u8> {
    let path = signal.http_path();
    format!(
        "POST {path} HTTP/1.1\r\nhost: sink\r\ncontent-type: {content_type}\r\ncontent-encoding: {encoding}\r\n\
         content-length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// Reads one answer, whose length the server always says: its status, and whether the connection stays.
async fn read_answer(stream: &mut TcpStream) -> Option<(u16, bool)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).ok()?.to_ascii_lowercase();
    let length: usize = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    while read.len() < end + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(read.len(), end + length, "nothing follows the answer");
    Some((head.get(9..12)?.parse().ok()?, !head.contains("connection: close")))
}
