//! The content coding of a request (docs/contract.md#request-body).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;

use transform::request::coding::Coding;

/// The error for an unsupported content coding, with its name as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedCoding(pub String);

/// Returns the coding named in `Content-Encoding`.
///
/// # Errors
/// [`UnsupportedCoding`] if the coding is not supported or if the header occurs more than once.
pub fn coding_of(request: &HttpRequest) -> Result<Coding, UnsupportedCoding> {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    let (first, more) = (codings.next(), codings.next());
    let Some(value) = first else { return Ok(Coding::Identity) };
    if more.is_some() {
        return Err(UnsupportedCoding("more than one".to_owned()));
    }
    let name = String::from_utf8_lossy(value.as_bytes());
    Coding::named(&name).ok_or_else(|| UnsupportedCoding(name.trim().to_owned()))
}
