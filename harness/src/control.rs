//! Switching faults over HTTP, so that tests in any language can do it while a proxy or a sink runs.
//!
//! Whoever can reach this port can break what goes through, so it listens on loopback only, and a page in a browser cannot use it: what
//! changes something needs a method that browsers ask leave for, and a request under another name than loopback's is refused. It has a
//! thread of its own, named `sp-control`, since those that do the work may be busy.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use spanproof_scenarios::problem::Problems;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections at once. A test needs one.
const CONNECTIONS_MAX: usize = 16;

/// A fault is written in some hundred bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// How long headers and a body may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pause after the system gives no socket, so that accepting does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why faults cannot be switched over HTTP.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Give a loopback address, such as `127.0.0.1:0`.
    #[error("{0} is no loopback address: who can reach it could break what goes through; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// Stop the other listener or choose another address; port 0 takes any free port.
    #[error("listen on {address}: {source}; choose another address, or port 0 for any free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no thread.
    #[error("start the thread that switches faults: {0}")]
    Thread(#[source] std::io::Error),
}

/// Has faults that are switched by name.
pub trait Switchable: Send + Sync + 'static {
    /// All that there is to tell of itself and its faults.
    fn state(&self) -> Value;

    /// The fault of this name, on or off; `None` if there was none.
    fn fault(&self, name: &str) -> Option<Value>;

    /// Switches on what is written here, under this name.
    ///
    /// # Errors
    /// [`Refused`].
    fn switch_on(&self, name: &str, text: &str) -> Result<(), Refused>;

    /// Switches off the fault of this name, if there is one.
    ///
    /// # Errors
    /// In words, why it still holds.
    fn switch_off(&self, name: &str) -> Result<(), String>;

    /// Switches off all.
    ///
    /// # Errors
    /// In words, why some still hold.
    fn switch_all_off(&self) -> Result<(), String>;
}

/// Why a fault was not switched on.
#[derive(Debug)]
pub enum Refused {
    /// It is not written as it has to be.
    Wrong(Problems),
    /// This is no name for a fault.
    Name,
    /// There are too many.
    TooMany(String),
    /// It could not be done.
    Failed(String),
}

