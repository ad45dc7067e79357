//! Who may come in while there is more to do than a worker can: the rule that keeps those who are in from waiting for ever.
//!
//! Bytes alone do not bound a wait: a quarter of 16 GiB is minutes of work. What is bounded here is the time in a queue. A
//! worker goes round: it does a piece of everything that is ready, then looks for what has become ready meanwhile. Whoever
//! comes late in a long round has waited all of it. Once rounds have been long for a while, so that it is no burst, a worker
//! takes requests in only during the first part of each, and refuses the rest of it, which costs little and makes the next
//! round short. Uploads that wait for their clients are not ready, and make no round long.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::http::error::{Limit, RequestError};

/// How long rounds must have been long before anybody is refused, and short before all come in again: otherwise one short
/// round between long ones would let a whole burst in.
const BURST: Duration = Duration::from_millis(25);

/// Requests that are taken in in every round, however long each of them takes.
const AT_LEAST: usize = 2;

/// Requests that may wait for a permit to work off the event loops, for each permit.
const WAITING: usize = 8;

/// How long one of them waits, at most. It gets a retryable 503 then.
pub const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);

thread_local! {
    static WORKER: Cell<Rounds> = const { Cell::new(Rounds::NONE) };
}

/// The rounds of a worker.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    /// The present one: its start, and how many requests were taken in.
    present: Option<(Instant, usize)>,
    /// The end of the latest.
    ended: Option<Instant>,
    /// Whether they have been long for a while.
    is_overloaded: bool,
    /// Since when they have been the other way, all of them.
    otherwise_since: Option<Instant>,
}

impl Rounds {
    const NONE: Self = Self { present: None, ended: None, is_overloaded: false, otherwise_since: None };

    /// Asks whether a request may come in at `now`, with rounds longer than `long` being long. Says so, and whether a
    /// round begins with it.
    fn admit(&mut self, now: Instant, long: Duration) -> (bool, bool) {
        let begins = self.present.is_none();
        if begins && let Some(ended) = self.ended {
            let pause = now.saturating_duration_since(ended);
            if pause > long {
                // There was nothing to do.
                self.note(false, ended, now);
            }
        }
        let (began, taken) = self.present.unwrap_or((now, 0));
        let is_late = now.saturating_duration_since(began) > long;
        if is_late {
            self.note(true, began, now);
        }
        let may = !is_late || !self.is_overloaded || taken < AT_LEAST;
        self.present = Some((began, if may { taken + 1 } else { taken }));
        (may, begins)
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

/// The rule, and the permits to work off the event loops.
#[derive(Debug, Clone)]
pub struct Admission {
    /// From here on a round is long.
    long: Duration,
    /// For requests that are large or take much work: one for each worker.
    transform: Permits,
    /// For explanations: one, so that neither kind waits for the other.
    explain: Permits,
}

/// Permits to work off the event loops, and who waits for one. The longest waiting is the next.
#[derive(Debug, Clone)]
struct Permits {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_limit: usize,
}

/// The right to work off the event loops.
pub type Permit = OwnedSemaphorePermit;

impl Admission {
    /// Nobody is in yet. On a busy one of `workers`, requests wait some `long` in each round.
    #[must_use]
    pub fn new(workers: usize, long: Duration) -> Self {
        Self { long, transform: Permits::new(workers), explain: Permits::new(1) }
    }

    /// Takes a request in, on the worker that serves it; `is_large` ones are worked on off the event loop.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`].
    pub fn admit(&self, is_large: bool) -> Result<(), RequestError> {
        if is_large {
            self.transform.check_waiting()?;
        }
        let long = self.long;
        let mut rounds = WORKER.get();
        let (may, begins) = rounds.admit(Instant::now(), long);
        WORKER.set(rounds);
        if begins {
            // It runs when everything that is ready now has had its piece.
            actix_web::rt::spawn(async move {
                let mut rounds = WORKER.get();
                rounds.end(Instant::now(), long);
                WORKER.set(rounds);
            });
        }
        if may { Ok(()) } else { Err(RequestError::Overloaded(Limit::Wait)) }
    }

    /// Waits until a request that is complete, and large or takes much work, may be worked on.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`] where too many wait already, or after [`MAX_PERMIT_WAIT`].
    pub async fn transform_permit(&self) -> Result<Permit, RequestError> {
        self.transform.acquire().await
    }

    /// Waits until a request for explanations may be worked on.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`] where too many wait already, or after [`MAX_PERMIT_WAIT`].
    pub async fn explain_permit(&self) -> Result<Permit, RequestError> {
        self.explain.acquire().await
    }
}

impl Permits {
    fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count)),
            waiting: Arc::default(),
            waiting_limit: WAITING.saturating_mul(count),
        }
    }

    async fn acquire(&self) -> Result<Permit, RequestError> {
        self.check_waiting()?;
        let waiting = Waiting::new(&self.waiting);
        let permit = timeout(MAX_PERMIT_WAIT, self.permits.clone().acquire_owned()).await;
        drop(waiting);
        // The semaphore is never closed.
        permit.map_err(|_| RequestError::Overloaded(Limit::Wait))?.map_err(|_| RequestError::InternalServerError)
    }

    fn check_waiting(&self) -> Result<(), RequestError> {
        if self.waiting.load(Ordering::Relaxed) >= self.waiting_limit {
            Err(RequestError::Overloaded(Limit::Wait))
        } else {
            Ok(())
        }
    }
}

