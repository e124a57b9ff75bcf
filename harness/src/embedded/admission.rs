//! The two limits that keep a target's memory bounded: requests and bytes between acceptance and the end of their export.
//!
//! Like the Go collector's queue, what is being exported still counts; a request leaves when its last destination is done
//! with it, which is when the last clone of its [`Admission`] is dropped, however that comes about.

use std::sync::{Arc, Mutex, PoisonError};

/// What may be inside at one time, and what is.
#[derive(Debug)]
pub struct Budget {
    requests_max: usize,
    bytes_max: u64,
    inside: Mutex<Inside>,
}

/// What is inside a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inside {
    /// Requests accepted and not yet done with.
    pub requests: usize,
    /// Their encoded bytes as received.
    pub bytes: u64,
}

/// Which limit a request did not fit under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The queue holds as many requests as it may.
    Requests,
    /// The queued bytes would pass the memory limit.
    Bytes,
}

impl Budget {
    /// A budget of `requests_max` requests and `bytes_max` bytes.
    pub fn new(requests_max: usize, bytes_max: u64) -> Arc<Self> {
        Arc::new(Self { requests_max, bytes_max, inside: Mutex::default() })
    }

    /// Takes a place for one request of `bytes`, or says which limit is in the way.
    pub fn admit(self: &Arc<Self>, bytes: u64) -> Result<Arc<Admission>, Full> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.requests >= self.requests_max {
            return Err(Full::Requests);
        }
        if inside.bytes.saturating_add(bytes) > self.bytes_max {
            return Err(Full::Bytes);
        }
        inside.requests += 1;
        inside.bytes += bytes;
        Ok(Arc::new(Admission { budget: Arc::clone(self), bytes }))
    }

    /// What is inside now.
    pub fn inside(&self) -> Inside {
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one request; given back when dropped.
#[derive(Debug)]
pub struct Admission {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut inside = self.budget.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.requests -= 1;
        inside.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_refuses_under_its_own_name_and_places_come_back() {
        let budget = Budget::new(2, 100);
        let first = budget.admit(60).unwrap();
        assert_eq!(budget.admit(41).unwrap_err(), Full::Bytes);
        let second = budget.admit(40).unwrap();
        assert_eq!(budget.admit(0).unwrap_err(), Full::Requests);
        let clone = Arc::clone(&first);
        drop(first);
        assert_eq!(budget.inside(), Inside { requests: 2, bytes: 100 });
        drop((clone, second));
        assert_eq!(budget.inside(), Inside::default());
    }
}
