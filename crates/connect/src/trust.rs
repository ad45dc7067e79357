//! Verifies brokers' certificates against the CA certificates by the same rules as the producer, which is written in
//! Go.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{Certificate, Validity};
use super::problem::Problem;
use super::step::{Failure, Stage, Step};
use check::pem;

/// The certificates that the producer trusts.
#[derive(Debug)]
pub(super) struct Trust {
    /// The verifier of rustls. `None` means that there are no CA certificates, and that verification is off.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Whether every certificate is accepted, as with `Router.KAFKA.tlsInsecureSkipVerify`.
    accepts_any: bool,
    /// The currently valid certificates in `caCertificate`.
    own: Vec<CertificateDer<'static>>,
    /// The place from which the CA certificates were loaded, for messages.
    source: &'static str,
}

impl Trust {
    /// Loads the trusted certificates, and returns the step that reports the result. If `ca_pem` is `None`, the
    /// system's CA certificates are loaded.
    pub(super) fn of(ca_pem: Option<&str>, accepts_any: bool, provider: &Arc<CryptoProvider>) -> (Option<Self>, Step) {
        let roots = match ca_pem.map_or_else(system_roots, own_roots) {
            // A caCertificate without a certificate is a failure even if every broker certificate is accepted, because
            // the producer does not start with it.
            Err(failure) if accepts_any && failure.problem != Problem::CaUnusable => Roots {
                store: RootCertStore::empty(),
                own: Vec::new(),
                source: "caCertificate",
                step: Step::passed(Stage::Trust, "no usable CA").with_cautions([failure.text]),
            },
            Ok(roots) => roots,
            Err(failure) => return (None, Step::failed(Stage::Trust, failure)),
        };
        let Roots { store, own, source, step } = roots;
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
        let (verifier, step) = match built {
            Ok(verifier) => (Some(verifier), step),
            Err(_) if accepts_any => (None, step),
            Err(_) => {
                let failure = Failure::new(Problem::CaUnusable, "none of the CA certificates can be used");
                return (None, Step::failed(Stage::Trust, failure));
            }
        };
        let off = "verification is off (--tls-insecure-skip-verify): any certificate is accepted";
        let step = step.with_cautions(accepts_any.then(|| off.to_owned()));
        let algorithms = provider.signature_verification_algorithms;
        (Some(Self { verifier, algorithms, accepts_any, own, source }), step)
    }

    /// Returns the place from which the CA certificates were loaded, for messages.
    pub(super) fn source(&self) -> &'static str {
        self.source
    }

    /// Whether `caCertificate` contains this broker certificate. The producer trusts such a certificate, even if it is
    /// not a CA certificate.
    fn is_own(&self, certificate: &CertificateDer<'_>) -> bool {
        self.own.iter().any(|own| own == certificate)
    }
}

struct Roots {
    store: RootCertStore,
    own: Vec<CertificateDer<'static>>,
    source: &'static str,
    step: Step,
}

fn own_roots(pem: &str) -> Result<Roots, Failure> {
    let mut store = RootCertStore::empty();
    let (mut own, mut details, mut cautions) = (Vec::new(), Vec::new(), Vec::new());
    for certificate in pem::certificates(pem).into_iter().map(CertificateDer::from) {
        let Some(read) = Certificate::read(&certificate) else { continue };
        // The producer checks the validity period of CA certificates, but rustls does not. Therefore, it is checked
        // here.
        let (first, last) = &read.days;
        match read.validity {
            Validity::Expired => cautions.push(format!("not used: {}, because it expired on {last}", read.subject)),
            Validity::NotYet => {
                cautions.push(format!("not used: {}, because it is not valid before {first}", read.subject))
            }
            Validity::Now if store.add(certificate.clone()).is_ok() => {
                details.push(format!("{}, valid until {last}", read.subject));
                own.push(certificate);
            }
            Validity::Now => {
                cautions.push(format!("not used: {}, because it cannot be parsed completely", read.subject))
            }
        }
    }
    if own.is_empty() {
        return Err(match cautions.first() {
            Some(caution) => Failure::new(
                Problem::CaOutOfDate,
                format!(
                    "caCertificate contains no currently valid certificate: {}",
                    caution.trim_start_matches("not used: ")
                ),
            ),
            None => Failure::new(Problem::CaUnusable, "caCertificate contains no readable certificate"),
        });
    }
    let step = Step::passed(Stage::Trust, format!("caCertificate: {}", details.remove(0)));
    Ok(Roots { store, own, source: "caCertificate", step: step.with_details(details).with_cautions(cautions) })
}

fn system_roots() -> Result<Roots, Failure> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(Failure::new(
            Problem::NoSystemRoots,
            "there is no caCertificate, and this machine has no CA certificates",
        ));
    }
    let step = Step::passed(
        Stage::Trust,
        format!("caCertificate is not set, so this machine's {added} CA certificates are trusted"),
    )
    .with_cautions([
        "rudder-server trusts the CA certificates of its own machine, which may differ from these".to_owned()
    ]);
    Ok(Roots { store, own: Vec::new(), source: "the CA certificates of this machine", step })
}

/// Verifies the certificates that a broker presents on one connection, and records them.
#[derive(Debug)]
pub(super) struct RecordingVerifier {
    trust: Arc<Trust>,
    seen: OnceLock<Vec<CertificateDer<'static>>>,
    ignored: OnceLock<Error>,
}

impl RecordingVerifier {
    /// Creates a verifier that has not seen a certificate.
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, seen: OnceLock::new(), ignored: OnceLock::new() }
    }

    /// Returns the error with which the certificates would have been rejected if verification were on.
    pub(super) fn ignored(&self) -> Option<&Error> {
        self.ignored.get()
    }

    /// Returns the broker's certificate, if the broker sent one that can be parsed.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.seen.get().and_then(|chain| chain.first()).and_then(Certificate::read)
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain =
            std::iter::once(end_entity).chain(intermediates).map(|certificate| certificate.clone().into_owned());
        self.seen.set(chain.collect()).ok();
        let verify = |verifier: &Arc<WebPkiServerVerifier>| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = || Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let verdict = match self.trust.verifier.as_ref().map_or_else(unknown, verify) {
            Err(error) if self.trust.is_own(end_entity) => as_a_root(end_entity, server_name, error),
            verdict => verdict,
        };
        match verdict {
            Err(error) if self.trust.accepts_any => {
                self.ignored.set(error).ok();
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match verify_tls12_signature(message, cert, dss, &self.trust.algorithms) {
            // rustls rejects certificates with X.509 version 1. The producer accepts them if verification is off.
            Err(_) if self.trust.accepts_any => Ok(HandshakeSignatureValid::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.trust.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

/// Verifies, as the producer does, a broker certificate that is itself in `caCertificate`, such as a self-signed
/// certificate. Checks only the names, because the validity period has already been checked. rustls would reject such a
/// certificate if it is a CA certificate.
fn as_a_root(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    error: Error,
) -> Result<ServerCertVerified, Error> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer) => {
            let parsed = ParsedCertificate::try_from(certificate)?;
            rustls::client::verify_server_name(&parsed, name)?;
            Ok(ServerCertVerified::assertion())
        }
        error => Err(error),
    }
}
