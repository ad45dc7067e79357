//! What is known of a request that is over.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;

use crate::server::activity::observed::RejectedEvents;
use crate::server::http::error::RequestError;
use crate::server::http::identity::Identity;
use crate::server::http::trace_context::{Id, TraceParent};
use crate::server::limits::limit::LimitValues;
use transform::decision::Rejected;

/// A request and its response, as far as they may be reported.
#[derive(Debug)]
pub(crate) struct Exchange<'e> {
    pub id: &'e str,
    pub method: &'static str,
    /// The route's pattern; `None` where no route has the path.
    pub route: Option<&'static str>,
    pub status: StatusCode,
    /// From the headers of the request to those of the response; `None` if it is not needed.
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
    /// Whose events they are, if the request was rejected or failed.
    pub identity: Option<&'e Identity>,
    /// The path and the address of the upstream that failed.
    pub upstream: Option<(String, &'e str)>,
    /// The limits in force.
    pub limits: Option<&'e LimitValues>,
    pub parent: Option<TraceParent>,
}

/// The ids of a trace and of a span in it.
pub(crate) type SpanIds = (Id<16>, Id<8>);
