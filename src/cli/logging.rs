//! Sets up the log: lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::server::settings::{LogFormat, Settings};

/// Starts logging as the settings, which are valid, ask for.
pub(super) fn start(settings: &Settings) {
    // The framework tells of every thread it starts; who wants that names it: LOG_LEVEL=info,actix_server=info.
    let directives = format!("actix_server=warn,{}", settings.log_level.to_ascii_lowercase());
    let filter = EnvFilter::builder().parse_lossy(directives);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    // A panic's text may hold what was being read; its place is enough to find it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a request failed on a fault of the service");
    }));
}
