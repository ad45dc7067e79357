//! Labels of requests and responses. Their values are fixed by this service, so that their number is bounded.

use actix_web::http::Method;

/// The pattern of a route, stored with every resource: the label of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// The label of requests without a route.
pub const UNMATCHED: Route = Route("unmatched");

/// The version in a destination's path. It affects only a label.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub &'static str);

/// Marks a response of the upstream, to which nothing is added.
#[derive(Debug, Clone, Copy)]
pub struct FromUpstream;

/// Scheme, host and port of the upstream that failed a request.
#[derive(Debug, Clone)]
pub struct UpstreamAddress(pub String);

/// The label of a method. Unknown methods share one, because clients can make up any number.
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
