//! Parses Avro schemas and checks messages like goavro, the Avro library of rudder-server's producer.
//!
//! The module depends on JSON only, not on destinations or events.
//!
//! | module | decides |
//! | --- | --- |
//! | [`schema`], `builder`, `name`, `default` | which schemas are valid |
//! | [`message`] | whether a message can be encoded with a schema |

mod builder;
mod default;
pub mod message;
mod name;
pub mod schema;
#[cfg(test)]
mod tests;
