//! Helpers for registering paths.

use actix_web::web;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};

use super::fallback::anything;
use crate::server::http::error::RequestError;
use crate::server::http::route::Route;

/// A resource, with or without a trailing slash. Metrics label its requests with the pattern. A request with another
/// method is handled like one for an unknown path, as in rudder-transformer.
pub fn resource(pattern: &'static str) -> Resource {
    web::resource([pattern.to_owned(), format!("{}/", pattern.trim_end_matches('/'))])
        .app_data(Route(pattern))
        .default_service(web::to(anything))
}

/// Like [`resource`], for one path that matches a pattern. A path without parameters is matched without a regular
/// expression, so register it before its pattern.
pub fn path(path: &str, pattern: &'static str) -> Resource {
    web::resource(path).app_data(Route(pattern)).default_service(web::to(anything))
}

/// A resource that rudder-transformer does not have. An unsupported method gets 405 and is never forwarded. `allow`
/// lists the supported methods.
pub fn own_resource(pattern: &'static str, allow: &'static str) -> Resource {
    resource(pattern)
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(RequestError::MethodNotAllowed(allow)) }))
}

/// Like [`status()`], for a resource that rudder-transformer does not have.
pub fn own_status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    own_resource(pattern, "GET, HEAD").get(handler.clone()).route(web::head().to(handler))
}

/// A small endpoint, which probes may also request with HEAD.
pub fn status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(pattern).get(handler.clone()).route(web::head().to(handler))
}
