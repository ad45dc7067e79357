//! Converts the settings of Azure Event Hubs and Confluent Cloud destinations to the producer's connection settings.
//! Both services use SASL PLAIN over TLS with the system's CA certificates.

use super::brokers;
use super::code::Code;
use super::config::{Config, Read};
use super::destination::{Address, Mechanism, Sasl, Secret};
use super::finding::{Findings, quoted};

/// The port on which Event Hubs serves the Kafka protocol.
const EVENT_HUBS_PORT: u16 = 9093;

/// The port on which Confluent Cloud listens, which is also the producer's default port.
const CONFLUENT_PORT: u16 = 9092;

/// The user name that Event Hubs expects if the password is a connection string.
const CONNECTION_STRING_USER: &str = "$ConnectionString";

/// Reads the brokers and credentials of an Azure Event Hubs destination. Reports a finding and returns `None` if the
/// brokers or credentials are unusable.
pub fn azure(config: &Config<'_>, findings: &mut Findings) -> Option<(Vec<Address>, Sasl)> {
    let brokers = brokers::of_bootstrap_server(config, None, findings);
    let pointer = config.raw("bootstrapServer").map(|(_, pointer)| pointer).unwrap_or_default();
    for broker in brokers.iter().flatten().filter(|broker| broker.port != EVENT_HUBS_PORT) {
        let message = format!("the port is {}, but Event Hubs serves Kafka on {EVENT_HUBS_PORT}", broker.port);
        findings.add(Code::AzurePort, &pointer, message);
    }
    let secret = config.secret("eventHubsConnectionString", Code::AzureStringMissing, findings);
    let Read::Given(text, string_pointer) = secret else { return None };
    let parts = match ConnectionString::read(&text) {
        Ok(parts) => parts,
        Err(problem) => {
            findings.add(Code::AzureStringMalformed, string_pointer, problem);
            return None;
        }
    };
    let brokers = brokers?;
    if !brokers.iter().any(|broker| broker.host.trim().eq_ignore_ascii_case(&parts.host)) {
        let message =
            format!("the connection string is for {}, but bootstrapServer contains another host", quoted(&parts.host));
        findings.add(Code::AzureNamespace, &pointer, message);
    }
    if let (Some(entity), Read::Given(topic, topic_pointer)) = (&parts.entity, config.text("topic"))
        && !entity.eq_ignore_ascii_case(&topic)
    {
        let message =
            format!("the connection string is for the event hub {}, but topic is {}", quoted(entity), quoted(&topic));
        findings.add(Code::AzureEntityPath, topic_pointer, message);
    }
    Some((brokers, plain(CONNECTION_STRING_USER, &text)))
}

/// Reads the brokers and credentials of a Confluent Cloud destination. Reports a finding and returns `None` if the
/// brokers or credentials are unusable.
pub fn confluent(config: &Config<'_>, findings: &mut Findings) -> Option<(Vec<Address>, Sasl)> {
    let brokers = brokers::of_bootstrap_server(config, Some(CONFLUENT_PORT), findings);
    let key = config.secret("apiKey", Code::ConfluentKeyMissing, findings);
    let secret = config.secret("apiSecret", Code::ConfluentSecretMissing, findings);
    Some((brokers?, plain(key.given()?, secret.given()?)))
}

fn plain(username: &str, password: &str) -> Sasl {
    Sasl { mechanism: Mechanism::Plain, username: Secret::new(username), password: Secret::new(password) }
}

/// The host name and the event hub in an Event Hubs connection string. Neither is secret.
struct ConnectionString {
    host: String,
    entity: Option<String>,
}

impl ConnectionString {
    /// Parses a connection string. An error may contain the name of a part of the string, but never a value.
    fn read(text: &str) -> Result<Self, String> {
        let (mut endpoint, mut entity, mut has_name, mut has_key, mut has_signature) =
            (None, None, false, false, false);
        for part in text.trim().split(';').filter(|part| !part.trim().is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err("a part between semicolons contains no \"=\"".to_owned());
            };
            let has_value = !value.trim().is_empty();
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => endpoint = Some(value.trim()),
                "sharedaccesskeyname" => has_name = has_value,
                "sharedaccesskey" => has_key = has_value,
                "sharedaccesssignature" => has_signature = has_value,
                "entitypath" => entity = Some(value.trim().to_owned()).filter(|_| has_value),
                _ => {}
            }
        }
        let endpoint = endpoint.ok_or("it has no Endpoint")?;
        let rest = endpoint.get(.."sb://".len()).filter(|scheme| scheme.eq_ignore_ascii_case("sb://"));
        let rest = rest.map(|scheme| &endpoint[scheme.len()..]).ok_or("its Endpoint does not begin with \"sb://\"")?;
        let host = rest.split(['/', ':']).next().unwrap_or("");
        let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
        if host.is_empty() || !is_host {
            return Err("its Endpoint has no host name".to_owned());
        }
        if !has_signature && !has_name {
            return Err("it has no SharedAccessKeyName".to_owned());
        }
        if !has_signature && !has_key {
            return Err("it has no SharedAccessKey".to_owned());
        }
        Ok(Self { host: host.to_owned(), entity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_hubs_connection_string_is_parsed_and_errors_contain_no_secret() {
        let good =
            "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=s3cret=;EntityPath=hub";
        let parts = ConnectionString::read(good).unwrap();
        assert_eq!((parts.host.as_str(), parts.entity.as_deref()), ("ns.servicebus.windows.net", Some("hub")));
        assert_eq!(
            ConnectionString::read("endpoint=SB://ns:443;sharedaccesssignature=s3cret").map(|parts| parts.host),
            Ok("ns".to_owned())
        );
        for (bad, word) in [
            ("s3cret", "no \"=\""),
            ("SharedAccessKeyName=a;SharedAccessKey=s3cret", "no Endpoint"),
            ("Endpoint=https://s3cret/;SharedAccessKeyName=a;SharedAccessKey=s3cret", "sb://"),
            ("Endpoint=ü;SharedAccessKeyName=a;SharedAccessKey=s3cret", "sb://"),
            ("Endpoint=sb:///s3cret;SharedAccessKeyName=a;SharedAccessKey=s3cret", "host name"),
            ("Endpoint=sb://user s3cret;SharedAccessKeyName=a;SharedAccessKey=s3cret", "host name"),
            ("Endpoint=sb://ns/;SharedAccessKey=s3cret", "SharedAccessKeyName"),
            ("Endpoint=sb://ns/;SharedAccessKeyName=s3cret;SharedAccessKey=", "SharedAccessKey"),
        ] {
            let problem = ConnectionString::read(bad).map(|_| ()).unwrap_err();
            assert!(problem.contains(word) && !problem.contains("s3cret"), "{bad}: {problem}");
        }
    }
}
