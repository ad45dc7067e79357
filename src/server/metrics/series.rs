//! The metric series for one kind of request, and for the events of requests with the same origin
//! ([`transform::request::origin::Origin`]).

use actix_web::http::StatusCode;
use prometheus::Histogram;

/// Identifies a kind of request. All values are defined by this service, so their number is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpKey {
    /// The HTTP method, or `other` for an unknown method.
    pub method: &'static str,
    /// The status of the response.
    pub status: StatusCode,
    /// The pattern of the route.
    pub route: &'static str,
    /// The name of the destination family, or empty if the request has none.
    pub family: &'static str,
}

/// The metric series for one kind of request.
#[derive(Debug, Clone)]
pub struct HttpSeries {
    /// The durations of requests, in seconds.
    pub duration: Histogram,
    /// The sizes of request bodies, in bytes.
    pub request_size: Histogram,
    /// The sizes of response bodies, in bytes.
    pub response_size: Histogram,
}

/// The metric series for the events of all requests with the same origin.
#[derive(Debug, Clone)]
pub struct EventSeries {
    /// The number of events per request.
    pub input: Histogram,
    /// The number of entries per response.
    pub output: Histogram,
}
