//! A limit for log lines that are costly to make: whether to make one is known before it is made. Every line passes
//! [`super::rate_limit`] as well.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a kind in one second.
pub const LINES_PER_SECOND: u32 = 10;

/// Lets so many lines through and counts the others.
#[derive(Debug, Default)]
pub struct LineLimit<const LINES: u32 = LINES_PER_SECOND>(Mutex<Second>);

/// A second, from its first line on.
#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl<const LINES: u32> LineLimit<LINES> {
    /// No line yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Second { began: None, lines: 0, suppressed: 0 }))
    }

    /// Whether a line may be written `now`; and if so, how many were not since the last one that was.
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
    fn ten_lines_a_second_and_the_next_tells_how_many_were_not_written() {
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
