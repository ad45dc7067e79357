//! Headers that rudder-server and this service agree on.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use transform::request::Form;

/// rudder-server rejects a 200 without this header.
pub const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("apiversion"), HeaderValue::from_static("2"));

/// The content type of every response that is JSON.
pub const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));

/// The header that announces the compacted form.
pub const CONTENT_FORMAT: &str = "x-content-format";

/// The form that a request's headers announce.
#[must_use]
pub fn form_of(request: &HttpRequest) -> Form {
    form_named(request.headers().get(CONTENT_FORMAT).map(HeaderValue::as_bytes))
}

/// The form that the value of the header [`CONTENT_FORMAT`] announces.
#[must_use]
pub fn form_named(value: Option<&[u8]>) -> Form {
    let compacted = value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"json+compactedv1"));
    if compacted { Form::Compacted } else { Form::Plain }
}
