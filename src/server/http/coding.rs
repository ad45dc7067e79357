//! The content coding of a request (docs/contract.md#request-body).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;

use super::error::RequestError;
use transform::request::coding::Coding;

/// Returns the coding that a request's header names.
///
/// # Errors
/// [`RequestError::UnsupportedMediaType`].
pub fn coding_of(request: &HttpRequest) -> Result<Coding, RequestError> {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    let (first, more) = (codings.next(), codings.next());
    let Some(value) = first else { return Ok(Coding::Identity) };
    if more.is_some() {
        return Err(RequestError::unsupported_encoding("more than one"));
    }
    let name = String::from_utf8_lossy(value.as_bytes());
    Coding::named(&name).ok_or_else(|| RequestError::unsupported_encoding(name.trim()))
}
