//! The table of all settings, each of which is an environment variable and a flag. The module `validate` checks their
//! values, and the module `units` parses sizes and durations.

mod given;
pub mod in_force;
mod resolve;
pub mod units;
mod validate;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Command, FromArgMatches as _, ValueEnum};

use super::config::base_url::BaseUrl;
use super::config::native_destinations::NativeDestinations;
use super::config::{Page, ShadowAnswer, UnservedPolicy};
use super::limits::memory_limit::memory_limit;
use transform::request::Limits;

pub use given::SettingNames;
use units::{Size, milliseconds, seconds};

/// The settings of the service. A flag overrides its environment variable.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Address or host name on which the service listens
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    pub host: String,

    /// Port of the service; 0 selects a free port
    #[arg(long, env = "PORT", default_value_t = 9090)]
    pub port: u16,

    /// Metrics port, which serves /metrics; 0 selects a free port
    #[arg(long, env = "METRICS_PORT", default_value_t = 9091)]
    pub metrics_port: u16,

    /// Address or host name on which the metrics port listens [default: the value of HOST]
    #[arg(long, env = "METRICS_HOST")]
    pub metrics_host: Option<String>,

    /// PEM file with the TLS certificate of the service's port, followed by the intermediate certificates [default:
    /// plain HTTP]
    #[arg(long, env = "TLS_CERT_FILE")]
    pub tls_cert_file: Option<PathBuf>,

    /// PEM file with the private key of the TLS certificate
    #[arg(long, env = "TLS_KEY_FILE")]
    pub tls_key_file: Option<PathBuf>,

    /// Whether the metrics port uses TLS too, with the same certificate as the service's port
    #[arg(long, env = "METRICS_TLS", action = ArgAction::Set, num_args = 0..=1, default_value_t = false, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub metrics_tls: bool,

    /// File with the operator token, which /metrics, /destinations and POST /explain require in the header
    /// "Authorization: Bearer …" [default: no token]
    #[arg(long, env = "OPERATOR_TOKEN_FILE")]
    pub operator_token_file: Option<PathBuf>,

    /// Number of worker threads [default: number of cores]
    #[arg(long, env = "WORKERS")]
    pub workers: Option<usize>,

    /// Alias of WORKERS, for compatibility with rudder-transformer; if both variables are set, WORKERS wins
    #[arg(long, env = "NUM_PROCS")]
    pub num_procs: Option<usize>,

    /// Maximum size of a request body. The limit applies to the body as sent and to the body after decompression. The
    /// maximum size of a response is the smaller of two values: twice this setting, and 8 MiB plus 8 times the size of
    /// the decompressed request body
    #[arg(long, env = "MAX_BODY_BYTES", default_value_t = Size(200 << 20))]
    pub max_body_bytes: Size,

    /// Maximum number of events in one request
    #[arg(long, env = "MAX_EVENTS", default_value_t = 100_000)]
    pub max_events: usize,

    /// Memory budget for all requests in flight and their responses. Requests that would exceed the budget are rejected
    /// with a retryable 503 [default: a quarter of the memory limit]
    #[arg(long, env = "MAX_IN_FLIGHT_BYTES")]
    pub max_in_flight_bytes: Option<Size>,

    /// Maximum time that a request may wait while its worker is busy. A request that would wait longer is rejected with
    /// a retryable 503. A plain number is in milliseconds
    #[arg(long, env = "MAX_WAIT_MILLISECONDS", default_value = "30ms", value_parser = milliseconds)]
    pub max_wait_milliseconds: Duration,

    /// Maximum number of concurrent connections; a request on a connection above this limit gets a retryable 503
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 1000)]
    pub max_connections: usize,

    /// Maximum time for the client to send the headers of a request
    #[arg(long, env = "HEADER_TIMEOUT", default_value = "10s", value_parser = seconds)]
    pub header_timeout: Duration,

    /// Maximum time that a client may be idle while it sends a body or receives a response
    #[arg(long, env = "BODY_TIMEOUT", default_value = "30s", value_parser = seconds)]
    pub body_timeout: Duration,

    /// Time that an idle connection stays open
    #[arg(long, env = "KEEP_ALIVE", default_value = "5s", value_parser = seconds)]
    pub keep_alive: Duration,

    /// URL of the upstream, such as http://rudder-transformer:9090. The upstream is the rudder-transformer to which
    /// this service forwards every request that it does not handle itself [default: none]
    #[arg(long, env = "UPSTREAM_TRANSFORMER_URL", hide_env_values = true)]
    pub upstream_transformer_url: Option<String>,

    /// If no upstream is set: how to respond to a request that only a rudder-transformer can handle. With retry, the
    /// response is 503, and rudder-server keeps the events. With reject, the response is 404, and rudder-server drops
    /// the events
    #[arg(long, env = "UNSERVED", value_enum, default_value_t = UnservedPolicy::Retry)]
    pub unserved: UnservedPolicy,

    /// Maximum time that this service waits for the start of the upstream's response, and then for each further chunk
    /// of the response
    #[arg(long, env = "UPSTREAM_TIMEOUT", default_value = "10m", value_parser = seconds)]
    pub upstream_timeout: Duration,

    /// Maximum time for connecting to the upstream
    #[arg(long, env = "UPSTREAM_CONNECT_TIMEOUT", default_value = "5s", value_parser = seconds)]
    pub upstream_connect_timeout: Duration,

    /// PEM file with CA certificates to trust for an https upstream, in addition to the system CAs
    #[arg(long, env = "UPSTREAM_CA_FILE")]
    pub upstream_ca_file: Option<PathBuf>,

    /// Whether /ready fails while the upstream does not respond
    #[arg(long, env = "READY_NEEDS_UPSTREAM", action = ArgAction::Set, num_args = 0..=1, default_value_t = false, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub ready_needs_upstream: bool,

    /// Comma-separated destination types that this service transforms, or "none"; if an upstream is set, requests for
    /// all other destination types are forwarded
    #[arg(long, env = "NATIVE_DESTINATIONS", default_value_t = NativeDestinations::ALL.to_string())]
    pub native_destinations: String,

    /// Percentage of requests for which this service compares its own response with the upstream's response. The
    /// percentage refers to the requests that this service can handle itself. Other requests are never compared
    #[arg(long, env = "SHADOW_PERCENT", default_value_t = 0)]
    pub shadow_percent: u8,

    /// Whose response the client gets to a request that this service can handle itself. With native, the client gets
    /// this service's response. With upstream, the client gets the upstream's response, whether or not the request is
    /// selected for comparison
    #[arg(long, env = "SHADOW_ANSWER", value_enum, default_value_t = ShadowAnswer::Native)]
    pub shadow_answer: ShadowAnswer,

    /// Where to serve the web pages (/ and /live) and the endpoint POST /explain: on the service's port ("true"), on
    /// the metrics port ("metrics") or nowhere ("false")
    #[arg(long, env = "PAGE", action = ArgAction::Set, num_args = 0..=1, default_value = "true", default_missing_value = "true", value_parser = Page::parse)]
    pub page: Page,

    /// Whether /destinations shows the first 40 bytes of each hot partition key instead of a hash of the key; partition
    /// keys are user IDs
    #[arg(long, env = "SHOW_KEYS", action = ArgAction::Set, num_args = 0..=1, default_value_t = false, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub show_keys: bool,

    /// Maximum number of destinations with separate metrics; all further destinations share the label
    /// destinationId="other" [default: 0, which disables these metrics]
    #[arg(long, env = "DESTINATION_METRICS", default_value_t = 0, hide_default_value = true)]
    pub destination_metrics: usize,

    /// Log level: error, warn, info, debug, trace or off. You can also set the level of a single module, as in
    /// "info,actix_server=debug"
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// Format of log lines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Name of this instance: the value of the label instanceName on every metric
    #[arg(long, env = "INSTANCE_ID", default_value = "localhost")]
    pub instance_id: String,

    /// Version reported by /version, and in the field "version" of /health [default: the version of this service]
    #[arg(long, env = "npm_package_version")]
    pub npm_package_version: Option<String>,

    /// Version reported by /buildVersion and /transformerBuildVersion [default: the version of this service]
    #[arg(long, env = "transformer_build_version")]
    pub transformer_build_version: Option<String>,

    /// Commit reported in the field "gitCommitSha" of /health [default: the commit of the build, if known]
    #[arg(long, env = "git_commit_sha")]
    pub git_commit_sha: Option<String>,

    /// Time from SIGTERM or SIGINT until the service stops accepting connections. During this time, /ready fails, but
    /// all other requests are served
    #[arg(long, env = "DRAIN_DELAY", default_value = "0s", value_parser = seconds)]
    pub drain_delay: Duration,

    /// Maximum time that in-flight requests have to finish after the service has stopped accepting connections
    #[arg(long, env = "SHUTDOWN_TIMEOUT", default_value = "30s", value_parser = seconds)]
    pub shutdown_timeout: Duration,

    /// The names of settings in error messages.
    #[arg(skip)]
    pub given: SettingNames,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The default of `MAX_IN_FLIGHT_BYTES` if the memory limit is unknown.
