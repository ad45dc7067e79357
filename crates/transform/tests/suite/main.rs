//! One binary for all tests of the transformation, so that only one is linked.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, which is what it is for")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the crate is pure, its tests are not")]

mod allocations;
mod cases;
mod cost_bounds;
mod costs;
mod event_isolation;
mod explain_consistency;
mod limits;
mod oracle;
mod properties;

/// Counts what a thread holds, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
