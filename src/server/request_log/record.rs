//! A finished request, as it is logged and traced.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;

use crate::server::activity::observed::RejectedEvents;
use crate::server::http::error::RequestError;
use crate::server::http::identity::Identity;
use crate::server::http::trace_context::{Id, TraceParent};
use crate::server::limits::limit::LimitValues;
use transform::decision::Rejected;

/// The parts of a finished request and its response that may be logged or traced.
#[derive(Debug)]
pub(crate) struct Exchange<'e> {
    pub id: &'e str,
    pub method: &'static str,
    /// The pattern of the route, or `None` if no route matches the path.
    pub route: Option<&'static str>,
    pub status: StatusCode,
    /// When the headers of the request arrived, and how long it took until the headers of the response were ready.
    /// `None` if no log line or span needs these times.
    pub time: Option<(SystemTime, Duration)>,
    pub request_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    pub destination: Option<&'static str>,
    pub events: Option<u64>,
    pub rejected: Rejected,
    /// The rejected events of each destination.
    pub destinations: &'e [RejectedEvents],
    /// Why the request as a whole was rejected or failed.
    pub error: Option<&'e RequestError>,
    /// The IDs of the destination, source and workspace, if the request was rejected or has failed.
    pub identity: Option<&'e Identity>,
    /// The path of the request and the address of the upstream, if the upstream failed.
    pub upstream: Option<(String, &'e str)>,
    /// The configured limits.
    pub limits: Option<&'e LimitValues>,
    pub parent: Option<TraceParent>,
}

/// The IDs of a trace and of a span in it.
pub(crate) type SpanIds = (Id<16>, Id<8>);
