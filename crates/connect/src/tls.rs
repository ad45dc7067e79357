//! Encryption as the producer does it, and what can go wrong on the way, in words.

use std::io;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{Certificate, Validity};
use super::client_certificate::{Asked, ClientFiles, Presenter, Shown, load};
use super::os_error;
use super::problem::Problem;
use super::sanitize::listed;
use super::step::{Failure, Step};
use super::trust::{Trust, Witness};

/// What the producer encrypts with.
pub(super) struct Encryption {
    provider: Arc<CryptoProvider>,
    trust: Arc<Trust>,
    shown: Option<Shown>,
}

/// A connection that is encrypted now.
pub(super) struct Encrypted {
    pub(super) stream: TlsStream<TcpStream>,
    /// Version, cipher, and whether a certificate was sent.
    pub(super) found: String,
    pub(super) details: Vec<String>,
    /// What was overlooked because verification is off.
    pub(super) cautions: Vec<String>,
}

impl Encryption {
    /// Gets certificates and keys ready, and reports of it. `None` where brokers' certificates could not be checked.
    pub(super) fn prepare(ca_pem: Option<&str>, files: &ClientFiles, accepts_any: bool) -> (Option<Self>, Vec<Step>) {
        let provider = Arc::new(ring::default_provider());
        let (trust, step) = Trust::of(ca_pem, accepts_any, &provider);
        let (shown, client_step) = load(files, ca_pem.is_some(), &provider);
        let steps = std::iter::once(step).chain(client_step).collect();
        (trust.map(|trust| Self { provider, trust: Arc::new(trust), shown }), steps)
    }

    /// Performs the handshake, and verifies the broker's certificate for `host`.
    ///
    /// # Errors
    /// Whatever is wrong with versions, certificates or the other side. Time is not bounded here.
    pub(super) async fn handshake(&self, tcp: TcpStream, host: &str) -> Result<Encrypted, Failure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::new(Problem::HostNotAName, format!("no certificate can be for {host}: it is no host name"))
        })?;
        let witness = Arc::new(Witness::new(Arc::clone(&self.trust)));
        let presenter = Arc::new(Presenter::new(self.shown.clone()));
        // The producer speaks TLS 1.1 and 1.2; the library knows no 1.1.
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .map_err(|_| Failure::new(Problem::TlsFailed, "TLS 1.2 is not available in this build"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<_>)
            .with_client_cert_resolver(Arc::clone(&presenter) as Arc<_>);
        // Every connection is to show what a first one does.
        config.resumption = rustls::client::Resumption::disabled();
        match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
            Ok(stream) => {
                let (_, connection) = stream.get_ref();
                let cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
                let found = format!("TLS 1.2, {}", cipher.unwrap_or("an unnamed cipher").trim_start_matches("TLS_"));
                let details = details(witness.certificate().as_ref(), presenter.asked());
                let cautions = witness.overlooked().map(|error| self.overlooked(error, host, witness.certificate()));
                Ok(Encrypted { stream, found, details, cautions: cautions.into_iter().collect() })
            }
            Err(error) => Err(self.failed(&error, host, witness.certificate().as_ref(), presenter.asked())),
        }
    }

    /// What verification would have said.
    fn overlooked(&self, error: &Error, host: &str, seen: Option<Certificate>) -> String {
        let why = match error {
            Error::InvalidCertificate(error) => refused(error, host, seen.as_ref(), self.trust.source()).text,
            other => handshake_words(other).to_owned(),
        };
        format!("not verified; it would be rejected: {why}")
    }

    fn failed(&self, error: &io::Error, host: &str, seen: Option<&Certificate>, asked: Option<&Asked>) -> Failure {
        let certificate = seen.map(Certificate::line).unwrap_or_default();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(error)) => refused(error, host, seen, self.trust.source()),
            Some(Error::AlertReceived(alert)) => alerted(*alert, asked),
            Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) => {
                Failure::new(Problem::NotTls, "what answers on this port does not speak TLS")
            }
            Some(Error::PeerIncompatible(_)) => Failure::new(
                Problem::TlsVersion,
                "the broker answers with a version of TLS that the producer does not speak",
            ),
            Some(other) => Failure::new(
                Problem::TlsFailed,
                format!("{}; the broker's certificate: {certificate}", handshake_words(other)),
            ),
            // An end in place of an answer.
            None if seen.is_none() => {
                Failure::new(Problem::NotTls, "the other side closed the connection at the first message of TLS")
            }
            None => match asked {
                Some(asked) => client_certificate(asked, "it closed the connection after it had asked for one"),
                None => Failure::new(
                    Problem::TlsFailed,
                    format!("the connection broke during the handshake: {}", os_error::describe(error)),
                ),
            },
        }
    }
}

