//! Wires the service together: creates the state of each route and registers its path.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

use super::activity::Activity;
use super::config::{Config, Page};
use super::http::body::BodyReader;
use super::http::error::RequestError;
use super::http::operator_token::OperatorToken;
use super::http::request_id::RequestIds;
use super::http::route::{Route, Version};
use super::lifecycle::Lifecycle;
use super::limits::limit::LimitValues;
use super::limits::load_shedding::LoadShedding;
use super::limits::memory_budget::MemoryBudget;
use super::limits::permits::Permits;
use super::metrics::Metrics;
use super::routes::destinations::{self, ShownActivity};
use super::routes::explain::ExplainService;
use super::routes::fallback::{Fallback, anything};
use super::routes::features::FeatureSource;
use super::routes::metrics::ShownMetrics;
use super::routes::resource::{own_status, path, resource, status as small};
use super::routes::service_info::ServiceInfo;
use super::routes::status::Status;
use super::routes::transform::Transformation;
use super::routes::{batch, docs, features, metrics, page, processor, router_transform, status};
use super::shadow::Shadow;
use super::unserved::Rejections;
use super::upstream::Upstream;
use transform::family::FAMILIES;

/// The state of all routes of one instance.
#[derive(Debug, Clone)]
pub struct State {
    /// The state of the transformation endpoints. It includes the fallback, which handles requests that this
    /// service does not serve itself.
    pub transformation: Transformation,
    /// The state of `POST /explain`.
    pub explain: ExplainService,
    /// The state of `/features`.
    pub features: FeatureSource,
    /// The state of `/health`, `/ready` and the version endpoints.
    pub status: Status,
    /// The state of `/metrics`.
    pub metrics: ShownMetrics,
    /// Creates the request IDs that responses and log lines contain.
    pub request_ids: Data<RequestIds>,
    /// The state of `/destinations`.
    pub destinations: ShownActivity,
    /// The values of the limits. Log lines about rejected requests show these values.
    pub limits: LimitValues,
    /// The information that the web pages show.
    pub info: ServiceInfo,
}

impl State {
    /// Creates the state for a configuration. `metrics_port` is the port that serves `/metrics`. Shadow comparisons run
    /// on the calling thread.
    ///
    /// # Errors
    /// Returns a description of the problem with the configuration.
    pub fn new(config: &Config, metrics: Metrics, metrics_port: u16) -> Result<Self, String> {
        let requests = config.requests;
        let upstream = config.upstream.as_ref().map(Upstream::new).transpose()?;
        let operator = config.operator_token_file.as_deref().map(OperatorToken::load).transpose()?.map(Arc::new);
        let shadow = config.shadow.zip(upstream.as_ref());
        let shadow = shadow.map(|(shadow, upstream)| Shadow::start(shadow, &requests, upstream, &metrics));
        let bodies = BodyReader {
            max_bytes: requests.max_body_bytes,
            timeout: config.connections.body_timeout,
            budget: MemoryBudget::up_to(requests.in_flight_bytes),
            shedding: LoadShedding::new(requests.max_wait),
            permits: Permits::new(config.workers),
        };
        let needed = upstream.clone().filter(|_| config.upstream.as_ref().is_some_and(|it| it.ready_needs_upstream));
        let fallback = Fallback {
            upstream: upstream.clone(),
            unserved: Rejections::new(config.unserved, metrics.clone()),
            metrics: metrics.clone(),
            metrics_port,
            body_timeout: config.connections.body_timeout,
        };
        let native_destinations = config.native_destinations;
        let activity = Activity::new(config.shows_keys);
        Ok(Self {
            explain: ExplainService {
                operator: operator.clone(),
                bodies: bodies.clone(),
                permits: Permits::new(1),
                max_events: requests.limits.events,
            },
            features: FeatureSource { upstream, known: Arc::default(), native_destinations },
            status: Status {
                lifecycle: Lifecycle::default(),
                versions: Arc::new(config.versions.clone()),
                needed: needed.map(|upstream| (upstream, Arc::default())),
            },
            destinations: ShownActivity {
                activity: activity.clone(),
                operator: operator.clone(),
                budget: bodies.budget.clone(),
                permits: Permits::new(1),
            },
            metrics: ShownMetrics {
                metrics,
                budget: bodies.budget.clone(),
                wait_limit: requests.max_wait,
                connections: Vec::new(),
                tls: None,
                operator,
            },
            transformation: Transformation {
                bodies,
                limits: requests.limits,
                native_destinations,
                fallback,
                shadow,
                activity,
            },
            request_ids: Data::new(RequestIds::default()),
            limits: LimitValues {
                in_flight_bytes: requests.in_flight_bytes,
                connections: config.connections.max,
                wait_milliseconds: u64::try_from(requests.max_wait.as_millis()).unwrap_or(u64::MAX),
            },
            info: ServiceInfo::of(config, metrics_port),
        })
    }

