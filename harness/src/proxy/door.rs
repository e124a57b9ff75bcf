//! The listening socket, which can be shut, so that connections are refused, and opened again at the same address.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// Connections that may wait to be taken.
const BACKLOG: i32 = 1024;

/// The one socket that holds the address, shut or open: nobody else can take the port in between.
pub(super) struct Door {
    socket: Socket,
    address: SocketAddr,
    is: Mutex<Is>,
    /// How often it was shut. A listener from before is of no use after.
    times_shut: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Open,
    Shut,
    /// Shut for good.
    Closed,
}

impl Door {
    /// Listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        // A port that the kernel has chosen goes with a shutdown, one that was asked for stays. So a free one is found and asked for.
        let found = if address.port() == 0 { Some(bound(address)?) } else { None };
        let address = found.as_ref().map_or(Ok(address), local)?;
        let socket = bound(address)?;
        drop(found);
        socket.listen(BACKLOG)?;
        Ok(Self { socket, address, is: Mutex::new(Is::Open), times_shut: AtomicU64::new(0) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shut, the kernel refuses connections, and resets those that nobody has taken yet.
    pub fn set_shut(&self, shut: bool) -> io::Result<()> {
        self.turn(if shut { Is::Shut } else { Is::Open })
    }

    /// Shut, for good.
    pub fn close(&self) -> io::Result<()> {
        self.turn(Is::Closed)
    }

    fn turn(&self, wanted: Is) -> io::Result<()> {
        let mut is = self.lock();
        match (*is, wanted) {
            (Is::Closed, _) => return Ok(()),
            (Is::Open, Is::Shut | Is::Closed) => {
                self.socket.shutdown(Shutdown::Read)?;
                self.times_shut.fetch_add(1, SeqCst);
            }
            (Is::Shut, Is::Open) => self.socket.listen(BACKLOG)?,
            (Is::Open, Is::Open) | (Is::Shut, Is::Shut | Is::Closed) => {}
        }
        *is = wanted;
        Ok(())
    }

    pub fn is_shut(&self) -> bool {
        *self.lock() != Is::Open
    }

    fn lock(&self) -> MutexGuard<'_, Is> {
        self.is.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn times_shut(&self) -> u64 {
        self.times_shut.load(SeqCst)
    }

    /// Takes connections until the door is shut.
    pub fn listener(&self) -> io::Result<TcpListener> {
        TcpListener::from_std(self.socket.try_clone()?.into())
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier proxy that wait for their last packets do not keep the address.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn local(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the system names no address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_shut_door_refuses_and_opens_again_at_the_same_address() {
        let door = Door::open("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(door.address().port(), 0);
        for _ in 0..3 {
            TcpStream::connect(door.address()).unwrap();
            door.set_shut(true).unwrap();
            let refused = TcpStream::connect(door.address()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            door.set_shut(false).unwrap();
        }
        assert_eq!(door.times_shut(), 3);
        door.close().unwrap();
        door.set_shut(false).unwrap();
        assert!(door.is_shut() && TcpStream::connect(door.address()).is_err(), "for good");
    }
}
