//! How long bodies are, as far as that is known.

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::{HttpMessage as _, HttpRequest};

/// The bytes of a body whose length was not declared, among the extensions of its request.
#[derive(Debug, Clone, Copy)]
pub struct Received(pub usize);

/// The length that a body claims to have.
#[must_use]
pub fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How long the body of a request is: as it was received, where it did not declare that.
#[must_use]
pub fn request_bytes(request: &HttpRequest) -> Option<u64> {
    let received = request.extensions().get::<Received>().map(|Received(bytes)| *bytes);
    received.or_else(|| declared_length(request.headers())).map(|bytes| bytes as u64)
}

/// How long the body of a response is, where that is known before it is sent.
#[must_use]
pub fn response_bytes(body: &impl MessageBody) -> Option<u64> {
    match body.size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    }
}
