//! What the service is configured with: plain values, resolved once from the flags ([`crate::server::settings`]).
//! Nothing here reads a file, a clock or the environment.

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
    /// Worker threads.
    pub workers: usize,
    /// How the ports speak TLS; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The file with the operator's token, if one is required.
    pub operator_token_file: Option<PathBuf>,
    /// The bounds of connections.
    pub connections: ConnectionConfig,
    /// The bounds of requests.
    pub requests: RequestConfig,
    /// The destinations that are transformed here.
    pub native_destinations: NativeDestinations,
    /// Where everything else goes.
    pub upstream: Option<UpstreamConfig>,
    /// The response to what only an upstream serves, if there is none.
    pub unserved: UnservedPolicy,
    /// What is compared with the upstream.
    pub shadow: Option<ShadowConfig>,
    /// Where the page is.
    pub page: Page,
    /// Whether `GET /destinations` shows the start of hot partition keys.
    pub shows_keys: bool,
    /// The number of destinations with metrics of their own.
    pub destination_metrics: usize,
    /// The label `instanceName` of every metric.
    pub instance_id: String,
    /// The versions that are reported to clients.
    pub versions: Versions,
    /// How long requests in flight get to finish.
    pub shutdown_timeout: Duration,
}

/// The files for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate with its intermediates, PEM.
    pub certificate_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// Whether the metrics port speaks TLS too.
    pub on_metrics_port: bool,
}

/// The bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// Connections at once.
    pub max: usize,
    /// How long a client may take for the headers of a request.
    pub header_timeout: Duration,
    /// How long a client may pause within a body, or while it takes a response.
    pub body_timeout: Duration,
    /// How long a connection stays open without a request.
    pub keep_alive: Duration,
}

/// The bounds of requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestConfig {
    /// Bytes of a body, as sent and decompressed.
    pub max_body_bytes: usize,
    /// Events of a request and bytes of its response.
    pub limits: Limits,
    /// Bytes of all requests in memory.
    pub in_flight_bytes: usize,
    /// How long requests may wait for a busy worker, each time.
    pub max_wait: Duration,
}

/// Where the upstream is, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Its URL.
    pub base: BaseUrl,
    /// How long it may be silent.
    pub timeout: Duration,
    /// How long a connection to it may take.
    pub connect_timeout: Duration,
    /// The PEM file with CA certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether `/ready` fails while it cannot be reached.
    pub ready_needs_upstream: bool,
}

/// Which requests are compared with the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowConfig {
    /// The share of requests, in percent.
    pub percent: u8,
    /// Whose response the client gets.
    pub answer: ShadowAnswer,
}

/// The versions that are reported to clients: this service's, unless the settings name others, as rudder-transformer
/// calls them. Metrics and log always have this service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of `/version` and `/health`.
    pub version: String,
    /// Of `/buildVersion`.
    pub build_version: String,
    /// The commit in `/health`.
    pub commit: Option<String>,
}

/// The response to a request that nothing here can serve: the setting `UNSERVED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnservedPolicy {
    /// 503 with `X-Rudder-Should-Retry`: rudder-server keeps the events and retries.
    Retry,
    /// 404: rudder-server drops the events.
    Reject,
}

/// Whose response a client gets while both are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShadowAnswer {
    /// Ours.
    Native,
    /// The upstream's.
    Upstream,
}

/// Where the page and `POST /explain` are.
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
    /// Reads `metrics`, or what is a yes or a no.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "metrics" => Ok(Self::Metrics),
            "true" | "yes" | "on" | "y" | "t" | "1" => Ok(Self::Service),
            "false" | "no" | "off" | "n" | "f" | "0" => Ok(Self::Off),
            _ => Err("it is true, false or metrics".to_owned()),
        }
    }
}
