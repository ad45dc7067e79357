//! The structure of an explanation, as shown by `explain`, `POST /explain` and the web page.

use std::borrow::Cow;
use std::rc::Rc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::decision::{KeySource, TopicRule};
use crate::observer::Stamp;
use crate::partition::as_received;
use crate::reason::Reason;
use crate::rejection::{ErrorType, Rejection};
use json::display::start;
use json::raw::Raw;

/// The maximum size of a JSON value in an explanation, in bytes. Longer template defaults, template values and
/// timestamps are truncated.
pub const MAX_VALUE_BYTES: usize = 4096;

/// The decisions for one event. If the event is rejected, the decisions that would have followed are omitted.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation<'e> {
    /// The index of the event in the request, from 0.
    pub index: usize,
    /// The outcome of the event.
    pub outcome: Outcome,
    /// Why the event was rejected; omitted if it was not rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<RejectionShown>,
    /// The reasons why rudder-server would drop the transformed event; omitted if there are no reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// The warnings; omitted if there are none. Each warning means that a value in the record is probably unintended,
    /// or that the event was not completely checked against the Avro schema.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Problem>,
    /// The topic, and how it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicChoice>,
    /// The partition key, and how it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyChoice>,
    /// The result of the reverse-ETL timestamp rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampUse>,
    /// The results of the templates in the destination's Config, in the order in which the templates were filled.
    pub templates: Vec<TemplateUse>,
    /// The exact text of the service's response to the event.
    pub response: &'e str,
}

/// The outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The event is transformed, and rudder-server produces it.
    Transformed,
    /// The event is transformed, but rudder-server drops it.
    Undeliverable,
    /// The event is rejected.
    Rejected,
}

/// Why an event was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectionShown {
    /// The reason for the rejection, as a stable identifier.
    pub code: &'static str,
    /// The error message in the response.
    pub text: &'static str,
    /// Whether the cause is in the event (`instrumentation`) or in the destination (`configuration`).
    #[serde(serialize_with = "error_type")]
    pub error_type: ErrorType,
}

impl RejectionShown {
    pub(super) fn of(rejection: Rejection) -> Self {
        Self { code: rejection.code(), text: rejection.text(), error_type: rejection.error_type() }
    }
}

fn error_type<S: Serializer>(error_type: &ErrorType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(error_type.text())
}

/// The topic, and how it was chosen.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicChoice {
    /// The topic, which can be any JSON value. `None` means that the response has no topic.
    pub value: Option<JsonText>,
    /// The rule that chose the topic.
    #[serde(serialize_with = "topic_rule")]
    pub rule: TopicRule,
    /// A description of the rule.
    pub text: &'static str,
    /// The rules that were tried earlier and did not apply, in the order in which they were tried.
    pub skipped: Vec<SkippedRule>,
}

/// A topic rule that did not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedRule {
    /// The rule that did not apply.
    #[serde(serialize_with = "topic_rule")]
    pub rule: TopicRule,
    /// A description of the rule.
    pub tried: &'static str,
    /// The reason why the rule did not apply, as a stable identifier.
    #[serde(serialize_with = "reason_code")]
    pub reason: Reason,
    /// The reason why the rule did not apply, as text.
    pub text: String,
}

fn topic_rule<S: Serializer>(rule: &TopicRule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.code())
}

fn reason_code<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.code())
}

/// The partition key, and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChoice {
    /// The key as rudder-server reads it, with U+FFFD for each lone surrogate.
    pub value: String,
    /// The field that the key was taken from.
    #[serde(serialize_with = "key_source")]
    pub source: KeySource,
    /// A description of the field.
    pub text: &'static str,
    /// The partition to which the key maps, if the number of partitions is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
}

fn key_source<S: Serializer>(source: &KeySource, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(source.code())
}

/// The result of the reverse-ETL timestamp rule.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum TimestampUse {
    /// The rule sets the timestamp of the message.
    Applied {
        /// Always `true`.
        applied: bool,
        /// The field that the timestamp was taken from. `None` means that no field contains a usable timestamp.
        from: Option<String>,
        /// The timestamp.
        value: JsonText,
        /// Whether the message had a different timestamp before.
        changed: bool,
        /// A description of the result.
        text: String,
    },
    /// The rule does not apply.
    NotApplied {
        /// Always `false`.
        applied: bool,
        /// The reason why the rule does not apply, as a stable identifier.
        #[serde(serialize_with = "reason_code")]
        reason: Reason,
        /// The reason why the rule does not apply, as text.
        text: String,
    },
}

