//! Middleware that copies a request's headers out of the read buffer of its connection.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;

/// Copies a request's headers. The framework pools finished requests, whose headers are slices of the connection's read
/// buffer. Without the copy, about 128 buffers that were enlarged by earlier bodies would stay in memory forever.
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
