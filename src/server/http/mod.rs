//! HTTP types and middleware that all routes share: headers, errors, bodies, paths and IDs.

pub mod body;
pub mod coding;
pub mod connection_guard;
pub mod detach_headers;
pub mod error;
pub mod headers;
pub mod identity;
pub mod lengths;
pub mod operator_token;
pub mod panic_guard;
pub mod path;
pub mod request_id;
pub mod route;
pub mod text;
pub mod trace_context;
pub mod unserved;
