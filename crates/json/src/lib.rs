//! JSON text as slices.
//!
//! A [`raw::Raw`] is one valid JSON value exactly as it was sent: nothing here builds a tree or copies a byte, so numbers
//! such as `1.0` and escapes such as `\ud800` survive unchanged. [`reader::Reader`] validates a text once, from start to end.
//! [`javascript`] converts values to strings and booleans as JavaScript does.
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
pub mod raw;
pub mod reader;
pub mod scan;
pub mod steps;
pub mod text;
