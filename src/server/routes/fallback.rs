//! Requests that are not served here: they go to the upstream, or are rejected if there is none.

use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::server::http::error::RequestError;
use crate::server::http::path::{Addressed, addressed};
use crate::server::metrics::Metrics;
use crate::server::unserved::Rejections;
use crate::server::upstream::Upstream;
use crate::server::upstream::pass;

/// Where requests go that are not served here.
#[derive(Debug, Clone)]
pub struct Fallback {
    /// The upstream.
    pub upstream: Option<Upstream>,
    /// The responses to what would be the upstream's, if there is none.
    pub unserved: Rejections,
    /// What is counted.
    pub metrics: Metrics,
    /// The port of `/metrics`.
    pub metrics_port: u16,
    /// The longest pause within a body.
    pub body_timeout: Duration,
}

impl Fallback {
    /// Passes a request on to the upstream, and its response back. Without an upstream the response is what `UNSERVED` says
    /// if rudder-server could have sent the request, else `rejection`.
    ///
    /// # Errors
    /// [`RequestError::Unserved`], `rejection`, or why there is no response of the upstream;
    /// [`RequestError::MetricsElsewhere`] and [`RequestError::BadRequest`] for a path that may be normalized to `/metrics`,
    /// or to one above the root.
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
                    "the path leads above its root: remove its dot segments".to_owned(),
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

/// The route of everything that has no other one.
///
/// # Errors
/// [`RequestError::NotFound`] without an upstream; [`RequestError::NotOnMetricsPort`] in an application without a
/// [`Fallback`], which is that of the metrics port; what [`Fallback::forward_or`] returns.
pub async fn anything(request: HttpRequest, payload: Payload) -> Result<HttpResponse, RequestError> {
    match request.app_data::<Data<Fallback>>() {
        Some(fallback) => fallback.forward_or(&request, payload, RequestError::NotFound).await,
        None => Err(RequestError::NotOnMetricsPort),
    }
}
