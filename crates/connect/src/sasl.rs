//! User and password: PLAIN and SCRAM, as the broker asks for them in `SaslHandshake` and `SaslAuthenticate`.

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
use super::wire::Conversation;
use check::destination::{Mechanism, Sasl};

/// The maximum number of SCRAM iterations that a broker may request. Brokers request 4096 to 16384; the maximum of a
/// `u32` would take hours.
const MAX_ITERATIONS: u32 = 200_000;

/// The mechanism begins, so it has a second message and no more after it; the bound is for those who do not stop.
const MAX_MESSAGES: usize = 4;

/// Shows the broker who comes, and says how.
///
/// # Errors
/// The broker rejects, the broker is not authentic, or the conversation broke. The text never holds the password.
pub(super) async fn authenticate(
    conversation: &mut Conversation,
    versions: &Versions,
    sasl: &Sasl,
) -> Result<String, Failure> {
    let name = sasl.mechanism.name();
    if sasl.username.reveal().is_empty() || sasl.password.reveal().is_empty() {
        return Err(Failure::new(Problem::CredentialsMissing, "username or password is empty"));
    }
    let version = versions.authenticate()?;
    agree(conversation, name).await?;

    let config =
        SASLConfig::with_credentials(None, sasl.username.reveal().to_owned(), sasl.password.reveal().to_owned());
    let mechanism = Mechname::parse(name.as_bytes()).map_err(|_| impossible())?;
    let mut session =
        SASLClient::new(config.map_err(|_| impossible())?).start_suggested(&[mechanism]).map_err(|_| impossible())?;
    let mut received: Option<Bytes> = None;
    for _ in 0..MAX_MESSAGES {
        if let Some(message) = received.as_deref().filter(|_| sasl.mechanism != Mechanism::Plain) {
            is_scram(message)?;
        }
        let mut message = Vec::new();
        let state = session.step(received.as_deref(), &mut message).map_err(|error| refused_by_us(&error, name))?;
        match state {
            State::Running => received = Some(exchange(conversation, version, message, sasl).await?),
            State::Finished(sent) => {
                if let MessageSent::Yes = sent {
                    exchange(conversation, version, message, sasl).await?;
                }
                return Ok(format!("{name}: user and password are right"));
            }
        }
    }
    Err(Failure::new(Problem::ResponseUnreadable, format!("{name} does not come to an end")))
}

/// Asks for the mechanism.
async fn agree(conversation: &mut Conversation, name: &'static str) -> Result<(), Failure> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
    let answer = conversation.ask(&request, 1).await?;
    match answer.error_code.err() {
        Some(ResponseError::UnsupportedSaslMechanism) => Err(Failure::new(
            Problem::MechanismNotEnabled,
            match listed(answer.mechanisms.iter().map(|mechanism| &**mechanism)) {
                enabled if enabled.is_empty() => format!("the broker has not enabled {name} on this listener"),
                enabled => format!("the broker has not enabled {name} on this listener; enabled: {enabled}"),
            },
        )),
        Some(ResponseError::IllegalSaslState) => {
            Err(Failure::new(Problem::SaslNotOffered, "this listener takes no SASL: nobody has to log in here"))
        }
        _ => broker_error::check(answer.error_code, "a SASL mechanism"),
    }
}

/// Sends one message of the mechanism and brings the response.
async fn exchange(
    conversation: &mut Conversation,
    version: i16,
    message: Vec<u8>,
    sasl: &Sasl,
) -> Result<Bytes, Failure> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(message));
    let answer = conversation.ask(&request, version).await?;
    match answer.error_code.err() {
        Some(ResponseError::SaslAuthenticationFailed) => {
            // A broker could repeat what it was told.
            let hide = |text: StrBytes| text.replace(sasl.password.reveal(), "…").replace(sasl.username.reveal(), "…");
            let said = answer.error_message.map(|text| sanitize(&hide(text))).unwrap_or_default();
            Err(Failure::new(
                Problem::AuthenticationFailed,
                match said.as_str() {
                    "" => format!("the broker refuses this user or password ({})", sasl.mechanism.name()),
                    said => format!("the broker refuses this user or password: {said}"),
                },
            ))
        }
        _ => broker_error::check(answer.error_code, "a login").map(|()| answer.auth_bytes),
    }
}

