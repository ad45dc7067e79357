//! Validates the settings. All problems are reported at once, before anything starts.

use json::display::{sanitize, shorten};
use std::time::Duration;

use super::Settings;
use super::units::{self, Size};
use crate::server::config::ShadowAnswer;
use crate::server::http::operator_token::OperatorToken;
use crate::server::transport::tls::Tls;

/// The maximum number of workers, to catch typos.
const MAX_WORKERS: usize = 1024;
/// The maximum length of a reported version, in characters.
const MAX_VERSION_CHARACTERS: usize = 128;
/// The maximum of `DESTINATION_METRICS`. Each destination with separate metrics adds two series.
const MAX_DESTINATION_METRICS: usize = 10_000;
const MAX_DURATION: Duration = Duration::from_secs(86_400);

impl Settings {
    /// Validates each setting, and the combinations of settings.
    ///
    /// # Errors
    /// Returns all problems, each as one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        if self.port != 0 && self.port == self.metrics_port {
            problems.push(format!(
                "{} and {} must differ",
                self.given.shown("PORT", self.port),
                self.given.shown("METRICS_PORT", self.metrics_port)
            ));
        }
        for (name, workers) in [("WORKERS", self.workers), ("NUM_PROCS", self.num_procs)] {
            if let Some(workers) = workers.filter(|workers| !(1..=MAX_WORKERS).contains(workers)) {
                problems.push(format!("{} must be between 1 and {MAX_WORKERS}", self.given.shown(name, workers)));
            }
        }
        for (name, is_zero) in [
            ("MAX_BODY_BYTES", self.max_body_bytes == Size(0)),
            ("MAX_EVENTS", self.max_events == 0),
            ("MAX_IN_FLIGHT_BYTES", self.max_in_flight_bytes == Some(Size(0))),
            ("MAX_CONNECTIONS", self.max_connections == 0),
        ] {
            if is_zero {
                problems.push(format!("{} must be at least 1", self.given.shown(name, 0)));
            }
        }
        self.validate_durations(&mut problems);
        for (name, version) in [
            ("npm_package_version", &self.npm_package_version),
            ("transformer_build_version", &self.transformer_build_version),
            ("git_commit_sha", &self.git_commit_sha),
        ] {
            if let Some(version) = version.as_ref().filter(|version| !is_version(version)) {
                let start = sanitize(&shorten(version, 40));
                let given = self.given.shown(name, format_args!("\"{start}\""));
                problems.push(format!("{given} must be 1 to {MAX_VERSION_CHARACTERS} printable ASCII characters"));
            }
        }
        if self.destination_metrics > MAX_DESTINATION_METRICS {
            let given = self.given.shown("DESTINATION_METRICS", self.destination_metrics);
            problems.push(format!("{given} must be at most {MAX_DESTINATION_METRICS}"));
        }
        self.validate_upstream(&mut problems);
        problems.extend(self.tls().and_then(|files| files.as_ref().map(Tls::load).transpose()).err());
        problems.extend(self.operator_token_file.as_deref().map(OperatorToken::load).transpose().err());
        if self.metrics_tls && self.tls_cert_file.is_none() {
            problems.push(format!("{} needs TLS_CERT_FILE and TLS_KEY_FILE", self.given.shown("METRICS_TLS", true)));
        }
        if let Some(directive) = self.log_level.split(',').find(|directive| !is_log_directive(directive)) {
            problems.push(format!(
                "{}: {directive:?} is neither a level (error, warn, info, debug, trace, off) nor module=level",
                self.given.shown("LOG_LEVEL", &self.log_level)
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn validate_durations(&self, problems: &mut Vec<String>) {
        let second = Duration::from_secs(1);
        let millisecond = Duration::from_millis(1);
        for (name, least, value) in [
            ("HEADER_TIMEOUT", second, self.header_timeout),
            ("BODY_TIMEOUT", second, self.body_timeout),
            ("KEEP_ALIVE", second, self.keep_alive),
            ("UPSTREAM_TIMEOUT", millisecond, self.upstream_timeout),
            ("UPSTREAM_CONNECT_TIMEOUT", millisecond, self.upstream_connect_timeout),
            ("MAX_WAIT_MILLISECONDS", Duration::ZERO, self.max_wait_milliseconds),
            ("DRAIN_DELAY", Duration::ZERO, self.drain_delay),
            ("SHUTDOWN_TIMEOUT", Duration::ZERO, self.shutdown_timeout),
        ] {
            if !(least..=MAX_DURATION).contains(&value) {
                let given = self.given.shown(name, units::shown(value));
                let (least, most) = (units::shown(least), units::shown(MAX_DURATION));
                problems.push(format!("{given} must be between {least} and {most}"));
            }
        }
    }

    /// Checks the settings of the upstream and of shadow comparison.
    fn validate_upstream(&self, problems: &mut Vec<String>) {
        let has_upstream = self.upstream_transformer_url.is_some();
        problems.extend(self.upstream().err());
        match self.native_destinations() {
            Err(problem) => problems.push(problem),
            Ok(natives) if natives.is_empty() && !has_upstream => problems.push(format!(
                "{} disables all destinations, and UPSTREAM_TRANSFORMER_URL is not set: no event would be transformed",
                self.given.shown("NATIVE_DESTINATIONS", &self.native_destinations)
            )),
            Ok(_) => {}
        }
        if self.shadow_percent > 100 {
            problems
                .push(format!("{} must be between 0 and 100", self.given.shown("SHADOW_PERCENT", self.shadow_percent)));
        }
        if self.shadow_percent > 0 && !has_upstream {
            problems.push(format!(
                "{} needs UPSTREAM_TRANSFORMER_URL",
                self.given.shown("SHADOW_PERCENT", self.shadow_percent)
            ));
        }
        if let Some(file) = self.upstream_ca_file.as_ref().filter(|_| !has_upstream) {
            problems.push(format!(
                "{} needs UPSTREAM_TRANSFORMER_URL",
                self.given.shown("UPSTREAM_CA_FILE", file.display())
            ));
        }
        if self.ready_needs_upstream && !has_upstream {
            problems.push(format!("{} needs UPSTREAM_TRANSFORMER_URL", self.given.shown("READY_NEEDS_UPSTREAM", true)));
        }
        if self.shadow_percent == 0 && self.shadow_answer == ShadowAnswer::Upstream {
            problems.push(format!(
                "{} needs SHADOW_PERCENT; to route everything to the upstream, set NATIVE_DESTINATIONS=none",
                self.given.shown("SHADOW_ANSWER", "upstream")
            ));
        }
    }
}

/// Whether a text may be reported as a version.
fn is_version(text: &str) -> bool {
    (1..=MAX_VERSION_CHARACTERS).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether a log directive is valid. Without this check, the log library would treat an unknown level as the name of a
/// module, and log nothing.
fn is_log_directive(directive: &str) -> bool {
    let (module, level) = match directive.rsplit_once('=') {
        Some((module, level)) => (module.trim(), level.trim()),
        None => ("all", directive.trim()),
    };
    !module.is_empty()
        && module.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-.".contains(&byte))
        && ["error", "warn", "info", "debug", "trace", "off"].iter().any(|known| known.eq_ignore_ascii_case(level))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        Cli::parse_from([&["x"], arguments].concat()).settings
    }

    #[test]
    fn all_invalid_settings_are_reported_at_once() {
        let bad = settings(&[
            "--port=7",
            "--metrics-port=7",
            "--workers=0",
            "--num-procs=5000",
            "--max-body-bytes=0",
            "--max-events=0",
            "--log-level=verbose",
        ]);
        assert_eq!(bad.validate().unwrap_err().len(), 6);
        assert_eq!(settings(&[]).validate(), Ok(()));
        assert_eq!(settings(&["--log-level=info,actix_server=WARN"]).validate(), Ok(()));
        for unclear in ["", "info,", "warn,,info", "actix_http", "a=b=debug", "a[b]=info", "=info", "a=", "info;debug"]
        {
            assert!(settings(&[&format!("--log-level={unclear}")]).validate().is_err(), "{unclear}");
        }
    }

    #[test]
    fn inconsistent_or_out_of_range_settings_are_rejected() {
        let problems = |arguments: &[&str]| settings(arguments).validate().err().unwrap_or_default().join("; ");
        let upstream = "--upstream-transformer-url=http://transformer:9090/base";
        for good in [
            &[upstream][..],
            &[upstream, "--native-destinations=none"],
            &[upstream, "--native-destinations="],
            &["--native-destinations=KAFKA"],
            &[upstream, "--shadow-percent=100", "--shadow-answer=upstream"],
        ] {
            assert_eq!(problems(good), "", "{good:?}");
        }
        for (bad, names) in [
            (&["--native-destinations=none"][..], "UPSTREAM_TRANSFORMER_URL is not set"),
            (&["--native-destinations=kafka,kinesis"], "NATIVE_DESTINATIONS=\"kafka,kinesis\" must be"),
            (&["--ready-needs-upstream"], "READY_NEEDS_UPSTREAM=true needs"),
            (&["--upstream-ca-file=/ca.pem"], "UPSTREAM_CA_FILE=/ca.pem needs"),
            (&["--shadow-percent=1"], "SHADOW_PERCENT=1 needs"),
            (&[upstream, "--shadow-percent=101"], "between 0 and 100"),
            (&[upstream, "--shadow-answer=upstream"], "SHADOW_ANSWER=upstream needs"),
            (&[upstream, "--upstream-timeout=0"], "UPSTREAM_TIMEOUT=0s must be between 1ms and 1day"),
            (&[upstream, "--upstream-connect-timeout=86401"], "UPSTREAM_CONNECT_TIMEOUT=1day1s must"),
            (&["--header-timeout=999ms"], "HEADER_TIMEOUT=999ms must be between 1s and 1day"),
            (&["--body-timeout=0"], "BODY_TIMEOUT=0s must be between 1s"),
            (&["--keep-alive=2days"], "KEEP_ALIVE=2days must be between 1s and 1day"),
            // In `humantime`, `5M` means five months, which is probably unintended.
            (&["--shutdown-timeout=5M"], "must be between 0s and 1day"),
            (&["--drain-delay=25h"], "DRAIN_DELAY=1day1h must be"),
            (&["--max-wait-milliseconds=86400001"], "MAX_WAIT_MILLISECONDS=1day1ms must be"),
            (&["--max-body-bytes=0KiB"], "MAX_BODY_BYTES=0 must be at least 1"),
            (&["--upstream-transformer-url=transformer:9090"], "UPSTREAM_TRANSFORMER_URL must"),
        ] {
            assert!(problems(bad).contains(names), "{bad:?}: {}", problems(bad));
        }
    }

    #[test]
    fn the_default_settings_are_valid() {
        let defaults = Settings::defaults().unwrap();
        assert_eq!(defaults.validate(), Ok(()));
        assert_eq!((defaults.port, defaults.upstream_transformer_url), (9090, None));
    }

    #[test]
    fn the_workers_setting_takes_precedence_over_num_procs() {
        assert_eq!(settings(&["--workers=3", "--num-procs=5"]).worker_threads(), 3);
        assert_eq!(settings(&["--num-procs=5"]).worker_threads(), 5);
    }
}
