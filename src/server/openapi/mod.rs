//! Schemas and descriptions of requests and responses for the OpenAPI document. The types are only for documentation,
//! because requests and responses are processed as text (see [`transform`]). [`crate::server::routes::docs`] assembles
//! the document.

pub mod examples;
pub mod explanations;
pub mod rejections;
pub mod requests;
pub mod responses;
