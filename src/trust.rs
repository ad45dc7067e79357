//! The CA certificates that the TLS clients of this binary trust.
//!
//! These are the system's certificates, or Mozilla's if the system has none, and those in the file that the client is
//! configured with, such as the file in `UPSTREAM_CA_FILE`. There are three exceptions. `check --connect` trusts the CA
//! certificates that rudder-server's producer trusts. `health` accepts every certificate. If a certificate file is set
//! for the export of traces, the export trusts only this file.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::server::bounded_file::read_bounded;

/// Returns the CA certificates to trust for URLs of this scheme: those in `ca_file`, and for https also the system's.
///
/// # Errors
/// Returns an error if the file cannot be used.
pub fn certificates(scheme: &str, ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = if scheme == "https" { system() } else { Vec::new() };
    if let Some(file) = ca_file {
        let pem = read_bounded(file).map_err(|error| format!("{}: {error}", file.display()))?;
        all.extend(in_pem(&pem).map_err(|why| format!("{}: {why}", file.display()))?);
    }
    Ok(all)
}

/// Returns the system's CA certificates, or those in `SSL_CERT_FILE` if this variable is set. If no certificate is
/// usable, returns Mozilla's CA certificates.
fn system() -> Vec<CertificateDer<'static>> {
    let certificates = rustls_native_certs::load_native_certs().certs;
    // An unusable certificate must not prevent trust in the usable ones.
    if RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned()).0 > 0 {
        certificates
    } else {
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()
    }
}

/// Parses PEM text. Returns at least one certificate, and only usable certificates.
///
/// # Errors
/// Returns an error if the text is not PEM, contains no certificate, or contains an unusable certificate.
pub fn in_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| "the file is not valid PEM")?;
    if certificates.is_empty() {
        return Err("the file contains no certificate");
    }
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|_| "the file contains a certificate that cannot be used")?;
    }
    Ok(certificates)
}

/// Returns the configuration of a TLS client that trusts `certificates`.
///
/// # Errors
/// Never fails in practice.
pub fn client(certificates: Vec<CertificateDer<'static>>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Returns the crypto provider of every TLS client.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
