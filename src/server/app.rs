//! The application: which path goes where, and what is around every route.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use futures_util::FutureExt as _;

use super::config::native_destinations::Natives;
use super::http::error::RequestError;
use super::http::operator_token::OperatorToken;
use super::lifecycle::Lifecycle;
use super::limits::load_shedding::Admission;
use super::limits::memory_budget::MemoryBudget;
use super::metrics::Metrics;
use super::metrics::middleware::Route;
use super::openapi;
use super::request_log::RequestLog;
use super::routes::page::{self, Page};
use super::routes::status::Versions;
use super::routes::{batch, features, processor, router_transform, status};
use super::settings::Settings;
use super::shadow::Shadow;
use super::unserved::Refusals;
use super::upstream::features::Features;
use super::upstream::{Reachable, Upstream, pass};
use transform::request::{Form, Limits};

/// What every route can reach.
#[derive(Debug, Clone)]
pub struct State {
    /// Bytes of a body.
    pub max_body_bytes: usize,
    /// Bounds of one request.
    pub limits: Limits,
    /// What is in memory.
    pub in_flight: MemoryBudget,
    /// Who may come in.
    pub admission: Admission,
    /// The longest pause within a body.
    pub body_timeout: Duration,
    /// Whether the service is on its way to its end.
    pub lifecycle: Lifecycle,
    /// What is counted.
    pub metrics: Metrics,
    /// The destinations that are transformed here.
    pub natives: Natives,
    /// Where everything else goes.
    pub upstream: Option<Upstream>,
    /// The responses to what would be the upstream's, if there is none.
    pub unserved: Refusals,
    /// Whether it can be reached, where that is asked for by `/ready`.
    pub reachable: Option<Arc<Reachable>>,
    /// What the upstream can do.
    pub features: Arc<Features>,
    /// What is compared with the upstream.
    pub shadow: Option<Shadow>,
    /// The versions that are reported.
    pub versions: Arc<Versions>,
    /// The port of `/metrics`.
    pub metrics_port: u16,
    /// Where there is a page.
    pub page: Page,
    /// What is asked for before metrics are shown and explanations made.
    pub operator: Option<Arc<OperatorToken>>,
    /// What is logged.
    pub request_log: Arc<RequestLog>,
}

impl State {
    /// The state that settings ask for. What it compares is compared on the thread that this is called on.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(settings: &Settings, metrics: Metrics) -> Result<Self, String> {
        let natives = settings.natives()?;
        let upstream = Upstream::of(settings)?;
        let shadow = match &upstream {
            Some(upstream) => Shadow::start(settings, upstream, &metrics),
            None => None,
        };
        Ok(Self {
            max_body_bytes: settings.max_body_bytes,
            limits: settings.limits(),
            in_flight: MemoryBudget::up_to(settings.in_flight_bytes()),
            admission: Admission::new(settings.worker_threads(), Duration::from_millis(settings.max_wait_milliseconds)),
            body_timeout: Duration::from_secs(settings.body_timeout),
            lifecycle: Lifecycle::default(),
            metrics,
            natives,
            upstream,
            unserved: Refusals::new(settings.unserved),
            reachable: settings.ready_needs_upstream.then(Arc::default),
            features: Arc::default(),
            shadow,
            versions: Arc::new(Versions::of(settings)),
            metrics_port: settings.metrics_port,
            page: settings.page,
            operator: OperatorToken::of(settings)?.map(Arc::new),
            request_log: Arc::default(),
        })
    }

    /// Lets pass who may see what is the operator's.
    ///
    /// # Errors
    /// [`RequestError::Unauthorized`].
    pub fn check_operator(&self, request: &HttpRequest) -> Result<(), RequestError> {
        self.operator.as_ref().map_or(Ok(()), |token| token.check(request))
    }

    /// The same state with connections of its own, for one worker.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        Self { upstream: self.upstream.as_ref().map(Upstream::with_own_connections), ..self.clone() }
    }
}

/// rudder-server refuses a 200 without this header.
pub const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("apiversion"), HeaderValue::from_static("2"));

