//! The connection settings of a destination as the producer uses them: brokers, authentication and possible topics
//! (docs/contract.md#destination-configuration). These settings exist only for a destination without blocking errors.

use std::fmt;

use transform::family::Family;

/// The settings with which the producer connects and writes. Their structure is the same for Apache Kafka, Azure Event
/// Hubs and Confluent Cloud.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The family of the destination.
    pub family: &'static Family,
    /// The bootstrap brokers, in the configured order. Never empty.
    pub brokers: Vec<Address>,
    /// The encryption, or `None` for plaintext.
    pub tls: Option<Tls>,
    /// The authentication, or `None` if the producer does not authenticate. Always `None` without TLS, because the
    /// producer then ignores the SASL settings.
    pub sasl: Option<Sasl>,
    /// The topics that the Config names, without duplicates: first the default topic from the field `topic`, then the
    /// topics from the topic maps in use. If a topic is a template, this list contains the template's default. All
    /// names are valid.
    pub topics: Vec<String>,
    /// Whether a template can produce topics that are not in `topics`.
    pub topics_from_events: bool,
    /// The message format.
    pub avro: Avro,
    /// The SSH tunnel, or `None` for a direct connection.
    pub ssh: Option<Ssh>,
}

/// The address of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host name or IP address. An IPv6 address has no brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The encryption of a connection.
#[derive(Clone)]
pub struct Tls {
    /// The text of `caCertificate` in PEM format, with at least one readable certificate and possibly other sections.
    /// `None` means the system's CA certificates.
    pub ca_pem: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("has_ca_pem", &self.ca_pem.is_some()).finish()
    }
}

/// The authentication of the producer.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// The SASL mechanism.
    pub mechanism: Mechanism,
    /// The user name.
    pub username: Secret,
    /// The password.
    pub password: Secret,
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// PLAIN.
    Plain,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All mechanisms.
    pub const ALL: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];

    /// Returns the name of the mechanism in `saslType`.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Mechanism::Plain => "plain",
            Mechanism::ScramSha256 => "sha256",
            Mechanism::ScramSha512 => "sha512",
        }
    }

    /// Returns the name of the mechanism in the SASL protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// Returns the mechanism for a value of `saslType`, or `None` for an unknown value.
    #[must_use]
    pub fn by_setting(setting: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.setting() == setting)
    }
}

/// A secret. It has no `Display`, and its `Debug` output hides the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text. Call this only to send the secret.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The message format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Avro {
    /// Whether messages are encoded in Avro instead of JSON.
    pub convert: bool,
    /// Whether each message begins with the ID of its schema.
    pub embed_schema_id: bool,
}

/// The SSH server through which the producer connects to brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The host name or IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user name.
    pub user: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_sasl_and_tls_settings_contains_no_secrets() {
        let sasl =
            Sasl { mechanism: Mechanism::Plain, username: Secret::new("s3cret"), password: Secret::new("s3cret") };
        let tls = Tls { ca_pem: Some("s3cret".to_owned()) };
        assert!(!format!("{sasl:?} {sasl:#?} {tls:?}").contains("s3cret"));
        assert_eq!(sasl.password.reveal(), "s3cret");
    }

    #[test]
    fn ipv6_addresses_are_displayed_in_brackets() {
        let shown = |host: &str| Address { host: host.to_owned(), port: 9092 }.to_string();
        assert_eq!((shown("kafka").as_str(), shown("::1").as_str()), ("kafka:9092", "[::1]:9092"));
    }
}
