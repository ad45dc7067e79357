//! The application: which path goes where, and what is around every route.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, HttpMessage as _, HttpResponse, Resource, Responder};
use futures_util::FutureExt as _;

use super::admission::Admission;
use super::body::declared_length;
use super::error::RequestError;
use super::lifecycle::Lifecycle;
use super::metrics::Metrics;
use super::openapi;
use super::overload::InFlight;
use super::request_log::RequestLog;
use super::routes::{batch, processor, router_transform, status};
use super::settings::Settings;
use crate::transform::family::Family;
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
    /// What is logged.
    pub request_log: Arc<RequestLog>,
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
            request_log: Arc::default(),
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
            .service(
                resource(&[
                    "/v0/destinations/{destination}",
                    "/v0/destinations/{destination}/",
                    "/v1/destinations/{destination}",
                    "/v1/destinations/{destination}/",
                ])
                .post(processor::transform),
            )
            .service(resource(&["/batch", "/batch/"]).post(batch::batch))
            .service(resource(&["/routerTransform", "/routerTransform/"]).post(router_transform::router_transform))
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

/// A known path with another method is an unknown endpoint, as it is for the reference.
fn resource(paths: &[&str]) -> Resource {
    web::resource(paths.to_vec()).default_service(web::to(not_found))
}

/// A small endpoint, which probes may ask with HEAD too.
fn status<F: Handler<Args>, Args: FromRequest + 'static>(path: &str, handler: F) -> Resource
where
    F::Output: Responder + 'static,
{
    resource(&[path, &format!("{path}/")]).get(handler.clone()).route(web::head().to(handler))
}

/// Registers the routes of the metrics port.
pub fn configure_metrics(state: Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(state)
            .service(resource(&["/metrics"]).get(status::metrics))
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

/// Counts every request and how long it took.
pub async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let state = request.app_data::<Data<State>>().cloned();
    let method = request.method().clone();
    let result = next.call(request).await;
    let (code, route, family) = match &result {
        Ok(response) => {
            let request = response.request();
            let family = request.extensions().get::<&'static Family>().copied();
            (response.status(), request.match_pattern(), family)
        }
        Err(error) => (error.as_response_error().status_code(), None, None),
    };
    if let Some(state) = state {
        let route = route.as_deref().unwrap_or("unmatched");
        state
            .metrics
            .duration(method_label(&method), code.as_str(), route, family)
            .observe(started.elapsed().as_secs_f64());
    }
    result
}

/// A method as a label: a client may make up as many as it likes.
pub(super) fn method_label(method: &Method) -> &'static str {
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