    /// Returns a copy of the state for one worker. The copy has its own connections to the upstream.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let mut own = self.clone();
        let upstream = self.transformation.fallback.upstream.as_ref().map(Upstream::with_own_connections);
        own.features.upstream.clone_from(&upstream);
        own.status.needed = upstream.clone().zip(self.status.needed.as_ref().map(|(_, reachable)| reachable.clone()));
        own.transformation.fallback.upstream = upstream;
        own
    }
}

/// A function that adds routes to the application. A program that extends this service passes it to
/// [`super::run_with`].
pub type ExtraRoutes = fn(&mut ServiceConfig);

/// Registers the routes of the service's port, and those that `extra` adds.
pub fn configure(state: State, extra: ExtraRoutes) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let State {
            transformation,
            explain,
            features: source,
            status: shown,
            request_ids,
            limits,
            destinations,
            info,
            ..
        } = state;
        let page = if info.page == Page::Service { page::configure } else { |_: &mut ServiceConfig| {} };
        config
            .app_data(shown.lifecycle.clone())
            .app_data(request_ids)
            .app_data(limits)
            .app_data(Data::new(destinations))
            .app_data(Data::new(transformation.fallback.clone()))
            .app_data(Data::new(transformation))
            .app_data(Data::new(explain))
            .app_data(Data::new(source))
            .app_data(Data::new(shown))
            .configure(destinations_in(V0_DESTINATIONS, "v0"))
            .configure(destinations_in(V1_DESTINATIONS, "v1"))
            .service(resource("/batch").post(batch::batch))
            .service(resource("/routerTransform").app_data(Version("v0")).post(router_transform::router_transform))
            .service(small("/health", status::health))
            .service(own_status("/ready", status::ready))
            .service(small("/features", features::features))
            .service(small("/version", status::version))
            .service(small("/buildVersion", status::build_version))
            .service(small("/transformerBuildVersion", status::build_version))
            // Metrics are served on their own port. If this port forwarded requests for `/metrics`, clients would
            // mistake the upstream's metrics for metrics of this service.
            .service(web::resource(["/metrics", "/metrics/"]).to(metrics_elsewhere))
            .configure(docs::configure(&info, false))
            .configure(page)
            .app_data(Data::new(info))
            .configure(extra)
            .default_service(web::to(anything));
    }
}

/// The pattern of the `v0` paths of the processor transformation.
const V0_DESTINATIONS: &str = "/v0/destinations/{destination}";
/// The pattern of the `v1` paths of the processor transformation.
const V1_DESTINATIONS: &str = "/v1/destinations/{destination}";

/// Registers the processor transformation at the paths that match `pattern`. The path of each supported destination
/// type is also registered literally: the framework matches `pattern` with a regular expression, and that takes half as
/// long as transforming one event.
fn destinations_in(pattern: &'static str, version: &'static str) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        for family in FAMILIES {
            let own = path(&pattern.replace("{destination}", family.name), pattern).app_data(Version(version));
            config.service(
                own.post(|request, payload, service| processor::transform_for(family.name, request, payload, service)),
            );
        }
        config.service(resource(pattern).app_data(Version(version)).post(processor::transform));
    }
}

/// Registers the routes of the metrics port.
pub fn configure_metrics(state: State) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        if state.info.page == Page::Metrics {
            // The page links to the API documentation, so this port serves both.
            config.configure(docs::configure(&state.info, true)).configure(page::configure);
        } else {
            config.service(own_status("/destinations", destinations::destinations));
        }
        config
            .app_data(state.status.lifecycle.clone())
            .app_data(state.request_ids)
            .app_data(Data::new(state.explain))
            .app_data(Data::new(state.status))
            .app_data(Data::new(state.metrics))
            .app_data(Data::new(state.destinations))
            .app_data(Data::new(state.info))
            .service(
                web::resource("/metrics")
                    .app_data(Route("/metrics"))
                    .get(metrics::metrics)
                    .default_service(web::to(not_on_metrics_port)),
            )
            // This port serves probes too, because on the service's port, probes wait behind other requests.
            .service(small("/health", status::health))
            .service(own_status("/ready", status::ready))
            .default_service(web::to(not_on_metrics_port));
    }
}

async fn not_on_metrics_port() -> Result<HttpResponse, RequestError> {
    Err(RequestError::NotOnMetricsPort)
}

async fn metrics_elsewhere(fallback: Data<Fallback>) -> Result<HttpResponse, RequestError> {
    Err(RequestError::MetricsElsewhere(fallback.metrics_port))
}
