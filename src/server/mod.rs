//! The HTTP server. The caller of [`run`] passes the settings, the listeners and the shutdown signal.

pub mod activity;
pub mod allocator;
pub mod app;
pub(crate) mod bounded_file;
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
use http::panic_guard::catch_panics;
use limits::connections::Connections;
use limits::descriptors;
use metrics::Metrics;
use metrics::middleware::measure;
use metrics::worker::WorkerSeries;
use settings::Settings;
use transport::port::Port;
use transport::tls::Tls;

/// The listening sockets of the service's port and of the metrics port, and their TLS configuration.
#[derive(Debug)]
pub struct Listeners {
    /// The listening socket of the service's port.
    pub service: TcpListener,
    /// The listening socket of the metrics port.
    pub metrics: TcpListener,
    /// The TLS configuration, or `None` for plain HTTP. It applies to the service's port and, if `METRICS_TLS` is set,
    /// to the metrics port. To reload the certificate and key files, the caller can keep a clone of the `Arc`.
    pub tls: Option<Arc<Tls>>,
}

impl Listeners {
    /// Binds the addresses in the settings.
    ///
    /// # Errors
    /// Returns an error if an address cannot be bound or the TLS files cannot be used.
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

/// Runs the server until it has shut down. When `shutdown` completes, `/ready` begins to fail. The output of `shutdown`
/// is a second future. When this second future completes, the listener closes, and requests in flight have
/// `SHUTDOWN_TIMEOUT` to finish.
///
/// # Errors
/// Fails if the server cannot be started.
pub async fn run<D: Future<Output = ()>>(
    settings: &Settings,
    listeners: Listeners,
    shutdown: impl Future<Output = D>,
) -> io::Result<()> {
    run_with(settings, listeners, shutdown, |_| {}).await
}

/// Like [`run`], but also serves the routes that `extra` adds.
///
/// # Errors
/// Fails if the server cannot be started.
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
    report_unusable_limit(&config, &state);
    let of_service = Connections::new(&connections, workers);
    let of_metrics = Connections::for_metrics_port(&connections);
    state.metrics.connections = vec![("service", of_service.slots().clone()), ("metrics", of_metrics.slots().clone())];
    state.metrics.tls.clone_from(&listeners.tls);
    let trimming = actix_web::rt::spawn(allocator::trim());
    let service_state = state.clone();
    let lifecycle = state.status.lifecycle.clone();
    // If there is an upstream, each client connection may need a second connection, from this service to the upstream.
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
        // This closure runs once per worker.
        actix_web::rt::spawn(allocator::trim_arena());
        actix_web::rt::spawn(metrics.clone().measure_event_loop());
        App::new()
            .app_data(Rc::new(WorkerSeries::of(metrics.clone())))
            .configure(app::configure(service_state.for_worker(), extra))
            .wrap(middleware::from_fn(catch_panics))
            .wrap(middleware::from_fn(connection_guard))
            .wrap(middleware::from_fn(measure))
            .wrap(middleware::from_fn(request_log::log))
            .wrap(middleware::from_fn(detach_headers))
    })?;
    let metrics_tls = tls()?.filter(|_| config.tls.as_ref().is_some_and(|tls| tls.on_metrics_port));
    let metrics = port(listeners.metrics, metrics_tls, of_metrics, 1).serve(move || {
        App::new()
            .configure(app::configure_metrics(state.clone()))
            .wrap(middleware::from_fn(catch_panics))
            .wrap(middleware::from_fn(connection_guard))
            .wrap(middleware::from_fn(request_log::log))
    })?;

    let (service_handle, metrics_handle) = (service.handle(), metrics.handle());
    let stop = async move {
        let drained = shutdown.await;
        lifecycle.stop();
        tracing::info!("shutting down: /ready now returns 503");
        drained.await;
        tracing::info!("shutting down: closing the listener and finishing requests in flight");
        service_handle.stop(true).await;
        metrics_handle.stop(false).await;
    };
    let (service, metrics, ()) = futures_util::join!(service, metrics, stop);
    trimming.abort();
    service.and(metrics)
}

/// Logs a message if a body of `MAX_BODY_BYTES` bytes would exceed the part of the memory budget that one request can
/// use.
fn report_unusable_limit(config: &Config, state: &State) {
    let largest = state.transformation.bodies.budget.largest();
    if config.requests.max_body_bytes > largest {
        tracing::info!(
            largest,
            "MAX_BODY_BYTES exceeds the part of MAX_IN_FLIGHT_BYTES that one request can use: requests that need more get 413"
        );
    }
}
