//! A request: where its parts are, and what is read of an event and of what events share.
//!
//! [`body`] reads a request whole, [`stream`] event by event. [`event`] has the fields of an event, [`shared_tables`] the
//! tables of the compacted form, [`destination`] what is read once per destination, [`object_cache`] objects that repeat.

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
