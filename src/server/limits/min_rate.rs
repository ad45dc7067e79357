//! The minimum rate of a client, in either direction.
//!
//! A pause may last `BODY_TIMEOUT`. Once that time is over, the whole must have come, or must have been taken, at a
//! rate that any honest connection has. A large body over a slow line passes, one that trickles does not.

use std::time::{Duration, Instant};

/// The minimum rate in bytes per second, on average and after the first pause: 100 MB take just under three hours at
/// it.
pub const MIN_BYTES_PER_SECOND: u32 = 10_000;

/// The clock of one body that is read.
#[derive(Debug, Clone, Copy)]
pub struct MinRate {
    began: Instant,
    pause: Duration,
}

impl MinRate {
    /// Starts the clock; `pause` is the longest time without any byte.
    #[must_use]
    pub fn new(began: Instant, pause: Duration) -> Self {
        Self { began, pause }
    }

    /// Returns how long the next piece may take, given that `received` bytes have come until `now`.
    #[must_use]
    pub fn patience(&self, received: usize, now: Instant) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / f64::from(MIN_BYTES_PER_SECOND));
        let spent = now.saturating_duration_since(self.began);
        (self.pause + earned).saturating_sub(spent).min(self.pause)
    }
}

/// The clock of a client that the service waits for while it writes.
#[derive(Debug, Clone, Copy)]
pub struct MinTakeRate {
    rate: MinRate,
    /// What had been taken when the clock started.
    base: u64,
    /// What had been taken when it last was more than before, and when that was.
    latest: (u64, Instant),
}

impl MinTakeRate {
    /// Starts the clock for a client that has taken `taken` bytes so far; `pause` is the longest time without more.
    #[must_use]
    pub fn new(taken: u64, began: Instant, pause: Duration) -> Self {
        Self { rate: MinRate::new(began, pause), base: taken, latest: (taken, began) }
    }

    /// Notes that the client has taken `taken` bytes until `now`, and returns whether that is too slow.
    #[must_use]
    pub fn is_too_slow(&mut self, taken: u64, now: Instant) -> bool {
        if taken > self.latest.0 {
            self.latest = (taken, now);
        }
        let since_base = usize::try_from(taken.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let pause = now.saturating_duration_since(self.latest.1);
        pause > self.rate.pause || self.rate.patience(since_base, now).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn a_steady_body_never_ends_a_trickle_does() {
        let began = Instant::now();
        let rate = MinRate::new(began, PAUSE);
        assert_eq!(rate.patience(0, began), PAUSE);
        // 100 MB at 100 kB a second, a piece each second: a pause of the whole length is always allowed.
        for second in 1..1000 {
            let now = began + Duration::from_secs(second);
            assert_eq!(rate.patience(second as usize * 100_000, now), PAUSE);
        }
        // A byte a second: patience shrinks, and is at its end soon after the first pause.
        let ended = (1..100).find(|second| {
            let now = began + Duration::from_secs(*second);
            rate.patience(*second as usize, now).is_zero()
        });
        assert_eq!(ended, Some(31));
    }

    #[test]
    fn a_reader_that_takes_enough_is_kept_and_one_that_stops_is_not() {
        let began = Instant::now();
        let ended = |taken: fn(u64) -> u64| {
            let mut rate = MinTakeRate::new(1_000_000, began, PAUSE);
            (1..10_000)
                .find(|second| rate.is_too_slow(1_000_000 + taken(*second), began + Duration::from_secs(*second)))
        };
        assert_eq!(ended(|second| second * 12_000), None);
        // In steps of 25 seconds, as a large receive buffer shows them.
        assert_eq!(ended(|second| second / 25 * 25 * 12_000), None);
        assert_eq!(ended(|_| 0), Some(30));
        assert_eq!(ended(|second| second), Some(31));
        // A good start buys time, and no pause that is longer than others'.
        assert_eq!(ended(|second| second.min(100) * 100_000), Some(131));
        let slow = ended(|second| second * 9_000).expect("too slow on average");
        assert!((290..310).contains(&slow), "{slow}");
    }
}
