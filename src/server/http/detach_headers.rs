//! Middleware that copies a request's headers out of the read buffer of its connection.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;

/// Copies a request's headers out of the read buffer of its connection. The framework keeps finished requests in a
/// pool, together with their headers. If these headers were still slices of read buffers, about 128 buffers that
/// earlier bodies have enlarged would stay in memory forever.
pub async fn detach_headers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.head_mut().headers.retain(|_, value| {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
        true
    });
    next.call(request).await
}
