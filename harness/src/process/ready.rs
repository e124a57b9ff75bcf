//! When a target counts as ready, and asking it.

use super::endpoints::Endpoints;
use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One question to the target on this machine is answered, or refused, well within this.
const ASK_FOR: Duration = Duration::from_millis(500);

/// Which receiver must listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiverPort {
    /// OTLP/gRPC.
    #[default]
    Grpc,
    /// OTLP/HTTP.
    Http,
}

/// What must hold before load is sent. By default that the OTLP/gRPC receiver listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyWhen {
    /// This receiver takes TCP connections; `None` when the health check alone decides.
    pub receiver: Option<ReceiverPort>,
    /// The health address answers `GET` of this path (e.g. `/`) with 200; `None` when the target has no health check.
    pub health_path: Option<String>,
}

impl Default for ReadyWhen {
    fn default() -> Self {
        Self { receiver: Some(ReceiverPort::Grpc), health_path: None }
    }
}

/// One thing to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Listens(ReceiverPort, SocketAddr),
    Healthy(SocketAddr, String),
}

impl ReadyWhen {
    pub(super) fn conditions(&self, endpoints: &Endpoints) -> Vec<Condition> {
        let listens = self.receiver.map(|port| {
            let address = match port {
                ReceiverPort::Grpc => endpoints.receiver_grpc,
                ReceiverPort::Http => endpoints.receiver_http,
            };
            Condition::Listens(port, address)
        });
        let healthy = self.health_path.iter().map(|path| Condition::Healthy(endpoints.health, path.clone()));
        listens.into_iter().chain(healthy).collect()
    }
}

impl Condition {
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Listens(_, address) => connect(*address).is_some(),
            Self::Healthy(address, path) => get_status(*address, path) == Some(200),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listens(ReceiverPort::Grpc, address) => {
                write!(f, "its OTLP/gRPC receiver to listen on {address} (SPANPROOF_RECEIVER_GRPC)")
            }
            Self::Listens(ReceiverPort::Http, address) => {
                write!(f, "its OTLP/HTTP receiver to listen on {address} (SPANPROOF_RECEIVER_HTTP)")
            }
            Self::Healthy(address, path) => write!(f, "200 from http://{address}{path} (SPANPROOF_HEALTH)"),
        }
    }
}

fn connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, ASK_FOR).ok()?;
    // A connection from an ephemeral port to a port of the same range where nobody listens may meet itself and succeed.
    (stream.local_addr().ok()? != address).then_some(stream)
}

fn get_status(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(ASK_FOR)).ok()?;
    stream.set_write_timeout(Some(ASK_FOR)).ok()?;
    // In one piece, so that a server that answers early does not reset the connection over an unread rest.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    // `HTTP/1.1 200` is all that is needed of the answer.
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    let head = std::str::from_utf8(&head).ok()?;
    head.strip_prefix("HTTP/1.")?.split_once(' ')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_200_is_healthy() {
        let healthy = |answer| Condition::Healthy(answering(answer), "/".to_owned()).holds();
        assert!(healthy("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!healthy("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!healthy("SSH-2.0-OpenSSH\r\n"));
        assert!(!healthy(""));
    }

    #[test]
    fn a_closed_port_does_not_listen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let condition = Condition::Listens(ReceiverPort::Grpc, listener.local_addr().unwrap());
        assert!(condition.holds());
        drop(listener);
        assert!(!condition.holds());
    }
}
