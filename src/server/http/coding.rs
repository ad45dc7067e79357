//! How a body is compressed (docs/contract.md#request-body).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;

use super::error::RequestError;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`, which is zlib.
    Deflate,
    /// `br`.
    Brotli,
}

impl Coding {
    /// The coding that a request's header names.
    ///
    /// # Errors
    /// [`RequestError::UnsupportedMediaType`].
    pub fn of(request: &HttpRequest) -> Result<Self, RequestError> {
        let mut codings = request.headers().get_all(CONTENT_ENCODING);
        let (first, more) = (codings.next(), codings.next());
        let Some(value) = first else { return Ok(Self::Identity) };
        if more.is_some() {
            return Err(RequestError::unsupported_encoding("more than one"));
        }
        Self::named(&String::from_utf8_lossy(value.as_bytes()))
    }

    /// The coding called `name`, in any letter case; a blank one is none.
    ///
    /// # Errors
    /// [`RequestError::UnsupportedMediaType`].
    pub fn named(name: &str) -> Result<Self, RequestError> {
        let name = name.trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "br" => Ok(Self::Brotli),
            _ => Err(RequestError::unsupported_encoding(name)),
        }
    }
}
