//! `serve`: the service, from its settings to its end.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{EXIT_CONFIG, logging};
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
    let served = actix_web::rt::System::new().block_on(async {
        let stop = stop_signal().map_err(|error| format!("cannot listen for a signal to stop: {error}"))?;
        let listeners = Listeners::bind(settings)?;
        announce(&listeners);
        run_server(settings, listeners, stop).await.map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => {
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

/// Ready when the process is told to stop. From the call on a signal is kept, not only once it is waited for.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
