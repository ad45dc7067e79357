//! Reads requests.
//!
//! | module | content |
//! | --- | --- |
//! | [`body`] | reads a body completely |
//! | [`stream`] | reads a body event by event |
//! | [`event`] | the fields of an event |
//! | [`destination`] | the settings of a destination, read once per request |
//! | [`shared_tables`] | destinations and connections of the compacted format |
//! | [`object_cache`] | reads objects that usually have the same fields as an earlier object |
//! | [`origin`] | the labels of a request's metrics |
//! | [`fill_in`] | adds missing parts to events |
//! | [`coding`] | the compression of a body |

pub mod body;
pub mod coding;
pub mod destination;
pub mod event;
pub mod fill_in;
pub mod object_cache;
pub mod origin;
pub mod shared_tables;
pub mod stream;

pub use body::{
    BodyError, Counted, Events, Limits, PayloadFormat, Request, RouterResponse, dest_type, max_response_bytes,
};
