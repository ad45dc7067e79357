//! Describes certificates, so that users can see whether the right certificate is in use.

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Name, X509Version};

use super::sanitize::{listed, sanitize};
use check::certificate;

/// The parts of a certificate that the check shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The subject.
    pub(super) subject: String,
    /// The issuer.
    pub(super) issuer: String,
    /// The subject alternative names. `None` means that the certificate does not have this extension.
    pub(super) names: Option<Vec<String>>,
    /// The dates of the first and the last day of validity.
    pub(super) days: (String, String),
    /// Whether the certificate is currently valid.
    pub(super) validity: Validity,
    /// Whether the certificate has X.509 version 3, the only version with extensions.
    pub(super) is_version_3: bool,
    /// Whether the certificate belongs to a CA.
    pub(super) is_ca: bool,
}

/// The current validity of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    /// The certificate is not valid yet.
    NotYet,
    /// The certificate is valid.
    Now,
    /// The certificate has expired.
    Expired,
}

impl Certificate {
    /// Parses a certificate. Returns `None` if it is malformed.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = certificate::read(der)?;
        let validity = certificate.validity();
        let now = ASN1Time::now();
        Some(Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            names: certificate
                .subject_alternative_name()
                .ok()
                .flatten()
                .map(|extension| extension.value.general_names.iter().filter_map(host).collect()),
            days: (day(validity.not_before), day(validity.not_after)),
            validity: if now < validity.not_before {
                Validity::NotYet
            } else if now > validity.not_after {
                Validity::Expired
            } else {
                Validity::Now
            },
            is_version_3: certificate.version() == X509Version::V3,
            is_ca: certificate.is_ca(),
        })
    }

    /// Describes a broker's certificate in one line.
    pub(super) fn line(&self) -> String {
        let (first, last) = &self.days;
        let (subject, names, issuer) = (&self.subject, self.names(), &self.issuer);
        format!("subject {subject}; names {names}; valid {first} to {last}; signed by {issuer}")
    }

    /// Describes a client certificate in one line.
    pub(super) fn client_line(&self) -> String {
        format!("subject {}; valid {} to {}; signed by {}", self.subject, self.days.0, self.days.1, self.issuer)
    }

    /// Returns the subject alternative names as text.
    pub(super) fn names(&self) -> String {
        match &self.names {
            Some(names) if !names.is_empty() => listed(names.iter().map(String::as_str)),
            _ => "(none)".to_owned(),
        }
    }
}

/// Parses the DER of a distinguished name.
pub(super) fn name_in(der: &[u8]) -> Option<String> {
    X509Name::from_der(der).ok().map(|(_, found)| name(&found))
}

/// Returns the public key of a certificate of any X.509 version, as the DER of `SubjectPublicKeyInfo`.
pub(super) fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    certificate::read(der).map(|certificate| certificate.public_key().raw.to_vec())
}

/// Returns the name of the issuer of a certificate as DER, for comparison with other names.
pub(super) fn issuer_bytes(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    certificate::read(der).map(|certificate| certificate.issuer().as_raw().to_vec())
}

fn name(name: &X509Name<'_>) -> String {
    match sanitize(&name.to_string()) {
        empty if empty.is_empty() => "(no subject)".to_owned(),
        name => name,
    }
}

fn day(time: ASN1Time) -> String {
    time.to_datetime().date().to_string()
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}
