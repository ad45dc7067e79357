//! What the listeners speak TLS with: a certificate and its key, which can change while the service runs. The versions
//! are
//! 1.2 and 1.3, the protocol inside is HTTP/1.1, and clients show no certificate.

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

/// A certificate with its key, and the files that they come from.
#[derive(Debug)]
pub struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    /// How the files looked when they were last read, of use or not.
    seen: Mutex<[Seen; 2]>,
    present: Arc<Present>,
}

/// What distinguishes one state of a file from another; `None` where there is no file.
type Seen = Option<(SystemTime, u64)>;

/// What new connections get.
#[derive(Debug)]
struct Present(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Present {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads a certificate, with those between it and its root behind it, and its key; both are PEM.
    ///
    /// # Errors
    /// What is wrong with which file, without anything of what is in it.
    pub fn load(config: &TlsConfig) -> Result<Self, String> {
        let TlsConfig { certificate_file, key_file, .. } = config;
        let seen = [seen(certificate_file), seen(key_file)];
        let pair = read_pair(certificate_file, key_file)?;
        Ok(Self {
            certificate_file: certificate_file.to_owned(),
            key_file: key_file.to_owned(),
            seen: Mutex::new(seen),
            present: Arc::new(Present(RwLock::new(pair))),
        })
    }

    /// Reads both files again, for connections that begin from now on.
    ///
    /// # Errors
    /// As [`Self::load`]; the pair that was there before then stays.
    pub fn reload(&self) -> Result<(), String> {
        // Taken before the files are read: a change in between is then seen as one.
        let now = [seen(&self.certificate_file), seen(&self.key_file)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let pair = read_pair(&self.certificate_file, &self.key_file)?;
        *self.present.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Whether a file has changed since both were last read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let now = [seen(&self.certificate_file), seen(&self.key_file)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != now
    }

    /// [`Self::reload`], reported in the log.
    pub fn reload_and_tell(&self) {
        match self.reload() {
            Ok(()) => tracing::info!("the TLS certificate and its key were reloaded"),
            Err(problem) => tracing::error!("{problem}; the previous TLS certificate stays in use"),
        }
    }

    /// When the certificate in use expires, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        let pair = Arc::clone(&self.present.0.read().unwrap_or_else(PoisonError::into_inner));
        let (_, certificate) = X509Certificate::from_der(pair.cert.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// What a listener is given.
    ///
    /// # Errors
    /// Where the TLS library and its cryptography do not fit together.
    pub fn config(&self) -> Result<ServerConfig, String> {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.present) as Arc<_>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

fn seen(file: &Path) -> Seen {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read_pair(certificate_file: &Path, key_file: &Path) -> Result<Arc<CertifiedKey>, String> {
    let certificate = |problem: &str| format!("TLS_CERT_FILE {}: {problem}", certificate_file.display());
    let key = |problem: &str| format!("TLS_KEY_FILE {}: {problem}", key_file.display());
    // The library's errors may hold what it read: they are not shown.
    let pem = read_bounded(certificate_file).map_err(|error| certificate(&error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| certificate("it is not PEM, or broken"))?;
    if chain.is_empty() {
        return Err(certificate("there is no certificate in it"));
    }
    let pem = read_bounded(key_file).map_err(|error| key(&error.to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let is_encrypted = pem.windows(9).any(|word| word == b"ENCRYPTED");
        key(if is_encrypted {
            "the key is encrypted: it has to come without a password"
        } else {
            "there is no key in it"
        })
    })?;
    match CertifiedKey::from_der(chain, private, &provider()) {
        Ok(pair) => Ok(Arc::new(pair)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(key("it is not the key of the certificate in TLS_CERT_FILE")),
        Err(rustls::Error::InvalidCertificate(_)) => Err(certificate("the certificate cannot be read")),
        Err(_) => Err(key("the key cannot be used: it has to be RSA, ECDSA (P-256, P-384, P-521) or Ed25519")),
    }
}
