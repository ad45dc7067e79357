//! Authenticates with a user name and password. The PLAIN or SCRAM messages are sent in `SaslAuthenticate` requests,
//! after a `SaslHandshake` request.

use bytes::Bytes;
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use rsasl::prelude::{Mechname, MessageSent, SASLClient, SASLConfig, SessionError, State};

use super::broker_error;
use super::problem::Problem;
use super::sanitize::{listed, sanitize};
use super::step::Failure;
use super::versions::Versions;
use super::wire::BrokerConnection;
use check::destination::{Mechanism, Sasl};

/// The maximum number of SCRAM iterations that a broker may request. Brokers usually request 4096 to 16384 iterations.
/// Computing [`u32::MAX`] iterations would take hours.
const MAX_ITERATIONS: u32 = 200_000;

/// The maximum number of messages that are sent in one login. PLAIN and SCRAM need at most two, but a faulty broker
/// might never finish the login.
const MAX_MESSAGES: usize = 4;

/// Authenticates with the broker.
///
/// # Errors
/// Fails if the broker rejects the credentials, the broker is not authentic, or the connection breaks. The text of the
/// failure never contains the password.
pub(super) async fn authenticate(
    connection: &mut BrokerConnection,
    versions: &Versions,
    sasl: &Sasl,
) -> Result<String, Failure> {
    let name = sasl.mechanism.name();
    if sasl.username.reveal().is_empty() || sasl.password.reveal().is_empty() {
        return Err(Failure::new(Problem::CredentialsMissing, "username or password is empty"));
    }
    let version = versions.authenticate()?;
    negotiate(connection, name).await?;

    let config =
        SASLConfig::with_credentials(None, sasl.username.reveal().to_owned(), sasl.password.reveal().to_owned());
    let mechanism = Mechname::parse(name.as_bytes()).map_err(|_| unsupported())?;
    let mut session =
        SASLClient::new(config.map_err(|_| unsupported())?).start_suggested(&[mechanism]).map_err(|_| unsupported())?;
    let mut received: Option<Bytes> = None;
    for _ in 0..MAX_MESSAGES {
        if let Some(message) = received.as_deref().filter(|_| sasl.mechanism != Mechanism::Plain) {
            check_scram(message)?;
        }
        let mut message = Vec::new();
        let state = session.step(received.as_deref(), &mut message).map_err(|error| session_failure(&error, name))?;
        match state {
            State::Running => received = Some(exchange(connection, version, message, sasl).await?),
            State::Finished(sent) => {
                if let MessageSent::Yes = sent {
                    exchange(connection, version, message, sasl).await?;
                }
                return Ok(format!("{name}: user and password accepted"));
            }
        }
    }
    Err(Failure::new(
        Problem::ResponseUnreadable,
        format!("{name}: the login is not complete after {MAX_MESSAGES} messages"),
    ))
}

/// Requests the SASL mechanism `name` from the broker.
async fn negotiate(connection: &mut BrokerConnection, name: &'static str) -> Result<(), Failure> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
    let response = connection.ask(&request, 1).await?;
    match response.error_code.err() {
        Some(ResponseError::UnsupportedSaslMechanism) => Err(Failure::new(
            Problem::MechanismNotEnabled,
            match listed(response.mechanisms.iter().map(|mechanism| &**mechanism)) {
                enabled if enabled.is_empty() => format!("the broker has not enabled {name} on this listener"),
                enabled => format!("the broker has not enabled {name} on this listener; enabled: {enabled}"),
            },
        )),
        Some(ResponseError::IllegalSaslState) => {
            Err(Failure::new(Problem::SaslNotOffered, "this listener does not support SASL: no login is required"))
        }
        _ => broker_error::check(response.error_code, "a SASL mechanism"),
    }
}

/// Sends one message of the SASL mechanism, and returns the broker's message in response.
async fn exchange(
    connection: &mut BrokerConnection,
    version: i16,
    message: Vec<u8>,
    sasl: &Sasl,
) -> Result<Bytes, Failure> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(message));
    let response = connection.ask(&request, version).await?;
    match response.error_code.err() {
        Some(ResponseError::SaslAuthenticationFailed) => {
            // The broker's error message may contain the credentials.
            let hide = |text: StrBytes| text.replace(sasl.password.reveal(), "…").replace(sasl.username.reveal(), "…");
            let message = response.error_message.map(|text| sanitize(&hide(text))).unwrap_or_default();
            Err(Failure::new(
                Problem::AuthenticationFailed,
                match message.as_str() {
                    "" => format!("the broker rejects this user or password ({})", sasl.mechanism.name()),
                    message => format!("the broker rejects this user or password: {message}"),
                },
            ))
        }
        _ => broker_error::check(response.error_code, "a login").map(|()| response.auth_bytes),
    }
}

