//! How much of requests is in memory at once, and the refusal past that (contract, section 8): a client that is told to
//! come back loses nothing, a process that is killed for its memory does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{Limit, RequestError};

/// The bytes of all request bodies that are being read or worked on.
#[derive(Debug, Clone)]
pub struct InFlight {
    bytes: Arc<AtomicUsize>,
    /// Requests so far.
    admitted: Arc<AtomicUsize>,
    limit: usize,
}

/// The share of one request; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    in_flight: InFlight,
    bytes: usize,
}

impl InFlight {
    /// Nothing in flight, and at most `limit` bytes.
    #[must_use]
    pub fn up_to(limit: usize) -> Self {
        Self { bytes: Arc::default(), admitted: Arc::default(), limit }
    }

    /// A request that has no bytes yet.
    #[must_use]
    pub fn share(&self) -> Share {
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Share { in_flight: self.clone(), bytes: 0 }
    }

    /// How many requests there have been.
    #[must_use]
    pub fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    /// How many bytes are in flight.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether no bytes are in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }
}

impl Share {
    /// Makes the share `bytes` bytes, unless it has more already. A request that is alone always may: otherwise one that
    /// is larger than the limit would be repeated for ever.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`] where all requests together would pass the limit.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), RequestError> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let (own, limit) = (self.bytes, self.in_flight.limit);
        self.in_flight
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| {
                let others = all.saturating_sub(own);
                (others == 0 || all.saturating_add(more) <= limit).then(|| all.saturating_add(more))
            })
            .map_err(|_| RequestError::Overloaded(Limit::InFlightBytes))?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.in_flight.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The memory that this process may use, in bytes: the tightest of the control group's limit and the machine's memory.
/// `None` where neither can be told.
#[must_use]
pub fn memory_limit() -> Option<usize> {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
    });
    [number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory/memory.limit_in_bytes"), machine]
        .into_iter()
        .flatten()
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_given_back() {
        let in_flight = InFlight::up_to(100);
        let (mut one, mut two) = (in_flight.share(), in_flight.share());
        assert_eq!(one.grow_to(60), Ok(()));
        assert_eq!(two.grow_to(40), Ok(()));
        assert_eq!(two.grow_to(41), Err(RequestError::Overloaded(Limit::InFlightBytes)));
        assert_eq!(two.grow_to(10), Ok(()), "a share does not shrink");
        drop(one);
        assert_eq!(two.grow_to(1_000), Ok(()), "alone it may be larger than the limit");
        let mut three = in_flight.share();
        assert_eq!(three.grow_to(1), Err(RequestError::Overloaded(Limit::InFlightBytes)));
        drop(two);
        assert_eq!(three.grow_to(1), Ok(()));
    }

    #[test]
    fn the_machine_has_some_memory() {
        assert!(memory_limit().is_some_and(|bytes| bytes > 1 << 20));
    }
}
