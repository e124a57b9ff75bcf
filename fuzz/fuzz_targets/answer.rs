//! What a hostile target answers to the exporter: `export` ends in time with an [`Answer`], and nothing but a success of the
//! target's own words is reported as one.
//!
//! The first byte of an input says who answers with the rest: see [`Target`].

#![no_main]

use std::num::NonZeroUsize;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use libfuzzer_sys::fuzz_target;
use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, HEADROOM, RefusalCode, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// The exporter's own timeout: short, since some answers never end.
const TIMEOUT: Duration = Duration::from_millis(200);

/// The machine may be busy; beyond this the exporter waits for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// The target closes first, so each connection blocks its pair of ports for a minute. Each of these listeners has pairs of
/// its own.
const LISTENERS: usize = 64;

/// The longest answer that the exporter is told to read.
const RESPONSE_BYTES_MAX: usize = 1 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Target {
    /// All that it says over HTTP/1.1.
    Http,
    /// All that it says over HTTP/2.
    Frames,
    /// A gRPC server that keeps to HTTP/2: a line each for the HTTP status, `grpc-status`, `grpc-message` and
    /// `grpc-status-details-bin` (an empty line leaves it out), then the body.
    Grpc,
}

const TARGETS: [Target; 3] = [Target::Http, Target::Frames, Target::Grpc];

struct Rig {
    runtime: Runtime,
    listeners: Vec<TcpListener>,
    inputs: usize,
}

static RIG: LazyLock<Mutex<Rig>> = LazyLock::new(|| Mutex::new(Rig::start()));

fuzz_target!(|input: &[u8]| {
    if let Some((&how, said)) = input.split_first() {
        RIG.lock().unwrap_or_else(PoisonError::into_inner).answer(TARGETS[usize::from(how) % TARGETS.len()], said);
    }
});

impl Rig {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listeners = runtime.block_on(async {
            let mut listeners = Vec::new();
            for _ in 0..LISTENERS {
                listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
            }
            listeners
        });
        Self { runtime, listeners, inputs: 0 }
    }

    fn answer(&mut self, target: Target, said: &[u8]) {
        self.inputs += 1;
        let listener = &self.listeners[self.inputs % LISTENERS];
        let transport = match target {
            Target::Http => Transport::HttpProtobuf { connections: NonZeroUsize::MIN },
            _ => Transport::Grpc,
        };
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let config = ClientConfig {
            timeout: TIMEOUT,
            response_bytes_max: RESPONSE_BYTES_MAX,
            ..ClientConfig::new(endpoint, transport)
        };
        // A new one for each input: none pays for what the target of another did.
        let exporter = Exporter::new(config).unwrap();
        let payload = exporter.payload([&[0; HEADROOM][..], b"spans"].concat());
        let exported = async {
            tokio::select! {
                answer = exporter.export(payload) => answer,
                never = serve(listener, target, said) => match never {},
            }
        };
        let answer = self.runtime.block_on(async { timeout(DEADLINE, exported).await });
        judge(target, said, &answer.expect("the exporter keeps its timeout"));
    }
}

/// What the exporter may make of what the target said.
fn judge(target: Target, said: &[u8], answer: &Answer) {
    // What is kept of a peer's text is bounded.
    if let Answer::Refused { code, message, .. } = answer {
        assert!(message.len() <= 1 << 10);
        assert_eq!(matches!(code, RefusalCode::Http(_)), target == Target::Http);
        assert!(!matches!(code, RefusalCode::Http(200..300)), "{answer:?}");
    }
    let Answer::Accepted { partial, unreadable } = answer else { return };
    assert!(partial.is_none() || !unreadable);
    match target {
        Target::Http => assert!(says_success(said), "{answer:?} to {:?}", String::from_utf8_lossy(said)),
        // Whether frames say so is HPACK's secret; that they say something is not.
        Target::Frames => assert!(!said.is_empty()),
        // Where there is a `grpc-status` it decides, whatever the HTTP status: so says gRPC's mapping of the two.
        Target::Grpc => {
            let (_, headers, _) = parts(said);
            let status = headers.get("grpc-status").and_then(|status| status.to_str().ok()?.parse::<u32>().ok());
            assert_eq!(status, Some(0), "{answer:?}");
        }
    }
}

/// Whether the status of the last head of an HTTP/1.1 answer is a success. Heads before it are informational.
fn says_success(said: &[u8]) -> bool {
    let mut rest = said.trim_ascii_start();
    loop {
        let Some(status) = rest.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)) else { return false };
        match status {
            [b'2', ..] => return true,
            [b'1', ..] if status != b"101" => {}
            _ => return false,
        }
        let ends = [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"];
        let end = ends
            .iter()
            .filter_map(|end| rest.windows(end.len()).position(|at| at == *end).map(|at| at + end.len()))
            .min();
        rest = end.map_or(&[][..], |end| &rest[end..]).trim_ascii_start();
    }
}

/// Answers whoever connects, and never ends before the exporter has.
async fn serve(listener: &TcpListener, target: Target, said: &[u8]) -> std::convert::Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).unwrap();
        match target {
            Target::Grpc => call(stream, said).await,
            _ => say(stream, said).await,
        }
    }
}

/// Says it once the request has begun to arrive, and ends.
async fn say(mut stream: TcpStream, said: &[u8]) {
    let mut heard = [0; 4096];
    // An exporter that has heard enough may close at any time.
    if stream.read(&mut heard).await.is_ok() && stream.write_all(said).await.is_ok() && stream.shutdown().await.is_ok()
    {
        while let Ok(1..) = stream.read(&mut heard).await {}
    }
}

/// Answers one call over HTTP/2. What becomes of the connection afterwards is the exporter's business.
async fn call(stream: TcpStream, said: &[u8]) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let Some(Ok((_, mut answer))) = connection.accept().await else { return };
    let (status, headers, body) = parts(said);
    let mut head = Response::new(());
    *head.status_mut() = status;
    let trailers_only = body.is_empty();
    if trailers_only {
        *head.headers_mut() = headers.clone();
    }
    if let Ok(mut stream) = answer.send_response(head, trailers_only)
        && !trailers_only
        && stream.send_data(Bytes::copy_from_slice(body), false).is_ok()
    {
        let _ = stream.send_trailers(headers);
    }
    while connection.accept().await.is_some() {}
}

/// The parts of what a [`Target::Grpc`] says. What cannot be said in a header is left out.
fn parts(said: &[u8]) -> (StatusCode, HeaderMap, &[u8]) {
    let mut lines = said.splitn(5, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let status = StatusCode::from_bytes(line()).ok().filter(|status| status.as_u16() >= 200).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        if let (text @ [_, ..], name) = (line(), HeaderName::from_static(name))
            && let Ok(value) = HeaderValue::from_bytes(text)
        {
            headers.insert(name, value);
        }
    }
    (status, headers, line())
}