/// One that waits, until it is dropped.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(1);

    /// A round in which a request comes every half millisecond, and how many of them are taken in.
    fn round(rounds: &mut Rounds, start: Instant, requests: u32) -> (usize, Instant) {
        let step = Duration::from_micros(500);
        let taken = (0..requests).filter(|index| rounds.admit(start + *index * step, LONG).0).count();
        let end = start + requests * step;
        rounds.end(end, LONG);
        (taken, end)
    }

    #[test]
    fn a_burst_is_taken_in_and_a_queue_that_stays_is_not() {
        let mut rounds = Rounds::NONE;
        let (taken, end) = round(&mut rounds, Instant::now(), 48);
        assert_eq!(taken, 48, "24 ms of work at once");
        let (taken, end) = round(&mut rounds, end, 60);
        assert_eq!(taken, 3, "and then no end of it: those of the first millisecond");
        let (_, end) = round(&mut rounds, end, 2);
        let (taken, mut end) = round(&mut rounds, end, 60);
        assert_eq!(taken, 3, "one short round says nothing");
        for _ in 0..30 {
            (_, end) = round(&mut rounds, end, 2);
        }
        let (taken, mut end) = round(&mut rounds, end, 40);
        assert_eq!(taken, 40, "many do");
        for _ in 0..3 {
            (_, end) = round(&mut rounds, end, 60);
        }
        assert!(rounds.is_overloaded);
        let (taken, _) = round(&mut rounds, end + Duration::from_secs(1), 40);
        assert_eq!(taken, 40, "and so does a pause");
    }

    #[test]
    fn a_few_are_taken_in_however_long_they_take() {
        let mut rounds = Rounds::NONE;
        let mut now = Instant::now();
        for number in 0..10 {
            for index in 0..=AT_LEAST {
                let (may, begins) = rounds.admit(now, LONG);
                assert_eq!(begins, index == 0);
                assert_eq!(may, index < AT_LEAST, "request {index} of round {number}");
                now += Duration::from_millis(50);
            }
            rounds.end(now, LONG);
        }
    }

    #[test]
    fn large_requests_take_turns_and_do_not_queue_without_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let admission = Admission::new(1, LONG);
            let first = admission.transform_permit().await.expect("the first");
            let mut others: Vec<_> = (0..WAITING).map(|_| Box::pin(admission.transform_permit())).collect();
            for other in &mut others {
                assert!(futures_util::poll!(other).is_pending());
            }
            assert_eq!(admission.transform_permit().await.err(), Some(RequestError::Overloaded(Limit::Wait)));
            assert_eq!(admission.admit(true), Err(RequestError::Overloaded(Limit::Wait)));
            assert!(admission.explain_permit().await.is_ok(), "explanations do not wait for them");
            others.pop();
            assert_eq!(admission.transform.check_waiting(), Ok(()), "who gives up waiting makes room");
            drop(first);
            assert!(others.swap_remove(0).await.is_ok());
        });
    }

    #[test]
    fn nobody_waits_for_a_permit_without_end() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let admission = Admission::new(1, LONG);
            let _first = admission.explain_permit().await.expect("the first");
            let began = tokio::time::Instant::now();
            assert_eq!(admission.explain_permit().await.err(), Some(RequestError::Overloaded(Limit::Wait)));
            assert!(began.elapsed() >= MAX_PERMIT_WAIT && began.elapsed() < 2 * MAX_PERMIT_WAIT);
        });
    }
}
