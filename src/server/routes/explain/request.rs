//! A request to `POST /explain`: events in any supported format, and defaults that apply to all events.

use std::num::NonZeroU32;

use super::error::ExplainError;
use super::limits::{MAX_PARTITIONS, RequestLimits};
use destinations::select::{self, Selector};
use json::invalid::{Invalid, explain};
use json::raw::{Kind, Raw};
use transform::explain::Options;
use transform::family::{Family, KAFKA};
use transform::partition::as_received;
use transform::request::fill_in::{Missing, sdk_batch};

/// A parsed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The family of the destination.
    pub family: &'static Family,
    /// The number of partitions of a topic, and the maximum size of a record.
    pub options: Options,
    /// The events, as a body in the plain format.
    pub body: String,
    /// The destination whose configuration is to be checked, or `None` if nothing is to be checked.
    pub checked: Option<CheckedText>,
}

/// A destination to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedText {
    /// The text of a file that contains only this destination.
    pub text: String,
    /// The family to assume if the destination does not name its type.
    pub family: &'static Family,
}

impl ExplainRequest {
    /// Reads a request: an object with `events` and optional fields. An optional field may be `null`. `destination` has
    /// any of the formats that [`destinations`] reads, or is a string with the text of a file. The other fields are
    /// `destinationId`, `destinationName`, `connection`, `family`, `partitions`, `batchBytes` and `check`.
    ///
    /// # Errors
    /// Returns an [`ExplainError`] if the request is invalid.
    pub fn read(text: &str, limits: RequestLimits) -> Result<Self, ExplainError> {
        let request = Raw::parse(text).map_err(|Invalid| ExplainError::NotJson(explain(text).unwrap_or_default()))?;
        if !request.is_object() {
            return Err(ExplainError::NotAnObject);
        }
        let fields = request.members(FIELDS).map(|field| field.filter(|value| !value.is_null()));
        let [events, destination, id, name, connection, family, partitions, batch_bytes, check] = fields;
        let events = events.filter(|events| events.kind() == Kind::Array).ok_or(ExplainError::EventsNotAnArray)?;
        let given = family.map(|name| named(name).ok_or(ExplainError::FamilyUnknown)).transpose()?;
        let partitions = partitions.map(|value| count(value).ok_or(ExplainError::PartitionsInvalid)).transpose()?;
        let batch_bytes = batch_bytes.map(|value| count(value).ok_or(ExplainError::BatchBytesInvalid)).transpose()?;
        let checks = match check.map(|value| value.text()) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(ExplainError::CheckInvalid),
        };
        let default = Options::default();
        let batch_bytes = batch_bytes.map_or(default.batch_bytes, |bytes| u64::from(bytes.get()));
        let text = |value: Raw<'_>| value.as_string().map(|text| as_received(&text.decoded()));
        let selector =
            |value: Option<Raw<'_>>| value.map(|value| text(value).ok_or(ExplainError::SelectorInvalid)).transpose();
        let selector = Selector { id: selector(id)?, name: selector(name)? };
        let file = destination.map(|destination| text(destination).unwrap_or_else(|| destination.text().to_owned()));
        let selected = file.as_deref().map(|file| select::from_text(file, given, &selector)).transpose()?;
        let only =
            selected.as_ref().filter(|selected| checks && selected.is_only).map(|selected| selected.text.clone());
        let family = selected.as_ref().map(|selected| selected.family).or(given).unwrap_or(&KAFKA);
        let missing = Missing::of(selected.map(|selected| selected.text), connection);
        let body = Filled::of(events, &missing, limits)?;
        // If the file contains only the destination that the events use, the original text of the file is checked. The
        // findings then refer to positions and variables in this text.
        let used = if checks { used_destination(&body) } else { None };
        let checked = used.map(|used| CheckedText {
            text: file.filter(|_| only.as_deref() == Some(used)).unwrap_or_else(|| used.to_owned()),
            family,
        });
        Ok(Self { family, options: Options { partitions, batch_bytes }, body, checked })
    }
}

/// Returns the destination of the first event that has a destination.
fn used_destination(body: &str) -> Option<&str> {
    let mut used = None;
    Raw::parse(body).ok()?.for_each_element(|event| {
        if used.is_none() && event.is_object() {
            used = event.member("destination").filter(|destination| destination.is_object()).map(|one| one.text());
        }
    });
    used
}

