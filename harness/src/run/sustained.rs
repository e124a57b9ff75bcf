//! Whether something that is looked at again and again has held for long enough: without a break, as far as the looks tell.

use std::time::Duration;

/// Since when something holds, after one more look at it: since `before`, if it held then and holds still. One look at which it
/// does not hold, and it begins anew.
pub(super) fn since(before: Option<Duration>, holds: bool, now: Duration) -> Option<Duration> {
    holds.then(|| before.unwrap_or(now))
}

/// Whether what holds since an instant has held for `long` by now. What is asked to hold for no time at all need only hold.
pub(super) fn for_as_long(since: Option<Duration>, long: Duration, now: Duration) -> bool {
    since.is_some_and(|since| now.saturating_sub(since) >= long)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The looks, one each second from 0 on, at which something has held for so many seconds.
    fn due(holds: &[bool], seconds: u64) -> Vec<usize> {
        let mut held = None;
        let mut found = Vec::new();
        for (at, holds) in holds.iter().enumerate() {
            let now = Duration::from_secs(at as u64);
            held = since(held, *holds, now);
            if for_as_long(held, Duration::from_secs(seconds), now) {
                found.push(at);
            }
        }
        found
    }

    #[test]
    fn it_is_due_when_it_has_held_for_as_long_as_is_asked() {
        assert_eq!(due(&[false, true, true, true, true], 2), [3, 4]);
    }

    #[test]
    fn a_dip_begins_anew() {
        assert_eq!(due(&[true, true, false, true, true, true], 2), [5]);
        assert_eq!(due(&[true, false, true, false, true, false], 1), [0; 0]);
    }

    #[test]
    fn what_need_not_last_is_due_as_soon_as_it_holds_and_only_then() {
        assert_eq!(due(&[false, true, false, true], 0), [1, 3]);
    }
}
