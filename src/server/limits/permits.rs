//! Permits for requests that run outside the event loops. The permits limit how many such requests run concurrently,
//! and how many requests wait for a permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::rt::time::timeout;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limit::Limit;

/// The maximum number of waiting requests per permit.
const WAITING: usize = 8;

/// How long a request waits for a permit before it gets a retryable 503.
pub const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);

/// Permits for requests that run outside the event loops. Requests get permits in the order in which they ask for them.
#[derive(Debug, Clone)]
pub struct Permits {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_limit: usize,
}

/// The permission for one request to run outside the event loops.
pub type Permit = OwnedSemaphorePermit;

impl Permits {
    /// Creates `count` permits.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count)),
            waiting: Arc::default(),
            waiting_limit: WAITING.saturating_mul(count),
        }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Limit::Wait`] if too many requests are waiting, or if there is no free permit within [`MAX_PERMIT_WAIT`].
    pub async fn acquire(&self) -> Result<Permit, Limit> {
        self.check_waiting()?;
        let waiting = Waiting::new(&self.waiting);
        let permit = timeout(MAX_PERMIT_WAIT, self.permits.clone().acquire_owned()).await;
        drop(waiting);
        // The semaphore is never closed, so the only error is the timeout.
        permit.ok().and_then(Result::ok).ok_or(Limit::Wait)
    }

    /// Checks whether one more request may wait.
    ///
    /// # Errors
    /// [`Limit::Wait`] if too many requests are waiting.
    pub fn check_waiting(&self) -> Result<(), Limit> {
        if self.waiting.load(Ordering::Relaxed) >= self.waiting_limit { Err(Limit::Wait) } else { Ok(()) }
    }
}

/// Counts one request as waiting, until this value is dropped.
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

    #[test]
    fn requests_get_permits_in_order_and_the_number_of_waiting_requests_is_limited() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let permits = Permits::new(1);
            let first = permits.acquire().await.expect("the first");
            let mut others: Vec<_> = (0..WAITING).map(|_| Box::pin(permits.acquire())).collect();
            for other in &mut others {
                assert!(futures_util::poll!(other).is_pending());
            }
            assert_eq!(permits.acquire().await.err(), Some(Limit::Wait));
            assert_eq!(permits.check_waiting(), Err(Limit::Wait));
            others.pop();
            assert_eq!(permits.check_waiting(), Ok(()), "a request that gives up leaves the queue");
            drop(first);
            assert!(others.swap_remove(0).await.is_ok());
        });
    }

    #[test]
    fn a_request_that_waits_too_long_for_a_permit_is_rejected() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let permits = Permits::new(1);
            let _first = permits.acquire().await.expect("the first");
            let began = tokio::time::Instant::now();
            assert_eq!(permits.acquire().await.err(), Some(Limit::Wait));
            assert!(began.elapsed() >= MAX_PERMIT_WAIT && began.elapsed() < 2 * MAX_PERMIT_WAIT);
        });
    }
}
