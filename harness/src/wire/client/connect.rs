//! Sockets to the endpoint, and the pauses between attempts to make one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// True while there is trouble, so that an ordinary answer takes no lock.
    troubled: AtomicBool,
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
            troubled: AtomicBool::new(false),
        }
    }

    /// A connected socket. The name is resolved anew each time, and each of its addresses is tried.
    pub async fn dial(&self) -> Result<TcpStream, Breakage> {
        self.pausing(Instant::now())?;
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

    /// Notes an answer from the target, which ends all trouble.
    pub fn worked(&self) {
        if self.troubled.load(Relaxed) {
            *self.trouble() = None;
            self.troubled.store(false, Relaxed);
        }
    }

    /// Notes a failure and starts a pause, longer than the one before. Failures during a pause belong to the one that
    /// started it.
    pub fn failed(&self, reason: String) -> Breakage {
        self.failed_at(Instant::now(), reason)
    }

    fn failed_at(&self, now: Instant, reason: String) -> Breakage {
        let mut trouble = self.trouble();
        let pause = match trouble.as_ref() {
            Some(earlier) if now < earlier.until => return self.breakage(reason),
            Some(earlier) => (earlier.pause * 2).min(self.backoff.max),
            None => self.backoff.first.min(self.backoff.max),
        };
        *trouble = Some(Trouble { pause, until: now + jittered(pause), reason: reason.clone() });
        self.troubled.store(true, Relaxed);
        self.breakage(reason)
    }

    fn pausing(&self, now: Instant) -> Result<(), Breakage> {
        match self.trouble().as_ref() {
            Some(trouble) if now < trouble.until => Err(self.breakage(trouble.reason.clone())),
            _ => Ok(()),
        }
    }

    fn breakage(&self, reason: String) -> Breakage {
        Breakage::Connect { endpoint: self.endpoint.authority(), reason }
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between a half and the whole of the pause. The randomness only keeps exporters out of step, so the standard library's
/// hash keys are enough; nothing that is recorded depends on it.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) >> 40;
    pause.mul_f64(0.5 + 0.5 * random as f64 / (1u64 << 24) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::client::Transport;

    #[test]
    fn pauses_double_up_to_the_longest_and_an_answer_ends_them() {
        let endpoint = "http://127.0.0.1:1".parse().unwrap();
        let mut config = ClientConfig::new(endpoint, Transport::Grpc);
        config.backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_millis(300) };
        let dialer = Dialer::new(&config);
        let mut now = Instant::now();
        for longest in [100, 200, 300, 300].map(Duration::from_millis) {
            dialer.failed_at(now, "down".into());
            dialer.failed_at(now, "still in the same pause".into());
            let shortest = now + longest / 2 - Duration::from_millis(1);
            assert!(dialer.pausing(shortest).is_err(), "jitter takes at most a half away");
            now += longest;
            assert!(dialer.pausing(now).is_ok());
        }
        dialer.failed_at(now, "down".into());
        assert!(dialer.pausing(now).is_err());
        dialer.worked();
        assert!(dialer.pausing(now).is_ok());
    }
}
