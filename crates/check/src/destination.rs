//! One destination as the producer reads it: where it connects, how it proves who it is, which topics can occur
//! (docs/contract.md#destination-configuration). Only what passed the rules gets here.

use std::fmt;

use transform::family::Family;

/// What the producer does with a destination. Azure Event Hubs and Confluent Cloud are the same with other names for
/// it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The family of the destination.
    pub family: &'static Family,
    /// The brokers that are asked first, in the order given; never empty.
    pub brokers: Vec<Address>,
    /// How the connection is encrypted; `None` where it is not.
    pub tls: Option<Tls>,
    /// How the producer proves who it is; `None` where it does not. Only ever with TLS, because the producer ignores
    /// it otherwise.
    pub sasl: Option<Sasl>,
    /// The topics that can occur, each once, the default first: of `topic`, of the maps in use, and the defaults of
    /// templates in them. All of them are legal names.
    pub topics: Vec<String>,
    /// Whether a template takes topics from events too, so that others can occur.
    pub topics_from_events: bool,
    /// How messages are written.
    pub avro: Avro,
    /// The host that the connection goes through; `None` where it goes straight to the brokers.
    pub ssh: Option<Ssh>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its name or IP address; an IPv6 address without brackets.
    pub host: String,
    /// Its port, never 0.
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

/// How a connection is encrypted.
#[derive(Clone)]
pub struct Tls {
    /// The certificates in PEM form that the broker's has to be issued by; `None` means the system's roots. The text
    /// holds a certificate that can be read, and was pasted by people: other sections may stand in it.
    pub ca_pem: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("has_ca_pem", &self.ca_pem.is_some()).finish()
    }
}

/// How the producer proves who it is.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// In which way.
    pub mechanism: Mechanism,
    /// As whom.
    pub username: Secret,
    /// With what.
    pub password: Secret,
}

/// A way to prove who one is.
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
    /// Every mechanism.
    pub const ALL: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];

    /// Its name in `saslType`.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Mechanism::Plain => "plain",
            Mechanism::ScramSha256 => "sha256",
            Mechanism::ScramSha512 => "sha512",
        }
    }

    /// Its name between client and broker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The mechanism that `saslType` calls so.
    #[must_use]
    pub fn by_setting(setting: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.setting() == setting)
    }
}

/// A secret: it has no `Display`, and its `Debug` output hides the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` to itself.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for who has to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Avro {
    /// Whether as Avro, not as JSON.
    pub convert: bool,
    /// Whether the schema's id stands before each message.
    pub embed_schema_id: bool,
}

/// A host that connections go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// Its name or address.
    pub host: String,
    /// The port of its SSH server.
    pub port: u16,
    /// As whom.
    pub user: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let sasl =
            Sasl { mechanism: Mechanism::Plain, username: Secret::new("s3cret"), password: Secret::new("s3cret") };
        let tls = Tls { ca_pem: Some("s3cret".to_owned()) };
        assert!(!format!("{sasl:?} {sasl:#?} {tls:?}").contains("s3cret"));
        assert_eq!(sasl.password.reveal(), "s3cret");
    }

    #[test]
    fn an_address_is_written_as_it_is_dialed() {
        let shown = |host: &str| Address { host: host.to_owned(), port: 9092 }.to_string();
        assert_eq!((shown("kafka").as_str(), shown("::1").as_str()), ("kafka:9092", "[::1]:9092"));
    }
}
