//! The CA certificates that the tools trust.

use ureq::tls::{Certificate, RootCerts};

/// The system's roots, so that companies' own CAs count, and the web's where it has none.
pub(in crate::cli) fn roots() -> RootCerts {
    let own: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    if own.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&own) }
}
