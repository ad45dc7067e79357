//! Sets up logging. A separate thread writes the log lines to stderr.

use std::io;
use std::time::Duration;

use actix_web::rt::time::interval;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

use super::stdio;
use crate::server::log::LOSSES;
use crate::server::log::rate_limit::{RateLimit, WINDOW};
use crate::server::log::writer::{LogWriter, Stderr};
use crate::server::settings::{LogFormat, Settings};

/// The target that selects the service's own modules in a log directive.
const SERVICE: &str = env!("CARGO_CRATE_NAME");

/// The timeout for writing the last lines at exit: a pipe that nobody reads must not keep the process alive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The running log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    writer: LogWriter,
    limit: RateLimit,
}

/// Starts logging as configured by the settings, which have been validated.
///
/// # Errors
/// Fails if the log thread cannot be started, or a log is already running.
pub(super) fn start(settings: &Settings) -> Result<Log, String> {
    let filter: Targets =
        directives(&settings.log_level).parse().map_err(|error| format!("LOG_LEVEL is invalid: {error}"))?;
    let writer =
        LogWriter::start(Stderr, &LOSSES).map_err(|error| format!("the log thread cannot be started: {error}"))?;
    let limit = RateLimit::new(&LOSSES);
    // The log library would report its own errors with eprintln!, which panics if stderr is full.
    let lines = fmt::layer().with_writer(writer.clone()).log_internal_errors(false);
    let subscriber = Registry::default().with(filter).with(limit.clone());
    let started = match settings.log_format {
        LogFormat::Text => subscriber.with(lines).try_init(),
        LogFormat::Json => subscriber.with(lines.json()).try_init(),
    };
    started.map_err(|error| format!("cannot initialize logging: {error}"))?;
    // A panic message may contain event data, so only the panic's location is logged, which is enough to find the bug.
    // A panic in the hook itself would abort the process, but the log writer never fails and never blocks.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "internal error: a request failed because of a bug");
    }));
    Ok(Log { writer, limit })
}

impl Log {
    /// Logs once per second which lines were suppressed. Never returns.
    pub(super) async fn report_suppressed(self) {
        let mut seconds = interval(WINDOW);
        loop {
            seconds.tick().await;
            self.limit.report();
        }
    }

    /// Writes the remaining lines, within [`FLUSH_TIMEOUT`].
    pub(super) fn finish(&self) {
        self.limit.report();
        self.writer.flush(FLUSH_TIMEOUT);
    }
}

/// Reports why the service does not start, in the configured log format, regardless of the log level.
pub(super) fn report_startup_errors(format: LogFormat, problems: &[String]) {
    match format {
        LogFormat::Text => problems.iter().for_each(stdio::error),
        LogFormat::Json => {
            let lines = fmt().json().with_writer(io::stderr).log_internal_errors(false).finish();
            tracing::subscriber::with_default(lines, || {
                problems.iter().for_each(|problem| tracing::error!("{problem}"));
            });
        }
    }
}

/// Translates LOG_LEVEL into directives of the log library. A level without a module applies only to the service.
/// Libraries log only warnings and errors, because some of them log request headers at lower levels. To see a library's
/// other lines, name the library in LOG_LEVEL.
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
    fn a_log_level_without_a_module_applies_to_the_service() {
        for (level, expected) in [
            ("info", "warn,rudder_kafka_transformer=info"),
            ("TRACE", "warn,rudder_kafka_transformer=trace"),
            ("off", "off"),
            ("Error", "error"),
            ("debug, actix_server = INFO", "warn,rudder_kafka_transformer=debug,actix_server=info"),
            ("actix_http=trace", "actix_http=trace"),
        ] {
            assert_eq!(directives(level), expected);
            assert!(directives(level).parse::<Targets>().is_ok(), "{level}");
        }
    }
    /// Runs in a separate process, because the panic hook and the log are global.
    #[test]
    fn a_panic_does_not_abort_the_process_if_it_cannot_be_logged_to_stderr() {
        const CHILD: &str = "PANIC_WITH_A_FULL_STDERR";
        if std::env::var_os(CHILD).is_none() {
            let this = "cli::logging::tests::a_panic_does_not_abort_the_process_if_it_cannot_be_logged_to_stderr";
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args([this, "--exact", "--nocapture"]).env(CHILD, "").stderr(full);
            let output = child.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
            return;
        }
        let log = start(&Settings::defaults().unwrap()).unwrap();
        for _ in 0..3 {
            assert!(std::thread::spawn(|| std::panic::panic_any("contents")).join().is_err());
        }
        log.finish();
        assert_eq!(LOSSES.count(crate::server::log::Loss::WriteFailed), 3);
    }
}
