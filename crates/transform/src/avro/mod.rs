//! Parses Avro schemas and checks messages in the same way as goavro, the Avro library of rudder-server's producer.
//!
//! The module depends only on JSON, not on destinations or events.
//!
//! | module | content |
//! | --- | --- |
//! | [`schema`], `builder`, `name`, `default` | parse schemas |
//! | [`message`] | checks whether a message can be encoded with a schema |

mod builder;
mod default;
pub mod message;
mod name;
pub mod schema;
#[cfg(test)]
mod tests;
