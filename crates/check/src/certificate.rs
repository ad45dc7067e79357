//! Checks CA certificates: whether the producer can read them, and whether they belong to a CA, are currently valid,
//! and have strong keys and signatures.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::code::Code;
use super::finding::{Findings, quoted};
use super::pem::{self, Fault, Section};

/// The maximum number of certificates that are checked per text.
const MAX_CERTIFICATES: usize = 500;

/// A certificate is reported if it expires within this number of days.
const SOON_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// The minimum RSA key size, in bits.
const MIN_RSA_BITS: usize = 2048;
/// The minimum size of an elliptic curve, in bits.
const MIN_CURVE_BITS: usize = 224;

/// The curves that every TLS library supports.
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
const ED25519: &str = "1.3.101.112";
const SHA1: &str = "1.3.14.3.2.26";

/// Algorithms whose signatures can be forged, because the digest is weak: the object identifier of each algorithm, and
/// the name of its digest.
const WEAK_SIGNATURES: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
];

/// Parses an X.509 certificate. Returns `None` if `der` is not a certificate, or if data follows the certificate.
#[must_use]
pub fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

/// Checks the CA certificates in a PEM text. `now` is the current time, as a Unix timestamp in seconds. Returns whether
/// the producer can read at least one of the certificates. The function never panics. The messages of findings never
/// contain the body of a certificate.
pub fn check(pem: &str, now: i64, pointer: &str, findings: &mut Findings) -> bool {
    if pem.len() > pem::MAX_BYTES {
        let message = format!("it has {} bytes; the limit is {} bytes", pem.len(), pem::MAX_BYTES);
        findings.add(Code::CertificateBroken, pointer, message);
        return false;
    }
    let sections = pem::sections(pem);
    let mut certificates = Vec::new();
    let mut skipped: Vec<(&Section<'_>, Option<Fault>)> = Vec::new();
    for section in &sections {
        match &section.content {
            _ if section.is_private_key() => {
                let message = format!(
                    "a private key begins on line {}: anyone who can read the settings can read the key",
                    section.line
                );
                findings.add(Code::CertificatePrivateKey, pointer, message);
            }
            Err(fault) if section.is_certificate() || *fault == Fault::BeginLine => {
                skipped.push((section, Some(*fault)));
            }
            _ if !section.is_certificate() => {
                let message = format!(
                    "the section on line {} is {}; only CERTIFICATE sections are read",
                    section.line,
                    quoted(section.label)
                );
                findings.add(Code::CertificateOther, pointer, message);
            }
            Ok(_) if certificates.len() == MAX_CERTIFICATES => {}
            Ok(der) => match read(der) {
                Some(certificate) => certificates.push((section.line, certificate)),
                None => skipped.push((section, None)),
            },
            Err(_) => {}
        }
    }
    if certificates.len() == MAX_CERTIFICATES {
        let message = format!("only the first {MAX_CERTIFICATES} certificates are checked");
        findings.add(Code::CertificateSkipped, pointer, message);
    }
    for (section, fault) in &skipped {
        skip(section, *fault, certificates.is_empty(), pointer, findings);
    }
    if certificates.is_empty() && skipped.is_empty() {
        findings.add(Code::CertificateAbsent, pointer, absent(pem));
    }
    if certificates.len() > 1 {
        findings.add(
            Code::CertificateSeveral,
            pointer,
            format!("it contains {} certificates: all of them are trusted", certificates.len()),
        );
    }
    let some_current = certificates.iter().any(|(_, certificate)| is_current(certificate, now));
    for (line, certificate) in &certificates {
        let which =
            if certificates.len() > 1 { format!("{} on line {line}", name(certificate)) } else { name(certificate) };
        dates(certificate, &which, now, some_current, pointer, findings);
        authority(certificate, &which, pointer, findings);
        key(certificate, &which, pointer, findings);
        signature(certificate, &which, pointer, findings);
    }
    !certificates.is_empty()
}

/// Reports a certificate that the producer skips. If `is_only` is true, the text contains no readable certificate, and
/// the finding is an error. Otherwise, the finding is a warning.
fn skip(section: &Section<'_>, fault: Option<Fault>, is_only: bool, pointer: &str, findings: &mut Findings) {
    let why = match fault {
        Some(Fault::OneLine) if section.text.contains("\\n") => "its line breaks are the two characters \\ and n",
        Some(fault) => fault.words(),
        None => "its base64 is not an X.509 certificate, or is truncated",
    };
    let code = match fault {
        _ if !is_only => Code::CertificateSkipped,
        Some(Fault::OneLine) => Code::CertificateOneLine,
        Some(Fault::Indented) => Code::CertificateIndented,
        _ => Code::CertificateBroken,
    };
    findings.add(code, pointer, format!("the certificate on line {} cannot be read: {why}", section.line));
}

/// Describes the probable content of a text that contains no certificate.
fn absent(pem: &str) -> &'static str {
    let text = pem.trim();
    let in_one_word = !text.contains(char::is_whitespace);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
    if text.contains("BEGIN CERTIFICATE") {
        "it contains no certificate: the BEGIN line does not begin with five plain hyphens (-)"
    } else if in_one_word && [".pem", ".crt", ".cer", ".der"].iter().any(|end| text.to_ascii_lowercase().ends_with(end))
    {
        "it looks like a file name; paste the content of the file instead"
    } else if text.is_empty() {
        "it contains only whitespace, which is different from empty: the producer expects a certificate and does not start"
    } else if text.starts_with("MI") && text.bytes().all(is_base64) {
        "it contains base64 without BEGIN and END lines"
    } else {
        "it contains no certificate"
    }
}

