//! Computes the configuration of the service from its settings.

use super::Settings;
use crate::server::config::{
    Config, ConnectionConfig, RequestConfig, ShadowConfig, TlsConfig, UpstreamConfig, Versions,
};
use crate::server::version::{COMMIT, VERSION};

impl Settings {
    /// Computes the configuration of the service from its settings.
    ///
    /// # Errors
    /// Returns the first problem with a setting. [`Settings::validate`] reports all problems at once.
    pub fn resolve(&self) -> Result<Config, String> {
        let upstream = self.upstream()?.map(|base| UpstreamConfig {
            base,
            timeout: self.upstream_timeout,
            connect_timeout: self.upstream_connect_timeout,
            ca_file: self.upstream_ca_file.clone(),
            ready_needs_upstream: self.ready_needs_upstream,
        });
        let shadow = ShadowConfig { percent: self.shadow_percent, answer: self.shadow_answer };
        Ok(Config {
            workers: self.worker_threads(),
            tls: self.tls()?,
            operator_token_file: self.operator_token_file.clone(),
            connections: ConnectionConfig {
                max: self.max_connections,
                header_timeout: self.header_timeout,
                body_timeout: self.body_timeout,
                keep_alive: self.keep_alive,
            },
            requests: RequestConfig {
                max_body_bytes: self.max_body_bytes.0,
                limits: self.limits(),
                in_flight_bytes: self.in_flight_bytes(),
                max_wait: self.max_wait_milliseconds,
            },
            native_destinations: self.native_destinations()?,
            shadow: (upstream.is_some() && shadow.percent > 0).then_some(shadow),
            upstream,
            unserved: self.unserved,
            page: self.page,
            shows_keys: self.show_keys,
            destination_metrics: self.destination_metrics,
            instance_id: self.instance_id.clone(),
            versions: self.versions(),
            shutdown_timeout: self.shutdown_timeout,
        })
    }

    /// Returns the TLS configuration, or `None` for plain HTTP.
    ///
    /// # Errors
    /// Fails if only the certificate file or only the key file is set.
    pub fn tls(&self) -> Result<Option<TlsConfig>, String> {
        match (&self.tls_cert_file, &self.tls_key_file) {
            (Some(certificate), Some(key)) => Ok(Some(TlsConfig {
                certificate_file: certificate.clone(),
                key_file: key.clone(),
                on_metrics_port: self.metrics_tls,
            })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("TLS_CERT_FILE needs TLS_KEY_FILE".to_owned()),
            (None, Some(_)) => Err("TLS_KEY_FILE needs TLS_CERT_FILE".to_owned()),
        }
    }

    fn versions(&self) -> Versions {
        let or_own = |version: &Option<String>| version.clone().unwrap_or_else(|| VERSION.to_owned());
        Versions {
            version: or_own(&self.npm_package_version),
            build_version: or_own(&self.transformer_build_version),
            commit: self.git_commit_sha.clone().or(COMMIT.map(str::to_owned)),
        }
    }
}
