//! Work off the event loop, for as long as its client is there.

use std::sync::atomic::AtomicBool;

use actix_web::web;

use crate::server::http::error::RequestError;
use crate::server::limits::permits::Permits;
use crate::server::limits::request_meter::Cancellation;

/// Runs `work` on a thread that may block, once there is a permit for it. The flag that it gets is set when this future is
/// dropped, which is when the client has gone; the permit is free again once `work` returns.
///
/// # Errors
/// [`RequestError::Overloaded`] without a permit in time; what `work` returns; [`RequestError::InternalServerError`] if it
/// panics.
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
