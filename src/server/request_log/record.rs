//! What is known of a request that is over.

use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;

use crate::server::http::error::RequestError;
use crate::server::http::trace_context::{Id, TraceParent};
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
    /// Why the request was rejected as a whole.
    pub refusal: Option<&'e RequestError>,
    pub parent: Option<TraceParent>,
}

/// The ids of a trace and of a span in it.
pub(crate) type SpanIds = (Id<16>, Id<8>);
