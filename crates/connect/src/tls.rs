//! Encrypts connections the way the producer does, and describes why a handshake failed.

use std::io;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{Certificate, Validity};
use super::client_certificate::{CertificateRequest, ClientCertResolver, ClientFiles, ClientIdentity, load};
use super::os_error;
use super::problem::Problem;
use super::sanitize::listed;
use super::step::{Failure, Step};
use super::trust::{RecordingVerifier, Trust};

/// The TLS configuration of the producer.
pub(super) struct Encryption {
    provider: Arc<CryptoProvider>,
    trust: Arc<Trust>,
    identity: Option<ClientIdentity>,
}

/// An encrypted connection.
pub(super) struct Encrypted {
    pub(super) stream: TlsStream<TcpStream>,
    /// The TLS version and the cipher suite, as text.
    pub(super) found: String,
    pub(super) details: Vec<String>,
    /// Problems with the broker's certificate that were ignored because verification is off.
    pub(super) cautions: Vec<String>,
}

impl Encryption {
    /// Loads the certificates and keys, and returns the steps. The configuration is `None` if there are no usable CA
    /// certificates, because brokers' certificates then cannot be verified.
    pub(super) fn prepare(ca_pem: Option<&str>, files: &ClientFiles, accepts_any: bool) -> (Option<Self>, Vec<Step>) {
        let provider = Arc::new(ring::default_provider());
        let (trust, step) = Trust::of(ca_pem, accepts_any, &provider);
        let (identity, client_step) = load(files, ca_pem.is_some(), &provider);
        let steps = std::iter::once(step).chain(client_step).collect();
        (trust.map(|trust| Self { provider, trust: Arc::new(trust), identity }), steps)
    }

    /// Performs the handshake, and verifies that the broker's certificate is valid for `host`.
    ///
    /// # Errors
    /// Fails if there is no common TLS version, a certificate is rejected, or the server does not use TLS. This
    /// function has no timeout.
    pub(super) async fn handshake(&self, tcp: TcpStream, host: &str) -> Result<Encrypted, Failure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::new(
                Problem::HostNotAName,
                format!("{host} is not a valid host name, so no certificate can match it"),
            )
        })?;
        let verifier = Arc::new(RecordingVerifier::new(Arc::clone(&self.trust)));
        let resolver = Arc::new(ClientCertResolver::new(self.identity.clone()));
        // The producer supports TLS 1.1 and 1.2. This check supports only TLS 1.2, because rustls does not support TLS
        // 1.1.
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .map_err(|_| Failure::new(Problem::TlsFailed, "TLS 1.2 is not available in this build"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<_>)
            .with_client_cert_resolver(Arc::clone(&resolver) as Arc<_>);
        // Every connection must perform a full handshake.
        config.resumption = rustls::client::Resumption::disabled();
        match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
            Ok(stream) => {
                let (_, connection) = stream.get_ref();
                let cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
                let found = format!("TLS 1.2, {}", cipher.unwrap_or("an unnamed cipher").trim_start_matches("TLS_"));
                let details = details(verifier.certificate().as_ref(), resolver.request());
                let cautions = verifier.ignored().map(|error| self.ignored(error, host, verifier.certificate()));
                Ok(Encrypted { stream, found, details, cautions: cautions.into_iter().collect() })
            }
            Err(error) => Err(self.failed(&error, host, verifier.certificate().as_ref(), resolver.request())),
        }
    }

    /// Describes why the broker's certificate would have been rejected if verification were on.
    fn ignored(&self, error: &Error, host: &str, seen: Option<Certificate>) -> String {
        let why = match error {
            Error::InvalidCertificate(error) => {
                rejected_certificate(error, host, seen.as_ref(), self.trust.source()).text
            }
            other => handshake_words(other).to_owned(),
        };
        format!("the broker's certificate was not verified; with verification, it would be rejected: {why}")
    }

    fn failed(
        &self,
        error: &io::Error,
        host: &str,
        seen: Option<&Certificate>,
        request: Option<&CertificateRequest>,
    ) -> Failure {
        let certificate = seen.map(Certificate::line).unwrap_or_default();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(error)) => rejected_certificate(error, host, seen, self.trust.source()),
            Some(Error::AlertReceived(alert)) => alert_failure(*alert, request),
            Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) => {
                Failure::new(Problem::NotTls, "the server on this port does not speak TLS")
            }
            Some(Error::PeerIncompatible(_)) => Failure::new(
                Problem::TlsVersion,
                "the broker responds with a TLS version that the producer does not support",
            ),
            Some(other) => Failure::new(
                Problem::TlsFailed,
                format!("{}; the broker's certificate: {certificate}", handshake_words(other)),
            ),
            // The server closed the connection instead of responding.
            None if seen.is_none() => {
                Failure::new(Problem::NotTls, "the server closed the connection at the first TLS message")
            }
            None => match request {
                Some(request) => client_certificate(request, "the broker closed the connection"),
                None => Failure::new(
                    Problem::TlsFailed,
                    format!("the connection broke during the handshake: {}", os_error::describe(error)),
                ),
            },
        }
    }
}

fn details(certificate: Option<&Certificate>, request: Option<&CertificateRequest>) -> Vec<String> {
    let certificate = certificate.map(|certificate| format!("broker's certificate: {}", certificate.line()));
    let response = request.map(|request| match (&request.sent, &request.withheld) {
        (Some(line), _) => format!("the broker requested a client certificate and accepted this one: {line}"),
        (None, Some(line)) => {
            format!("the broker requested a certificate from a different CA, so this certificate was not sent: {line}")
        }
        (None, None) => "the broker requested a client certificate, got none, and completed the handshake".to_owned(),
    });
    certificate.into_iter().chain(response).collect()
}

