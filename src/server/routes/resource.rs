//! How paths are registered.

use actix_web::web;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};

use super::fallback::anything;
use crate::server::http::error::RequestError;
use crate::server::http::route::Route;

/// A resource, with a slash at its end or not. Its pattern is the label of its requests in metrics. A known path with another
/// method is an unknown endpoint, as it is for the reference.
pub fn resource(pattern: &'static str) -> Resource {
    web::resource([pattern.to_owned(), format!("{}/", pattern.trim_end_matches('/'))])
        .app_data(Route(pattern))
        .default_service(web::to(anything))
}

/// A resource of this service's own, which rudder-transformer does not have: a method that it does not take is 405, and
/// never the upstream's. `allow` lists those that it takes.
pub fn own_resource(pattern: &'static str, allow: &'static str) -> Resource {
    resource(pattern)
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(RequestError::MethodNotAllowed(allow)) }))
}

/// [`status()`], of this service's own.
pub fn own_status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    own_resource(pattern, "GET, HEAD").get(handler.clone()).route(web::head().to(handler))
}

/// A small endpoint, which probes may ask with HEAD too.
pub fn status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(pattern).get(handler.clone()).route(web::head().to(handler))
}
