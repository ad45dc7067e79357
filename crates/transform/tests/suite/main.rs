//! All integration tests of the transformation, in one binary, because one binary links faster than several.

#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
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

/// Counts the memory that each thread uses, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
