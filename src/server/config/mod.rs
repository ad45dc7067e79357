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
    /// TLS of the ports, or `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The file with the operator token, if one is required.
    pub operator_token_file: Option<PathBuf>,
    /// Connection limits.
    pub connections: ConnectionConfig,
    /// Request limits.
    pub requests: RequestConfig,
    /// The destinations that this service transforms.
    pub native_destinations: NativeDestinations,
    /// The upstream that gets all other requests.
    pub upstream: Option<UpstreamConfig>,
    /// How to answer requests that need an upstream when none is configured.
    pub unserved: UnservedPolicy,
    /// Which requests are compared with the upstream.
    pub shadow: Option<ShadowConfig>,
    /// Where the web page is served.
    pub page: Page,
    /// Whether `GET /destinations` shows a prefix of hot partition keys.
    pub shows_keys: bool,
    /// The number of destinations with separate metrics.
    pub destination_metrics: usize,
    /// The value of the label `instanceName` on every metric.
    pub instance_id: String,
    /// The versions that are reported to clients.
    pub versions: Versions,
    /// The grace period for in-flight requests to finish at shutdown.
    pub shutdown_timeout: Duration,
}

/// The TLS files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate chain, PEM.
    pub certificate_file: PathBuf,
    /// The private key, PEM.
    pub key_file: PathBuf,
    /// Whether the metrics port uses TLS too.
    pub on_metrics_port: bool,
}

/// Connection limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The maximum number of concurrent connections.
    pub max: usize,
    /// The timeout for the headers of a request.
    pub header_timeout: Duration,
    /// The maximum idle time while a client sends a body or receives a response.
    pub body_timeout: Duration,
    /// How long a connection stays open without a request.
    pub keep_alive: Duration,
}

/// Request limits.
#[derive(Debug, Clone, Copy)]
pub struct RequestConfig {
    /// The maximum size of a body in bytes, both as sent and decompressed.
    pub max_body_bytes: usize,
    /// The maximum number of events of a request, and the maximum size of its response.
    pub limits: Limits,
    /// The maximum memory for all requests together, in bytes.
    pub in_flight_bytes: usize,
    /// How long a request may wait for a busy worker.
    pub max_wait: Duration,
}

/// The upstream and its timeouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// The URL.
    pub base: BaseUrl,
    /// The maximum time without a byte from the upstream.
    pub timeout: Duration,
    /// The timeout for connecting.
    pub connect_timeout: Duration,
    /// The PEM file with CA certificates that are trusted in addition to the system CAs.
    pub ca_file: Option<PathBuf>,
    /// Whether `/ready` fails while the upstream cannot be reached.
    pub ready_needs_upstream: bool,
}

/// Which requests are compared with the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowConfig {
    /// The percentage of requests to compare.
    pub percent: u8,
    /// Whose response the client gets.
    pub answer: ShadowAnswer,
}

/// The versions that are reported to clients: this service's, unless the settings override them with those of
/// rudder-transformer. Metrics and logs always show this service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// For `/version` and `/health`.
    pub version: String,
    /// For `/buildVersion`.
    pub build_version: String,
    /// For the commit in `/health`.
    pub commit: Option<String>,
}

/// The response to a request that needs an upstream when none is configured: the setting `UNSERVED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnservedPolicy {
    /// 503 with `X-Rudder-Should-Retry`: rudder-server keeps the events and retries.
    Retry,
    /// 404: rudder-server drops the events.
    Reject,
}

/// Whose response the client gets while both are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShadowAnswer {
    /// This service's.
    Native,
    /// The upstream's.
    Upstream,
}

/// Where the web page and `POST /explain` are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Nowhere.
    Off,
    /// On the service's port.
    Service,
    /// On the metrics port.
    Metrics,
}

impl Page {
    /// Parses `metrics` or a boolean.
    ///
    /// # Errors
    /// Fails if it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "metrics" => Ok(Self::Metrics),
            "true" | "yes" | "on" | "y" | "t" | "1" => Ok(Self::Service),
            "false" | "no" | "off" | "n" | "f" | "0" => Ok(Self::Off),
            _ => Err("must be true, false or metrics".to_owned()),
        }
    }
}
