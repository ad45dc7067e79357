//! Load shedding based on event-loop lag. It bounds how long accepted requests wait for a worker.
//!
//! A memory limit alone does not bound the waiting time: on a machine with 16 GiB, the default limit is 4 GiB, and
//! requests that use 4 GiB can keep the workers busy for minutes. This module bounds the waiting time itself. An
//! iteration of an event loop first runs every task that is ready, and then polls for new events. A request whose task
//! runs late in a long iteration has already waited for all tasks before it. A worker becomes overloaded if its
//! iterations stay long for more time than `BURST`. An overloaded worker accepts requests only during the first part of
//! each iteration, and rejects requests during the rest. Rejecting is cheap, so the next iteration is short. An upload
//! that waits for its client does not lengthen an iteration, because its task is not ready.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::limit::Limit;

/// How long the iterations of a worker must stay long before the worker counts as overloaded, and how long they must
/// stay short before it counts as recovered. Without this delay, a single short iteration among long ones would make
/// the worker accept a whole burst of requests.
const BURST: Duration = Duration::from_millis(25);

/// The minimum number of requests that a worker accepts in every iteration, even if the worker is overloaded.
const AT_LEAST: usize = 2;

thread_local! {
    static WORKER: Cell<LoopLag> = const { Cell::new(LoopLag::NONE) };
}

/// Measurements of a worker's event loop.
#[derive(Debug, Clone, Copy)]
struct LoopLag {
    /// The start of the current iteration, and the number of requests accepted in this iteration.
    current: Option<(Instant, usize)>,
    /// When the last iteration ended.
    ended: Option<Instant>,
    /// Whether the worker is overloaded (see [`BURST`]).
    is_overloaded: bool,
    /// When the measurements began to disagree with `is_overloaded`, or `None` if the latest measurement agrees with
    /// it.
    contradicted_since: Option<Instant>,
}

impl LoopLag {
    const NONE: Self = Self { current: None, ended: None, is_overloaded: false, contradicted_since: None };

    /// Returns whether a request at `now` is accepted, and whether this request begins an iteration. An iteration is
    /// long if it takes more time than `long`.
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
    /// Creates the rule. `long` is the duration above which an iteration is long. On an overloaded worker, a request
    /// waits up to about this duration in each iteration.
    #[must_use]
    pub fn new(long: Duration) -> Self {
        Self { long }
    }

    /// Accepts or rejects a request. Call this function on the worker that serves the request.
    ///
    /// # Errors
    /// [`Limit::Wait`] if the request is rejected.
    pub fn admit(self) -> Result<(), Limit> {
        let long = self.long;
        let mut lag = WORKER.get();
        let (is_accepted, begins) = lag.admit(Instant::now(), long);
        WORKER.set(lag);
        if begins {
            // This task runs after every task that is ready now, so it marks the end of the iteration.
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
    fn load_shedding_accepts_a_burst_but_rejects_most_requests_during_overload() {
        let mut lag = LoopLag::NONE;
        let (taken, end) = round(&mut lag, Instant::now(), 48);
        assert_eq!(taken, 48, "24 ms of work at once");
        let (taken, end) = round(&mut lag, end, 60);
        assert_eq!(taken, 3, "after the burst, only the requests of the first millisecond");
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
        assert_eq!(taken, 40, "a pause ends the overload");
    }

    #[test]
    fn an_overloaded_worker_still_accepts_two_requests_per_iteration() {
        let mut lag = LoopLag::NONE;
        let mut now = Instant::now();
        for number in 0..10 {
            for index in 0..=AT_LEAST {
                let (is_accepted, begins) = lag.admit(now, LONG);
                assert_eq!(begins, index == 0);
                assert_eq!(is_accepted, index < AT_LEAST, "request {index} of iteration {number}");
                now += Duration::from_millis(50);
            }
            lag.end(now, LONG);
        }
    }
}
