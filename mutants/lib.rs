//! The transformation without the service around it.

pub mod transform;
