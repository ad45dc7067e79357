//! What the service is configured with: plain values.

pub mod native_destinations;
