//! Who may come in while there is more to do than a worker can: the rule that keeps those who are in from waiting for ever.
//!
//! Bytes alone do not bound a wait: a quarter of 16 GiB is minutes of work. A worker that has had no idle moment for a while
//! therefore takes a request only where it has no more than a few in hand. One that has idle moments takes all that come, so
//! that a burst, or many slow uploads, which need no worker, are no overload.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::RequestError;

/// How long a worker is watched before it is called busy, or not any more.
const WINDOW: Duration = Duration::from_millis(20);

/// From this share of a window on a worker that works has no idle moment.
const BUSY_SHARE: f64 = 0.9;

thread_local! {
    static WORKER: Worker = Worker::default();
}

/// What one worker has to do.
#[derive(Debug, Default)]
struct Worker {
    /// Requests that are being read or worked on.
    in_hand: Arc<AtomicUsize>,
    load: Cell<Load>,
}

/// How busy a worker was in its latest window.
#[derive(Debug, Default, Clone, Copy)]
struct Load {
    /// The start of the present window, and how long the worker had worked until then.
    window: Option<(Instant, Duration)>,
    is_busy: bool,
}

impl Load {
    /// The load, where the worker has worked for `worked` until `now`.
    fn at(self, now: Instant, worked: Duration) -> Self {
        let Some((start, worked_before)) = self.window else {
            return Self { window: Some((now, worked)), is_busy: false };
        };
        let (passed, worked_since) = (now.saturating_duration_since(start), worked.saturating_sub(worked_before));
        // The runtime tells how long it has worked when it next looks for events: not yet told is not idle.
        if passed < WINDOW || worked_since.is_zero() {
            return self;
        }
        Self { window: Some((now, worked)), is_busy: worked_since.as_secs_f64() >= BUSY_SHARE * passed.as_secs_f64() }
    }
}

/// A request that is in the hands of a worker, until it is dropped.
#[derive(Debug)]
pub struct Place {
    in_hand: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The rule, and the turns of large requests.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Requests that a busy worker has in hand.
    limit: usize,
    /// One for each worker: as many large requests are worked on at once, beside the event loops.
    turns: Arc<Semaphore>,
    /// Large requests that wait for their turn, and how many may.
    waiting: Arc<AtomicUsize>,
    waiting_limit: usize,
}

/// The right to work on a large request.
pub type Turn = OwnedSemaphorePermit;

impl Admission {
    /// Nobody is in yet. A busy one of `workers` takes up to `limit` requests.
    #[must_use]
    pub fn new(workers: usize, limit: usize) -> Self {
        Self {
            limit,
            turns: Arc::new(Semaphore::new(workers)),
            waiting: Arc::default(),
            waiting_limit: limit.saturating_mul(workers),
        }
    }

    /// Takes a request in, on the worker that serves it; `is_large` ones are worked on beside the event loop.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`].
    pub fn admit(&self, is_large: bool) -> Result<Place, RequestError> {
        if is_large {
            self.check_waiting()?;
        }
        WORKER.with(|worker| {
            let load = worker.load.get().at(Instant::now(), Handle::current().metrics().worker_total_busy_duration(0));
            worker.load.set(load);
            if load.is_busy && worker.in_hand.load(Ordering::Relaxed) >= self.limit {
                return Err(RequestError::Overloaded);
            }
            worker.in_hand.fetch_add(1, Ordering::Relaxed);
            Ok(Place { in_hand: worker.in_hand.clone() })
        })
    }

    /// Waits until a large request, which is complete, may be worked on.
    ///
    /// # Errors
    /// [`RequestError::Overloaded`] where too many wait already.
    pub async fn turn(&self) -> Result<Turn, RequestError> {
        self.check_waiting()?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Place { in_hand: self.waiting.clone() };
        let turn = self.turns.clone().acquire_owned().await;
        drop(waiting);
        // The semaphore is never closed.
        turn.map_err(|_| RequestError::InternalServerError)
    }

    fn check_waiting(&self) -> Result<(), RequestError> {
        if self.waiting.load(Ordering::Relaxed) >= self.waiting_limit { Err(RequestError::Overloaded) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_busy_once_it_has_no_idle_moment() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let worked = Duration::from_millis;
        let load = Load::default().at(start, worked(500));
        assert!(!load.is_busy, "nothing is known yet");
        assert!(!load.at(after(19), worked(519)).is_busy, "too early to tell");
        let busy = load.at(after(20), worked(519));
        assert!(busy.is_busy);
        assert!(busy.at(after(60), worked(519)).is_busy, "nothing new is known");
        assert!(!busy.at(after(60), worked(550)).is_busy, "a quarter of the time was idle");
        assert!(!load.at(after(1_000), worked(520)).is_busy, "it was long ago");
    }

    #[test]
    fn large_requests_take_turns_and_do_not_queue_without_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let admission = Admission::new(1, 2);
            let first = admission.turn().await.expect("the first");
            let (mut second, mut third) = (Box::pin(admission.turn()), Box::pin(admission.turn()));
            assert!(futures_util::poll!(&mut second).is_pending());
            assert!(futures_util::poll!(&mut third).is_pending());
            assert_eq!(admission.turn().await.err(), Some(RequestError::Overloaded));
            assert_eq!(admission.admit(true).err(), Some(RequestError::Overloaded));
            assert!(admission.admit(false).is_ok(), "a small one does not stand in that queue");
            drop(third);
            assert!(admission.admit(true).is_ok(), "who gives up waiting makes room");
            drop(first);
            assert!(second.await.is_ok());
        });
    }
}
