//! A drop-in replacement for rudder-transformer's Kafka, Azure Event Hubs and Confluent Cloud endpoints.
//!
//! [`cli`] is the command line, and [`server`] the HTTP service. Code that depends on neither, such as the
//! transformation, is in the other crates of the workspace (see ARCHITECTURE.md).

// Do not use `eprintln!`, because it panics if writing fails. The service uses the log, and the tools use `cli::stdio`.
#![warn(clippy::print_stderr)]

pub mod cli;
pub mod server;
pub mod trust;
