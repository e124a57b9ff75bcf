//! Open files and connections of our own process: seen to before anything starts, since a connection that is missing for want of one
//! looks like a failure of the target.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What there is besides connections with requests: streams, logs, evidence, listeners, pollers of runtimes, pipes to keepers, and
/// what the target delivers through. A run over four connections has 42 open at most, eight of them those connections' ends.
const OWN: u64 = 48;

/// The system does not allow as many as may be needed. Raise the hard limit, or use fewer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "have {needed} files and connections open at once: the system allows {allowed} (RLIMIT_NOFILE); raise its hard limit \
     (`ulimit -Hn`), or lower traffic.transport.connections"
)]
pub struct TooFew {
    /// The most that may be needed.
    pub needed: u64,
    /// The hard limit.
    pub allowed: u64,
}

/// The most that a sender with so many connections has open at once, when each has so many ends in our process.
pub fn needed(connections: usize, ends: usize) -> u64 {
    OWN.saturating_add((connections as u64).saturating_mul(ends as u64))
}

/// Raises the soft limit to `needed` where it is lower and the hard limit allows that, as servers do. Processes that are started from
/// then on inherit it.
///
/// # Errors
/// [`TooFew`].
pub fn provide(needed: u64) -> Result<(), TooFew> {
    let limit = getrlimit(Resource::Nofile);
    match raised(limit.current, limit.maximum, needed)? {
        None => Ok(()),
        // It has just been found to be allowed; where a sandbox says no all the same, what there is counts.
        Some(soft) => setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: limit.maximum })
            .map_err(|_| TooFew { needed, allowed: limit.current.unwrap_or(u64::MAX) }),
    }
}

/// The soft limit to set, if another than there is. `None` for a limit is none.
fn raised(soft: Option<u64>, hard: Option<u64>, needed: u64) -> Result<Option<u64>, TooFew> {
    match (soft, hard) {
        (None, _) => Ok(None),
        (Some(soft), _) if soft >= needed => Ok(None),
        (_, Some(allowed)) if allowed < needed => Err(TooFew { needed, allowed }),
        _ => Ok(Some(needed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_as_far_as_needed_and_never_lowered() {
        assert_eq!(raised(Some(40), Some(4096), 100), Ok(Some(100)));
        assert_eq!(raised(Some(40), None, 100), Ok(Some(100)));
        assert_eq!(raised(Some(40), Some(100), 100), Ok(Some(100)));
        assert_eq!(raised(Some(100), Some(100), 100), Ok(None));
        assert_eq!(raised(Some(1024), Some(4096), 100), Ok(None));
        assert_eq!(raised(None, None, u64::MAX), Ok(None));
    }

    #[test]
    fn a_hard_limit_that_is_too_low_is_named_with_the_remedy() {
        let error = raised(Some(40), Some(99), 100).unwrap_err();
        assert_eq!(error, TooFew { needed: 100, allowed: 99 });
        let text = error.to_string();
        assert!(
            text.contains("RLIMIT_NOFILE") && text.contains("ulimit -Hn") && text.contains("connections"),
            "{text}"
        );
    }
}