fn details(certificate: Option<&Certificate>, asked: Option<&Asked>) -> Vec<String> {
    let certificate = certificate.map(|certificate| format!("broker's certificate: {}", certificate.line()));
    let shown = asked.map(|asked| match (&asked.sent, &asked.unfitting) {
        (Some(line), _) => format!("the broker asked for a client certificate and took {line}"),
        (None, Some(line)) => {
            format!("the broker asked for a client certificate, but of another CA than that of {line}: none was sent")
        }
        (None, None) => "the broker asked for a client certificate and goes on without one".to_owned(),
    });
    certificate.into_iter().chain(shown).collect()
}

/// Why the broker's certificate is not accepted.
fn refused(error: &CertificateError, host: &str, seen: Option<&Certificate>, source: &str) -> Failure {
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
                Validity::Over => format!("the broker's certificate expired on {last}: {line}"),
                _ => format!("the certificate of a CA between ours and the broker's expired: {line}"),
            },
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Failure::new(
            Problem::CertificateNotYetValid,
            match seen.validity {
                Validity::NotYet => format!("the broker's certificate is valid from {first} on, not yet today: {line}"),
                _ => format!("the certificate of a CA between ours and the broker's is not valid yet: {line}"),
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
                    "the broker's certificate ({}) names no host: it has no subject alternative name",
                    seen.subject
                ),
            ),
        },
        _ if !seen.is_version_3 => Failure::new(
            Problem::CertificateVersion1,
            format!(
                "the broker's certificate ({}) is of X.509 version 1, as openssl x509 -req makes them without extensions: it names no host",
                seen.subject
            ),
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Failure::new(
            Problem::CertificatePurpose,
            format!("the broker's certificate is not made for a server: {line}"),
        ),
        _ if seen.is_ca => Failure::new(
            Problem::CertificatePurpose,
            format!("the broker's certificate is that of a CA, and not in {source}: {line}"),
        ),
        CertificateError::BadSignature => Failure::new(
            Problem::CertificateInvalid,
            format!("the signature of the broker's certificate is wrong, or by a key of less than 2048 bits: {line}"),
        ),
        other => Failure::new(
            Problem::CertificateInvalid,
            format!("the broker's certificate cannot be accepted, because {}: {line}", certificate_words(other)),
        ),
    }
}

/// What the library says of a certificate, in words.
fn certificate_words(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::BadEncoding => "it is not laid out as X.509 has it",
        CertificateError::Revoked => "it is revoked",
        CertificateError::UnhandledCriticalExtension => "it has a critical extension that is not known here",
        CertificateError::UnknownRevocationStatus => "it is not known whether it is revoked",
        _ => {
            "it, or one between it and the CA, breaks a rule of X.509 (a path length, a name constraint, or an unusual key or signature)"
        }
    }
}

/// What the library says of a handshake, in words.
fn handshake_words(error: &Error) -> &'static str {
    match error {
        Error::PeerMisbehaved(_) => "the broker breaks a rule of TLS",
        Error::DecryptError | Error::PeerSentOversizedRecord => "the broker sends what cannot be decrypted",
        Error::NoCertificatesPresented => "the broker sends no certificate",
        _ => "the handshake cannot go on",
    }
}

/// Why the broker does not go on.
fn alerted(alert: AlertDescription, asked: Option<&Asked>) -> Failure {
    let name = alert_name(alert);
    match (alert, asked) {
        (AlertDescription::ProtocolVersion, _) => {
            Failure::new(Problem::TlsVersion, "the broker does not speak TLS 1.2")
        }
        (_, Some(asked)) => client_certificate(asked, &format!("it says {name}")),
        (AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity, None) => Failure::new(
            Problem::TlsNoCommonCipher,
            format!("the broker says {name}: no cipher suite in common, or it has no key for one"),
        ),
        (AlertDescription::UnrecognisedName, None) => {
            Failure::new(Problem::TlsFailed, "the broker says unrecognized_name: it has nothing for this host name")
        }
        _ => Failure::new(Problem::TlsFailed, format!("the broker ends the handshake and says {name}")),
    }
}

/// The broker asked who comes, and did not like the response.
fn client_certificate(asked: &Asked, what: &str) -> Failure {
    let trusts = match listed(asked.authorities.iter().map(String::as_str)) {
        none if none.is_empty() => String::new(),
        authorities => format!("; it trusts those signed by {authorities}"),
    };
    match (&asked.sent, &asked.unfitting) {
        (Some(line), _) => Failure::new(
            Problem::ClientCertificateRejected,
            format!("the broker refuses our client certificate ({line}): {what}{trusts}"),
        ),
        (None, Some(line)) => Failure::new(
            Problem::ClientCertificateRejected,
            format!(
                "the broker wants a client certificate{trusts}; ours is signed by another CA, so it was not sent: {line}"
            ),
        ),
        (None, None) => Failure::new(
            Problem::ClientCertificateRequired,
            format!("the broker wants a client certificate and got none ({what}){trusts}"),
        ),
    }
}

/// The name of an alert as the standard writes it.
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
    fn alerts_are_named_as_in_the_standard() {
        assert_eq!(alert_name(AlertDescription::BadCertificate), "bad_certificate");
        assert_eq!(alert_name(AlertDescription::HandshakeFailure), "handshake_failure");
    }
}