/// Whether a message of the broker is SCRAM's first or last, and asks for a bearable effort. The library takes both
/// apart without looking whether they are long enough.
fn is_scram(message: &[u8]) -> Result<(), Failure> {
    let unreadable = || Failure::new(Problem::ResponseUnreadable, "the broker's answer is none of SCRAM");
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
                    format!(
                        "the broker asks for {iterations} rounds of hashing; no more than {MAX_ITERATIONS} are done"
                    ),
                ));
            }
            Ok(())
        }
        _ => Err(unreadable()),
    }
}

/// The mechanism cannot go on with what the broker said.
fn refused_by_us(error: &SessionError, name: &str) -> Failure {
    match error {
        SessionError::MutualAuthenticationFailed => Failure::new(
            Problem::BrokerNotAuthentic,
            format!("{name}: the broker let the user in, but could not prove that it knows the password"),
        ),
        // What the library says of other errors may hold what was sent.
        _ => Failure::new(Problem::AuthenticationFailed, format!("{name} cannot go on with what the broker answered")),
    }
}

fn impossible() -> Failure {
    Failure::new(Problem::MechanismNotEnabled, "this build has no such mechanism")
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;
    use check::destination::Secret;

    /// Answers request after request with these bodies.
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

    /// The response to `SaslHandshake`, with these mechanisms.
    fn handshake(error: u8, mechanism: &str) -> Vec<u8> {
        let length = u8::try_from(mechanism.len()).unwrap();
        [&[0, error, 0, 0, 0, 1, 0, length], mechanism.as_bytes()].concat()
    }

    /// The response to `SaslAuthenticate`, version 0.
    fn says(error: u8, text: &str, message: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        [&[0, error, 0, length(text.as_bytes())], text.as_bytes(), &[0, 0, 0, length(message)], message].concat()
    }

    async fn login(mechanism: Mechanism, bodies: Vec<Vec<u8>>) -> Result<String, Failure> {
        let sasl = Sasl { mechanism, username: Secret::new("rudder"), password: Secret::new("s3cret") };
        let (ours, theirs) = tokio::io::duplex(4096);
        let versions = Versions::with(ApiKey::SaslAuthenticate, 0, 0);
        let mut conversation = Conversation::on(ours);
        let (outcome, ()) = tokio::join!(authenticate(&mut conversation, &versions, &sasl), broker(theirs, bodies));
        outcome
    }

    #[tokio::test]
    async fn what_a_broker_repeats_of_a_password_is_hidden() {
        let bodies = vec![handshake(0, "PLAIN"), says(58, "no rudder with s3cret \u{1b}here", b"")];
        let failure = login(Mechanism::Plain, bodies).await.unwrap_err();
        assert_eq!(failure.problem, Problem::AuthenticationFailed);
        assert!(failure.text.ends_with("no … with … \\u{1b}here"), "{}", failure.text);
    }

    #[tokio::test]
    async fn mechanisms_that_are_enabled_are_told() {
        let failure = login(Mechanism::Plain, vec![handshake(33, "GSSAPI")]).await.unwrap_err();
        assert_eq!(failure.problem, Problem::MechanismNotEnabled);
        assert!(failure.text.ends_with("enabled: GSSAPI"), "{}", failure.text);
        let failure = login(Mechanism::Plain, vec![handshake(34, "")]).await.unwrap_err();
        assert_eq!(failure.problem, Problem::SaslNotOffered);
    }

    #[tokio::test]
    async fn no_answer_to_scram_makes_it_panic_or_work_for_ever() {
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
    fn only_scram_is_taken_for_scram() {
        for message in ["r=abc,s=c2FsdA==,i=4096", "v=c2ln", "e=unknown-user", "r=a,s=b,i=4096,x=y"] {
            assert_eq!(is_scram(message.as_bytes()), Ok(()), "{message}");
        }
        for message in
            ["", "r", "r=abc,s", "r=abc,s=,i", "r=a,s=b,i=x", "r=a,,", "v", "m=x,r=a,s=b,i=1", "r=a,s=b,i=4294967295"]
        {
            assert!(is_scram(message.as_bytes()).is_err(), "{message}");
        }
    }
}
