//! Checks encryption and authentication of an Apache Kafka destination: TLS and SASL.

use super::certificate;
use super::code::Code;
use super::config::{Config, Read};
use super::destination::{Mechanism, Sasl, Secret, Tls};
use super::finding::{Findings, quoted};

/// Reads the encryption settings. Returns `Some(None)` if the connection is not encrypted. Reports a finding and
/// returns `None` if the settings are unusable.
pub fn tls(config: &Config<'_>, now: i64, findings: &mut Findings) -> Option<Option<Tls>> {
    let enabled = config.flag("sslEnabled")?;
    // Only an empty caCertificate selects the system's CA certificates. A caCertificate that contains only whitespace
    // is an error, because it contains no certificate.
    let ca = match config.text_or_blank("caCertificate") {
        Read::Unusable => return None,
        Read::Absent => None,
        Read::Given(pem, pointer) => Some((pem, pointer)),
    };
    if !enabled {
        if let Some((_, pointer)) = ca.filter(|(pem, _)| !pem.trim().is_empty()) {
            findings.note(Code::TlsCertificateUnused, pointer);
        }
        return Some(None);
    }
    match ca {
        None => Some(Some(Tls { ca_pem: None })),
        Some((pem, pointer)) => {
            certificate::check(&pem, now, &pointer, findings).then_some(Some(Tls { ca_pem: Some(pem) }))
        }
    }
}

/// Reads the authentication settings. Returns `Some(None)` if the producer does not authenticate. Reports a finding and
/// returns `None` if the settings are unusable.
pub fn sasl(config: &Config<'_>, findings: &mut Findings) -> Option<Option<Sasl>> {
    let (with_tls, wanted) = (config.flag("sslEnabled"), config.flag("useSASL")?);
    if !wanted {
        let given = ["username", "password"].into_iter().find_map(|name| match config.text(name) {
            Read::Given(_, pointer) => Some(pointer),
            _ => None,
        });
        if let Some(pointer) = given {
            findings.note(Code::SaslSwitchedOff, pointer);
        }
        return Some(None);
    }
    if with_tls == Some(false) {
        let pointer = config.raw("useSASL").map_or_else(|| config.pointer.to_owned(), |(_, pointer)| pointer);
        findings.note(Code::SaslWithoutTls, pointer);
    }
    let mechanism = match config.required("saslType", Code::SaslTypeUnknown, findings) {
        Read::Given(text, pointer) => {
            let mechanism = Mechanism::by_setting(&text);
            if mechanism.is_none() {
                let means = |known: &Mechanism| {
                    known.name().eq_ignore_ascii_case(&text) || known.setting().eq_ignore_ascii_case(&text)
                };
                let meant = Mechanism::ALL.iter().find(|known| means(known));
                let meant = meant.map(|known| format!("; use {}", known.setting()));
                let message =
                    format!("saslType is {}, which is not supported{}", quoted(&text), meant.unwrap_or_default());
                findings.add(Code::SaslTypeUnknown, pointer, message);
            }
            mechanism
        }
        Read::Absent | Read::Unusable => None,
    };
    let username = config.secret("username", Code::SaslUsernameMissing, findings);
    let password = config.secret("password", Code::SaslPasswordMissing, findings);
    let (mechanism, username, password) = (mechanism?, username.given()?, password.given()?);
    let sasl = Sasl { mechanism, username: Secret::new(username), password: Secret::new(password) };
    // Without TLS, the producer ignores all SASL settings.
    with_tls.map(|with_tls| with_tls.then_some(sasl))
}
