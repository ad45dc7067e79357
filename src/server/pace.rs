//! How slowly a body may come: a pause may last `BODY_TIMEOUT`, and after that time the whole must have come at a rate that
//! any honest connection has. A large body over a slow line passes, one that trickles does not.

use std::time::{Duration, Instant};

/// The slowest rate of a body, on average and once the time for a pause is over: 100 MB take two hours and a half at it.
const BYTES_PER_SECOND: u32 = 10_000;

/// The clock of one body.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    began: Instant,
    pause: Duration,
}

impl Pace {
    /// Starts the clock; `pause` is the longest time without any byte.
    #[must_use]
    pub fn new(began: Instant, pause: Duration) -> Self {
        Self { began, pause }
    }

    /// How long the next piece may take, where `received` bytes have come until `now`.
    #[must_use]
    pub fn patience(&self, received: usize, now: Instant) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / f64::from(BYTES_PER_SECOND));
        let spent = now.saturating_duration_since(self.began);
        (self.pause + earned).saturating_sub(spent).min(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn a_steady_body_never_ends_a_trickle_does() {
        let began = Instant::now();
        let pace = Pace::new(began, PAUSE);
        assert_eq!(pace.patience(0, began), PAUSE);
        // 100 MB at 100 kB a second, a piece each second: a pause of the whole length is always allowed.
        for second in 1..1000 {
            let now = began + Duration::from_secs(second);
            assert_eq!(pace.patience(second as usize * 100_000, now), PAUSE);
        }
        // A byte a second: patience shrinks, and is at its end soon after the first pause.
        let ended = (1..100).find(|second| {
            let now = began + Duration::from_secs(*second);
            pace.patience(*second as usize, now).is_zero()
        });
        assert_eq!(ended, Some(31));
    }
}
