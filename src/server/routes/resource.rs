//! Helpers for registering paths.

use actix_web::web;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};

use super::fallback::anything;
use crate::server::http::error::RequestError;
use crate::server::http::route::Route;

/// Creates a resource for the paths that match `pattern`, with or without a trailing slash. In metrics, `pattern` is
/// the value of the label `route`. A request with an unsupported method is handled like a request for an unknown
/// path, as in rudder-transformer.
pub fn resource(pattern: &'static str) -> Resource {
    web::resource([pattern.to_owned(), format!("{}/", pattern.trim_end_matches('/'))])
        .app_data(Route(pattern))
        .default_service(web::to(anything))
}

/// Creates a resource like [`resource`], but for one literal path that matches `pattern`. A literal path is matched
/// without a regular expression. Register this resource before the resource for `pattern`.
pub fn path(path: &str, pattern: &'static str) -> Resource {
    web::resource(path).app_data(Route(pattern)).default_service(web::to(anything))
}

/// Creates a resource that rudder-transformer does not have. A request with an unsupported method gets 405 and is never
/// forwarded. `allow` lists the supported methods.
pub fn own_resource(pattern: &'static str, allow: &'static str) -> Resource {
    resource(pattern)
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(RequestError::MethodNotAllowed(allow)) }))
}

/// Like [`status()`], but for an endpoint that rudder-transformer does not have. See [`own_resource`].
pub fn own_status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    own_resource(pattern, "GET, HEAD").get(handler.clone()).route(web::head().to(handler))
}

/// Creates a small endpoint for GET requests, and for HEAD requests, which some probes send.
pub fn status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(pattern).get(handler.clone()).route(web::head().to(handler))
}
