//! The HTTP server. [`run`] gets its settings, listeners and the signal to stop from its caller.

pub mod activity;
pub mod allocator;
pub mod app;
mod bounded_file;
pub mod config;
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
pub mod version;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::{App, middleware};

use app::{ExtraRoutes, State};
use config::Config;
use http::connection_guard::connection_guard;
use http::detach_headers::detach_headers;
use http::panic_guard::answer_panics;
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
            tls: settings.tls()?.as_ref().map(Tls::load).transpose()?.map(Arc::new),
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
    let config = settings.resolve().map_err(io::Error::other)?;
    let Config { workers, connections, shutdown_timeout, .. } = config;
    allocator::keep_enough(workers);
    let metrics = Metrics::new(&config.instance_id).map_err(io::Error::other)?;
    let metrics = metrics.with_destinations(config.destination_metrics);
    let metrics_port = listeners.metrics.local_addr()?.port();
    let mut state = State::new(&config, metrics.clone(), metrics_port).map_err(io::Error::other)?;
    warn_of_unusable_limit(&config, &state);
    let of_service = Connections::new(&connections, workers);
    let of_metrics = Connections::of_metrics(&connections);
    state.metrics.connections = vec![("service", of_service.slots().clone()), ("metrics", of_metrics.slots().clone())];
    state.metrics.tls.clone_from(&listeners.tls);
    let giving_back = actix_web::rt::spawn(allocator::give_back());
    let service_state = state.clone();
    let lifecycle = state.status.lifecycle.clone();
    // With an upstream a connection may need a second one, to pass its requests on.
    let each = if config.upstream.is_some() { 2 } else { 1 };
    descriptors::allow_for(of_service.most().saturating_mul(each).saturating_add(of_metrics.most()));
    let tls = || listeners.tls.as_ref().map(|tls| tls.config().map_err(io::Error::other)).transpose();
    let port = |listener, tls, connections, workers| Port {
        listener,
        tls,
        connections,
        workers,
        header_timeout: config.connections.header_timeout,
        shutdown_timeout,
    };
    let service = port(listeners.service, tls()?, of_service, workers).serve(move || {
        // Once on each worker.
        actix_web::rt::spawn(allocator::give_back_end());
        actix_web::rt::spawn(metrics.clone().measure_event_loop());
        App::new()
            .app_data(Rc::new(WorkerSeries::of(metrics.clone())))
            .configure(app::configure(service_state.for_worker(), extra))
            .wrap(middleware::from_fn(answer_panics))
            .wrap(middleware::from_fn(connection_guard))
            .wrap(middleware::from_fn(measure))
            .wrap(middleware::from_fn(request_log::log))
            .wrap(middleware::from_fn(detach_headers))
    })?;
    let metrics_tls = tls()?.filter(|_| config.tls.as_ref().is_some_and(|tls| tls.on_metrics_port));
    let metrics = port(listeners.metrics, metrics_tls, of_metrics, 1).serve(move || {
        App::new()
            .configure(app::configure_metrics(state.clone()))
            .wrap(middleware::from_fn(answer_panics))
            .wrap(middleware::from_fn(connection_guard))
            .wrap(middleware::from_fn(request_log::log))
    })?;

    let (service_handle, metrics_handle) = (service.handle(), metrics.handle());
    let stop = async move {
        let drained = shutdown.await;
        lifecycle.stop();
        tracing::info!("shutting down: /ready now returns 503");
        drained.await;
        tracing::info!("shutting down: no new connections, requests in flight finish");
        service_handle.stop(true).await;
        metrics_handle.stop(false).await;
    };
    let (service, metrics, ()) = futures_util::join!(service, metrics, stop);
    giving_back.abort();
    service.and(metrics)
}

/// Logs that bodies of the largest size do not fit into memory.
fn warn_of_unusable_limit(config: &Config, state: &State) {
    let largest = state.transformation.bodies.budget.largest();
    if config.requests.max_body_bytes > largest {
        tracing::info!(
            largest,
            "MAX_BODY_BYTES is more than one request can use of MAX_IN_FLIGHT_BYTES, with its response: larger ones get 413"
        );
    }
}
