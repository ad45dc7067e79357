//! The CA certificates that the tools trust.

use ureq::tls::{Certificate, RootCerts};

/// Returns the system's CA certificates, which include those of the company, or the bundled ones if the system has
/// none.
pub(in crate::cli) fn roots() -> RootCerts {
    let own: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    if own.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&own) }
}
