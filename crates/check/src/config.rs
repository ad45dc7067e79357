//! A Config as the producer reads it: field names are case-insensitive, and each field must have the right type.

use super::code::Code;
use super::finding::{Findings, quoted, step};
pub use destinations::field as member;
use destinations::known::{Known, Role, ValueKind};
use json::javascript::truthy;
use json::raw::{Kind, Raw};
use transform::family::Family;
use transform::rules::template::Template;

/// Returns the text of a JSON string, with lone surrogates replaced by U+FFFD. Returns `None` for any other value.
#[must_use]
pub fn text_of(raw: Raw<'_>) -> Option<String> {
    Some(String::from_utf8_lossy(&raw.as_string()?.decoded()).into_owned())
}

/// The result of reading a field of a Config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// The field is missing, `null`, or blank text.
    Absent,
    /// The field is unusable, and the problem has been reported.
    Unusable,
    /// The value, and its JSON pointer.
    Given(T, String),
}

impl<T> Read<T> {
    /// Returns the value, or `None` if the field is absent or unusable.
    pub fn given(&self) -> Option<&T> {
        match self {
            Read::Given(value, _) => Some(value),
            Read::Absent | Read::Unusable => None,
        }
    }
}

/// A Config with its fields.
#[derive(Debug)]
pub struct Config<'a> {
    /// The Config as JSON.
    pub raw: Raw<'a>,
    /// The Config's JSON pointer in the file.
    pub pointer: &'a str,
    /// The family of the destination.
    pub family: &'static Family,
    members: Vec<(&'static Known, String, Raw<'a>)>,
}

impl<'a> Config<'a> {
    /// Reads the fields of a Config. Reports fields with a wrong name or a value of the wrong type.
    pub fn read(raw: Raw<'a>, pointer: &'a str, family: &'static Family, findings: &mut Findings) -> Self {
        let mut members: Vec<(&'static Known, String, Raw<'a>)> = Vec::new();
        raw.for_each_member(|key, value| {
            let name = String::from_utf8_lossy(&key.decoded()).into_owned();
            match Known::by_name(&name) {
                Some(known) if known.is_of(family) => {
                    let earlier = members.iter().position(|(other, _, _)| *other == known);
                    if let Some(earlier) = earlier {
                        let message = format!("{} occurs twice, here as {}", known.name, quoted(&name));
                        findings.add(Code::FieldRepeated, step(pointer, &name), message);
                        // A field whose name matches exactly is kept, because the transformation reads this field. If
                        // no name matches exactly, the last field is kept.
                        if members[earlier].1 == known.name && name != known.name {
                            return;
                        }
                        members.remove(earlier);
                    }
                    members.push((known, name, value));
                }
                Some(known) if truthy(Some(value)) => {
                    let message = format!("{} destinations do not read {}", label(family), known.name);
                    findings.add(Code::FieldNotRead, step(pointer, &name), message);
                }
                Some(_) => {}
                None => {
                    if let Some(meant) = Known::like(&name, family) {
                        let message = format!("{} is not read; did you mean {}?", quoted(&name), meant.name);
                        findings.add(Code::FieldUnknown, step(pointer, &name), message);
                    }
                }
            }
        });
        for (known, name, value) in &members {
            if known.role == Role::Routing && name != known.name {
                let message = format!("{name} must be spelled {} for the transformation to read it", known.name);
                findings.add(Code::FieldLetterCase, step(pointer, name), message);
            }
            if !fits(known, *value) {
                findings.add(Code::FieldWrongType, step(pointer, name), wrong_type(known, *value));
            }
        }
        Self { raw, pointer, family, members }
    }

    fn find(&self, name: &str) -> Option<&(&'static Known, String, Raw<'a>)> {
        self.members.iter().find(|(known, _, _)| known.name == name)
    }

