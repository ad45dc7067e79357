//! Sets up the log: lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::server::settings::{LogFormat, Settings};

/// What every module of the service is called in a directive.
const SERVICE: &str = env!("CARGO_CRATE_NAME");

/// Starts logging as the settings, which are valid, ask for.
pub(super) fn start(settings: &Settings) {
    let filter = EnvFilter::builder().parse_lossy(directives(&settings.log_level));
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

/// LOG_LEVEL in the words of the log library. A level without a module is that of the service alone, and of a library only
/// as far as warnings: below, libraries write headers of requests and what else they see. Who wants that names them.
fn directives(log_level: &str) -> String {
    let level = log_level.to_ascii_lowercase();
    let directives = level.split(',').map(|directive| match directive.trim() {
        level @ ("off" | "error") => level.to_owned(),
        level if !level.contains('=') => format!("warn,{SERVICE}={level}"),
        directive => directive.split('=').map(str::trim).collect::<Vec<_>>().join("="),
    });
    directives.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_that_of_the_service() {
        for (level, expected) in [
            ("info", "warn,rudder_kafka_transformer=info"),
            ("TRACE", "warn,rudder_kafka_transformer=trace"),
            ("off", "off"),
            ("Error", "error"),
            ("debug, actix_server = INFO", "warn,rudder_kafka_transformer=debug,actix_server=info"),
            ("actix_http=trace", "actix_http=trace"),
        ] {
            assert_eq!(directives(level), expected);
            assert!(EnvFilter::builder().parse(directives(level)).is_ok(), "{level}");
        }
    }
}
