//! One connection: from the client's socket to a second one upstream, bytes both ways, and an end as it came or as a fault has it.

use super::http2::Session;
use super::pump::{Break, Pump};
use super::switchboard::{Account, Holding, Switched};
use super::{Shared, Way};
use crate::threads::Present;
use spanproof_scenarios::scenario::LinkFault;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{sleep, timeout};

/// How long the upstream may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked whether a client that is led into a black hole is still there.
const GONE_POLL: Duration = Duration::from_millis(250);

/// After a connection was closed in good order, its ends may take this long to do so too.
const LAST_READS: Duration = Duration::from_secs(1);

/// What both directions of a connection share.
pub(super) struct Link {
    pub shared: Arc<Shared>,
    /// Counted from 0 in the order in which connections came.
    pub number: u64,
    /// The accounts in which this connection stands.
    touched: Mutex<BTreeSet<u64>>,
    /// Its frames, if it speaks HTTP/2.
    session: Mutex<Session>,
    wakes: [Notify; 2],
}

impl Link {
    /// Whether this connection was not yet in an account; now it is.
    pub fn is_new_to(&self, account: &Account) -> bool {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(account.number)
    }

    /// The frames of the connection.
    pub fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something to say in a direction.
    pub fn wake(&self, way: Way) {
        self.wakes[way as usize].notify_one();
    }

    /// Waits for that.
    pub async fn woken(&self, way: Way) {
        self.wakes[way as usize].notified().await;
    }

    /// Bytes were handed on.
    pub fn relayed(&self, way: Way, bytes: usize) {
        self.shared.tally.bytes(way).fetch_add(bytes as u64, Relaxed);
    }
}

/// One connection from its first socket to its end.
pub(super) async fn attend(shared: Arc<Shared>, client: TcpStream, number: u64, _place: OwnedSemaphorePermit) {
    let link = Link {
        shared,
        number,
        touched: Mutex::default(),
        session: Mutex::new(Session::new()),
        wakes: [Notify::new(), Notify::new()],
    };
    let _open = Present::on(&link.shared.tally.open);
    if !may_begin(&link, &client).await {
        return;
    }
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(&link.shared.upstream[..])).await {
        Ok(Ok(upstream)) => relay(&link, client, upstream).await,
        Ok(Err(_)) | Err(_) => {
            link.shared.tally.unreachable.fetch_add(1, Relaxed);
            abort(&client);
        }
    }
}

/// What a connection meets before it has begun.
enum Met {
    Reset(Arc<Switched>),
    BlackHole(Arc<Switched>),
}

fn met(holding: &Holding, connection: u64) -> Option<Met> {
    let meets = |switched: &Arc<Switched>| match switched.fault {
        // One that was taken just before the door was shut.
        LinkFault::Refuse => Some(Met::Reset(Arc::clone(switched))),
        LinkFault::Reset(cut) if cut.after.0 == 0 => Some(Met::Reset(Arc::clone(switched))),
        LinkFault::BlackHole => Some(Met::BlackHole(Arc::clone(switched))),
        _ => None,
    };
    holding.0.iter().filter(|switched| switched.touches(connection)).find_map(meets)
}

/// Waits until nothing keeps the connection from its upstream. False if it is over: it was reset, or its client has gone.
async fn may_begin(link: &Link, client: &TcpStream) -> bool {
    let mut changes = link.shared.board.follow();
    let mut noted = None;
    loop {
        let met = met(&changes.borrow_and_update(), link.number);
        match met {
            None => return true,
            Some(Met::Reset(switched)) => {
                switched.account.note(link.is_new_to(&switched.account), 0, 1);
                abort(client);
                return false;
            }
            Some(Met::BlackHole(switched)) => {
                if noted.replace(switched.episode) != Some(switched.episode) {
                    switched.account.note(link.is_new_to(&switched.account), 0, 1);
                }
                tokio::select! {
                    _ = changes.changed() => {}
                    () = sleep(GONE_POLL) => if is_gone(client).await { return false },
                }
            }
        }
    }
}

/// Whether a client has ended its side: nobody waits for what it may have said before.
async fn is_gone(client: &TcpStream) -> bool {
    match timeout(Duration::ZERO, client.ready(Interest::READABLE)).await {
        Ok(Ok(ready)) => ready.is_read_closed(),
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

async fn relay(link: &Link, mut client: TcpStream, mut upstream: TcpStream) {
    // Without it small pieces wait for acknowledgements. A socket that refuses is served anyway.
    let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_upstream, to_upstream) = upstream.split();
        let up = Pump::new(link, Way::Upstream, from_client, to_upstream);
        let down = Pump::new(link, Way::Downstream, from_upstream, to_client);
        tokio::try_join!(up.run(), down.run())
    };
    match ended {
        Ok(_) => {}
        Err(Break::Reset) => [&client, &upstream].into_iter().for_each(abort),
        Err(Break::Close) => {
            let _ = timeout(LAST_READS, async { tokio::join!(leave(&mut client), leave(&mut upstream)) }).await;
        }
    }
}

/// When the socket is dropped, its peer sees a reset.
fn abort(socket: &TcpStream) {
    // One that refuses is closed politely; nobody is left to be told.
    let _ = socket.set_zero_linger();
}

/// Says that nothing more comes, and reads what does: a socket that is closed with something unread resets its peer.
async fn leave(socket: &mut TcpStream) {
    let mut unread = [0; 1024];
    if socket.shutdown().await.is_ok() {
        while let Ok(1..) = socket.read(&mut unread).await {}
    }
}
