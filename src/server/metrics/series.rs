//! The series of one kind of request, and of the events of one origin.

use actix_web::http::StatusCode;
use prometheus::Histogram;

/// Identifies a kind of request. All values are defined by this service, so their number is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpKey {
    /// The method, or `other`.
    pub method: &'static str,
    /// The status of the response.
    pub status: StatusCode,
    /// The pattern of the route.
    pub route: &'static str,
    /// The name of the family, or empty for a request without one.
    pub family: &'static str,
}

/// The series of one kind of request.
#[derive(Debug, Clone)]
pub struct HttpSeries {
    /// Durations in seconds.
    pub duration: Histogram,
    /// Sizes of request bodies in bytes.
    pub request_size: Histogram,
    /// Sizes of response bodies in bytes.
    pub response_size: Histogram,
}

/// The series of the events of one origin.
#[derive(Debug, Clone)]
pub struct EventSeries {
    /// The number of events per request.
    pub input: Histogram,
    /// The number of entries per response.
    pub output: Histogram,
}
