//! The transformation itself: bytes of a request in, bytes of the response out.
//!
//! It knows no HTTP, clock, environment, log or metric. What was decided and why is a value it returns ([`decision`]).
//!
//! ```
//! use transform::family::KAFKA;
//! use transform::processor;
//! use transform::request::{PayloadFormat, Limits};
//!
//! # fn main() -> Result<(), transform::request::BodyError> {
//! let request = r#"[{
//!     "message": {"type": "track", "event": "Order Completed", "userId": "u1"},
//!     "metadata": {"jobId": 1},
//!     "destination": {"Config": {"topic": "orders"}}
//! }]"#;
//! let limits = Limits { events: 1_000, response_bytes: 16 << 20 };
//! let response = processor::respond(&KAFKA, request, PayloadFormat::Plain, "", limits)?;
//! assert!(response.body.contains(r#""userId":"u1","topic":"orders""#));
//! # Ok(())
//! # }
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`processor`] | the transformation of an event, from start to end |
//! | [`endpoint`] | which endpoint a path names, and its response |
//! | [`batch`], [`router_transform`] | the two router endpoints |
//! | [`request`] | where the parts of a request are, and what is read of an event and of what events share |
//! | [`rules`] | one file per rule of the contract |
//! | [`response`] | writes the response |
//! | [`decision`], [`reason`], [`rejection`] | what was decided, why a rule did not apply, why an event was rejected |
//! | [`observer`], [`explain`] | sees decisions as they are made, and reports them |
//! | [`meter`], [`work`] | the memory and the work that a request uses, and who grants them |
//! | [`family`] | how Kafka, Azure Event Hubs and Confluent Cloud differ |
//! | [`partition`], [`produced`], [`topic_name`], [`avro`] | what rudder-server and Kafka do with a response |
//! | [`flat_tree`] | JSON as a flat tree |

pub mod avro;
pub mod batch;
pub mod budget;
pub mod decision;
pub mod endpoint;
pub mod explain;
pub mod family;
pub mod flat_tree;
pub mod meter;
pub mod observer;
pub mod partition;
mod pipeline;
pub mod processor;
pub mod produced;
pub mod reason;
pub mod rejection;
pub mod request;
pub mod response;
pub mod router_transform;
pub mod rules;
pub mod topic_name;
