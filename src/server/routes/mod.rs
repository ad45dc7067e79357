//! The routes, one file per endpoint. Each route gets its state as application data, which [`crate::server::app`]
//! registers.

pub mod batch;
pub mod destinations;
pub mod docs;
pub mod explain;
pub mod fallback;
pub mod features;
pub mod metrics;
pub mod off_loop;
pub mod page;
pub mod processor;
pub mod resource;
pub mod router_transform;
pub mod service_info;
pub mod status;
pub mod transform;
