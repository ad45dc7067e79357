//! Transforms the events of a request for Kafka destinations: request body in, response body out.
//!
//! The crate does no I/O and uses no clock, environment, log or metrics. It returns its decisions as values
//! ([`decision`]).
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
//! | [`processor`] | transforms the events of a request |
//! | [`endpoint`] | all endpoints, and the paths that address them |
//! | [`batch`], [`router_transform`] | the endpoints for rudder-server's router |
//! | [`request`] | reads requests: events, destinations, and the tables that events share |
//! | [`rules`] | one file per rule of the contract |
//! | [`response`] | writes responses |
//! | [`decision`], [`reason`], [`rejection`] | decisions, reasons for skipping a rule, reasons for rejecting an event |
//! | [`observer`], [`explain`] | receive decisions as they are made, and report them |
//! | [`meter`], [`budget`] | limit the memory and the work of a request, and the work for the templates of an event |
//! | [`family`] | how Kafka, Azure Event Hubs and Confluent Cloud differ |
//! | [`partition`], [`produced`], [`topic_name`], [`avro`] | what rudder-server and Kafka do with a response |
//! | [`flat_tree`] | JSON values as trees that are stored in one list |

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