/// Returns the name of a certificate for a message.
fn name(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject();
    let common = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
    match common.map_or_else(|| subject.to_string(), str::to_owned) {
        name if name.is_empty() => "the certificate without a name".to_owned(),
        name => format!("the certificate {}", quoted(&name)),
    }
}

fn is_current(certificate: &X509Certificate<'_>, now: i64) -> bool {
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

fn date(time: ASN1Time) -> String {
    time.to_datetime().date().to_string()
}

fn dates(
    certificate: &X509Certificate<'_>,
    which: &str,
    now: i64,
    some_current: bool,
    pointer: &str,
    findings: &mut Findings,
) {
    let validity = certificate.validity();
    let (from, until) = (validity.not_before, validity.not_after);
    if until.timestamp() < now {
        let code = if some_current { Code::CertificateExpiredAmong } else { Code::CertificateExpired };
        findings.add(code, pointer, format!("{which} expired on {}", date(until)));
    } else if now < from.timestamp() {
        findings.add(Code::CertificateNotYetValid, pointer, format!("{which} is not valid before {}", date(from)));
    } else if until.timestamp().saturating_sub(now) < SOON_DAYS * DAY {
        let days = until.timestamp().saturating_sub(now) / DAY;
        let left = if days == 1 { "1 day is".to_owned() } else { format!("{days} days are") };
        findings.add(Code::CertificateExpiresSoon, pointer, format!("{which} expires on {}: {left} left", date(until)));
    }
}

fn authority(certificate: &X509Certificate<'_>, which: &str, pointer: &str, findings: &mut Findings) {
    let constraints = certificate.basic_constraints().ok().flatten();
    let may_sign = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
    let why = match constraints {
        Some(constraints) if !constraints.value.ca => "basicConstraints says CA:FALSE",
        // A certificate whose X.509 version is below 3 has no extensions.
        None if certificate.version() == X509Version::V3 => "it has no basicConstraints with CA:TRUE",
        _ if !may_sign => "its keyUsage does not allow it to sign certificates",
        _ => return,
    };
    findings.add(Code::CertificateNotCa, pointer, format!("{which} is not a CA certificate: {why}"));
}

fn key(certificate: &X509Certificate<'_>, which: &str, pointer: &str, findings: &mut Findings) {
    let key = certificate.public_key();
    let weak = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => match bits(rsa.modulus) {
            bits if bits < MIN_RSA_BITS => format!("RSA of {bits} bits"),
            _ => return,
        },
        Ok(PublicKey::EC(point)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            if curve.is_some_and(|curve| CURVES.contains(&curve.to_id_string().as_str())) {
                return;
            }
            if point.key_size() >= MIN_CURVE_BITS {
                let message = format!("{which} has a key on a curve that most TLS libraries do not support");
                return findings.add(Code::CertificateUnusualKey, pointer, message);
            }
            format!("a curve of {} bits", point.key_size())
        }
        _ if key.algorithm.algorithm.to_id_string() == ED25519 => return,
        _ => {
            let message = format!("{which} has a key that is neither RSA nor on a common curve");
            return findings.add(Code::CertificateUnusualKey, pointer, message);
        }
    };
    findings.add(Code::CertificateWeakKey, pointer, format!("{which} has a key that is too weak: {weak}"));
}

/// Returns the number of significant bits in a big-endian integer.
fn bits(number: &[u8]) -> usize {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn signature(certificate: &X509Certificate<'_>, which: &str, pointer: &str, findings: &mut Findings) {
    let algorithm = &certificate.signature_algorithm;
    let oid = algorithm.algorithm.to_id_string();
    let digest = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            (parameters.hash_algorithm_oid().to_id_string() == SHA1).then_some("SHA-1")
        }
        _ => WEAK_SIGNATURES.iter().find(|(weak, _)| *weak == oid).map(|(_, digest)| *digest),
    };
    if let Some(digest) = digest {
        findings.add(Code::CertificateWeakSignature, pointer, format!("{which} is signed with {digest}"));
    }
}
