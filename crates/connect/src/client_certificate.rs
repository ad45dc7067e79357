//! Loads the client certificate, and presents it to brokers that request one. The rules are those of the producer,
//! which is written in Go.

use std::sync::{Arc, OnceLock};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{Certificate, Validity, issuer_bytes, name_in, public_key};
use super::problem::Problem;
use super::step::{Failure, Stage, Step};
use check::pem;

/// The name of the environment variable that contains the path of the certificate.
pub const CERTIFICATE_VARIABLE: &str = "KAFKA_SSL_CERTIFICATE_FILE_PATH";
/// The name of the environment variable that contains the path of the private key.
pub const KEY_VARIABLE: &str = "KAFKA_SSL_KEY_FILE_PATH";

/// The files whose paths are in [`CERTIFICATE_VARIABLE`] and [`KEY_VARIABLE`]. A file is `None` if its variable is not
/// set.
#[derive(Debug, Default)]
pub struct ClientFiles {
    /// The certificate chain.
    pub certificate: Option<File>,
    /// The private key.
    pub key: Option<File>,
}

/// A certificate or key file, with its content if the file is readable.
pub struct File {
    /// The path.
    pub path: String,
    /// The content, or the reason why the file cannot be read.
    pub content: Result<Vec<u8>, String>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The client certificate to present to brokers.
#[derive(Debug, Clone)]
pub(super) struct ClientIdentity {
    key: Arc<CertifiedKey>,
    /// A description of the certificate.
    line: String,
}

/// Reads both files. Returns the certificate to present, if there is one, and the step that reports the result.
/// `has_own_ca` is true if `caCertificate` is set. Without `caCertificate`, the files are not read, because the
/// producer then presents no client certificate.
pub(super) fn load(
    files: &ClientFiles,
    has_own_ca: bool,
    provider: &CryptoProvider,
) -> (Option<ClientIdentity>, Option<Step>) {
    if !has_own_ca && (files.certificate.is_some() || files.key.is_some()) {
        let why = "not presented: rudder-server presents the client certificate only if caCertificate is set";
        return (None, Some(Step::skipped(Stage::ClientCertificate, why)));
    }
    let loaded = match (&files.certificate, &files.key) {
        (None, None) => return (None, None),
        (Some(_), None) => Err(incomplete(CERTIFICATE_VARIABLE, KEY_VARIABLE)),
        (None, Some(_)) => Err(incomplete(KEY_VARIABLE, CERTIFICATE_VARIABLE)),
        (Some(certificate), Some(key)) => read(certificate, key, provider),
    };
    match loaded {
        Ok((identity, cautions)) => {
            let step = Step::passed(Stage::ClientCertificate, identity.line.clone()).with_cautions(cautions);
            (Some(identity), Some(step))
        }
        Err(failure) => (None, Some(Step::failed(Stage::ClientCertificate, failure))),
    }
}

fn incomplete(set: &str, missing: &str) -> Failure {
    Failure::new(Problem::ClientFilesIncomplete, format!("{set} is set, but {missing} is not"))
}

fn content<'f>(file: &'f File, variable: &str) -> Result<&'f [u8], Failure> {
    file.content.as_deref().map_err(|problem| {
        Failure::new(Problem::ClientFileUnreadable, format!("{variable}: {} cannot be read: {problem}", file.path))
    })
}