const DEFAULT_IN_FLIGHT_BYTES: usize = 1 << 30;

impl Settings {
    /// Returns the default settings, regardless of the environment, for tools that run the service in their own
    /// process.
    ///
    /// # Errors
    /// Never fails in practice, because every default is valid.
    pub fn defaults() -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new("defaults")).mut_args(|argument| argument.env(None::<&str>));
        Self::from_arg_matches(&command.try_get_matches_from(["defaults"])?)
    }

    /// Returns the URL of the upstream, or `None` if it is not set.
    ///
    /// # Errors
    /// Returns the problem with the setting.
    fn upstream(&self) -> Result<Option<BaseUrl>, String> {
        let base = self.upstream_transformer_url.as_deref().map(BaseUrl::parse).transpose();
        base.map_err(|problem| format!("{} {problem}", self.given.name("UPSTREAM_TRANSFORMER_URL")))
    }

    /// Returns the destinations that this service transforms.
    ///
    /// # Errors
    /// Returns the problem with the setting.
    fn native_destinations(&self) -> Result<NativeDestinations, String> {
        NativeDestinations::parse(&self.native_destinations).map_err(|_| {
            let given = self.given.shown("NATIVE_DESTINATIONS", format_args!("{:?}", self.native_destinations));
            format!("{given} must be none or a list of {}", NativeDestinations::ALL)
        })
    }

    /// Returns the number of worker threads.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.workers.or(self.num_procs).unwrap_or_else(cores)
    }

    /// Returns the limits of one request.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { events: self.max_events, response_bytes: self.max_body_bytes.0.saturating_mul(2) }
    }

    /// Returns the maximum memory of requests in flight, in bytes.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        let by_default = || memory_limit().map_or(DEFAULT_IN_FLIGHT_BYTES, |bytes| bytes / 4);
        self.max_in_flight_bytes.map_or_else(by_default, |size| size.0)
    }
}
