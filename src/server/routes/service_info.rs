//! Information about the service for its web pages.

use serde::{Serialize, Serializer};

use crate::server::config::{Config, Page};

/// Information that differs between instances. None of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceInfo {
    /// The version that is reported to clients.
    pub version: String,
    /// Whether the operator token is required.
    pub requires_token: bool,
    /// The port of `/metrics`.
    pub metrics_port: u16,
    /// Whether the metrics port uses TLS.
    pub metrics_tls: bool,
    /// Where the web page is served. In JSON, this field is a boolean: whether the web page is served on the metrics
    /// port.
    #[serde(rename = "isOnMetricsPort", serialize_with = "is_metrics_port")]
    pub page: Page,
}

fn is_metrics_port<S: Serializer>(page: &Page, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*page == Page::Metrics)
}

/// The API paths that the metrics port always serves.
const METRICS_PORT_PATHS: [&str; 4] = ["/metrics", "/destinations", "/health", "/ready"];

/// The API paths that the web pages at `/` and `/live` request.
const PAGE_PATHS: [&str; 2] = ["/destinations", "/explain"];

impl ServiceInfo {
    /// Creates the information for an instance with the configuration `config` and the metrics port `metrics_port`.
    #[must_use]
    pub fn of(config: &Config, metrics_port: u16) -> Self {
        Self {
            version: config.versions.version.clone(),
            requires_token: config.operator_token_file.is_some(),
            metrics_port,
            metrics_tls: config.tls.as_ref().is_some_and(|tls| tls.on_metrics_port),
            page: config.page,
        }
    }

    /// Whether one of the two ports serves an API path: the metrics port if `by_metrics_port` is true, otherwise the
    /// service's port.
    #[must_use]
    pub fn is_served(&self, path: &str, by_metrics_port: bool) -> bool {
        let of_page = PAGE_PATHS.contains(&path);
        if by_metrics_port {
            METRICS_PORT_PATHS.contains(&path) || self.page == Page::Metrics && (of_page || path == "/openapi.json")
        } else {
            path != "/metrics" && (!of_page || self.page == Page::Service)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_port_and_the_metrics_port_each_serve_their_own_paths() {
        let of = |page| ServiceInfo {
            version: String::new(),
            requires_token: false,
            metrics_port: 9091,
            metrics_tls: false,
            page,
        };
        let paths = ["/metrics", "/destinations", "/explain", "/health", "/openapi.json", "/batch"];
        for (page, by_metrics_port, served) in [
            (Page::Service, false, [false, true, true, true, true, true]),
            (Page::Metrics, false, [false, false, false, true, true, true]),
            (Page::Off, false, [false, false, false, true, true, true]),
            (Page::Service, true, [true, true, false, true, false, false]),
            (Page::Metrics, true, [true, true, true, true, true, false]),
        ] {
            assert_eq!(
                paths.map(|path| of(page).is_served(path, by_metrics_port)),
                served,
                "{page:?} {by_metrics_port}"
            );
        }
    }
}
