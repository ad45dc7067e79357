//! Golden cases against a transformer.
pub mod typescript;
