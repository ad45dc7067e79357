//! `serve`: runs the service, from reading its settings to shutdown.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::{interval, sleep};
use clap::{ArgMatches, Args};
use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::exit_codes::EXIT_CONFIG;
use super::logging;
use super::logging::Log;
use super::otlp;
use super::print_config;
use crate::server::config::Config;
use crate::server::settings::units::{self, Size};
use crate::server::settings::{Settings, in_force};
use crate::server::transport::tls::Tls;
use crate::server::version::{COMMIT, VERSION};
use crate::server::{Listeners, run as run_server};

/// The explanation of units in `--help`.
const UNITS: &str = "Sizes and durations take units: 64MiB, 10MB; 1500ms, 30s, 5m. Without a unit, a size is in bytes and \
a duration in seconds (MAX_WAIT_MILLISECONDS: in milliseconds).";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = UNITS)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,

    /// Print the effective settings and the source of each, and exit
    #[arg(long)]
    print_config: bool,
}

/// Serves requests until SIGTERM or SIGINT.
pub(super) fn run(arguments: Arguments, matches: &ArgMatches) -> ExitCode {
    let Arguments { mut settings, print_config } = arguments;
    settings.given = in_force::given(matches);
    let settings = &settings;
    let report = |problems: &[String]| logging::report_startup_errors(settings.log_format, problems);
    if let Err(problems) = settings.validate() {
        report(&problems);
        return ExitCode::from(EXIT_CONFIG);
    }
    if print_config {
        return print_config::run(settings, matches);
    }
    let log = match logging::start(settings) {
        Ok(log) => log,
        Err(problem) => {
            report(&[problem]);
            return ExitCode::FAILURE;
        }
    };
    let traces = match otlp::start() {
        Ok(traces) => traces,
        Err(problem) => {
            report(&[problem]);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let served = actix_web::rt::System::new().block_on(serve_until_stopped(settings, log.clone()));
    let code = match served {
        Ok(()) => {
            if let Some(traces) = traces {
                traces.finish();
            }
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    };
    log.finish();
    code
}

async fn serve_until_stopped(settings: &Settings, log: Log) -> Result<(), String> {
    actix_web::rt::spawn(log.report_suppressed());
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for SIGTERM and SIGINT: {error}"))?;
    let hangup = signal(SignalKind::hangup()).map_err(|error| format!("cannot listen for SIGHUP: {error}"))?;
    let listeners = Listeners::bind(settings)?;
    announce(settings, &listeners)?;
    match listeners.tls.clone() {
        Some(tls) => actix_web::rt::spawn(reload_tls(tls, hangup)),
        None => actix_web::rt::spawn(ignore(hangup)),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let drain_delay = settings.drain_delay;
    let served = run_server(settings, listeners, stopped.map(move |_| sleep(drain_delay)));
    let signaled_twice = async move {
        signals.next().await;
        stop.send(()).ok();
        signals.next().await;
    };
    tokio::select! {
        served = served => served.map_err(|error| error.to_string()),
        () = signaled_twice => Err("stopped immediately by a second signal".to_owned()),
    }
}

/// Keeps SIGHUP from terminating the process if there is nothing to reload.
async fn ignore(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        tracing::info!("SIGHUP ignored: no TLS certificate to reload (TLS_CERT_FILE is not set)");
    }
}

/// The interval at which the TLS files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Reloads the TLS files when they change, and on SIGHUP.
async fn reload_tls(tls: Arc<Tls>, mut hangup: Signal) {
    let mut ticks = interval(CHECK_INTERVAL);
    loop {
        tokio::select! {
            _ = hangup.recv() => tls.reload_and_log(),
            _ = ticks.tick() => if tls.has_changed() {
                tls.reload_and_log();
            },
        }
    }
}

/// Logs where the service listens, and its main settings.
fn announce(settings: &Settings, listeners: &Listeners) -> Result<(), String> {
    let Config { workers, tls, connections, requests, native_destinations, upstream, shadow, page, .. } =
        settings.resolve()?;
    let scheme = |is_encrypted: bool| if is_encrypted { "https" } else { "http" };
    let on_metrics_port = tls.as_ref().is_some_and(|tls| tls.on_metrics_port);
    let (own, of_metrics) = (scheme(tls.is_some()), scheme(on_metrics_port));
    let addresses = listeners.service.local_addr().and_then(|own| Ok((own, listeners.metrics.local_addr()?)));
    let (service, metrics) = addresses.map_err(|error| format!("cannot read the address: {error}"))?;
    tracing::info!(
        version = VERSION,
        commit = COMMIT,
        workers,
        max_in_flight_bytes = %Size(requests.in_flight_bytes),
        max_body_bytes = %Size(requests.max_body_bytes),
        max_events = requests.limits.events,
        max_connections = connections.max,
        max_wait_milliseconds = units::shown(requests.max_wait),
        native_destinations = %native_destinations,
        upstream = upstream.map(|upstream| format!("{}://{}", upstream.base.scheme, upstream.base.authority)),
        shadow_percent = shadow.map(|shadow| shadow.percent),
        shadow_answer = shadow.map(|shadow| tracing::field::debug(shadow.answer)),
        tls = match (tls.is_some(), on_metrics_port) {
            (false, _) => "off",
            (true, false) => "service",
            (true, true) => "service and metrics",
        },
        operator_token = settings.operator_token_file.is_some(),
        page = format!("{page:?}").to_ascii_lowercase(),
        "listening on {own}://{service}, metrics on {of_metrics}://{metrics}/metrics; try: curl {own}://localhost:{}/health",
        service.port()
    );
    Ok(())
}

/// The signals that stop the process. A signal that arrives after [`Signals::listen`] is recorded, even if nothing
/// waits for it yet.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
