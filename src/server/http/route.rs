//! Labels of requests and responses. Their values are defined by this service, so their number is bounded.

use actix_web::http::Method;

/// The pattern of a route, which is the label of its requests. Stored with every resource.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// The label of requests without a route.
pub const UNMATCHED: Route = Route("unmatched");

/// The version in a destination's path. It affects only a label.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub &'static str);

/// Marks a response of the upstream, to which this service adds no headers.
#[derive(Debug, Clone, Copy)]
pub struct FromUpstream;

/// Scheme, host and port of the upstream that failed a request.
#[derive(Debug, Clone)]
pub struct UpstreamAddress(pub String);

/// Returns the label of a method. Unknown methods share a label, because clients can make up any number of them.
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