    /// Returns the value of a field as JSON, and the field's pointer. Returns `None` if the field is missing or `null`.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<(Raw<'a>, String)> {
        let (_, spelled, value) = self.find(name)?;
        (!value.is_null()).then(|| (*value, step(self.pointer, spelled)))
    }

    /// Reads a text field. A value that is a template is [`Read::Unusable`], because the producer does not replace
    /// templates with values.
    #[must_use]
    pub fn text(&self, name: &str) -> Read<String> {
        match self.text_or_blank(name) {
            Read::Given(text, _) if text.trim().is_empty() => Read::Absent,
            read => read,
        }
    }

    /// Reads a text field whose value may consist of whitespace. Only an empty string is treated as a missing field.
    #[must_use]
    pub fn text_or_blank(&self, name: &str) -> Read<String> {
        let Some((value, pointer)) = self.raw(name) else { return Read::Absent };
        match text_of(value) {
            None => Read::Unusable,
            Some(text) if text.is_empty() => Read::Absent,
            Some(_) if Template::read(value).is_ok() => Read::Unusable,
            Some(text) => Read::Given(text, pointer),
        }
    }

    /// Reads a required text field. Reports the finding `missing` if there is no such field, or its value is blank.
    pub fn required(&self, name: &str, missing: Code, findings: &mut Findings) -> Read<String> {
        let read = self.text(name);
        if read == Read::Absent {
            let pointer = self.raw(name).map_or_else(|| self.pointer.to_owned(), |(_, pointer)| pointer);
            findings.note(missing, pointer);
        }
        read
    }

    /// Reads a required secret. Reports spaces around the secret, without showing its value.
    pub fn secret(&self, name: &str, missing: Code, findings: &mut Findings) -> Read<String> {
        let read = self.required(name, missing, findings);
        if let Read::Given(secret, pointer) = &read
            && secret.trim() != secret
        {
            findings.add(Code::SecretBlanks, pointer, format!("there are spaces or line breaks around {name}"));
        }
        read
    }

    /// Reads a boolean. Returns `Some(false)` if the field is missing, and `None` if the value is not a boolean.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.raw(name) {
            None => Some(false),
            Some((value, _)) => match value.kind() {
                Kind::True => Some(true),
                Kind::False => Some(false),
                _ => None,
            },
        }
    }

    /// Returns the elements of an array field, each with its pointer. The list is empty if the field is not an array.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<(Raw<'a>, String)> {
        let mut elements = Vec::new();
        if let Some((list, pointer)) = self.raw(name) {
            list.for_each_element(|element| {
                let index = elements.len();
                elements.push((element, format!("{pointer}/{index}")));
            });
        }
        elements
    }
}

/// Whether a value has the type that its field requires. A template is accepted in any field, because the
/// transformation may replace the template with a value.
fn fits(known: &Known, value: Raw<'_>) -> bool {
    match (known.form, value.kind()) {
        (_, Kind::Null) | (ValueKind::Text, Kind::String) | (ValueKind::Flag, Kind::True | Kind::False) => true,
        (ValueKind::List, Kind::Array) => true,
        (_, Kind::String) => Template::read(value).is_ok(),
        _ => false,
    }
}

fn wrong_type(known: &Known, value: Raw<'_>) -> String {
    let is = kind(value);
    match (known.form, known.role) {
        (ValueKind::Flag, Role::Routing) => {
            let means = if truthy(Some(value)) { "true" } else { "false" };
            format!("{} is {is}, not {}; the transformation treats it as {means}", known.name, known.form.name())
        }
        (ValueKind::List, Role::Routing) => {
            format!("{} is {is}, not {}; the transformation treats it as an empty map", known.name, known.form.name())
        }
        _ => format!("{} is {is}, not {}", known.name, known.form.name()),
    }
}

/// Returns the type of a value as a noun, for a message.
#[must_use]
pub fn kind(value: Raw<'_>) -> &'static str {
    value.kind().noun()
}

/// Returns the display name of a family.
#[must_use]
pub fn label(family: &Family) -> &'static str {
    match family.name {
        "azure_event_hub" => "Azure Event Hubs",
        "confluent_cloud" => "Confluent Cloud",
        _ => "Apache Kafka",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transform::family::KAFKA;

    #[test]
    fn a_config_field_of_the_wrong_type_is_not_used_and_is_reported() {
        let raw =
            Raw::parse(r#"{"HOSTNAME":"kafka","port":9092,"topic":" ","sslEnabled":"true","useSASL":null}"#).unwrap();
        let mut findings = Findings::default();
        let config = Config::read(raw, "/c", &KAFKA, &mut findings);
        assert_eq!(config.text("hostName"), Read::Given("kafka".to_owned(), "/c/HOSTNAME".to_owned()));
        assert_eq!(config.text("port"), Read::Unusable);
        assert_eq!(config.text("topic"), Read::Absent);
        assert_eq!(
            (config.flag("sslEnabled"), config.flag("useSASL"), config.flag("useSSH")),
            (None, Some(false), Some(false))
        );
        let wrong: Vec<&str> = findings.sorted().iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(wrong, ["/c/port", "/c/sslEnabled"]);
    }
}
