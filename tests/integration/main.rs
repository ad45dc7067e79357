//! One binary for all integration tests, so that only one is linked.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]

mod allocations;
mod bad_input;
mod bodies;
mod check;
mod check_input;
mod cli;
mod connect;
mod cost_bounds;
mod costs;
mod dashboards;
mod deploy;
mod docs;
mod explain;
mod faults;
mod features;
mod forward;
mod full_output;
mod golden;
mod javascript;
mod layers;
mod lifecycle;
mod limits;
mod logs;
mod metrics;
mod neighbours;
mod openapi;
#[cfg(feature = "otlp")]
mod otlp;
mod overload;
mod page;
mod paths;
mod properties;
mod readme;
mod rules;
mod security;
mod server;
mod shadow;
mod status;
mod told;
mod tools;
mod tools_cases;
mod tools_explain;
mod twin;
mod unserved;
mod upstream;
mod upstream_responses;
mod verify;
mod workers;

/// Counts what a thread holds, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
