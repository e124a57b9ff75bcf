//! Taking connections, and letting none begin once the proxy is to stop.

use super::Shared;
use super::connection::attend;
use super::switchboard::Holding;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// A pause after the system gives no socket (out of file descriptors, or the door is just being shut), so that accepting does
/// not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Takes connections until the proxy is to stop, then gives them `last_wait` to end. Returns how many had to be cut.
pub(super) async fn serve(shared: Arc<Shared>, last_wait: watch::Receiver<Duration>) -> usize {
    let places = Arc::new(Semaphore::new(shared.connections_max.min(Semaphore::MAX_PERMITS)));
    let everything = places.available_permits();
    accept(&shared, &places).await;
    // Those that nobody has taken yet are reset. A door that cannot be shut is gone with the process.
    let _ = shared.door.close();
    let patience = *last_wait.borrow();
    let all = u32::try_from(everything).unwrap_or(u32::MAX);
    match timeout(patience, places.acquire_many(all)).await {
        Ok(_) => 0,
        Err(_) => everything - places.available_permits(),
    }
}

async fn accept(shared: &Arc<Shared>, places: &Arc<Semaphore>) {
    let mut changes = shared.board.follow();
    while !shared.stop.is_cancelled() {
        // Looked at first: if the door is shut from here on, the number has changed and what listens is of no use.
        let times_shut = shared.door.times_shut();
        if shared.door.is_shut() {
            tokio::select! {
                () = shared.stop.cancelled() => return,
                _ = changes.changed() => continue,
            }
        }
        match shared.door.listener() {
            Ok(listener) => take(shared, places, &listener, (&mut changes, times_shut)).await,
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Takes connections until the proxy is to stop or the door was shut.
async fn take(
    shared: &Arc<Shared>,
    places: &Arc<Semaphore>,
    listener: &TcpListener,
    (changes, times_shut): (&mut watch::Receiver<Arc<Holding>>, u64),
) {
    while shared.door.times_shut() == times_shut {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = changes.changed() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((client, _)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => {
                let number = shared.tally.connections.fetch_add(1, Relaxed);
                tokio::spawn(attend(Arc::clone(shared), client, number, place));
            }
            Err(_) => {
                shared.tally.refused.fetch_add(1, Relaxed);
            }
        }
    }
}