/// The content type of every answer that is JSON.
pub const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));

/// The header that tells the compacted form.
pub const CONTENT_FORMAT: &str = "x-content-format";

/// A way to add routes to the application, for what is built on it.
pub type ExtraRoutes = fn(&mut ServiceConfig);

/// Registers every route.
pub fn configure(state: Data<State>, extra: ExtraRoutes) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let page = if state.page == Page::Service { page::configure } else { |_: &mut ServiceConfig| {} };
        config
            .app_data(state)
            .service(resource("/v0/destinations/{destination}").app_data(Version("v0")).post(processor::transform))
            .service(resource("/v1/destinations/{destination}").app_data(Version("v1")).post(processor::transform))
            .service(resource("/batch").post(batch::batch))
            .service(resource("/routerTransform").app_data(Version("v0")).post(router_transform::router_transform))
            .service(status("/health", status::health))
            .service(own_status("/ready", status::ready))
            .service(status("/features", features::features))
            .service(status("/version", status::version))
            .service(status("/buildVersion", status::build_version))
            .service(status("/transformerBuildVersion", status::build_version))
            // It has a port of its own. The upstream's would be taken for ours here.
            .service(web::resource(["/metrics", "/metrics/"]).to(metrics_elsewhere))
            .configure(openapi::configure)
            .configure(page)
            .configure(extra)
            .default_service(web::to(pass::anything));
    }
}

/// A resource, with a slash at its end or not. Its pattern is the label of its requests in metrics. A known path with another
/// method is an unknown endpoint, as it is for the reference.
pub(super) fn resource(pattern: &'static str) -> Resource {
    web::resource([pattern.to_owned(), format!("{}/", pattern.trim_end_matches('/'))])
        .app_data(Route(pattern))
        .default_service(web::to(pass::anything))
}

/// A resource of this service's own, which rudder-transformer does not have: a method that it does not take is 405, and
/// never the upstream's. `allow` lists those that it takes.
pub(super) fn own_resource(pattern: &'static str, allow: &'static str) -> Resource {
    resource(pattern)
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(RequestError::MethodNotAllowed(allow)) }))
}

/// [`status()`], of this service's own.
pub(super) fn own_status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    own_resource(pattern, "GET, HEAD").get(handler.clone()).route(web::head().to(handler))
}

/// A small endpoint, which probes may ask with HEAD too.
pub(super) fn status<F, Args>(pattern: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
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
        if state.page == Page::Metrics {
            // With the description of the API, which the page links to.
            config.configure(openapi::configure).configure(page::configure);
        }
        config
            .app_data(state)
            .app_data(pass::StaysHere)
            .service(
                web::resource("/metrics")
                    .app_data(Route("/metrics"))
                    .get(status::metrics)
                    .default_service(web::to(not_on_metrics_port)),
            )
            // Here too: a probe then does not stand in line with requests.
            .service(status("/health", status::health))
            .service(own_status("/ready", status::ready))
            .default_service(web::to(not_on_metrics_port));
    }
}

async fn not_on_metrics_port() -> Result<HttpResponse, RequestError> {
    Err(RequestError::NotOnMetricsPort)
}

async fn metrics_elsewhere(state: Data<State>) -> Result<HttpResponse, RequestError> {
    Err(RequestError::MetricsElsewhere(state.metrics_port))
}

/// The form that a request's headers announce.
#[must_use]
pub fn form_of(request: &HttpRequest) -> Form {
    form_named(request.headers().get(CONTENT_FORMAT).map(HeaderValue::as_bytes))
}

/// The form that the value of the header [`CONTENT_FORMAT`] announces.
#[must_use]
pub fn form_named(value: Option<&[u8]>) -> Form {
    let compacted = value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"json+compactedv1"));
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

/// Lets a request's headers stand on their own. The framework keeps the heads of past requests for new ones, and their
/// headers are slices of the buffer that the connection is read with, which an earlier body may have made large: some 128
/// such buffers would stay for ever.
pub async fn detach_headers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.head_mut().headers.retain(|_, value| {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
        true
    });
    next.call(request).await
}
