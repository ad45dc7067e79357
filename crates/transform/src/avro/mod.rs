//! Avro as the producer's library, goavro, understands it: schemas, and whether a message fits one.
//!
//! A leaf: it knows JSON, and no destination, event or finding.
//!
//! | module | decides |
//! | --- | --- |
//! | [`schema`], `builder`, `name`, `default` | what is an Avro schema |
//! | [`message`] | whether a message can be encoded with a schema |

mod builder;
mod default;
pub mod message;
mod name;
pub mod schema;
#[cfg(test)]
mod tests;
