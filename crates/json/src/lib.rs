//! JSON as slices of text.
//!
//! A [`Raw`](raw::Raw) is one valid JSON value exactly as it was sent. Values are neither parsed into trees nor copied,
//! so numbers such as `1.0` and escapes such as `\ud800` survive unchanged.
//!
//! | module | content |
//! | --- | --- |
//! | [`raw`] | values, and access to their fields and elements |
//! | [`reader`] | reads and validates JSON text from start to end |
//! | [`text`] | strings, with and without escapes |
//! | [`properties`] | the properties of JavaScript objects, in JavaScript's order |
//! | [`javascript`] | converts values to strings and booleans like JavaScript |
//! | [`decode`] | decodes bytes to text |
//! | [`invalid`] | the error for invalid JSON, and its explanation |
//! | [`display`] | shortens and sanitizes text for messages |
//! | [`scan`], [`checked`] | find the end of a value, with and without validation |
//! | [`steps`] | compares 16 bytes at a time, with vector registers |
//! | [`probe`] | counts the bytes that parsing reads, for tests |
//!
//! ```
//! use json::raw::Raw;
//!
//! # fn main() -> Result<(), json::invalid::Invalid> {
//! let event = Raw::parse(r#"{"userId": "u1", "value": 1.0}"#)?;
//! assert_eq!(event.member("value").map(Raw::text), Some("1.0"));
//! assert!(event.member("userId").is_some_and(|id| id.is_string("u1")));
//! # Ok(())
//! # }
//! ```

pub mod checked;
pub mod decode;
pub mod display;
mod fields;
pub mod invalid;
pub mod javascript;
pub mod probe;
pub mod properties;
pub mod raw;
pub mod reader;
pub mod scan;
pub mod steps;
pub mod text;