fn read(
    certificate: &File,
    key: &File,
    provider: &CryptoProvider,
) -> Result<(ClientIdentity, Option<String>), Failure> {
    let invalid = |variable, file: &File, what| {
        Failure::new(Problem::ClientFileInvalid, format!("{variable}: {} {what}", file.path))
    };
    let text = String::from_utf8_lossy(content(certificate, CERTIFICATE_VARIABLE)?);
    let chain: Vec<CertificateDer<'static>> = pem::certificates(&text).into_iter().map(CertificateDer::from).collect();
    let read = chain
        .first()
        .and_then(Certificate::read)
        .ok_or_else(|| invalid(CERTIFICATE_VARIABLE, certificate, "contains no readable PEM certificate"))?;
    let key_bytes = content(key, KEY_VARIABLE)?;
    let Some(der) = private_key(key_bytes) else {
        let why = if is_encrypted(key_bytes) {
            "contains a key with a passphrase, which rudder-server does not support"
        } else {
            "contains no readable PEM key"
        };
        return Err(invalid(KEY_VARIABLE, key, why));
    };
    let line = read.client_line();
    let unsupported = |_| {
        let why = "contains a key of an unsupported type: use RSA, P-256, P-384 or Ed25519";
        invalid(KEY_VARIABLE, key, why)
    };
    let signing_key = provider.key_provider.load_private_key(der).map_err(unsupported)?;
    // rustls compares the keys only if the certificate has X.509 version 3, but the producer also presents certificates
    // of version 1. Therefore, the keys are compared here.
    if let (Some(of_key), Some(of_certificate)) = (signing_key.public_key(), public_key(&chain[0]))
        && of_key.as_ref() != of_certificate
    {
        let why = format!("the key does not match the certificate {}", read.subject);
        return Err(Failure::new(Problem::ClientKeyMismatch, why));
    }
    Ok((ClientIdentity { key: Arc::new(CertifiedKey::new(chain, signing_key)), line }, caution(&read)))
}

/// Returns the first private key in a PEM text. Like Go, this function detects the format of the key from the content
/// of the PEM section, and ignores the label of the section.
fn private_key(text: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let text = String::from_utf8_lossy(text);
    let section = pem::sections(&text).into_iter().find(|section| section.is_private_key())?;
    let der = section.content.ok()?;
    PrivateKeyDer::try_from(der).ok()
}

fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn caution(certificate: &Certificate) -> Option<String> {
    match certificate.validity {
        Validity::Now => None,
        Validity::Expired => {
            Some(format!("the client certificate expired on {}: brokers reject it", certificate.days.1))
        }
        Validity::NotYet => Some(format!(
            "the client certificate is not valid before {}: brokers reject it until then",
            certificate.days.0
        )),
    }
}

/// Selects the client certificate when a broker requests one, and records the request.
#[derive(Debug)]
pub(super) struct ClientCertResolver {
    identity: Option<ClientIdentity>,
    request: OnceLock<CertificateRequest>,
}

/// A broker's request for a client certificate, and what the client sent in response.
#[derive(Debug)]
pub(super) struct CertificateRequest {
    /// The names of the CAs that the broker trusts. Empty if the broker did not list any CA.
    pub(super) authorities: Vec<String>,
    /// A description of the certificate that was sent, if one was sent.
    pub(super) sent: Option<String>,
    /// A description of the configured certificate, if the certificate was not sent because none of the CAs in
    /// `authorities` issued it.
    pub(super) withheld: Option<String>,
}

impl ClientCertResolver {
    /// Creates a resolver that has not seen a request.
    pub(super) fn new(identity: Option<ClientIdentity>) -> Self {
        Self { identity, request: OnceLock::new() }
    }

    /// Returns the broker's request, or `None` if the broker did not request a certificate.
    pub(super) fn request(&self) -> Option<&CertificateRequest> {
        self.request.get()
    }
}

impl ResolvesClientCert for ClientCertResolver {
    fn resolve(&self, root_hint_subjects: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // The producer does not send its certificate if the broker lists CAs and none of these CAs issued the
        // certificate.
        let fits = |identity: &&ClientIdentity| {
            root_hint_subjects.is_empty()
                || identity
                    .key
                    .cert
                    .iter()
                    .filter_map(issuer_bytes)
                    .any(|issuer| root_hint_subjects.contains(&&*issuer))
        };
        let sent = self.identity.as_ref().filter(fits);
        let line = |identity: &ClientIdentity| identity.line.clone();
        self.request
            .set(CertificateRequest {
                authorities: root_hint_subjects.iter().filter_map(|name| name_in(name)).collect(),
                sent: sent.map(line),
                withheld: self.identity.as_ref().filter(|_| sent.is_none()).map(line),
            })
            .ok();
        sent.map(|identity| Arc::clone(&identity.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
