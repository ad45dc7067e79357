//! `serve`: the service, from its settings to its end.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::rt::time::sleep;
use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::{EXIT_CONFIG, logging, otlp};
use crate::server::settings::Settings;
use crate::server::{Listeners, run as run_server};

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(settings: &Settings) -> ExitCode {
    if let Err(problems) = settings.validate() {
        for problem in problems {
            eprintln!("error: {problem}");
        }
        return ExitCode::from(EXIT_CONFIG);
    }
    logging::start(settings);
    let traces = match otlp::start() {
        Ok(traces) => traces,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let served = actix_web::rt::System::new().block_on(async {
        let mut signals = Signals::listen().map_err(|error| format!("cannot listen for a signal to stop: {error}"))?;
        let listeners = Listeners::bind(settings)?;
        announce(&listeners);
        let (stop, stopped) = oneshot::channel::<()>();
        let drain_delay = Duration::from_secs(settings.drain_delay);
        let served = run_server(settings, listeners, stopped.map(move |_| sleep(drain_delay)));
        let signalled_twice = async move {
            signals.next().await;
            stop.send(()).ok();
            signals.next().await;
        };
        tokio::select! {
            served = served => served.map_err(|error| error.to_string()),
            () = signalled_twice => Err("stopped at once by a second signal".to_owned()),
        }
    });
    match served {
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
    }
}

fn announce(listeners: &Listeners) {
    if let (Ok(service), Ok(metrics)) = (listeners.service.local_addr(), listeners.metrics.local_addr()) {
        tracing::info!(
            "listening on http://{service}, metrics on http://{metrics}/metrics; try: curl http://localhost:{}/health",
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
