//! The HTTP server. [`run`] gets its settings, listeners and the signal to stop from its caller.

pub mod app;
pub mod body;
pub mod endpoint;
pub mod error;
pub mod features;
pub mod forward;
mod memory;
pub mod metrics;
pub mod natives;
pub mod openapi;
pub mod overload;
pub mod routes;
pub mod settings;
pub mod shadow;
pub mod upstream;

use std::future::Future;
use std::io;
use std::net::TcpListener;

use actix_web::web::Data;
use actix_web::{App, HttpServer, middleware};

use app::{ExtraRoutes, State};
use metrics::Metrics;
use settings::Settings;

/// The sockets of the service, bound by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// For the service.
    pub service: TcpListener,
    /// For `/metrics`.
    pub metrics: TcpListener,
}

impl Listeners {
    /// Binds what the settings ask for.
    ///
    /// # Errors
    /// Which address could not be bound, and why.
    pub fn bind(settings: &Settings) -> Result<Self, String> {
        let bind = |port: u16| {
            TcpListener::bind((settings.host.as_str(), port))
                .map_err(|error| format!("cannot listen on {}:{port}: {error}", settings.host))
        };
        Ok(Self { service: bind(settings.port)?, metrics: bind(settings.metrics_port)? })
    }
}

/// Serves until `shutdown` is ready, then lets what is in flight finish, as long as the settings allow.
///
/// # Errors
/// Where the server cannot be started.
pub async fn run(
    settings: &Settings,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    run_with(settings, listeners, shutdown, |_| {}).await
}

/// [`run`], with more routes.
///
/// # Errors
/// Where the server cannot be started.
pub async fn run_with(
    settings: &Settings,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send + 'static,
    extra: ExtraRoutes,
) -> io::Result<()> {
    memory::keep_enough();
    let metrics = Metrics::new(&settings.instance_id).map_err(io::Error::other)?;
    let state = Data::new(State::new(settings, metrics).map_err(io::Error::other)?);
    let service_state = state.clone();
    let service = HttpServer::new(move || {
        // Once on each worker.
        actix_web::rt::spawn(memory::give_back(service_state.in_flight.clone()));
        App::new()
            .configure(app::configure(Data::new(service_state.for_worker()), extra))
            .wrap(middleware::from_fn(app::answer_panics))
            .wrap(middleware::from_fn(app::measure))
            .wrap(middleware::from_fn(app::detach_headers))
    })
    .workers(settings.worker_threads())
    .tcp_nodelay(true)
    .shutdown_timeout(settings.shutdown_timeout)
    .disable_signals()
    .listen(listeners.service)?
    .run();
    let metrics = HttpServer::new(move || {
        App::new().configure(app::configure_metrics(state.clone())).wrap(middleware::from_fn(app::answer_panics))
    })
    .workers(1)
    .disable_signals()
    .listen(listeners.metrics)?
    .run();

    let (service_handle, metrics_handle) = (service.handle(), metrics.handle());
    let stop = async move {
        shutdown.await;
        tracing::info!("stopping: no new connections, requests in flight finish");
        service_handle.stop(true).await;
        metrics_handle.stop(false).await;
    };
    let (service, metrics, ()) = futures_util::join!(service, metrics, stop);
    service.and(metrics)
}
