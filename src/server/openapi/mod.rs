//! What the OpenAPI document says of requests and responses. The types in here only describe; requests and responses
//! themselves stay text, see [`transform`]. [`crate::server::routes::docs`] puts the document together.

pub mod examples;
pub mod explanations;
pub mod rejections;
pub mod requests;
pub mod responses;
