//! A rate limit for log lines that are expensive to create. It is applied before a line is created. Like every other
//! line, a created line is also subject to [`super::rate_limit`].

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The default maximum number of lines per second.
pub const LINES_PER_SECOND: u32 = 10;

/// Admits up to `LINES` lines per second, and counts the lines that it suppresses.
#[derive(Debug, Default)]
pub struct LineLimit<const LINES: u32 = LINES_PER_SECOND>(Mutex<Second>);

/// A period of one second, starting with its first line.
#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl<const LINES: u32> LineLimit<LINES> {
    /// Creates a limit that has not admitted any line yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Second { began: None, lines: 0, suppressed: 0 }))
    }

    /// Returns `None` if a line at `now` must be suppressed. If the line may be logged, returns the number of lines
    /// that were suppressed since the last admitted line.
    pub fn admit(&self, now: Instant) -> Option<u64> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = second.began.is_none_or(|began| now.saturating_duration_since(began) >= Duration::from_secs(1));
        if is_over {
            (second.began, second.lines) = (Some(now), 0);
        }
        if second.lines == LINES {
            second.suppressed += 1;
            return None;
        }
        second.lines += 1;
        Some(std::mem::take(&mut second.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_log_lines_per_second_are_admitted_and_the_others_are_counted() {
        let limit = LineLimit::<10>::new();
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let admitted: Vec<_> = (0..35).map(|index| limit.admit(after(index * 20))).collect();
        assert_eq!(admitted[..10], [Some(0); 10]);
        assert_eq!(admitted[10..], [None; 25]);
        assert_eq!(limit.admit(after(999)), None);
        assert_eq!(limit.admit(after(1000)), Some(26));
        assert_eq!(limit.admit(after(1000)), Some(0));
        assert_eq!(limit.admit(after(60_000)), Some(0));
    }
}
