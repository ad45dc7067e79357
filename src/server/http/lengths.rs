//! The lengths of bodies, if they are known.

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::{HttpMessage as _, HttpRequest};

/// The number of bytes received so far for a body without a declared length. It is stored in the extensions of the
/// request.
#[derive(Debug, Clone, Copy)]
pub struct Received(pub usize);

/// Returns the length of a body in bytes, as declared in `Content-Length`.
#[must_use]
pub fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the length of a request's body in bytes: the declared length or, if there is none, the number of bytes
/// received so far.
#[must_use]
pub fn request_bytes(request: &HttpRequest) -> Option<u64> {
    let received = request.extensions().get::<Received>().map(|Received(bytes)| *bytes);
    received.or_else(|| declared_length(request.headers())).map(|bytes| bytes as u64)
}

/// Returns the length of a response's body in bytes, if it is known before the body is sent.
#[must_use]
pub fn response_bytes(body: &impl MessageBody) -> Option<u64> {
    match body.size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    }
}
