//! What the pages know of the service that they belong to.

use serde::Serialize;

use crate::server::config::{Config, Page};

/// What differs from one instance to another. Nothing of it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceInfo {
    /// The version that is reported to clients.
    pub version: String,
    /// Whether the operator token is required.
    pub requires_token: bool,
    /// The port that `/metrics` is on.
    pub metrics_port: u16,
    /// Whether that port speaks TLS.
    pub metrics_tls: bool,
    /// Whether the page is on that port too.
    pub is_on_metrics_port: bool,
    /// Where the page is.
    #[serde(skip)]
    pub page: Page,
}

/// Paths of the API on the metrics port, wherever the page is.
const METRICS_PORT_PATHS: [&str; 4] = ["/metrics", "/destinations", "/health", "/ready"];

/// Paths of the API that the page asks.
const PAGE_PATHS: [&str; 2] = ["/destinations", "/explain"];

impl ServiceInfo {
    /// Of an instance with this configuration, whose metrics are on port `metrics_port`.
    #[must_use]
    pub fn of(config: &Config, metrics_port: u16) -> Self {
        Self {
            version: config.versions.version.clone(),
            requires_token: config.operator_token_file.is_some(),
            metrics_port,
            metrics_tls: config.tls.as_ref().is_some_and(|tls| tls.on_metrics_port),
            is_on_metrics_port: config.page == Page::Metrics,
            page: config.page,
        }
    }

    /// Whether a path of the API is served by the metrics port, or by the service's.
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
    fn each_port_serves_its_paths() {
        let of = |page| ServiceInfo {
            version: String::new(),
            requires_token: false,
            metrics_port: 9091,
            metrics_tls: false,
            is_on_metrics_port: page == Page::Metrics,
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