impl TimestampUse {
    pub(super) fn of(stamp: Stamp<'_>) -> Self {
        match stamp {
            Stamp::NotApplied(reason) => Self::NotApplied { applied: false, reason, text: reason.text("") },
            Stamp::Set { from, value, changed } => {
                let from = from.map(|from| format!("message.{from}"));
                let text = match &from {
                    None => "no field contains a usable timestamp, so the timestamp is null".to_owned(),
                    Some(from) if changed => format!("set from {from}"),
                    Some(from) => format!("unchanged, equal to {from}"),
                };
                let value = JsonText::up_to(MAX_VALUE_BYTES, value.text());
                Self::Applied { applied: true, from, value, changed, text }
            }
        }
    }
}

/// The result of a template for one event.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateUse {
    /// The location of the template in the Config, as a JSON pointer. A pointer that is too long is shortened to `…`
    /// and the end of the pointer.
    pub pointer: Rc<str>,
    /// The path that the template looks up in the event, with dots between names.
    pub path: Rc<str>,
    /// The default of the template.
    pub default: JsonText,
    /// Whether the event has a value at the path.
    pub found: bool,
    /// The value from the event or the default. `None` means that the event is rejected because of the template.
    pub value: Option<JsonText>,
    /// Whether the value was truncated. A truncated value is shown as a string that contains the beginning of the
    /// value's JSON text.
    #[serde(skip_serializing_if = "is_false")]
    pub value_cut: bool,
    /// The field that the template removed from the event. `None` means that the template removed no field.
    pub removed: Option<Rc<str>>,
    /// Whether the event is rejected because of the template.
    #[serde(skip_serializing_if = "is_false")]
    pub rejected: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// JSON text that is serialized as the value that it represents, with unchanged number literals and lone surrogates.
/// Truncated text is serialized as a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText {
    text: Rc<str>,
    is_cut: bool,
}

impl JsonText {
    pub(super) fn whole(text: &str) -> Self {
        Self { text: text.into(), is_cut: false }
    }

    pub(super) fn up_to(bytes: usize, text: &str) -> Self {
        Self { text: cut(text, bytes).into(), is_cut: text.len() > bytes }
    }

    /// Returns the JSON text. Truncated text ends with `…`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text was truncated.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns a string value without quotes and escapes, and any other value as JSON text.
    #[must_use]
    pub fn plain(&self) -> Cow<'_, str> {
        let string = Raw::parse(&self.text).ok().and_then(Raw::as_string);
        string.map_or(Cow::Borrowed(&self.text), |string| Cow::Owned(as_received(&string.decoded())))
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Truncated text is not valid JSON, so it is serialized as a string.
        match serde_json::from_str::<&RawValue>(&self.text) {
            Ok(value) => value.serialize(serializer),
            Err(_) => serializer.serialize_str(&self.text),
        }
    }
}

/// Truncates a text of more than `bytes` bytes to at most `bytes` bytes plus `…`, without splitting a character.
pub(super) fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", start(text, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_text_of_a_json_string_has_no_quotes_or_escapes() {
        for (text, plain) in [(r#""a\n\ud800""#, "a\n\u{fffd}"), ("[1.0]", "[1.0]"), ("null", "null"), (r#""""#, "")] {
            assert_eq!(JsonText::whole(text).plain(), plain, "{text}");
        }
        assert_eq!(JsonText::up_to(4, r#""long""#).plain(), "\"lon…");
    }

    #[test]
    fn json_text_above_the_byte_limit_is_truncated_and_marked_as_cut() {
        for (bytes, text, is_cut, expected) in [(6, r#""long""#, false, "long"), (5, "\"long…", true, "\"long…")] {
            let value = JsonText::up_to(bytes, r#""long""#);
            assert_eq!((value.text(), value.is_cut()), (text, is_cut));
            assert_eq!(serde_json::to_value(&value).unwrap(), expected);
        }
    }

    #[test]
    fn truncation_does_not_split_a_multibyte_character() {
        assert_eq!((cut("üü", 4), cut("üü", 3), cut("üü", 0)), ("üü".into(), "ü…".into(), "…".into()));
    }
}
