//! Sockets to the endpoint, and the pauses between attempts to make one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::answer::Breakage;
use super::config::{Backoff, ClientConfig};
use super::endpoint::Endpoint;

/// The kernel gives a connection up when the peer has acknowledged nothing for this long; without it a connection into a
/// black hole would live for a quarter of an hour.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(20);

/// Makes sockets to one endpoint, and refuses to for a while after each failure.
pub(super) struct Dialer {
    endpoint: Endpoint,
    connect_timeout: Duration,
    backoff: Backoff,
    trouble: Mutex<Option<Trouble>>,
}

/// The failures since the last success.
struct Trouble {
    pause: Duration,
    until: Instant,
    reason: String,
}

impl Dialer {
    pub fn new(config: &ClientConfig) -> Self {
        Self {
            endpoint: config.endpoint.clone(),
            connect_timeout: config.connect_timeout,
            backoff: config.backoff,
            trouble: Mutex::new(None),
        }
    }

    /// A connected socket. The name is resolved anew each time, and each of its addresses is tried.
    pub async fn dial(&self) -> Result<TcpStream, Breakage> {
        self.pausing()?;
        let address = (self.endpoint.host(), self.endpoint.port());
        let stream = match timeout(self.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed(error.to_string())),
            Err(_) => return Err(self.failed(format!("no connection within {:?}", self.connect_timeout))),
        };
        // A socket that refuses an option still works.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MAX.as_millis() as u32);
        Ok(stream)
    }

    /// Notes that a connection works, which ends all trouble.
    pub fn worked(&self) {
        *self.trouble() = None;
    }

    /// Notes a failure and starts a pause.
    pub fn failed(&self, reason: String) -> Breakage {
        let mut trouble = self.trouble();
        let pause = match trouble.as_ref() {
            Some(earlier) => (earlier.pause * 2).min(self.backoff.max),
            None => self.backoff.first.min(self.backoff.max),
        };
        *trouble = Some(Trouble { pause, until: Instant::now() + jittered(pause), reason: reason.clone() });
        self.breakage(reason)
    }

    fn pausing(&self) -> Result<(), Breakage> {
        match self.trouble().as_ref() {
            Some(trouble) if Instant::now() < trouble.until => Err(self.breakage(trouble.reason.clone())),
            _ => Ok(()),
        }
    }

    fn breakage(&self, reason: String) -> Breakage {
        Breakage::Connect { endpoint: self.endpoint.authority(), reason }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between a half and the whole of the pause. The randomness only keeps exporters out of step, so the standard library's
/// hash keys are enough; nothing that is recorded depends on it.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) >> 40;
    pause.mul_f64(0.5 + 0.5 * random as f64 / (1u64 << 24) as f64)
}
