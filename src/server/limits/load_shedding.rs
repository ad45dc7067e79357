//! Load shedding based on event-loop lag: bounds how long accepted requests wait.
//!
//! A memory limit alone does not bound the waiting time, because 4 GiB of requests, the default on a machine with 16
//! GiB, amount to minutes of work. This module bounds the time in the queue. An iteration of an event loop runs every
//! task that is ready, then polls for new events. A request that arrives late in a long iteration has already waited
//! for all of it. If iterations have been long for longer than a burst lasts, a worker accepts requests only in the
//! first part of each iteration and rejects the others. Rejecting is cheap, so the next iteration is short. Uploads
//! that wait for their clients are not ready, so they do not lengthen an iteration.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::limit::Limit;

/// How long iterations must stay long before requests are rejected, and short before all requests are accepted again.
/// Otherwise, one short iteration among long ones would let in a whole burst.
const BURST: Duration = Duration::from_millis(25);

/// The number of requests that are accepted in every iteration, however long they take.
const AT_LEAST: usize = 2;

thread_local! {
    static WORKER: Cell<LoopLag> = const { Cell::new(LoopLag::NONE) };
}

/// The iterations of a worker's event loop.
#[derive(Debug, Clone, Copy)]
struct LoopLag {
    /// The current iteration: its start, and the number of accepted requests.
    current: Option<(Instant, usize)>,
    /// The end of the last iteration.
    ended: Option<Instant>,
    /// Whether iterations have been long for a while.
    is_overloaded: bool,
    /// The time since which all iterations have contradicted `is_overloaded`.
    contradicted_since: Option<Instant>,
}

impl LoopLag {
    const NONE: Self = Self { current: None, ended: None, is_overloaded: false, contradicted_since: None };

    /// Returns whether a request at `now` is accepted, and whether it begins an iteration. Iterations longer than
    /// `long` are long.
    fn admit(&mut self, now: Instant, long: Duration) -> (bool, bool) {
        let begins = self.current.is_none();
        if begins && let Some(ended) = self.ended {
            let pause = now.saturating_duration_since(ended);
            if pause > long {
                // The event loop was idle.
                self.note(false, ended, now);
            }
        }
        let (began, accepted) = self.current.unwrap_or((now, 0));
        let is_late = now.saturating_duration_since(began) > long;
        if is_late {
            self.note(true, began, now);
        }
        let is_accepted = !is_late || !self.is_overloaded || accepted < AT_LEAST;
        self.current = Some((began, if is_accepted { accepted + 1 } else { accepted }));
        (is_accepted, begins)
    }

    /// Ends the current iteration.
    fn end(&mut self, now: Instant, long: Duration) {
        if let Some((began, _)) = self.current.take() {
            self.note(now.saturating_duration_since(began) > long, began, now);
        }
        self.ended = Some(now);
    }

    /// Records an iteration or an idle period. An idle period is treated as a short iteration.
    fn note(&mut self, is_long: bool, began: Instant, now: Instant) {
        if is_long == self.is_overloaded {
            self.contradicted_since = None;
        } else if now.saturating_duration_since(*self.contradicted_since.get_or_insert(began)) > BURST {
            self.is_overloaded = is_long;
            self.contradicted_since = None;
        }
    }
}

/// The load shedding rule with its threshold.
#[derive(Debug, Clone, Copy)]
pub struct LoadShedding {
    /// The duration above which an iteration is long.
    long: Duration,
}

impl LoadShedding {
    /// Creates the rule. On a busy worker, requests wait up to about `long` in each iteration.
    #[must_use]
    pub fn new(long: Duration) -> Self {
        Self { long }
    }

    /// Accepts or rejects a request. Call it on the worker that serves the request.
    ///
    /// # Errors
    /// [`Limit::Wait`].
    pub fn admit(self) -> Result<(), Limit> {
        let long = self.long;
        let mut lag = WORKER.get();
        let (is_accepted, begins) = lag.admit(Instant::now(), long);
        WORKER.set(lag);
        if begins {
            // This task runs after every task that is ready now.
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

    /// Simulates an iteration with a request every half millisecond. Returns the number of accepted requests, and the
    /// end of the iteration.
    fn round(lag: &mut LoopLag, start: Instant, requests: u32) -> (usize, Instant) {
        let step = Duration::from_micros(500);
        let taken = (0..requests).filter(|index| lag.admit(start + *index * step, LONG).0).count();
        let end = start + requests * step;
        lag.end(end, LONG);
        (taken, end)
    }

    #[test]
    fn a_burst_is_accepted_and_a_lasting_queue_is_not() {
        let mut lag = LoopLag::NONE;
        let (taken, end) = round(&mut lag, Instant::now(), 48);
        assert_eq!(taken, 48, "24 ms of work at once");
        let (taken, end) = round(&mut lag, end, 60);
        assert_eq!(taken, 3, "then only the requests of the first millisecond");
        let (_, end) = round(&mut lag, end, 2);
        let (taken, mut end) = round(&mut lag, end, 60);
        assert_eq!(taken, 3, "one short iteration changes nothing");
        for _ in 0..30 {
            (_, end) = round(&mut lag, end, 2);
        }
        let (taken, mut end) = round(&mut lag, end, 40);
        assert_eq!(taken, 40, "many short iterations end the overload");
        for _ in 0..3 {
            (_, end) = round(&mut lag, end, 60);
        }
        assert!(lag.is_overloaded);
        let (taken, _) = round(&mut lag, end + Duration::from_secs(1), 40);
        assert_eq!(taken, 40, "so does a pause");
    }

    #[test]
    fn a_few_requests_are_accepted_in_every_iteration() {
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
