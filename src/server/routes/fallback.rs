//! Handles requests that this service does not serve. It forwards them to the upstream, or rejects them if there is no
//! upstream.

use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::server::http::error::RequestError;
use crate::server::http::path::{Addressed, addressed};
use crate::server::metrics::Metrics;
use crate::server::unserved::Rejections;
use crate::server::upstream::Upstream;
use crate::server::upstream::pass;

/// The state for requests that this service does not serve.
#[derive(Debug, Clone)]
pub struct Fallback {
    /// The upstream, or `None` if none is configured.
    pub upstream: Option<Upstream>,
    /// How to respond to requests that need an upstream, if no upstream is configured.
    pub unserved: Rejections,
    /// The metrics to update.
    pub metrics: Metrics,
    /// The port of `/metrics`.
    pub metrics_port: u16,
    /// The maximum idle time while a body is received.
    pub body_timeout: Duration,
}

impl Fallback {
    /// Forwards a request to the upstream, and returns the upstream's response. Without an upstream, rejects the
    /// request: according to `UNSERVED` if rudder-server uses the requested endpoint, and with `rejection` if it does
    /// not.
    ///
    /// # Errors
    /// If the upstream does not respond, returns the reason. If there is no upstream, returns
    /// [`RequestError::Unserved`] or `rejection`. Returns [`RequestError::MetricsElsewhere`] for a path that the
    /// upstream might normalize to `/metrics`, and [`RequestError::BadRequest`] for a path that leads outside the root.
    pub async fn forward_or(
        &self,
        request: &HttpRequest,
        payload: Payload,
        rejection: RequestError,
    ) -> Result<HttpResponse, RequestError> {
        match addressed(request.uri().path()) {
            Addressed::Metrics => return Err(RequestError::MetricsElsewhere(self.metrics_port)),
            Addressed::Outside => {
                return Err(RequestError::BadRequest(
                    "the path leads outside the root: remove its dot segments".to_owned(),
                ));
            }
            Addressed::Other => {}
        }
        match &self.upstream {
            Some(upstream) => pass::streamed(request, payload, self.body_timeout, upstream, &self.metrics).await,
            None => Err(self.unserved.reject(request, payload, rejection).await),
        }
    }
}

/// Handles requests for paths without a route.
///
/// # Errors
/// Returns [`RequestError::NotOnMetricsPort`] on the metrics port, whose application has no [`Fallback`]. Otherwise
/// returns the errors of [`Fallback::forward_or`], with [`RequestError::NotFound`] as `rejection`.
pub async fn anything(request: HttpRequest, payload: Payload) -> Result<HttpResponse, RequestError> {
    match request.app_data::<Data<Fallback>>() {
        Some(fallback) => fallback.forward_or(&request, payload, RequestError::NotFound).await,
        None => Err(RequestError::NotOnMetricsPort),
    }
}
