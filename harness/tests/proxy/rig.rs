//! A proxy with a listener behind it, and both ends of its connections as plain sockets.

use spanproof_harness::proxy::{ProxyConfig, ProxyServer, State, Touched};
use spanproof_scenarios::scenario::LinkSwitch;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// For so long nothing is seen where nothing is to come.
pub const SILENCE: Duration = Duration::from_millis(150);

pub struct Rig {
    pub proxy: ProxyServer,
    pub upstream: TcpListener,
}

impl Rig {
    pub fn start() -> Self {
        Self::configured(|config| config)
    }

    pub fn configured(configure: impl FnOnce(ProxyConfig) -> ProxyConfig) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        upstream.set_nonblocking(true).unwrap();
        let config = ProxyConfig::new("127.0.0.1:0".parse().unwrap(), vec![upstream.local_addr().unwrap()]);
        Self { proxy: ProxyServer::start(configure(config)).unwrap(), upstream }
    }

    /// With this fault from the beginning.
    pub fn broken(fault: &str) -> Self {
        let rig = Self::start();
        rig.switch_on(fault);
        rig
    }

    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    pub fn connect(&self) -> TcpStream {
        patient(TcpStream::connect(self.address()).unwrap())
    }

    /// The next connection that the proxy makes.
    pub fn accept(&self) -> TcpStream {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.upstream.accept() {
                Ok((stream, _)) => return patient(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "waited for the proxy to connect");
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Both ends of a new connection.
    pub fn pair(&self) -> (TcpStream, TcpStream) {
        (self.connect(), self.accept())
    }

    pub fn switch_on(&self, fault: &str) {
        self.proxy.handle().switch_on(LinkSwitch::read("test", fault).unwrap()).unwrap();
    }

    pub fn switch_off(&self, name: &str) {
        assert!(self.proxy.handle().switch_off(name).unwrap());
    }

    pub fn touched(&self, name: &str) -> Touched {
        self.proxy.handle().touched(name).unwrap()
    }

    /// Waits until the proxy's state satisfies a condition.
    pub fn until(&self, what: &str, condition: impl Fn(&State) -> bool) -> State {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.proxy.handle().state();
            if condition(&state) {
                return state;
            }
            assert!(Instant::now() < deadline, "waited for {what}: {state:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until no connection is left in the proxy.
    pub fn until_all_ended(&self) -> State {
        self.until("all connections to end", |state| state.connections.open == 0)
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(false).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Bytes without much structure.
pub fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Exactly so many bytes.
pub fn take(from: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

/// Everything until the end, which comes in good order.
pub fn rest(from: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// How a connection is seen to end, whatever came before.
pub fn end(from: &mut TcpStream) -> Result<(), ErrorKind> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).map(drop).map_err(|error| error.kind())
}

/// Nothing comes for a while, not even an end.
pub fn is_silent(from: &mut TcpStream) -> bool {
    from.set_read_timeout(Some(SILENCE)).unwrap();
    let read = from.read(&mut [0]).map_err(|error| error.kind());
    from.set_read_timeout(Some(PATIENCE)).unwrap();
    matches!(read, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Says something and no more.
pub fn say_all(to: &mut TcpStream, bytes: &[u8]) {
    to.write_all(bytes).unwrap();
    to.shutdown(Shutdown::Write).unwrap();
}
