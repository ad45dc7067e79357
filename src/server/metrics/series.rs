//! The series of one kind of request, and of the events of one origin.

use actix_web::http::StatusCode;
use prometheus::Histogram;

/// The kinds of requests that are distinguished. All of it comes from this service, so that there are only so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpKey {
    /// The method, or `other`.
    pub method: &'static str,
    /// The status answered.
    pub status: StatusCode,
    /// The route's pattern.
    pub route: &'static str,
    /// The family's name; empty where a request has none.
    pub family: &'static str,
}

/// The series of one kind of request.
#[derive(Debug, Clone)]
pub struct HttpSeries {
    /// Seconds.
    pub duration: Histogram,
    /// Bytes.
    pub request_size: Histogram,
    /// Bytes.
    pub response_size: Histogram,
}

/// The series of the events of one origin.
#[derive(Debug, Clone)]
pub struct EventSeries {
    /// Events in a request.
    pub input: Histogram,
    /// Entries in the response.
    pub output: Histogram,
}
