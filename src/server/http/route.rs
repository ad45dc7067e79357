//! Labels of requests and responses. This service defines their values, so the number of different values is bounded.

use actix_web::http::Method;

/// The pattern of a route, by which metrics and log lines identify the route of a request. Every resource stores its
/// pattern as application data.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// The label of requests that match no route.
pub const UNMATCHED: Route = Route("unmatched");

/// The version in the path of a request, `v0` or `v1`. It affects only a metric label.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub &'static str);

/// Marks a response that came from the upstream. This service adds no headers to such a response.
#[derive(Debug, Clone, Copy)]
pub struct FromUpstream;

/// The scheme, host and port of the upstream. It is stored with a request that failed because of the upstream.
#[derive(Debug, Clone)]
pub struct UpstreamAddress(pub String);

/// Returns the label of a method. Unknown methods share a label, because clients can make up any number of methods.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