/// Answers until it is dropped.
pub struct ControlServer {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ControlServer {
    /// Listens, and switches these faults.
    ///
    /// # Errors
    /// [`ControlError`]: the address is not loopback or cannot be listened on.
    pub fn start(address: SocketAddr, faults: Arc<dyn Switchable>) -> Result<Self, ControlError> {
        if !address.ip().is_loopback() {
            return Err(ControlError::NotLoopback(address));
        }
        let listen = |source| ControlError::Listen { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ControlError::Thread)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serve = move || {
            runtime.block_on(async {
                stopped.run_until_cancelled(serve(listener, faults)).await;
            })
        };
        let thread = std::thread::Builder::new().name("sp-control".to_owned()).spawn(serve);
        Ok(Self { address, stop, thread: Some(thread.map_err(ControlError::Thread)?) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread is remembered by who asks for panics.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener, faults: Arc<dyn Switchable>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Whoever comes when all places are taken waits in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let faults = Arc::clone(&faults);
        tokio::spawn(async move {
            attend(stream, &*faults).await;
            drop(place);
        });
    }
}

async fn attend(stream: TcpStream, faults: &dyn Switchable) {
    let service = service_fn(|request| async move { Ok::<_, std::convert::Infallible>(answer(faults, request).await) });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // Errors of a connection are the peer's.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A status and a document.
type Said = (StatusCode, Value);

async fn answer(faults: &dyn Switchable, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, document) = match request.headers().get(header::HOST).map(|host| is_loopback(host.as_bytes())) {
        Some(true) => route(faults, request).await,
        Some(false) | None => problem(StatusCode::FORBIDDEN, "this is reached under a loopback address only"),
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{document:#}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Whether a request is meant for this machine. A page whose name was made to lead here says that name.
fn is_loopback(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let name = host.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| host.parse());
    name.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()) || host.split(':').next() == Some("localhost")
}

async fn route(faults: &dyn Switchable, request: Request<Incoming>) -> Said {
    let path = request.uri().path().to_owned();
    let name = path.strip_prefix("/faults/").filter(|name| !name.is_empty());
    match (request.method(), path.as_str(), name) {
        (&Method::GET, "/state", _) => state(faults),
        (&Method::DELETE, "/faults", _) => match faults.switch_all_off() {
            Ok(()) => state(faults),
            Err(why) => problem(StatusCode::INTERNAL_SERVER_ERROR, &why),
        },
        (&Method::GET, _, Some(name)) => fault(faults, name),
        (&Method::PUT, _, Some(name)) => match body(request.into_body()).await {
            Ok(text) => switch_on(faults, name, &text),
            Err(said) => said,
        },
        (&Method::DELETE, _, Some(name)) => match faults.switch_off(name) {
            Ok(()) => fault(faults, name),
            Err(why) => problem(StatusCode::INTERNAL_SERVER_ERROR, &why),
        },
        (_, "/state" | "/faults", _) | (_, _, Some(_)) => {
            let words = "GET /state, PUT, GET or DELETE /faults/NAME, and DELETE /faults are all that is understood";
            problem(StatusCode::METHOD_NOT_ALLOWED, words)
        }
        _ => problem(StatusCode::NOT_FOUND, "there are /state, /faults and /faults/NAME"),
    }
}

fn state(faults: &dyn Switchable) -> Said {
    (StatusCode::OK, faults.state())
}

fn fault(faults: &dyn Switchable, name: &str) -> Said {
    match faults.fault(name) {
        Some(fault) => (StatusCode::OK, fault),
        None => problem(StatusCode::NOT_FOUND, "there is no fault of this name"),
    }
}

fn switch_on(faults: &dyn Switchable, name: &str, text: &str) -> Said {
    match faults.switch_on(name, text) {
        Ok(()) => fault(faults, name),
        Err(Refused::Wrong(problems)) => (StatusCode::BAD_REQUEST, json!({ "problems": problems.list() })),
        Err(Refused::Name) => {
            let words = "this is no name for a fault: use lowercase letters and digits with single dashes between";
            problem(StatusCode::BAD_REQUEST, words)
        }
        Err(Refused::TooMany(why)) => problem(StatusCode::INSUFFICIENT_STORAGE, &why),
        Err(Refused::Failed(why)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &why),
    }
}

async fn body(body: Incoming) -> Result<String, Said> {
    let too_large = || problem(StatusCode::PAYLOAD_TOO_LARGE, "a fault is written in less than 16 KiB");
    let read = timeout(PATIENCE, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let read = read.map_err(|_| problem(StatusCode::REQUEST_TIMEOUT, "the fault did not come in time"))?;
    let bytes = read.map_err(|_| too_large())?.to_bytes();
    String::from_utf8(bytes.into()).map_err(|_| problem(StatusCode::BAD_REQUEST, "a fault is text in UTF-8"))
}

fn problem(status: StatusCode, message: &str) -> Said {
    let kind = status.canonical_reason().unwrap_or_default().to_lowercase().replace(' ', "_");
    (status, json!({ "problems": [{ "kind": kind, "message": message }] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for host in ["127.0.0.1:8080", "127.0.0.1", "localhost:1", "localhost", "[::1]:9", "127.9.9.9:1"] {
            assert!(is_loopback(host.as_bytes()), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "10.0.0.1:80", "localhost.evil.example", "127.0.0.1.nip.io", ""]
        {
            assert!(!is_loopback(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn only_loopback_is_listened_on() {
        struct Nothing;
        impl Switchable for Nothing {
            fn state(&self) -> Value {
                Value::Null
            }
            fn fault(&self, _: &str) -> Option<Value> {
                None
            }
            fn switch_on(&self, _: &str, _: &str) -> Result<(), Refused> {
                Ok(())
            }
            fn switch_off(&self, _: &str) -> Result<(), String> {
                Ok(())
            }
            fn switch_all_off(&self) -> Result<(), String> {
                Ok(())
            }
        }
        let refused = ControlServer::start("0.0.0.0:0".parse().unwrap(), Arc::new(Nothing));
        assert!(matches!(refused, Err(ControlError::NotLoopback(_))));
    }
}
