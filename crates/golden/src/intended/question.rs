//! The inputs to a comparison: the request, and a response to it.

use bytes::Bytes;
use json::raw::Raw;
use transform::request::{Limits, PayloadFormat};

use transform::endpoint::Endpoint;

/// The request to which both transformers responded.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The format of the body.
    pub form: PayloadFormat,
    /// The limits that this service applies to a request.
    pub limits: Limits,
    /// The body.
    pub text: &'a str,
    /// Other properties of the request that can make rudder-transformer fail.
    pub traits: Traits,
}

/// Properties of a request, apart from its body, that can make rudder-transformer fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether the path begins with `/v1/`.
    pub is_v1: bool,
    /// Whether `Content-Type` is JSON.
    pub is_json: bool,
}

impl Traits {
    /// Derives the properties from the path of a request and its `Content-Type`.
    #[must_use]
    pub fn of(path: &str, content_type: Option<&str>) -> Self {
        let is_json = content_type.is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        Self { is_v1: path.starts_with("/v1/"), is_json }
    }
}

/// A response to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedResponse {
    /// The status code.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
}

/// Returns whether the response to an event is an error.
pub(super) fn fails(response: Raw<'_>) -> bool {
    let code = response.member("statusCode").map(Raw::text);
    code.is_some_and(|code| code.len() == 3 && code >= "400")
}
