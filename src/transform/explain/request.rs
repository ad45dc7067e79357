//! A request for explanations: events as people have them at hand, and what they have in common beside them.

use std::num::NonZeroU32;

use crate::transform::family::{Family, KAFKA};
use crate::transform::fill_in::Missing;
use crate::transform::json::{self, Kind, Raw};

/// The most partitions that a topic can be said to have: Kafka counts them with 31 bits.
pub const MAX_PARTITIONS: u32 = 0x7fff_ffff;

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Events in a request.
    pub events: usize,
    /// Bytes of all events once what they lack is filled in.
    pub filled_bytes: usize,
}

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The kind of destination.
    pub family: &'static Family,
    /// How many partitions a topic has, where that is told.
    pub partitions: Option<NonZeroU32>,
    /// The events, as a body of the plain form.
    pub body: String,
}

/// Why a request for explanations is refused. The texts hold nothing of the body but line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Not JSON; where and why.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// Another kind of JSON.
    #[error(
        "the body must be a JSON object with events, and destination, connection, family and partitions if need be"
    )]
    NotAnObject,
    /// Nothing to explain.
    #[error("events is missing or not an array")]
    EventsNotAnArray,
    /// No family of that name.
    #[error("family must be kafka, azure_event_hub or confluent_cloud")]
    FamilyUnknown,
    /// No number of partitions.
    #[error("partitions must be a whole number from 1 to {MAX_PARTITIONS}")]
    PartitionsInvalid,
    /// See [`RequestLimits::events`].
    #[error("the request has more than {0} events")]
    TooManyEvents(usize),
    /// See [`RequestLimits::filled_bytes`].
    #[error("the events are larger than {0} bytes once the destination is filled in")]
    TooLarge(usize),
}

impl ExplainRequest {
    /// Reads a request: an object with `events`, and `destination`, `connection` ([`Missing`] says what becomes of them),
    /// `family` and `partitions`, each of which may be missing or `null`.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub fn read(text: &str, limits: RequestLimits) -> Result<Self, ExplainError> {
        let request =
            Raw::parse(text).map_err(|json::Invalid| ExplainError::NotJson(json::explain(text).unwrap_or_default()))?;
        if !request.is_object() {
            return Err(ExplainError::NotAnObject);
        }
        let members = request.members(["events", "destination", "connection", "family", "partitions"]);
        let [events, destination, connection, family, partitions] =
            members.map(|member| member.filter(|value| !value.is_null()));
        let events = events.filter(|events| events.kind() == Kind::Array).ok_or(ExplainError::EventsNotAnArray)?;
        let family = family.map_or(Some(&KAFKA), named).ok_or(ExplainError::FamilyUnknown)?;
        let partitions = partitions.map(|value| count(value).ok_or(ExplainError::PartitionsInvalid)).transpose()?;
        let missing = Missing::of(destination, connection);
        let mut body = String::from("[");
        let mut number = 0;
        let mut error = None;
        events.for_each_element(|event| {
            number += 1;
            if number > limits.events {
                error = error.take().or(Some(ExplainError::TooManyEvents(limits.events)));
            } else if body.len() > limits.filled_bytes {
                error = error.take().or(Some(ExplainError::TooLarge(limits.filled_bytes)));
            } else {
                if number > 1 {
                    body.push(',');
                }
                missing.fill_in(event, &mut body);
            }
        });
        body.push(']');
        if body.len() > limits.filled_bytes {
            error = error.or(Some(ExplainError::TooLarge(limits.filled_bytes)));
        }
        error.map_or(Ok(Self { family, partitions, body }), Err)
    }
}

fn named(name: Raw<'_>) -> Option<&'static Family> {
    let name = name.as_string()?;
    Family::by_name(std::str::from_utf8(&name.decoded()).ok()?)
}

/// A whole number, however it is written.
fn count(value: Raw<'_>) -> Option<NonZeroU32> {
    if value.kind() != Kind::Number {
        return None;
    }
    let number: f64 = value.text().parse().ok()?;
    let is_count = number.fract() == 0.0 && (1.0..=f64::from(MAX_PARTITIONS)).contains(&number);
    // Within those bounds every whole number is exactly one of the other type.
    if is_count { NonZeroU32::new(number as u32) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::family::AZURE_EVENT_HUB;

    const LIMITS: RequestLimits = RequestLimits { events: 2, filled_bytes: 100 };

    fn read(text: &str) -> Result<ExplainRequest, ExplainError> {
        ExplainRequest::read(text, LIMITS)
    }

    #[test]
    fn a_request_is_read_with_what_it_leaves_out() {
        let request = |family, partitions, body: &str| {
            Ok(ExplainRequest { family, partitions: NonZeroU32::new(partitions), body: body.to_owned() })
        };
        assert_eq!(read(r#"{"events":[]}"#), request(&KAFKA, 0, "[]"));
        assert_eq!(
            read(
                r#"{"events":[{"a":1.0},null],"family":"Azure_Event_Hub","partitions":1.2e1,"destination":{"topic":"t"}}"#
            ),
            request(
                &AZURE_EVENT_HUB,
                12,
                r#"[{"message":{"a":1.0},"metadata":{},"destination":{"Config":{"topic":"t"}}},null]"#
            )
        );
        let nulls = r#"{"events":[],"family":null,"partitions":null,"destination":null,"connection":null}"#;
        assert_eq!(read(nulls), request(&KAFKA, 0, "[]"));
        assert_eq!(read(r#"{"events":[],"partitions":2147483647}"#), request(&KAFKA, MAX_PARTITIONS, "[]"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, error) in [
            ("", ExplainError::NotJson("EOF while parsing a value at line 1 column 0".to_owned())),
            ("{\"events\":[\n{]}", ExplainError::NotJson("key must be a string at line 2 column 2".to_owned())),
            ("[]", ExplainError::NotAnObject),
            ("{}", ExplainError::EventsNotAnArray),
            (r#"{"events":{}}"#, ExplainError::EventsNotAnArray),
            (r#"{"events":[],"family":"kinesis"}"#, ExplainError::FamilyUnknown),
            (r#"{"events":[],"family":1}"#, ExplainError::FamilyUnknown),
            (r#"{"events":[],"family":"\ud800"}"#, ExplainError::FamilyUnknown),
            (r#"{"events":[1,2,3]}"#, ExplainError::TooManyEvents(2)),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        for partitions in ["0", "-1", "1.5", "2147483648", "1e400", "\"12\"", "true", "[]"] {
            let text = format!(r#"{{"events":[],"partitions":{partitions}}}"#);
            assert_eq!(read(&text), Err(ExplainError::PartitionsInvalid), "{partitions}");
        }
        let destination = "x".repeat(30);
        let events = |list| format!(r#"{{"events":{list},"destination":{{"topic":"{destination}"}}}}"#);
        assert!(read(&events("[{}]")).is_ok());
        assert_eq!(read(&events("[{},{}]")), Err(ExplainError::TooLarge(100)));
        let filled = |bytes: usize| {
            let padding =
                "x".repeat(bytes - r#"[{"message":{},"metadata":{},"destination":{"Config":{"x":""}}}]"#.len());
            read(&format!(r#"{{"events":[{{}}],"destination":{{"x":"{padding}"}}}}"#)).map(|request| request.body.len())
        };
        assert_eq!(filled(100), Ok(100));
        assert_eq!(filled(101), Err(ExplainError::TooLarge(100)));
    }
}
