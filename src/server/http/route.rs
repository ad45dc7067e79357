//! What is known of a request and its response besides their contents. Labels come from this service, so that there are only
//! so many.

use actix_web::http::Method;

/// The pattern of a route, which every resource carries: the label of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// The label of requests for which there is no route.
pub const UNMATCHED: Route = Route("unmatched");

/// The version of a destination's path, which changes nothing but a label.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub &'static str);

/// Marks a response as the upstream's, to which nothing is added.
#[derive(Debug, Clone, Copy)]
pub struct FromUpstream;

/// Scheme, host and port of the upstream that has failed a request.
#[derive(Debug, Clone)]
pub struct UpstreamAddress(pub String);

/// A method as a label: a client may make up as many as it likes.
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