/// Checks that a message from the broker is the first or the last SCRAM message of a server, and that the iteration
/// count in a first message is reasonable. The check is necessary because rsasl parses both messages without checking
/// their length.
fn check_scram(message: &[u8]) -> Result<(), Failure> {
    let unreadable = || Failure::new(Problem::ResponseUnreadable, "the broker's response is not a SCRAM message");
    let attributes: Vec<(u8, &[u8])> = message
        .split(|byte| *byte == b',')
        .map(|attribute| match attribute {
            [name, b'=', value @ ..] => Some((*name, value)),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(unreadable)?;
    match *attributes {
        [(b'v' | b'e', _), ..] => Ok(()),
        [(b'r', _), (b's', _), (b'i', iterations), ..] => {
            let iterations: u32 =
                std::str::from_utf8(iterations).ok().and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
            if iterations > MAX_ITERATIONS {
                return Err(Failure::new(
                    Problem::ResponseUnreadable,
                    format!("the broker requests {iterations} SCRAM iterations; at most {MAX_ITERATIONS} are allowed"),
                ));
            }
            Ok(())
        }
        _ => Err(unreadable()),
    }
}

/// Builds the failure for a login that the client ends because of a message from the broker.
fn session_failure(error: &SessionError, name: &str) -> Failure {
    match error {
        SessionError::MutualAuthenticationFailed => Failure::new(
            Problem::BrokerNotAuthentic,
            format!("{name}: the broker accepted the user, but could not prove that it knows the password"),
        ),
        // The text of any other rsasl error may contain data that was sent, so the text is not shown.
        _ => Failure::new(
            Problem::AuthenticationFailed,
            format!("{name}: the broker's response to the login is unexpected"),
        ),
    }
}

fn unsupported() -> Failure {
    Failure::new(Problem::MechanismNotEnabled, "this build does not support the mechanism")
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;
    use check::destination::Secret;

    /// Simulates a broker that responds to each request with the next body in the list.
    async fn broker(mut stream: DuplexStream, bodies: Vec<Vec<u8>>) {
        for body in bodies {
            let length = stream.read_u32().await.unwrap();
            let mut request = vec![0; length as usize];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_u32(u32::try_from(body.len() + 4).unwrap()).await.unwrap();
            stream.write_all(&request[4..8]).await.unwrap();
            stream.write_all(&body).await.unwrap();
        }
    }

    /// Encodes a response to `SaslHandshake` that lists one mechanism.
    fn handshake(error: u8, mechanism: &str) -> Vec<u8> {
        let length = u8::try_from(mechanism.len()).unwrap();
        [&[0, error, 0, 0, 0, 1, 0, length], mechanism.as_bytes()].concat()
    }

    /// Encodes a response to `SaslAuthenticate`, version 0.
    fn says(error: u8, text: &str, message: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        [&[0, error, 0, length(text.as_bytes())], text.as_bytes(), &[0, 0, 0, length(message)], message].concat()
    }

    async fn login(mechanism: Mechanism, bodies: Vec<Vec<u8>>) -> Result<String, Failure> {
        let sasl = Sasl { mechanism, username: Secret::new("rudder"), password: Secret::new("s3cret") };
        let (ours, theirs) = tokio::io::duplex(4096);
        let versions = Versions::with(ApiKey::SaslAuthenticate, 0, 0);
        let mut connection = BrokerConnection::on(ours);
        let (outcome, ()) = tokio::join!(authenticate(&mut connection, &versions, &sasl), broker(theirs, bodies));
        outcome
    }

    #[tokio::test]
    async fn credentials_in_an_error_message_from_a_broker_are_redacted() {
        let bodies = vec![handshake(0, "PLAIN"), says(58, "no rudder with s3cret \u{1b}here", b"")];
        let failure = login(Mechanism::Plain, bodies).await.unwrap_err();
        assert_eq!(failure.problem, Problem::AuthenticationFailed);
        assert!(failure.text.ends_with("no … with … \\u{1b}here"), "{}", failure.text);
    }

    #[tokio::test]
    async fn a_rejected_sasl_mechanism_is_reported_with_the_enabled_mechanisms() {
        let failure = login(Mechanism::Plain, vec![handshake(33, "GSSAPI")]).await.unwrap_err();
        assert_eq!(failure.problem, Problem::MechanismNotEnabled);
        assert!(failure.text.ends_with("enabled: GSSAPI"), "{}", failure.text);
        let failure = login(Mechanism::Plain, vec![handshake(34, "")]).await.unwrap_err();
        assert_eq!(failure.problem, Problem::SaslNotOffered);
    }

    #[tokio::test]
    async fn malformed_scram_messages_from_a_broker_fail_authentication() {
        for message in
            ["", ",", "r", "r=,,", "r=x,s=,i=1", "r=x,s=!,i=1", "e=x", "v=", "r=x,s=eA==,i=4000000000", "m=x"]
        {
            for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
                let bodies = vec![handshake(0, mechanism.name()), says(0, "", message.as_bytes())];
                let failure = login(mechanism, bodies).await.unwrap_err();
                let expected = [Problem::ResponseUnreadable, Problem::AuthenticationFailed];
                assert!(expected.contains(&failure.problem), "{message}: {}", failure.text);
            }
        }
    }

    #[test]
    fn only_scram_messages_with_valid_attributes_are_accepted() {
        for message in ["r=abc,s=c2FsdA==,i=4096", "v=c2ln", "e=unknown-user", "r=a,s=b,i=4096,x=y"] {
            assert_eq!(check_scram(message.as_bytes()), Ok(()), "{message}");
        }
        for message in
            ["", "r", "r=abc,s", "r=abc,s=,i", "r=a,s=b,i=x", "r=a,,", "v", "m=x,r=a,s=b,i=1", "r=a,s=b,i=4294967295"]
        {
            assert!(check_scram(message.as_bytes()).is_err(), "{message}");
        }
    }
}
