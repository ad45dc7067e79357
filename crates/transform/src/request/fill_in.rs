//! Adds missing parts to events, so that they are in the plain format.
//!
//! A bare message becomes an event with empty metadata. An event without a destination gets the caller's destination,
//! and an event without a connection gets the caller's connection.

use json::raw::{EMPTY_OBJECT, Kind, Raw};

/// Returns the array of events in `{"batch":[…]}`, the body that an SDK posts to the gateway. Returns `None` for any
/// other value.
///
/// A value with a field `message` is an event, and a value with a field `type` is a message. For these values, the
/// result is `None` even if they have a field `batch`.
#[must_use]
pub fn sdk_batch(value: Raw<'_>) -> Option<Raw<'_>> {
    let [batch, message, kind] = value.members(["batch", "message", "type"]);
    batch.filter(|batch| batch.kind() == Kind::Array && message.is_none() && kind.is_none())
}

/// The parts that are added to events that lack them.
#[derive(Debug, Clone, Default)]
pub struct Missing<'a> {
    /// The text of the destination that is added.
    destination: Option<String>,
    /// The connection that is added.
    connection: Option<Raw<'a>>,
}

impl<'a> Missing<'a> {
    /// The names of the fields that may be added, and `message`, which distinguishes events from bare messages.
    pub const NAMES: [&'static str; 3] = ["message", "destination", "connection"];

    /// Creates the set of parts to add. `destination` is JSON text in the format in which rudder-server sends
    /// destinations. A `null` connection is treated as missing.
    #[must_use]
    pub fn of(destination: Option<String>, connection: Option<Raw<'a>>) -> Self {
        Self { destination, connection: connection.filter(|value| !value.is_null()) }
    }

    /// Returns the text of the destination that is added, if there is one.
    #[must_use]
    pub fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// Appends `event` to `out` in the plain format, with the missing parts added.
    ///
    /// An object with a field `message` is already an event, and gets only the destination and connection that it
    /// lacks. Any other object is a message. It becomes the message of an event whose metadata is `{}`. A value that is
    /// not an object is appended unchanged, and the transformation rejects it later.
    pub fn fill_in(&self, event: Raw<'_>, out: &mut String) {
        let found = event.is_object().then(|| event.members(Self::NAMES));
        self.fill_in_found(event, found, out);
    }

    /// Like [`Missing::fill_in`], for callers that have already looked up the fields named in [`Missing::NAMES`].
    /// `found` contains their values; it is `None` if `event` is not an object.
    pub fn fill_in_found(&self, event: Raw<'_>, found: Option<[Option<Raw<'_>>; 3]>, out: &mut String) {
        let Some([message, destination, connection]) = found else {
            return out.push_str(event.text());
        };
        if message.is_none() {
            out.push_str("{\"message\":");
            out.push_str(event.text());
            out.push_str(",\"metadata\":");
            out.push_str(EMPTY_OBJECT.text());
            self.append(out, None, None);
            return out.push('}');
        }
        // If a name occurs twice, the last field wins, so an appended field overrides a `null` in the event.
        out.push_str(event.text().strip_suffix('}').unwrap_or_default());
        self.append(out, destination, connection);
        out.push('}');
    }

    /// Appends the fields that an event lacks, each preceded by a comma. `destination` and `connection` are the event's
    /// own values.
    fn append(&self, out: &mut String, destination: Option<Raw<'_>>, connection: Option<Raw<'_>>) {
        let own = [destination, connection].map(|value| value.is_some_and(|value| !value.is_null()));
        let added = [self.destination.as_deref(), self.connection.map(Raw::text)];
        for ((name, value), has_own) in ["destination", "connection"].into_iter().zip(added).zip(own) {
            if let Some(value) = value.filter(|_| !has_own) {
                out.push_str(",\"");
                out.push_str(name);
                out.push_str("\":");
                out.push_str(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(event: &str, destination: &str, connection: &str) -> String {
        let raw = |text| Raw::parse(text).unwrap();
        let mut out = String::new();
        let destination = Some(destination.to_owned()).filter(|text| text != "null");
        Missing::of(destination, Some(raw(connection))).fill_in(raw(event), &mut out);
        Raw::parse(&out).unwrap();
        out
    }

    #[test]
    fn bare_messages_are_wrapped_in_events_and_missing_event_fields_are_added() {
        for (event, destination, connection, expected) in [
            // Bare messages become events.
            ("{}", "null", "null", r#"{"message":{},"metadata":{}}"#),
            (
                r#"{"userId":1.0}"#,
                r#"{"Config":{"topic":"t"}}"#,
                "null",
                r#"{"message":{"userId":1.0},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#,
            ),
            (
                r#"{"metadata":{}}"#,
                r#"{"Config":{}}"#,
                "7",
                r#"{"message":{"metadata":{}},"metadata":{},"destination":{"Config":{}},"connection":7}"#,
            ),
            // Events get the missing fields and are otherwise unchanged.
            (r#"{ "message" : null}"#, "null", "null", r#"{ "message" : null}"#),
            (r#"{ "message" : 1 }"#, "[]", "null", r#"{ "message" : 1 ,"destination":[]}"#),
            (
                r#"{"message":{},"destination":{"a":1}}"#,
                r#"{"Config":{}}"#,
                "null",
                r#"{"message":{},"destination":{"a":1}}"#,
            ),
            (
                r#"{"message":{},"destination":{"a":1}}"#,
                r#"{"Config":{}}"#,
                "{}",
                r#"{"message":{},"destination":{"a":1},"connection":{}}"#,
            ),
            (
                r#"{"message":{},"destination":null}"#,
                r#"{"Config":{}}"#,
                "null",
                r#"{"message":{},"destination":null,"destination":{"Config":{}}}"#,
            ),
            // Values that are not objects are unchanged.
            ("[1]", r#"{"Config":{}}"#, "{}", "[1]"),
            ("null", r#"{"Config":{}}"#, "{}", "null"),
        ] {
            assert_eq!(filled(event, destination, connection), expected, "{event} {destination} {connection}");
        }
    }

    #[test]
    fn only_the_body_of_an_sdk_request_is_recognized_as_a_batch() {
        let batch = |text| sdk_batch(Raw::parse(text).unwrap()).map(Raw::text);
        assert_eq!(batch(r#"{"batch":[{},1],"sentAt":"now"}"#), Some("[{},1]"));
        for other in [r#"{"batch":{}}"#, r#"{"message":{},"batch":[]}"#, r#"{"type":"track","batch":[]}"#, "[]", "7"] {
            assert_eq!(batch(other), None, "{other}");
        }
    }
}
