//! The CA certificates that the tools trust.

use std::path::PathBuf;

use clap::Args;
use rustls_pki_types::CertificateDer;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::trust;

/// The option for a private CA.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Trust {
    /// PEM file with CA certificates to trust for https URLs, in addition to the system CAs
    #[arg(long, env = "UPSTREAM_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Trust {
    /// Returns the CA certificates to trust for connections to a URL.
    ///
    /// # Errors
    /// Returns the reason if the file of `--ca-file` cannot be used.
    pub(super) fn certificates(&self, url: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        trust::certificates(&scheme, self.ca_file.as_deref())
    }

    /// Returns TLS settings for the HTTP client of the tools. With these settings, the client trusts the CA
    /// certificates that [`Self::certificates`] returns for the URL.
    ///
    /// # Errors
    /// Returns the reason if the file of `--ca-file` cannot be used.
    pub(super) fn tls(&self, url: &str) -> Result<TlsConfig, String> {
        Ok(tls(&self.certificates(url)?))
    }
}

/// Returns TLS settings for the HTTP client of the tools. With these settings, the client trusts only `certificates`.
pub(super) fn tls(certificates: &[CertificateDer<'static>]) -> TlsConfig {
    let certificates: Vec<Certificate<'static>> =
        certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(trust::provider())
        .build()
}
