//! `serve`: the service, from its settings to its end.

use std::process::ExitCode;

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
        let listeners = Listeners::bind(settings)?;
        announce(&listeners);
        run_server(settings, listeners, stop_signal()).await.map_err(|error| error.to_string())
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

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!("cannot listen for a signal to stop: {error}");
                std::future::pending::<()>().await;
            }
        }
    };
    let (terminate, interrupt) = (wait(SignalKind::terminate()), wait(SignalKind::interrupt()));
    futures_util::pin_mut!(terminate, interrupt);
    futures_util::future::select(terminate, interrupt).await;
}
