//! A finished request, as it is logged and traced.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;

use crate::server::activity::observed::RejectedEvents;
use crate::server::http::error::RequestError;
use crate::server::http::identity::Identity;
use crate::server::http::trace_context::{Id, TraceParent};
use crate::server::limits::limit::LimitValues;
use transform::decision::Rejected;

/// A finished request and its response, reduced to what may be reported.
#[derive(Debug)]
pub(crate) struct Exchange<'e> {
    pub id: &'e str,
    pub method: &'static str,
    /// The pattern of the route, or `None` if no route matches the path.
    pub route: Option<&'static str>,
    pub status: StatusCode,
    /// The time at which the headers of the request arrived, and the duration until the headers of the response. `None`
    /// if neither is needed.
    pub time: Option<(SystemTime, Duration)>,
    pub request_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    pub destination: Option<&'static str>,
    pub events: Option<u64>,
    pub rejected: Rejected,
    /// The rejected events of each destination.
    pub destinations: &'e [RejectedEvents],
    /// Why the request was rejected as a whole.
    pub error: Option<&'e RequestError>,
    /// The destination, source and workspace, if the request was rejected or has failed.
    pub identity: Option<&'e Identity>,
    /// The path and the address of the upstream that failed.
    pub upstream: Option<(String, &'e str)>,
    /// The configured limits.
    pub limits: Option<&'e LimitValues>,
    pub parent: Option<TraceParent>,
}

/// The IDs of a trace and of a span in it.
pub(crate) type SpanIds = (Id<16>, Id<8>);
