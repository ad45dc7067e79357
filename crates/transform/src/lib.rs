//! The transformation itself: bytes of a request in, bytes of the answer out.
//!
//! It knows no HTTP, clock, environment, log or metric. What was decided and why is a value it returns ([`decision`]).
//!
//! ```
//! use transform::family::KAFKA;
//! use transform::processor;
//! use transform::request::{Form, Limits};
//!
//! # fn main() -> Result<(), transform::request::BodyError> {
//! let request = r#"[{
//!     "message": {"type": "track", "event": "Order Completed", "userId": "u1"},
//!     "metadata": {"jobId": 1},
//!     "destination": {"Config": {"topic": "orders"}}
//! }]"#;
//! let limits = Limits { events: 1_000, answer_bytes: 16 << 20 };
//! let answer = processor::answer(&KAFKA, request, Form::Plain, "", limits)?;
//! assert!(answer.body.contains(r#""userId":"u1","topic":"orders""#));
//! # Ok(())
//! # }
//! ```
//!
//! | module | decides |
//! | --- | --- |
//! | [`processor`] | the way of an event, start to end |
//! | [`batch`], [`router_transform`] | the two router endpoints |
//! | [`request`], [`walk`] | where the parts of a request are: as a whole, or event by event |
//! | [`event`], [`beside`], [`destination`] | what is noted of an event, and of what events share |
//! | [`family`] | what Kafka, Azure Event Hubs and Confluent Cloud have in common and what not |
//! | [`retl_timestamp`], [`dynamic_config`] | the two rules that change an event; [`draft`] is the event under change, [`work`] what that may cost |
//! | [`config_value`], [`topic_map`], [`emptiness`] | values of a Config with templates in them, topic maps, what a template leaves in the event |
//! | [`meter`] | what a request uses of memory and work, and who grants it |
//! | [`integrations`], [`topic`], [`partition_key`] | the parts of the answer; [`answer`] writes it |
//! | [`topic_name`] | which names Kafka allows for topics |
//! | [`rejection`] | every reason for which one event is refused |
//! | [`avro`] | Avro schemas, and whether a message fits one |
//! | [`explain`] | what is told of an event's decisions; [`observer`] sees them made, [`reason`] has why a rule did not apply |
//! | [`partition`] | which partition a key leads to |
//! | [`produced`] | what rudder-server produces of an answer, and how large the record is |
//! | [`fill_in`] | what an event gets that lacks metadata or a destination |
//! | [`origin`] | where events come from, for metrics |
//! | [`repeats`] | what of an object need not be read again |
//! | [`outline`] | JSON as a flat tree |

pub mod answer;
pub mod avro;
pub mod batch;
pub mod beside;
pub mod config_value;
pub mod decision;
pub mod destination;
pub mod draft;
pub mod dynamic_config;
pub mod emptiness;
pub mod event;
pub mod explain;
pub mod family;
pub mod fill_in;
pub mod integrations;
pub mod meter;
pub mod observer;
pub mod origin;
pub mod outline;
pub mod partition;
pub mod partition_key;
pub mod processor;
pub mod produced;
pub mod reason;
pub mod rejection;
pub mod repeats;
pub mod request;
pub mod retl_timestamp;
pub mod router_transform;
pub mod topic;
pub mod topic_map;
pub mod topic_name;
pub mod walk;
pub mod work;
