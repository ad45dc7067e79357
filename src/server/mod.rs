//! The HTTP server. [`run`] gets its settings, listeners and the signal to stop from its caller.

pub mod allocator;
pub mod app;
pub mod config;
pub mod endpoint;
pub mod http;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod openapi;
pub mod request_log;
pub mod routes;
pub mod settings;
pub mod shadow;
pub mod transport;
pub mod unserved;
pub mod upstream;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{App, middleware};

use app::{ExtraRoutes, State};
use http::connection_guard;
use limits::connections::Connections;
use limits::descriptors;
use metrics::Metrics;
use metrics::middleware::measure;
use metrics::worker::WorkerSeries;
use settings::Settings;
use transport::port::Port;
use transport::tls::Tls;

/// The sockets of the service, bound by the caller, and what they speak.
#[derive(Debug)]
pub struct Listeners {
    /// For the service.
    pub service: TcpListener,
    /// For `/metrics`.
    pub metrics: TcpListener,
    /// What the service's port speaks TLS with, and the metrics port where the settings say so. Who keeps it can have the
    /// files read again.
    pub tls: Option<Arc<Tls>>,
}

impl Listeners {
    /// Binds what the settings ask for.
    ///
    /// # Errors
    /// Which address could not be bound, and why, or what is wrong with the files for TLS.
    pub fn bind(settings: &Settings) -> Result<Self, String> {
        let bind = |host: &str, port: u16| {
            TcpListener::bind((host, port)).map_err(|error| format!("cannot listen on {host}:{port}: {error}"))
        };
        let metrics_host = settings.metrics_host.as_ref().unwrap_or(&settings.host);
        Ok(Self {
            service: bind(&settings.host, settings.port)?,
            metrics: bind(metrics_host, settings.metrics_port)?,
            tls: Tls::of(settings)?.map(Arc::new),
        })
    }
}

/// Serves until `shutdown` is ready. Then `/ready` fails; once what `shutdown` gave is ready too, the listener closes, and
/// what is in flight finishes, as long as the settings allow.
///
/// # Errors
/// Where the server cannot be started.
pub async fn run<D: Future<Output = ()>>(
    settings: &Settings,
    listeners: Listeners,
    shutdown: impl Future<Output = D>,
) -> io::Result<()> {
    run_with(settings, listeners, shutdown, |_| {}).await
}

/// [`run`], with more routes.
///
/// # Errors
/// Where the server cannot be started.
pub async fn run_with<D: Future<Output = ()>>(
    settings: &Settings,
    listeners: Listeners,
    shutdown: impl Future<Output = D>,
    extra: ExtraRoutes,
) -> io::Result<()> {
    allocator::keep_enough(settings.worker_threads());
    let metrics = Metrics::new(&settings.instance_id).map_err(io::Error::other)?;
    let mut state = State::new(settings, metrics).map_err(io::Error::other)?;
    state.metrics_port = listeners.metrics.local_addr()?.port();
    let state = Data::new(state);
    if settings.max_body_bytes > state.in_flight.largest() {
        tracing::info!(
            largest = state.in_flight.largest(),
            "MAX_BODY_BYTES is more than one request can use of MAX_IN_FLIGHT_BYTES, with its response: larger ones get 413"
        );
    }
    let giving_back = actix_web::rt::spawn(allocator::give_back());
    let service_state = state.clone();
    let lifecycle = state.lifecycle.clone();
    let connections = Connections::new(settings);
    let metrics_connections = Connections::of_metrics(settings);
    // With an upstream a connection may need a second one, to pass its requests on.
    let each = if state.upstream.is_some() { 2 } else { 1 };
    descriptors::allow_for(connections.most().saturating_mul(each).saturating_add(metrics_connections.most()));
    let tls = || listeners.tls.as_ref().map(|tls| tls.config().map_err(io::Error::other)).transpose();
    let service =
        Port::new(settings, listeners.service, tls()?, connections, settings.worker_threads()).serve(move || {
            // Once on each worker.
            actix_web::rt::spawn(allocator::give_back_end());
            App::new()
                .app_data(Rc::new(WorkerSeries::of(service_state.metrics.clone())))
                .configure(app::configure(Data::new(service_state.for_worker()), extra))
                .wrap(middleware::from_fn(app::answer_panics))
                .wrap(middleware::from_fn(connection_guard::attend))
                .wrap(middleware::from_fn(measure))
                .wrap(middleware::from_fn(request_log::log))
                .wrap(middleware::from_fn(app::detach_headers))
        })?;
    let metrics_tls = tls()?.filter(|_| settings.metrics_tls);
    let metrics = Port::new(settings, listeners.metrics, metrics_tls, metrics_connections, 1).serve(move || {
        App::new()
            .configure(app::configure_metrics(state.clone()))
            .wrap(middleware::from_fn(app::answer_panics))
            .wrap(middleware::from_fn(connection_guard::attend))
            .wrap(middleware::from_fn(request_log::log))
    })?;

    let (service_handle, metrics_handle) = (service.handle(), metrics.handle());
    let stop = async move {
        let drained = shutdown.await;
        lifecycle.stop();
        tracing::info!("stopping: not ready any more");
        drained.await;
        tracing::info!("stopping: no new connections, requests in flight finish");
        service_handle.stop(true).await;
        metrics_handle.stop(false).await;
    };
    let (service, metrics, ()) = futures_util::join!(service, metrics, stop);
    giving_back.abort();
    service.and(metrics)
}
