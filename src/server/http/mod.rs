//! The vocabulary of HTTP that all routes share: headers, errors, bodies, paths and ids.

pub mod body;
pub mod connection_guard;
pub mod error;
pub mod operator_token;
pub mod path;
pub mod request_id;
pub mod trace_context;
