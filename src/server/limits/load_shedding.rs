//! Load shedding based on event-loop lag: the rule that bounds how long accepted requests wait.
//!
//! Bytes alone do not bound a wait: a quarter of 16 GiB is minutes of work. What is bounded here is the time in a queue. An
//! event loop goes round: it does a piece of everything that is ready, then looks for what has become ready meanwhile. A
//! request that comes late in a long round has waited all of it. Once rounds have been long for a while, so that it is no
//! burst, a worker accepts requests only during the first part of each and rejects the rest of it, which costs little and
//! makes the next round short. Uploads that wait for their clients are not ready, and make no round long.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::limit::Limit;

/// How long rounds must have been long before any request is rejected, and short before all are accepted again: otherwise
/// one short round between long ones would let a whole burst in.
const BURST: Duration = Duration::from_millis(25);

/// Requests that are accepted in every round, however long each of them takes.
const AT_LEAST: usize = 2;

thread_local! {
    static WORKER: Cell<LoopLag> = const { Cell::new(LoopLag::NONE) };
}

/// The rounds of a worker's event loop.
#[derive(Debug, Clone, Copy)]
struct LoopLag {
    /// The present round: its start, and how many requests were accepted.
    present: Option<(Instant, usize)>,
    /// The end of the latest.
    ended: Option<Instant>,
    /// Whether they have been long for a while.
    is_overloaded: bool,
    /// Since when they have been the other way, all of them.
    otherwise_since: Option<Instant>,
}

impl LoopLag {
    const NONE: Self = Self { present: None, ended: None, is_overloaded: false, otherwise_since: None };

    /// Decides whether a request is accepted at `now`, with rounds longer than `long` being long. Returns that, and whether
    /// a round begins with it.
    fn admit(&mut self, now: Instant, long: Duration) -> (bool, bool) {
        let begins = self.present.is_none();
        if begins && let Some(ended) = self.ended {
            let pause = now.saturating_duration_since(ended);
            if pause > long {
                // There was nothing to do.
                self.note(false, ended, now);
            }
        }
        let (began, accepted) = self.present.unwrap_or((now, 0));
        let is_late = now.saturating_duration_since(began) > long;
        if is_late {
            self.note(true, began, now);
        }
        let is_accepted = !is_late || !self.is_overloaded || accepted < AT_LEAST;
        self.present = Some((began, if is_accepted { accepted + 1 } else { accepted }));
        (is_accepted, begins)
    }

    /// Ends the present round.
    fn end(&mut self, now: Instant, long: Duration) {
        if let Some((began, _)) = self.present.take() {
            self.note(now.saturating_duration_since(began) > long, began, now);
        }
        self.ended = Some(now);
    }

    /// Takes note of a round, or of a pause, which is as good as a short one.
    fn note(&mut self, is_long: bool, began: Instant, now: Instant) {
        if is_long == self.is_overloaded {
            self.otherwise_since = None;
        } else if now.saturating_duration_since(*self.otherwise_since.get_or_insert(began)) > BURST {
            self.is_overloaded = is_long;
            self.otherwise_since = None;
        }
    }
}

/// The rule, with its setting.
#[derive(Debug, Clone, Copy)]
pub struct LoadShedding {
    /// The length above which a round is long.
    long: Duration,
}

impl LoadShedding {
    /// On a busy worker, requests wait some `long` in each round.
    #[must_use]
    pub fn new(long: Duration) -> Self {
        Self { long }
    }

    /// Accepts a request, on the worker that serves it.
    ///
    /// # Errors
    /// [`Limit::Wait`].
    pub fn admit(self) -> Result<(), Limit> {
        let long = self.long;
        let mut lag = WORKER.get();
        let (is_accepted, begins) = lag.admit(Instant::now(), long);
        WORKER.set(lag);
        if begins {
            // It runs when everything that is ready now has had its piece.
            actix_web::rt::spawn(async move {
                let mut lag = WORKER.get();
                lag.end(Instant::now(), long);
                WORKER.set(lag);
            });
        }
        if is_accepted { Ok(()) } else { Err(Limit::Wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(1);

    /// A round in which a request comes every half millisecond, and how many of them are taken in.
    fn round(lag: &mut LoopLag, start: Instant, requests: u32) -> (usize, Instant) {
        let step = Duration::from_micros(500);
        let taken = (0..requests).filter(|index| lag.admit(start + *index * step, LONG).0).count();
        let end = start + requests * step;
        lag.end(end, LONG);
        (taken, end)
    }

    #[test]
    fn a_burst_is_taken_in_and_a_queue_that_stays_is_not() {
        let mut lag = LoopLag::NONE;
        let (taken, end) = round(&mut lag, Instant::now(), 48);
        assert_eq!(taken, 48, "24 ms of work at once");
        let (taken, end) = round(&mut lag, end, 60);
        assert_eq!(taken, 3, "and then no end of it: those of the first millisecond");
        let (_, end) = round(&mut lag, end, 2);
        let (taken, mut end) = round(&mut lag, end, 60);
        assert_eq!(taken, 3, "one short round says nothing");
        for _ in 0..30 {
            (_, end) = round(&mut lag, end, 2);
        }
        let (taken, mut end) = round(&mut lag, end, 40);
        assert_eq!(taken, 40, "many do");
        for _ in 0..3 {
            (_, end) = round(&mut lag, end, 60);
        }
        assert!(lag.is_overloaded);
        let (taken, _) = round(&mut lag, end + Duration::from_secs(1), 40);
        assert_eq!(taken, 40, "and so does a pause");
    }

    #[test]
    fn a_few_are_taken_in_however_long_they_take() {
        let mut lag = LoopLag::NONE;
        let mut now = Instant::now();
        for number in 0..10 {
            for index in 0..=AT_LEAST {
                let (is_accepted, begins) = lag.admit(now, LONG);
                assert_eq!(begins, index == 0);
                assert_eq!(is_accepted, index < AT_LEAST, "request {index} of round {number}");
                now += Duration::from_millis(50);
            }
            lag.end(now, LONG);
        }
    }
}
