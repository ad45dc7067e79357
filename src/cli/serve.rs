//! `serve`: the service, from its settings to its end.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::{interval, sleep};
use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::exit_codes::EXIT_CONFIG;
use super::logging;
use super::logging::Log;
use super::otlp;
use crate::server::settings::Settings;
use crate::server::transport::tls::Tls;
use crate::server::{Listeners, run as run_server};

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(settings: &Settings) -> ExitCode {
    let report = |problems: &[String]| logging::report_startup_errors(settings.log_format, problems);
    if let Err(problems) = settings.validate() {
        report(&problems);
        return ExitCode::from(EXIT_CONFIG);
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
    let served = actix_web::rt::System::new().block_on(serve(settings, log.clone()));
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

async fn serve(settings: &Settings, log: Log) -> Result<(), String> {
    actix_web::rt::spawn(log.report_suppressed());
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for a signal to stop: {error}"))?;
    let hangup = signal(SignalKind::hangup()).map_err(|error| format!("cannot listen for SIGHUP: {error}"))?;
    let listeners = Listeners::bind(settings)?;
    announce(settings, &listeners);
    match listeners.tls.clone() {
        Some(tls) => actix_web::rt::spawn(follow(tls, hangup)),
        None => actix_web::rt::spawn(ignore(hangup)),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let drain_delay = Duration::from_secs(settings.drain_delay);
    let served = run_server(settings, listeners, stopped.map(move |_| sleep(drain_delay)));
    let signaled_twice = async move {
        signals.next().await;
        stop.send(()).ok();
        signals.next().await;
    };
    tokio::select! {
        served = served => served.map_err(|error| error.to_string()),
        () = signaled_twice => Err("stopped at once by a second signal".to_owned()),
    }
}

/// Keeps SIGHUP from ending the process where it has nothing to do.
async fn ignore(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        tracing::info!("SIGHUP ignored: it reloads the TLS certificate, and TLS_CERT_FILE is not set");
    }
}

/// How often it is looked whether the files for TLS have changed.
const LOOK: Duration = Duration::from_secs(5);

/// Has the files for TLS read again whenever they change, and on SIGHUP.
async fn follow(tls: Arc<Tls>, mut hangup: Signal) {
    let mut looks = interval(LOOK);
    loop {
        tokio::select! {
            _ = hangup.recv() => tls.reload_and_tell(),
            _ = looks.tick() => if tls.has_changed() {
                tls.reload_and_tell();
            },
        }
    }
}

fn announce(settings: &Settings, listeners: &Listeners) {
    let scheme = |is_encrypted: bool| if is_encrypted { "https" } else { "http" };
    let (own, of_metrics) = (scheme(listeners.tls.is_some()), scheme(listeners.tls.is_some() && settings.metrics_tls));
    if let (Ok(service), Ok(metrics)) = (listeners.service.local_addr(), listeners.metrics.local_addr()) {
        tracing::info!(
            "listening on {own}://{service}, metrics on {of_metrics}://{metrics}/metrics; try: curl {own}://localhost:{}/health",
            service.port()
        );
    }
}

/// The signals that tell the process to stop. They are kept from the call on, not only once they are waited for.
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
