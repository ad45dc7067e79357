//! A drop-in for rudder-transformer's Kafka, Azure Event Hubs and Confluent Cloud endpoints.
//!
//! Floors, and arrows point down only: [`cli`] → [`verify`] → [`server`] → [`transform`] and [`cli`] → [`check`] →
//! [`transform`]; the forms of destinations that all tools read are in [`destinations`], just above [`transform`]. A test fails on an arrow that points up, and on a clock, a socket, an environment variable, a log line or
//! a metric inside [`transform`].

// A write of `eprintln!` that fails panics: the service logs, the tools write with `cli::stdio`.
#![warn(clippy::print_stderr)]

pub mod cli;
pub mod heavy_hitters;
pub mod server;
