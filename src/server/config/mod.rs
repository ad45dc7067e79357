//! The configuration of the service: plain values, resolved once from the command line and the environment
//! ([`crate::server::settings`]). Nothing here reads a file, a clock or the environment.

pub mod base_url;
pub mod native_destinations;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use base_url::BaseUrl;
use native_destinations::NativeDestinations;

use transform::request::Limits;

/// The configuration of one instance.
#[derive(Debug, Clone)]
pub struct Config {
    /// The number of worker threads.
    pub workers: usize,
    /// The TLS configuration of the ports, or `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The file that contains the operator token, or `None` if no token is required.
    pub operator_token_file: Option<PathBuf>,
    /// The limits on connections.
    pub connections: ConnectionConfig,
    /// The limits on requests.
    pub requests: RequestConfig,
    /// The destinations that this service transforms.
    pub native_destinations: NativeDestinations,
    /// The upstream that gets the requests that this service does not handle itself.
    pub upstream: Option<UpstreamConfig>,
    /// How to respond to requests that need an upstream, if no upstream is configured.
    pub unserved: UnservedPolicy,
    /// Which requests this service also sends to the upstream, to compare the upstream's response with its own. `None`
    /// disables the comparison.
    pub shadow: Option<ShadowConfig>,
    /// The port that serves the web page, if any.
    pub page: Page,
    /// Whether `GET /destinations` shows a prefix of each hot partition key instead of a hash.
    pub shows_keys: bool,
    /// The maximum number of destinations that have separate metrics.
    pub destination_metrics: usize,
    /// The value of the label `instanceName` on every metric.
    pub instance_id: String,
    /// The versions that are reported to clients.
    pub versions: Versions,
    /// The grace period for in-flight requests to finish at shutdown.
    pub shutdown_timeout: Duration,
}

/// The TLS files, and the ports that use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The PEM file with the certificate chain.
    pub certificate_file: PathBuf,
    /// The PEM file with the private key.
    pub key_file: PathBuf,
    /// Whether the metrics port uses TLS, in addition to the service's port.
    pub on_metrics_port: bool,
}

/// The limits on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The maximum number of concurrent connections.
    pub max: usize,
    /// The maximum time to receive the headers of a request.
    pub header_timeout: Duration,
    /// The maximum idle time while a client sends a body or receives a response.
    pub body_timeout: Duration,
    /// How long a connection stays open without a request.
    pub keep_alive: Duration,
}

/// The limits on requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestConfig {
    /// The maximum size of a body in bytes, both as sent and decompressed.
    pub max_body_bytes: usize,
    /// The maximum number of events in a request, and the maximum size of its response.
    pub limits: Limits,
    /// The maximum memory for all requests together, in bytes.
    pub in_flight_bytes: usize,
    /// The maximum time that a request may wait for a busy worker.
    pub max_wait: Duration,
}

/// The address of the upstream, and how this service connects to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// The URL of the upstream.
    pub base: BaseUrl,
    /// The maximum time without a byte from the upstream.
    pub timeout: Duration,
    /// The timeout for connecting to the upstream.
    pub connect_timeout: Duration,
    /// The PEM file with CA certificates that are trusted in addition to the system CAs.
    pub ca_file: Option<PathBuf>,
    /// Whether `/ready` fails while the upstream cannot be reached.
    pub ready_needs_upstream: bool,
}

/// Which requests this service also sends to the upstream, to compare the upstream's response with its own, and which
/// of the two responses the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowConfig {
    /// The percentage of requests whose responses are compared.
    pub percent: u8,
    /// Whose response the client gets.
    pub answer: ShadowAnswer,
}

/// The versions that are reported to clients: by default, the version of this service. Settings can replace them, for
/// example with the version of a rudder-transformer. Metrics and logs always show the version of this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The version that `/version` and `/health` report.
    pub version: String,
    /// The version that `/buildVersion` reports.
    pub build_version: String,
    /// The commit that `/health` reports.
    pub commit: Option<String>,
}

/// The setting `UNSERVED`: how to respond to a request that needs an upstream, if no upstream is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnservedPolicy {
    /// 503 with `X-Rudder-Should-Retry`: rudder-server keeps the events and retries.
    Retry,
    /// 404: rudder-server drops the events.
    Reject,
}

/// The setting `SHADOW_ANSWER`: whose response the client gets to a request that this service can handle itself. The
/// setting applies to every such request, even if its responses are not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShadowAnswer {
    /// The response of this service.
    Native,
    /// The response of the upstream.
    Upstream,
}

/// The setting `PAGE`: the port that serves the web page and `POST /explain`, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The page and `POST /explain` are not served.
    Off,
    /// The page and `POST /explain` are served on the service's port.
    Service,
    /// The page and `POST /explain` are served on the metrics port.
    Metrics,
}

impl Page {
    /// Parses `metrics` or a boolean.
    ///
    /// # Errors
    /// Fails if the text is neither `metrics` nor a boolean.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "metrics" => Ok(Self::Metrics),
            "true" | "yes" | "on" | "y" | "t" | "1" => Ok(Self::Service),
            "false" | "no" | "off" | "n" | "f" | "0" => Ok(Self::Off),
            _ => Err("must be true, false or metrics".to_owned()),
        }
    }
}