/// The fields of a request.
const FIELDS: [&str; 9] = [
    "events",
    "destination",
    "destinationId",
    "destinationName",
    "connection",
    "family",
    "partitions",
    "batchBytes",
    "check",
];

/// Builds a body in the plain format from the events of a request, within the limits.
struct Filled<'m> {
    missing: &'m Missing<'m>,
    limits: RequestLimits,
    body: String,
    count: usize,
    error: Option<ExplainError>,
}

impl<'m> Filled<'m> {
    fn of(events: Raw<'_>, missing: &'m Missing<'m>, limits: RequestLimits) -> Result<String, ExplainError> {
        let mut filled = Self { missing, limits, body: String::from("["), count: 0, error: None };
        events.for_each_element(|event| match sdk_batch(event) {
            Some(batch) => batch.for_each_element(|event| filled.add(event)),
            None => filled.add(event),
        });
        filled.body.push(']');
        if filled.body.len() > limits.filled_bytes {
            filled.error = filled.error.or(Some(ExplainError::TooLarge(limits.filled_bytes)));
        }
        filled.error.map_or(Ok(filled.body), Err)
    }

    fn add(&mut self, event: Raw<'_>) {
        self.count += 1;
        let error = if self.count > self.limits.events {
            ExplainError::TooManyEvents(self.limits.events)
        } else if self.body.len() > self.limits.filled_bytes {
            ExplainError::TooLarge(self.limits.filled_bytes)
        } else {
            if self.count > 1 {
                self.body.push(',');
            }
            return self.missing.fill_in(event, &mut self.body);
        };
        self.error.get_or_insert(error);
    }
}

