//! The minimum rate at which a client must send or receive.
//!
//! A client may be idle for up to `BODY_TIMEOUT`. Once a transfer has taken longer than that, its average rate must be
//! at least [`MIN_BYTES_PER_SECOND`], which any real connection reaches. A large body over a slow connection is
//! allowed, but a few bytes per second are not.

use std::time::{Duration, Instant};

/// The minimum average rate, in bytes per second, of a transfer that takes longer than `BODY_TIMEOUT`. At this rate, a
/// transfer of 100 MB takes just under three hours.
pub const MIN_BYTES_PER_SECOND: u32 = 10_000;

/// Measures the rate at which a body arrives.
#[derive(Debug, Clone, Copy)]
pub struct MinRate {
    began: Instant,
    pause: Duration,
}

impl MinRate {
    /// Starts measuring a transfer that began at `began`. `pause` is the maximum time without a byte.
    #[must_use]
    pub fn new(began: Instant, pause: Duration) -> Self {
        Self { began, pause }
    }

    /// Returns how long to wait for the next chunk, given that `received` bytes have arrived by `now`.
    #[must_use]
    pub fn time_left(&self, received: usize, now: Instant) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / f64::from(MIN_BYTES_PER_SECOND));
        let spent = now.saturating_duration_since(self.began);
        (self.pause + earned).saturating_sub(spent).min(self.pause)
    }
}

/// Measures the rate at which a client receives a response.
#[derive(Debug, Clone, Copy)]
pub struct MinReceiveRate {
    rate: MinRate,
    /// The number of bytes that the client had received when the measurement began.
    base: u64,
    /// The number of bytes that the client had received at its latest progress, and the time of this progress.
    latest: (u64, Instant),
}

impl MinReceiveRate {
    /// Starts measuring a client that has received `received` bytes so far. `pause` is the maximum time without
    /// progress.
    #[must_use]
    pub fn new(received: u64, began: Instant, pause: Duration) -> Self {
        Self { rate: MinRate::new(began, pause), base: received, latest: (received, began) }
    }

    /// Records that the client has received `received` bytes by `now`. Returns whether the client is too slow.
    #[must_use]
    pub fn is_too_slow(&mut self, received: u64, now: Instant) -> bool {
        if received > self.latest.0 {
            self.latest = (received, now);
        }
        let since_base = usize::try_from(received.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let pause = now.saturating_duration_since(self.latest.1);
        pause > self.rate.pause || self.rate.time_left(since_base, now).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn a_steady_upload_is_allowed_and_a_trickling_upload_times_out() {
        let began = Instant::now();
        let rate = MinRate::new(began, PAUSE);
        assert_eq!(rate.time_left(0, began), PAUSE);
        // 100 MB at 100 kB per second, one chunk per second: each chunk restarts the idle timeout.
        for second in 1..1000 {
            let now = began + Duration::from_secs(second);
            assert_eq!(rate.time_left(second as usize * 100_000, now), PAUSE);
        }
        // One byte per second: the remaining time shrinks, and runs out soon after the timeout.
        let ended = (1..100).find(|second| {
            let now = began + Duration::from_secs(*second);
            rate.time_left(*second as usize, now).is_zero()
        });
        assert_eq!(ended, Some(31));
    }

    #[test]
    fn a_client_that_receives_steadily_is_allowed_and_a_slow_one_is_not() {
        let began = Instant::now();
        let ended = |received: fn(u64) -> u64| {
            let mut rate = MinReceiveRate::new(1_000_000, began, PAUSE);
            (1..10_000)
                .find(|second| rate.is_too_slow(1_000_000 + received(*second), began + Duration::from_secs(*second)))
        };
        assert_eq!(ended(|second| second * 12_000), None);
        // The number of received bytes grows only every 25 seconds, as with a large receive buffer.
        assert_eq!(ended(|second| second / 25 * 25 * 12_000), None);
        assert_eq!(ended(|_| 0), Some(30));
        assert_eq!(ended(|second| second), Some(31));
        // A fast start allows a slower rate later, but not a longer idle time.
        assert_eq!(ended(|second| second.min(100) * 100_000), Some(131));
        let slow = ended(|second| second * 9_000).expect("too slow on average");
        assert!((290..310).contains(&slow), "{slow}");
    }
}
