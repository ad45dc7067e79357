//! Runs work outside the event loop, until the work is done or the client disconnects.

use std::sync::atomic::AtomicBool;

use actix_web::web;

use crate::server::http::error::RequestError;
use crate::server::limits::permits::Permits;
use crate::server::limits::request_meter::Cancellation;

/// Waits for a permit, and then runs `work` on a blocking thread. When this future is dropped, for example because the
/// client disconnects, the flag passed to `work` is set. The permit is released when `work` returns.
///
/// # Errors
/// Returns [`RequestError::Overloaded`] if no permit becomes free in time, the error of `work`, or
/// [`RequestError::InternalServerError`] if `work` panics.
pub async fn off_the_loop<T: Send + 'static>(
    permits: &Permits,
    work: impl FnOnce(&AtomicBool) -> Result<T, RequestError> + Send + 'static,
) -> Result<T, RequestError> {
    let permit = permits.acquire().await?;
    let cancellation = Cancellation::default();
    let cancelled = cancellation.flag();
    let done = web::block(move || {
        let _permit = permit;
        work(&cancelled)
    });
    done.await.map_err(|_| RequestError::InternalServerError)?
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::oneshot;
    use transform::meter::Meter as _;

    use super::*;
    use crate::server::limits::memory_budget::MemoryBudget;
    use crate::server::limits::request_meter::RequestMeter;

    /// How long work continues if it is not canceled. After this time, the test fails instead of hanging.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[actix_web::test]
    async fn offloaded_work_stops_and_frees_its_memory_if_the_client_disconnects() {
        let (permits, budget) = (Permits::new(1), MemoryBudget::up_to(1 << 20));
        let reservation = budget.reservation();
        reservation.reserve(1_000).unwrap();
        let (start, started) = oneshot::channel();
        let work = move |cancelled: &AtomicBool| {
            let meter = RequestMeter { reservation: &reservation, cancelled, max_work: u64::MAX };
            start.send(()).unwrap();
            let began = Instant::now();
            // Simulates a long transformation.
            while began.elapsed() < PATIENCE {
                meter.checkpoint(0)?;
                std::thread::yield_now();
            }
            Ok(())
        };
        let running = off_the_loop(&permits, work);
        tokio::select! {
            ended = running => panic!("the task ended on its own: {ended:?}"),
            started = started => started.unwrap(),
        }
        // `select!` has dropped the future `running`, which is what happens to the future of a request when the client
        // disconnects.
        assert!(permits.acquire().await.is_ok(), "the permit is released once the work has stopped");
        assert_eq!(budget.bytes(), 0);
    }

    #[actix_web::test]
    async fn offloaded_work_holds_its_permit_until_it_ends() {
        let permits = Permits::new(1);
        let (start, started) = oneshot::channel();
        let (finish, finished) = std::sync::mpsc::channel();
        let work = move |_: &AtomicBool| {
            start.send(()).unwrap();
            Ok(finished.recv_timeout(PATIENCE).is_ok())
        };
        let mut running = std::pin::pin!(off_the_loop(&permits, work));
        assert!(futures_util::poll!(&mut running).is_pending());
        started.await.unwrap();
        let mut waiting = std::pin::pin!(permits.acquire());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        finish.send(()).unwrap();
        assert_eq!(running.await, Ok(true));
        assert!(waiting.await.is_ok());
    }
}
