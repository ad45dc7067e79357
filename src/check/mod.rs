//! Whether a destination is configured right: everything the producer reads of it is held against the contract's section 10.
//!
//! The rules know no HTTP, clock or environment: the text of a file and the time go in, findings come out.

pub mod connect;
pub mod destination;
