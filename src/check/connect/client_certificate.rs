//! The certificate that shows the broker who comes, where it asks for one; chosen as the producer chooses, which is written in Go.

use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{Certificate, Validity, issuer_bytes, name_in};
use super::problem::Problem;
use super::step::{Failure, Stage, Step};

/// The variable that names the file with the certificate.
pub const CERTIFICATE_VARIABLE: &str = "KAFKA_SSL_CERTIFICATE_FILE_PATH";
/// The variable that names the file with its key.
pub const KEY_VARIABLE: &str = "KAFKA_SSL_KEY_FILE_PATH";

/// The files that the variables name; `None` where a variable is not set.
#[derive(Debug, Default)]
pub struct ClientFiles {
    /// The certificate, and its intermediates.
    pub certificate: Option<File>,
    /// The key.
    pub key: Option<File>,
}

/// A file that was read, or was not.
pub struct File {
    /// Where it is.
    pub path: String,
    /// What it holds, or why that is not known.
    pub content: Result<Vec<u8>, String>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What is shown to brokers.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    key: Arc<CertifiedKey>,
    /// The certificate in words.
    line: String,
}

/// Reads both files: what is shown to brokers, if there is something, and the step that tells of it, if there is something to tell.
pub(super) fn load(files: &ClientFiles, provider: &CryptoProvider) -> (Option<Shown>, Option<Step>) {
    let loaded = match (&files.certificate, &files.key) {
        (None, None) => return (None, None),
        (Some(_), None) => Err(incomplete(CERTIFICATE_VARIABLE, KEY_VARIABLE)),
        (None, Some(_)) => Err(incomplete(KEY_VARIABLE, CERTIFICATE_VARIABLE)),
        (Some(certificate), Some(key)) => read(certificate, key, provider),
    };
    match loaded {
        Ok((shown, cautions)) => {
            let step = Step::passed(Stage::ClientCertificate, shown.line.clone()).with_cautions(cautions);
            (Some(shown), Some(step))
        }
        Err(failure) => (None, Some(Step::failed(Stage::ClientCertificate, failure))),
    }
}

fn incomplete(set: &str, missing: &str) -> Failure {
    Failure::new(Problem::ClientFilesIncomplete, format!("{set} is set, {missing} is not"))
}

fn content<'f>(file: &'f File, variable: &str) -> Result<&'f [u8], Failure> {
    file.content.as_deref().map_err(|problem| {
        Failure::new(Problem::ClientFileUnreadable, format!("{variable}: {} cannot be read: {problem}", file.path))
    })
}

fn read(certificate: &File, key: &File, provider: &CryptoProvider) -> Result<(Shown, Option<String>), Failure> {
    let invalid = |variable, file: &File, what| {
        Failure::new(Problem::ClientFileInvalid, format!("{variable}: {} {what}", file.path))
    };
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(content(certificate, CERTIFICATE_VARIABLE)?).map_while(Result::ok).collect();
    let read = chain
        .first()
        .and_then(Certificate::read)
        .ok_or_else(|| invalid(CERTIFICATE_VARIABLE, certificate, "has no PEM certificate that can be read"))?;
    let key_bytes = content(key, KEY_VARIABLE)?;
    let key = match PrivateKeyDer::from_pem_slice(key_bytes) {
        Ok(key) => key,
        Err(_) if is_encrypted(key_bytes) => {
            return Err(invalid(KEY_VARIABLE, key, "has a key with a passphrase, which nobody can type in"));
        }
        Err(_) => return Err(invalid(KEY_VARIABLE, key, "has no PEM key that can be read")),
    };
    let line = read.client_line();
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(key) => Ok((Shown { key: Arc::new(key), line }, caution(&read))),
        Err(Error::InconsistentKeys(_)) => Err(Failure::new(
            Problem::ClientKeyMismatch,
            format!("the key is not that of the certificate {}", read.subject),
        )),
        Err(_) => {
            Err(Failure::new(Problem::ClientFileInvalid, "certificate or key are of a kind that is not supported"))
        }
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn caution(certificate: &Certificate) -> Option<String> {
    match certificate.validity {
        Validity::Now => None,
        Validity::Over => Some(format!("it expired on {}: brokers refuse it", certificate.days.1)),
        Validity::NotYet => Some(format!("it is valid from {} on: brokers refuse it until then", certificate.days.0)),
    }
}

/// Answers the broker that asks for a certificate on one connection, and remembers what it asked for.
#[derive(Debug)]
pub(super) struct Presenter {
    shown: Option<Shown>,
    asked: OnceLock<Asked>,
}

/// What a broker asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The CAs it trusts, in words; none if it did not say.
    pub(super) authorities: Vec<String>,
    /// The certificate it got, in words.
    pub(super) sent: Option<String>,
    /// Whether there was a certificate, but of none of these CAs.
    pub(super) unfitting: Option<String>,
}

impl Presenter {
    /// Nobody has asked yet.
    pub(super) fn new(shown: Option<Shown>) -> Self {
        Self { shown, asked: OnceLock::new() }
    }

    /// What the broker asked for, if it did.
    pub(super) fn asked(&self) -> Option<&Asked> {
        self.asked.get()
    }
}

impl ResolvesClientCert for Presenter {
    fn resolve(&self, root_hint_subjects: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // The producer keeps its certificate to itself where the broker names CAs and none of them issued it.
        let fits = |shown: &&Shown| {
            root_hint_subjects.is_empty()
                || shown.key.cert.iter().filter_map(issuer_bytes).any(|issuer| root_hint_subjects.contains(&&*issuer))
        };
        let sent = self.shown.as_ref().filter(fits);
        let line = |shown: &Shown| shown.line.clone();
        self.asked
            .set(Asked {
                authorities: root_hint_subjects.iter().filter_map(|name| name_in(name)).collect(),
                sent: sent.map(line),
                unfitting: self.shown.as_ref().filter(|_| sent.is_none()).map(line),
            })
            .ok();
        sent.map(|shown| Arc::clone(&shown.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
