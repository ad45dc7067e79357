//! The application: which path goes where, and what is around every route.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, HttpResponse, Resource, Responder};
use futures_util::FutureExt as _;

use super::admission::Admission;
use super::body::declared_length;
use super::error::RequestError;
use super::lifecycle::Lifecycle;
use super::measure::Route;
use super::metrics::Metrics;
use super::openapi;
use super::overload::InFlight;
use super::routes::{batch, processor, router_transform, status};
use super::settings::Settings;
use crate::transform::request::{Form, Limits};

/// What every route can reach.
#[derive(Debug, Clone)]
pub struct State {
    /// Bytes of a body.
    pub max_body_bytes: usize,
    /// Bounds of one request.
    pub limits: Limits,
    /// What is in memory.
    pub in_flight: InFlight,
    /// Who may come in.
    pub admission: Admission,
    /// The longest pause within a body.
    pub body_timeout: Duration,
    /// Whether the service is on its way to its end.
    pub lifecycle: Lifecycle,
    /// What is counted.
    pub metrics: Metrics,
}

impl State {
    /// The state that settings ask for.
    #[must_use]
    pub fn new(settings: &Settings, metrics: Metrics) -> Self {
        Self {
            max_body_bytes: settings.max_body_bytes,
            limits: settings.limits(),
            in_flight: InFlight::up_to(settings.in_flight_bytes()),
            admission: Admission::new(settings.worker_threads(), Duration::from_millis(settings.max_wait_milliseconds)),
            body_timeout: Duration::from_secs(settings.body_timeout),
            lifecycle: Lifecycle::default(),
            metrics,
        }
    }
}

/// rudder-server refuses a 200 without this header.
pub const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("apiversion"), HeaderValue::from_static("2"));

/// The content type of every answer that is JSON.
pub const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));

/// The header that tells the compacted form.
const CONTENT_FORMAT: &str = "x-content-format";

/// A way to add routes to the application, for what is built on it.
pub type ExtraRoutes = fn(&mut ServiceConfig);

/// Registers every route.
pub fn configure(state: Data<State>, extra: ExtraRoutes) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(state)
            .service(resource("/v0/destinations/{destination}").app_data(Version("v0")).post(processor::transform))
            .service(resource("/v1/destinations/{destination}").app_data(Version("v1")).post(processor::transform))
            .service(resource("/batch").post(batch::batch))
            .service(resource("/routerTransform").post(router_transform::router_transform))
            .service(status("/health", status::health))
            .service(status("/ready", status::ready))
            .service(status("/features", status::features))
            .service(status("/version", status::version))
            .service(status("/buildVersion", status::version))
            .service(status("/transformerBuildVersion", status::version))
            .configure(openapi::configure)
            .configure(extra)
            .default_service(web::to(not_found));
    }
}

/// A resource, with a slash at its end or not. Its pattern is the label of its requests in metrics. A known path with another
/// method is an unknown endpoint, as it is for the reference.
fn resource(pattern: &'static str) -> Resource {
    web::resource([pattern.to_owned(), format!("{pattern}/")])
        .app_data(Route(pattern))
        .default_service(web::to(not_found))
}

/// A small endpoint, which probes may ask with HEAD too.
fn status<F: Handler<Args>, Args: FromRequest + 'static>(pattern: &'static str, handler: F) -> Resource
where
    F::Output: Responder + 'static,
{
    resource(pattern).get(handler.clone()).route(web::head().to(handler))
}

/// The version of a destination's path, which changes nothing but a label.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub &'static str);

/// Registers the routes of the metrics port.
pub fn configure_metrics(state: Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(state)
            .service(resource("/metrics").get(status::metrics))
            // Here too: a probe then does not stand in line with requests.
            .service(status("/health", status::health))
            .service(status("/ready", status::ready))
            .default_service(web::to(not_found));
    }
}

async fn not_found() -> Result<HttpResponse, RequestError> {
    Err(RequestError::NotFound)
}

/// The form that a request's headers announce.
#[must_use]
pub fn form_of(request: &actix_web::HttpRequest) -> Form {
    let compacted = request
        .headers()
        .get(CONTENT_FORMAT)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"json+compactedv1"));
    if compacted { Form::Compacted } else { Form::Plain }
}

/// Answers a panic in a route with 500, so that neither the connection nor the worker is lost.
pub async fn answer_panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // Nothing of the request may be kept aside meanwhile: the router needs it to itself.
    AssertUnwindSafe(next.call(request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(RequestError::InternalServerError.into()))
}

/// Bodies from this size on make the read buffer of their connection worth giving back.
const LARGE_READ_BUFFER: usize = 16 * 1024;

/// Lets a request's headers stand on their own. The framework keeps the heads of past requests for new ones, and their
/// headers are slices of the buffer that the body came in with: some 128 such buffers would stay for ever.
pub async fn detach_headers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let headers = &mut request.head_mut().headers;
    if declared_length(headers)
        .map_or_else(|| headers.contains_key(TRANSFER_ENCODING), |length| length >= LARGE_READ_BUFFER)
    {
        headers.retain(|_, value| {
            if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
                *value = copy;
            }
            true
        });
    }
    next.call(request).await
}