fn named(name: Raw<'_>) -> Option<&'static Family> {
    let name = name.as_string()?;
    Family::by_spelling(std::str::from_utf8(&name.decoded()).ok()?)
}

/// Parses a positive integer in any notation of JSON, such as `1.2e1`.
fn count(value: Raw<'_>) -> Option<NonZeroU32> {
    if value.kind() != Kind::Number {
        return None;
    }
    let number: f64 = value.text().parse().ok()?;
    let is_count = number.fract() == 0.0 && (1.0..=f64::from(MAX_PARTITIONS)).contains(&number);
    // Within these bounds, the conversion of a float without a fraction is exact.
    if is_count { NonZeroU32::new(number as u32) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transform::family::AZURE_EVENT_HUB;

    const LIMITS: RequestLimits = RequestLimits { events: 2, filled_bytes: 100 };

    fn read(text: &str) -> Result<ExplainRequest, ExplainError> {
        ExplainRequest::read(text, LIMITS)
    }

    #[test]
    fn fields_omitted_from_an_explain_request_have_defaults() {
        let request = |family, partitions, body: &str| {
            let options = Options { partitions: NonZeroU32::new(partitions), ..Options::default() };
            Ok(ExplainRequest { family, options, body: body.to_owned(), checked: None })
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
        let nulls = r#"{"events":[],"family":null,"partitions":null,"destination":null,"connection":null,
            "destinationId":null,"destinationName":null,"batchBytes":null}"#;
        assert_eq!(read(nulls), request(&KAFKA, 0, "[]"));
        assert_eq!(read(r#"{"events":[],"partitions":2147483647}"#), request(&KAFKA, MAX_PARTITIONS, "[]"));
    }

    #[test]
    fn each_invalid_explain_request_is_rejected_with_its_own_error() {
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

    #[test]
    fn the_destination_of_an_explain_request_determines_the_family() {
        let limits = RequestLimits { events: 9, filled_bytes: 10_000 };
        let read = |destination: &str, rest: &str| {
            ExplainRequest::read(&format!(r#"{{"events":[{{}}],"destination":{destination}{rest}}}"#), limits)
        };
        let azure =
            r#"{"id":"a","name":"A","config":{"topic":"t"},"destinationDefinition":{"name":"AZURE_EVENT_HUB"}}"#;
        for (destination, rest) in [
            (azure.to_owned(), ""),
            (azure.to_owned(), r#","family":"kafka""#),
            (r#"{"type":"AZURE_EVENT_HUB","config":{"topic":"t"}}"#.to_owned(), ""),
            (r#""kind: destination\nspec:\n  type: azure_event_hub\n  config:\n    topic: t\n""#.to_owned(), ""),
            (
                format!(r#"{{"sources":[{{"destinations":[{azure},{{"id":"b","type":"KAFKA","config":{{}}}}]}}]}}"#),
                r#","destinationId":"a""#,
            ),
            (
                format!("[{azure},{}]", azure.replace("\"A\"", "\"B\"").replace("\"t\"", "\"u\"")),
                r#","destinationName":"A""#,
            ),
        ] {
            let request = read(&destination, rest).expect(&destination);
            assert_eq!(request.family, &AZURE_EVENT_HUB, "{destination}");
            assert!(request.body.contains(r#""Config":{"topic":"t"}"#), "{}", request.body);
        }
        let several = format!("[{azure},{}]", r#"{"id":"b","name":"B","enabled":false,"type":"KAFKA","config":{}}"#);
        let Err(ExplainError::DestinationAmbiguous(choices)) = read(&several, "") else { panic!("not ambiguous") };
        let ids: Vec<(&str, bool)> = choices.iter().map(|choice| (choice.id.as_str(), choice.enabled)).collect();
        assert_eq!(ids, [("a", true), ("b", false)]);
        for (destination, rest, says) in [
            ("7", "", "destination: it is neither a JSON object nor an array; supported formats: "),
            (r#""x""#, "", "destination: it is not JSON: expected value at line 1 column 1"),
            (r#"{"id":"d","name":"K","type":"KAFKA"}"#, "", "has no Config"),
            (&several, r#","destinationId":"c""#, "destination: no destination in the input has the given ID and name"),
            ("{}", r#","destinationId":7"#, "must be strings"),
            ("{}", r#","batchBytes":0"#, "batchBytes must be a whole number from 1 to 2147483647"),
        ] {
            let problem = read(destination, rest).unwrap_err().to_string();
            assert!(problem.contains(says), "{destination}: {problem}");
        }
    }

    #[test]
    fn an_explain_request_checks_the_destination_of_its_first_event_if_check_is_true() {
        let limits = RequestLimits { events: 9, filled_bytes: 10_000 };
        let checked = |text: &str| {
            let request = ExplainRequest::read(text, limits).expect(text);
            request.checked.map(|checked| (checked.text, checked.family))
        };
        let kafka = |text: &str| Some((text.to_owned(), &KAFKA));
        assert_eq!(checked(r#"{"events":[{}],"destination":{"topic":"t"}}"#), None);
        assert_eq!(checked(r#"{"events":[{}],"destination":{"topic":"t"},"check":false}"#), None);
        assert_eq!(checked(r#"{"events":[{}],"check":true}"#), None, "no destination");
        assert_eq!(checked(r#"{"events":[{}],"destination":{"topic":"t"},"check":true}"#), kafka(r#"{"topic":"t"}"#));
        let yaml = "topic: '{{ .TOPIC }}'\n";
        assert_eq!(
            checked(&format!(r#"{{"events":[{{}}],"destination":{},"check":true}}"#, serde_json::json!(yaml))),
            kafka(yaml)
        );
        let own =
            r#"{"events":[7,{"message":{},"destination":{"ID":"own"}}],"destination":{"topic":"t"},"check":true}"#;
        assert_eq!(checked(own), kafka(r#"{"ID":"own"}"#));
        let one = |id: &str| format!(r#"{{"id":"{id}","type":"KAFKA","config":{{"topic":"{id}"}}}}"#);
        let several = format!(
            r#"{{"events":[{{}}],"destination":[{},{}],"destinationId":"b","check":true}}"#,
            one("a"),
            one("b")
        );
        assert_eq!(checked(&several), kafka(r#"{"ID":"b","type":"KAFKA","Config":{"topic":"b"}}"#));
        for check in ["1", "\"true\"", "[]"] {
            let text = format!(r#"{{"events":[],"check":{check}}}"#);
            assert_eq!(ExplainRequest::read(&text, limits), Err(ExplainError::CheckInvalid), "{check}");
        }
    }

    #[test]
    fn the_body_of_an_sdk_request_is_split_into_its_events() {
        let request = |events: &str| read(&format!(r#"{{"events":{events}}}"#)).map(|request| request.body);
        let message = r#"{"message":{},"metadata":{}}"#;
        assert_eq!(request(r#"[{"batch":[{},{}],"sentAt":"x"}]"#), Ok(format!("[{message},{message}]")));
        assert_eq!(request(r#"[{"batch":[]}]"#), Ok("[]".to_owned()));
        assert_eq!(request(r#"[{"batch":[1,2,3]}]"#), Err(ExplainError::TooManyEvents(2)));
    }
}
