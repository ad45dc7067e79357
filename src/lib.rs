//! A drop-in for rudder-transformer's Kafka, Azure Event Hubs and Confluent Cloud endpoints.
//!
//! [`cli`] is the command line, [`server`] the HTTP service. The transformation and everything that needs neither are crates
//! of the workspace; ARCHITECTURE.md lists them.

// A write of `eprintln!` that fails panics: the service logs, the tools write with `cli::stdio`.
#![warn(clippy::print_stderr)]

pub mod cli;
pub mod heavy_hitters;
pub mod server;
