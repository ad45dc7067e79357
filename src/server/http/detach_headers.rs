//! Middleware that frees a request's headers from the buffer of its connection.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;

/// Lets a request's headers stand on their own. The framework keeps the heads of past requests for new ones, and their
/// headers are slices of the buffer that the connection is read with, which an earlier body may have made large: some 128
/// such buffers would stay for ever.
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
