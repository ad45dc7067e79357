//! The certificates that a broker's has to be issued by: whether they can be read, are a CA's, are valid, and strong enough.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::code::Code;
use super::finding::{Findings, quoted};
use super::pem::{self, Fault, Section};

/// Certificates in one text that are looked at.
const MAX_CERTIFICATES: usize = 500;

/// How long before its end a certificate is told of.
const SOON_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// The smallest RSA modulus, in bits, that is still taken for safe.
const MIN_RSA_BITS: usize = 2048;
/// The smallest curve, in bits.
const MIN_CURVE_BITS: usize = 224;

/// The curves that every TLS library takes.
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
const ED25519: &str = "1.3.101.112";
const SHA1: &str = "1.3.14.3.2.26";

/// Signatures with a digest that can be forged.
const WEAK_SIGNATURES: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
];

/// Tells what is wrong with a PEM text of CA certificates at `now`, in seconds since 1970. Whether a certificate in it
/// can be read comes back. No text makes it panic, and nothing of a certificate's body is told.
pub fn check(pem: &str, now: i64, pointer: &str, findings: &mut Findings) -> bool {
    if pem.len() > pem::MAX_BYTES {
        let message = format!("it has {} bytes, and {} are looked at", pem.len(), pem::MAX_BYTES);
        findings.add(Code::CertificateBroken, pointer, message);
        return false;
    }
    let sections = pem::sections(pem);
    for section in &sections {
        if section.is_private_key() {
            let message =
                format!("a private key begins in line {}: everybody who sees the settings knows it now", section.line);
            findings.add(Code::CertificatePrivateKey, pointer, message);
        } else if let Some(fault) =
            section.fault.filter(|_| section.is_certificate() || section.fault == Some(Fault::BeginLine))
        {
            faulty(section, fault, pointer, findings);
        } else if !section.is_certificate() {
            let message = format!(
                "the section in line {} is {}, and only CERTIFICATE is read",
                section.line,
                quoted(section.label)
            );
            findings.add(Code::CertificateOther, pointer, message);
        }
    }
    let mut ders = Vec::new();
    for section in sections.iter().filter(|section| section.is_certificate() && section.fault.is_none()) {
        if ders.len() == MAX_CERTIFICATES {
            findings.add(
                Code::CertificateBroken,
                pointer,
                format!("only the first {MAX_CERTIFICATES} certificates were looked at"),
            );
            break;
        }
        // What the library says of bad base64 shows some of it.
        match CertificateDer::from_pem_slice(section.text.as_bytes()) {
            Ok(der) => ders.push((section.line, der)),
            Err(_) => broken(section, "its base64 is damaged", pointer, findings),
        }
    }
    let mut certificates = Vec::new();
    for (line, der) in &ders {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => certificates.push((*line, certificate)),
            Ok(_) => broken_in(*line, "there is something behind its end", pointer, findings),
            Err(_) => broken_in(*line, "its base64 holds no certificate, or one that was cut off", pointer, findings),
        }
    }
    if !sections.iter().any(|section| section.is_certificate() || section.fault == Some(Fault::BeginLine)) {
        findings.add(Code::CertificateAbsent, pointer, absent(pem));
    }
    if certificates.len() > 1 {
        findings.add(
            Code::CertificateSeveral,
            pointer,
            format!("it holds {} certificates: all of them are trusted", certificates.len()),
        );
    }
    let some_current = certificates.iter().any(|(_, certificate)| is_current(certificate, now));
    for (line, certificate) in &certificates {
        let which =
            if certificates.len() > 1 { format!("{} in line {line}", name(certificate)) } else { name(certificate) };
        dates(certificate, &which, now, some_current, pointer, findings);
        authority(certificate, &which, pointer, findings);
        key(certificate, &which, pointer, findings);
        signature(certificate, &which, pointer, findings);
    }
    !certificates.is_empty()
}

fn faulty(section: &Section<'_>, fault: Fault, pointer: &str, findings: &mut Findings) {
    match fault {
        Fault::OneLine => {
            let why = if section.text.contains("\\n") {
                "its line ends are the two characters \\ and n"
            } else {
                "its contents stand in the line of BEGIN"
            };
            findings.add(
                Code::CertificateOneLine,
                pointer,
                format!("the certificate in line {} cannot be read: {why}", section.line),
            );
        }
        Fault::Indented => {
            let message =
                format!("the certificate in line {} cannot be read: its BEGIN or END line is indented", section.line);
            findings.add(Code::CertificateIndented, pointer, message);
        }
        Fault::NoEnd => broken(section, "its END line is missing or of another kind", pointer, findings),
        Fault::BeginLine => broken(section, "its BEGIN line does not end with five hyphens", pointer, findings),
    }
}

fn broken(section: &Section<'_>, why: &str, pointer: &str, findings: &mut Findings) {
    broken_in(section.line, why, pointer, findings);
}

fn broken_in(line: usize, why: &str, pointer: &str, findings: &mut Findings) {
    findings.add(Code::CertificateBroken, pointer, format!("the certificate in line {line} cannot be read: {why}"));
}

/// What a text without a certificate may be instead.
fn absent(pem: &str) -> &'static str {
    let text = pem.trim();
    let in_one_word = !text.contains(char::is_whitespace);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
    if text.contains("BEGIN CERTIFICATE") {
        "it holds no certificate: the BEGIN line does not begin with five hyphens of the plain kind (-)"
    } else if in_one_word && [".pem", ".crt", ".cer", ".der"].iter().any(|end| text.to_ascii_lowercase().ends_with(end))
    {
        "it looks like the name of a file, and the text in the file is wanted"
    } else if text.starts_with("MI") && text.bytes().all(is_base64) {
        "it holds base64 without the lines of BEGIN and END"
    } else {
        "it holds no certificate"
    }
}

/// What a certificate calls itself, for a message.
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
        // Before version 3 there was no way to say so.
        None if certificate.version() == X509Version::V3 => "it has no basicConstraints with CA:TRUE",
        _ if !may_sign => "its keyUsage does not allow it to sign certificates",
        _ => return,
    };
    findings.add(Code::CertificateNotCa, pointer, format!("{which} is not one of a CA: {why}"));
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
                let message = format!("{which} has a key on a curve that TLS libraries mostly do not take");
                return findings.add(Code::CertificateUnusualKey, pointer, message);
            }
            format!("a curve of {} bits", point.key_size())
        }
        _ if key.algorithm.algorithm.to_id_string() == ED25519 => return,
        _ => {
            let message = format!("{which} has a key that is neither RSA nor on a curve in use");
            return findings.add(Code::CertificateUnusualKey, pointer, message);
        }
    };
    findings.add(Code::CertificateWeakKey, pointer, format!("{which} has a key that is too weak: {weak}"));
}

/// How many bits a number of big-endian bytes has.
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
