//! All integration tests in a single binary, so that only one binary is linked.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod bench;
mod bodies;
mod check;
mod check_input;
mod cli;
mod connect;
mod dashboards;
mod destinations;
mod docs;
mod explain;
#[path = "../../crates/transform/tests/suite/explain_consistency.rs"]
mod explain_consistency;
mod faults;
mod features;
mod forward;
mod full_output;
mod golden;
mod lifecycle;
mod logs;
mod metrics;
mod openapi;
#[allow(dead_code, reason = "the tests of the transformation use all of it")]
#[path = "../../crates/transform/tests/suite/oracle.rs"]
mod oracle;
#[cfg(feature = "otlp")]
mod otlp;
mod overload;
mod page;
mod paths;
mod readme;
mod rules;
mod security;
mod server;
mod shadow;
mod status;
mod tools;
mod tools_cases;
mod tools_explain;
mod unserved;
mod upstream;
mod upstream_responses;
mod verify;
mod workers;
