//! Headers that are part of the protocol between rudder-server and this service.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use transform::endpoint::{CONTENT_FORMAT, JSON_CONTENT_TYPE, form_named};
use transform::request::PayloadFormat;

/// The header with the API version. rudder-server rejects a 200 response without this header.
pub const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("apiversion"), HeaderValue::from_static("2"));

/// The `Content-Type` header of every JSON response.
pub const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static(JSON_CONTENT_TYPE));

/// Returns the payload format that the headers of a request announce.
#[must_use]
pub fn form_of(request: &HttpRequest) -> PayloadFormat {
    form_named(request.headers().get(CONTENT_FORMAT).map(HeaderValue::as_bytes))
}
