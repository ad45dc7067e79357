//! The response of a transformer to a case.

use bytes::Bytes;

/// The parts of a response that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header `apiVersion`.
    pub api_version: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}
