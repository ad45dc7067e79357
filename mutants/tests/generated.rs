//! The tests of `tests/integration` on generated batches, as far as they need no server.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]

#[path = "integration/neighbours.rs"]
mod neighbours;
#[path = "integration/properties.rs"]
mod properties;
#[path = "integration/twin.rs"]
mod twin;