/// Builds the failure for a broker certificate that is rejected.
fn rejected_certificate(error: &CertificateError, host: &str, seen: Option<&Certificate>, source: &str) -> Failure {
    let Some(seen) = seen else {
        return Failure::new(Problem::CertificateInvalid, "the broker's certificate cannot be read");
    };
    let line = seen.line();
    let (first, last) = &seen.days;
    match error {
        CertificateError::UnknownIssuer => Failure::new(
            Problem::UnknownIssuer,
            format!("the broker's certificate is not signed by a CA in {source}: {line}"),
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Failure::new(
            Problem::CertificateExpired,
            match seen.validity {
                Validity::Expired => format!("the broker's certificate expired on {last}: {line}"),
                _ => format!("an intermediate CA certificate of the broker has expired: {line}"),
            },
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Failure::new(
            Problem::CertificateNotYetValid,
            match seen.validity {
                Validity::NotYet => format!("the broker's certificate is not valid before {first}: {line}"),
                _ => format!("an intermediate CA certificate of the broker is not valid yet: {line}"),
            },
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => match &seen.names {
            Some(names) if !names.is_empty() => Failure::new(
                Problem::NameMismatch,
                format!("the broker's certificate is for {}, not for {host}", seen.names()),
            ),
            _ => Failure::new(
                Problem::CertificateWithoutNames,
                format!(
                    "the broker's certificate ({}) contains no host name: it has no subject alternative name",
                    seen.subject
                ),
            ),
        },
        _ if !seen.is_version_3 => Failure::new(
            Problem::CertificateVersion1,
            format!(
                "the broker's certificate ({}) contains no host name, because it has X.509 version 1 (openssl x509 -req creates this version if no extensions are set)",
                seen.subject
            ),
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Failure::new(
            Problem::CertificatePurpose,
            format!("the broker's certificate was not issued for a server: {line}"),
        ),
        _ if seen.is_ca => Failure::new(
            Problem::CertificatePurpose,
            format!("the broker's certificate is a CA certificate that is not in {source}: {line}"),
        ),
        CertificateError::BadSignature => Failure::new(
            Problem::CertificateInvalid,
            format!(
                "the signature of the broker's certificate is wrong, or was made with a key of fewer than 2048 bits: {line}"
            ),
        ),
        other => Failure::new(
            Problem::CertificateInvalid,
            format!("the broker's certificate cannot be accepted, because {}: {line}", certificate_words(other)),
        ),
    }
}

/// Describes a certificate error that rustls reports.
fn certificate_words(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::BadEncoding => "it is not valid X.509",
        CertificateError::Revoked => "it is revoked",
        CertificateError::UnhandledCriticalExtension => "it has an unknown critical extension",
        CertificateError::UnknownRevocationStatus => "its revocation status is unknown",
        _ => {
            "it or an intermediate certificate breaks a rule of X.509 (a path length, a name constraint, or an unusual key or signature)"
        }
    }
}

/// Describes a handshake error that rustls reports.
fn handshake_words(error: &Error) -> &'static str {
    match error {
        Error::PeerMisbehaved(_) => "the broker violates the TLS protocol",
        Error::DecryptError | Error::PeerSentOversizedRecord => "data from the broker cannot be decrypted",
        Error::NoCertificatesPresented => "the broker sends no certificate",
        _ => "the TLS library aborted the handshake",
    }
}

/// Builds the failure for a TLS alert from the broker.
fn alert_failure(alert: AlertDescription, request: Option<&CertificateRequest>) -> Failure {
    let name = alert_name(alert);
    match (alert, request) {
        (AlertDescription::ProtocolVersion, _) => {
            Failure::new(Problem::TlsVersion, "the broker does not support TLS 1.2")
        }
        (_, Some(request)) => client_certificate(request, &format!("alert {name}")),
        (AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity, None) => Failure::new(
            Problem::TlsNoCommonCipher,
            format!(
                "alert {name}: the broker and the producer have no cipher suite in common, or the broker has no key for a common cipher suite"
            ),
        ),
        (AlertDescription::UnrecognisedName, None) => Failure::new(
            Problem::TlsFailed,
            "alert unrecognized_name: the broker has no certificate for this host name",
        ),
        _ => Failure::new(Problem::TlsFailed, format!("the broker ends the handshake with alert {name}")),
    }
}

/// Builds the failure for a broker that requested a client certificate and then ended the handshake.
fn client_certificate(request: &CertificateRequest, what: &str) -> Failure {
    let trusts = match listed(request.authorities.iter().map(String::as_str)) {
        none if none.is_empty() => String::new(),
        authorities => format!("; the broker trusts certificates signed by {authorities}"),
    };
    match (&request.sent, &request.withheld) {
        (Some(line), _) => Failure::new(
            Problem::ClientCertificateRejected,
            format!("the broker rejects the client certificate ({line}): {what}{trusts}"),
        ),
        (None, Some(line)) => Failure::new(
            Problem::ClientCertificateRejected,
            format!(
                "the broker requires a client certificate{trusts}; the configured certificate is signed by a different CA, so it was not sent: {line}"
            ),
        ),
        (None, None) => Failure::new(
            Problem::ClientCertificateRequired,
            format!("the broker requires a client certificate and got none ({what}){trusts}"),
        ),
    }
}

/// Returns the name that an alert has in the TLS standard.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('(') {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_alerts_are_reported_with_their_names_in_the_tls_standard() {
        assert_eq!(alert_name(AlertDescription::BadCertificate), "bad_certificate");
        assert_eq!(alert_name(AlertDescription::HandshakeFailure), "handshake_failure");
    }
}
