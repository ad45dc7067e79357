//! The TLS configuration of the listeners. The certificate and its key can be replaced while the service runs. The
//! listeners support TLS 1.2 and 1.3 with HTTP/1.1, without client certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::server::bounded_file::read_bounded;
use crate::server::config::TlsConfig;

/// A certificate with its private key, and the files that contain both.
#[derive(Debug)]
pub struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    /// The versions of the files when they were last read, successfully or not.
    seen: Mutex<[FileVersion; 2]>,
    current: Arc<CurrentCertificate>,
}

/// Identifies a version of a file by modification time and size. `None` means that the file does not exist.
type FileVersion = Option<(SystemTime, u64)>;

/// The certificate for new connections.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads a certificate chain and its private key from PEM files.
    ///
    /// # Errors
    /// Returns which file is unusable and why. The text contains nothing from the file.
    pub fn load(config: &TlsConfig) -> Result<Self, String> {
        let TlsConfig { certificate_file, key_file, .. } = config;
        let seen = [version_of(certificate_file), version_of(key_file)];
        let pair = read_pair(certificate_file, key_file)?;
        Ok(Self {
            certificate_file: certificate_file.to_owned(),
            key_file: key_file.to_owned(),
            seen: Mutex::new(seen),
            current: Arc::new(CurrentCertificate(RwLock::new(pair))),
        })
    }

    /// Reads both files again. New connections then use the new certificate.
    ///
    /// # Errors
    /// Fails like [`Self::load`]. The previous certificate then stays in use.
    pub fn reload(&self) -> Result<(), String> {
        // The versions are recorded before the files are read, so that `has_changed` notices a change that happens
        // during reading.
        let now = [version_of(&self.certificate_file), version_of(&self.key_file)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let pair = read_pair(&self.certificate_file, &self.key_file)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Whether the certificate file or the key file has changed since both were last read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let now = [version_of(&self.certificate_file), version_of(&self.key_file)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != now
    }

    /// Calls [`Self::reload`] and logs the result.
    pub fn reload_and_log(&self) {
        match self.reload() {
            Ok(()) => tracing::info!("the TLS certificate and its key were reloaded"),
            Err(problem) => tracing::error!("{problem}; the previous TLS certificate stays in use"),
        }
    }

    /// Returns the expiry time of the current certificate, as a Unix timestamp in seconds.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        let pair = Arc::clone(&self.current.0.read().unwrap_or_else(PoisonError::into_inner));
        let (_, certificate) = X509Certificate::from_der(pair.cert.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// Returns the TLS configuration for a listener.
    ///
    /// # Errors
    /// Fails if the TLS library does not support the configured cryptography.
    pub fn config(&self) -> Result<ServerConfig, String> {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.current) as Arc<_>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

fn version_of(file: &Path) -> FileVersion {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read_pair(certificate_file: &Path, key_file: &Path) -> Result<Arc<CertifiedKey>, String> {
    let certificate = |problem: &str| format!("TLS_CERT_FILE {}: {problem}", certificate_file.display());
    let key = |problem: &str| format!("TLS_KEY_FILE {}: {problem}", key_file.display());
    // The library's errors may contain file content, so they are not shown.
    let pem = read_bounded(certificate_file).map_err(|error| certificate(&error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| certificate("the file is not valid PEM"))?;
    if chain.is_empty() {
        return Err(certificate("the file contains no certificate"));
    }
    let pem = read_bounded(key_file).map_err(|error| key(&error.to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let is_encrypted = pem.windows(9).any(|word| word == b"ENCRYPTED");
        key(if is_encrypted {
            "the key is encrypted: use a key without a password"
        } else {
            "the file contains no private key"
        })
    })?;
    match CertifiedKey::from_der(chain, private, &provider()) {
        Ok(pair) => Ok(Arc::new(pair)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(key("the key does not match the certificate in TLS_CERT_FILE")),
        Err(rustls::Error::InvalidCertificate(_)) => Err(certificate("the certificate cannot be read")),
        Err(_) => Err(key("the key cannot be used: it must be RSA, ECDSA (P-256, P-384, P-521) or Ed25519")),
    }
}
