//! The CA certificates that are trusted for an https upstream.

use std::path::Path;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::server::bounded_file::read_bounded;

/// Returns the system's CA certificates, which `SSL_CERT_FILE` can name, or Mozilla's if the system has none.
#[must_use]
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // An unusable certificate must not prevent trusting the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// Returns the roots for an upstream with this scheme: [`system_roots`], which only https needs, and the certificates
/// of `UPSTREAM_CA_FILE`.
///
/// # Errors
/// Fails if the file cannot be read, or contains no certificate.
pub(super) fn roots(scheme: &str, ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = if scheme == "https" { system_roots() } else { RootCertStore::empty() };
    if let Some(file) = ca_file {
        let problem = |why: &str| format!("UPSTREAM_CA_FILE={}: {why}", file.display());
        let pem = read_bounded(file).map_err(|error| problem(&error.to_string()))?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| problem("the file is not valid PEM"))?;
        if certificates.is_empty() {
            return Err(problem("the file contains no certificate"));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|_| problem("the file contains a certificate that cannot be used"))?;
        }
    }
    Ok(roots)
}
