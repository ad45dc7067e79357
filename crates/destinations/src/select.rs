//! Selects one of the destinations in a JSON or YAML text, and formats it as rudder-server sends it.

use json::display::shorten;
use std::borrow::Cow;
use std::fmt::Write as _;

use super::find::{Destinations, Found, Origin, destinations};
use super::{field, source};
use json::raw::Raw;
use transform::family::{Family, KAFKA};

/// The ID or name that selects one of several destinations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// The required ID, if any.
    pub id: Option<String>,
    /// The required name, if any.
    pub name: Option<String>,
}

/// The selected destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The JSON text of the destination, with `Config` as in a request from rudder-server.
    pub text: String,
    /// The destination type.
    pub family: &'static Family,
    /// Whether this is the only supported destination in the text.
    pub is_only: bool,
}

/// A destination in a list from which the user must choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The ID; empty if missing.
    pub id: String,
    /// The name; empty if missing.
    pub name: String,
    /// The destination type.
    pub family: &'static Family,
    /// Whether the destination is neither disabled nor deleted.
    pub enabled: bool,
}

/// Why no destination is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectError {
    /// The text has no usable destination, for this reason.
    Unusable(String),
    /// The selector matches several destinations.
    Ambiguous(Vec<Choice>),
}

/// The maximum number of destinations that an error lists.
const MAX_LISTED: usize = 10;

impl SelectError {
    /// Returns the error message. `by` is the part of the message that names the options for selecting a destination,
    /// such as `--destination-id or --destination-name`.
    #[must_use]
    pub fn text(&self, by: &str) -> String {
        match self {
            Self::Unusable(reason) => reason.clone(),
            Self::Ambiguous(choices) => {
                let mut text = format!("it has {} destinations; choose one with {by}:", choices.len());
                for (index, choice) in choices.iter().take(MAX_LISTED).enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let _ = write!(text, "{comma} {:?} (ID {:?})", shortened(&choice.name), shortened(&choice.id));
                }
                if choices.len() > MAX_LISTED {
                    let _ = write!(text, " and {} more", choices.len() - MAX_LISTED);
                }
                text
            }
        }
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    shorten(text, 80)
}

/// Reads a file and selects one of its destinations. `given` is the family that is assumed for destinations without a
/// type. If it is `None`, Apache Kafka is assumed.
///
/// # Errors
/// Returns a [`SelectError`] if there is no usable destination, or if the selector matches several destinations.
pub fn from_bytes(bytes: &[u8], given: Option<&'static Family>, selector: &Selector) -> Result<Selected, SelectError> {
    from_json(&source::read(bytes).map_err(SelectError::Unusable)?, given, selector)
}

/// Like [`from_bytes`], but takes text instead of bytes.
///
/// # Errors
/// Returns a [`SelectError`] if there is no usable destination, or if the selector matches several destinations.
pub fn from_text(text: &str, given: Option<&'static Family>, selector: &Selector) -> Result<Selected, SelectError> {
    from_json(&source::read_text(text).map_err(SelectError::Unusable)?, given, selector)
}

fn from_json(text: &str, given: Option<&'static Family>, selector: &Selector) -> Result<Selected, SelectError> {
    let root = Raw::parse(text).map_err(|_| SelectError::Unusable("it is not JSON".to_owned()))?;
    let found = destinations(root, Some(given.unwrap_or(&KAFKA))).map_err(SelectError::Unusable)?;
    let one = select(&found, selector)?;
    let text = wire_text(one).map_err(SelectError::Unusable)?;
    Ok(Selected { text, family: one.family, is_only: found.ours.len() == 1 })
}

fn select<'f, 'a>(found: &'f Destinations<'a>, selector: &Selector) -> Result<&'f Found<'a>, SelectError> {
    let is_selected = |one: &&Found<'_>| {
        selector.id.as_ref().is_none_or(|id| *id == one.id)
            && selector.name.as_ref().is_none_or(|name| *name == one.name)
    };
    let matching: Vec<&Found<'_>> = found.ours.iter().filter(is_selected).collect();
    match matching.as_slice() {
        [one] => Ok(one),
        [] if found.ours.is_empty() => Err(SelectError::Unusable(nothing_of_ours(found))),
        [] => {
            let known: Vec<String> =
                found.ours.iter().take(MAX_LISTED).map(|one| shortened(&one.title()).into_owned()).collect();
            Err(SelectError::Unusable(format!(
                "no destination in the input has the given ID and name; the input contains {}",
                known.join(", ")
            )))
        }
        several => Err(SelectError::Ambiguous(several.iter().map(|one| Choice::of(one)).collect())),
    }
}

impl Choice {
    fn of(found: &Found<'_>) -> Self {
        Self { id: found.id.clone(), name: found.name.clone(), family: found.family, enabled: found.enabled }
    }
}

/// Returns the error for a text in which no destination has a supported type.
#[must_use]
pub fn nothing_of_ours(found: &Destinations<'_>) -> String {
    let mut text = "it has no Kafka, Azure Event Hubs or Confluent Cloud destination".to_owned();
    if found.other_count() > 0 {
        let kinds = found.others.iter().take(MAX_LISTED).map(|(kind, count)| {
            let kind =
                if kind.is_empty() { "without type".to_owned() } else { shortened(kind).escape_debug().to_string() };
            format!("{count} {kind}")
        });
        let _ = write!(text, " ({})", kinds.collect::<Vec<_>>().join(", "));
    }
    text
}

/// Names of destination fields in files, each with the name that rudder-server uses for the same field in requests. An
/// empty name means that requests do not contain the field.
const RENAMED: [(&str, &str); 9] = [
    ("id", "ID"),
    ("name", "Name"),
    ("display_name", "Name"),
    ("config", "Config"),
    ("enabled", "Enabled"),
    ("isEnabled", "Enabled"),
    ("workspaceId", "WorkspaceID"),
    ("destinationDefinition", "DestinationDefinition"),
    // rudder-server computes this field when it loads the workspace.
    ("hasDynamicConfig", ""),
];

/// Formats the destination as rudder-server sends it.
fn wire_text(found: &Found<'_>) -> Result<String, String> {
    let Some((config, _)) = &found.config else {
        return Err(format!("the destination {} has no Config", shortened(&found.title())));
    };
    if !config.is_object() {
        return Err(format!("the Config of the destination {} is not a JSON object", shortened(&found.title())));
    }
    if found.origin == Origin::Wire {
        return Ok(found.raw.text().to_owned());
    }
    // A standalone Config has no destination around it.
    if field(found.raw, "config").is_none() {
        return Ok(format!("{{\"Config\":{}}}", config.text()));
    }
    let mut text = String::from("{");
    found.raw.for_each_member(|name, value| {
        let decoded = String::from_utf8_lossy(&name.decoded()).into_owned();
        let renamed = RENAMED.iter().find(|(from, _)| *from == decoded).map(|(_, to)| *to);
        if renamed == Some("") {
            return;
        }
        text.push_str(if text.len() > 1 { ",\"" } else { "\"" });
        text.push_str(renamed.unwrap_or_else(|| name.escaped()));
        text.push_str("\":");
        text.push_str(value.text());
    });
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use transform::family::{AZURE_EVENT_HUB, CONFLUENT_CLOUD};

    fn selected(text: &str, id: Option<&str>, name: Option<&str>) -> Result<(String, &'static str), String> {
        let selector = Selector { id: id.map(str::to_owned), name: name.map(str::to_owned) };
        let selected = from_bytes(text.as_bytes(), None, &selector);
        selected.map(|one| (one.text, one.family.name)).map_err(|error| error.text("BY"))
    }

    const WORKSPACE: &str = r#"{"sources":[{"name":"web","destinations":[
        {"id":"k","name":"Kafka","config":{"topic":1.0},"destinationDefinition":{"name":"KAFKA"},"hasDynamicConfig":false},
        {"id":"a","name":"Azure","enabled":false,"config":{},"destinationDefinition":{"name":"AZURE_EVENT_HUB"}},
        {"id":"s","name":"S3","config":{},"destinationDefinition":{"name":"S3"}}]}]}"#;

    #[test]
    fn a_destination_in_any_format_is_converted_to_the_format_of_requests() {
        let kafka = |text: &str| Ok((text.to_owned(), KAFKA.name));
        for (text, expected) in [
            (r#"{"topic":1.0}"#, kafka(r#"{"Config":{"topic":1.0}}"#)),
            (r#"{ "Config":{},"x":1 }"#, kafka(r#"{ "Config":{},"x":1 }"#)),
            (r#"{"config":{"topic":"t"}}"#, kafka(r#"{"Config":{"topic":"t"}}"#)),
            (
                r#"{"id":"2x","type":"KAFKA","name":"K","enabled":true,"config":{"topic":"t"}}"#,
                kafka(r#"{"ID":"2x","type":"KAFKA","Name":"K","Enabled":true,"Config":{"topic":"t"}}"#),
            ),
            ("topic: t\n", kafka(r#"{"Config":{"topic":"t"}}"#)),
            (
                "kind: destination\nspec:\n  id: d\n  type: confluent_cloud\n  config:\n    bootstrap_server: b:1\n",
                Ok((
                    r#"{"ID":"d","type":"confluent_cloud","Config":{"bootstrapServer":"b:1"}}"#.to_owned(),
                    CONFLUENT_CLOUD.name,
                )),
            ),
        ] {
            assert_eq!(selected(text, None, None), expected, "{text}");
        }
        let azure = from_text("{}", Some(&AZURE_EVENT_HUB), &Selector::default()).unwrap();
        assert_eq!((azure.text.as_str(), azure.family), (r#"{"Config":{}}"#, &AZURE_EVENT_HUB));
    }

    #[test]
    fn one_of_several_destinations_is_selected_by_id_or_name() {
        let kafka = r#"{"ID":"k","Name":"Kafka","Config":{"topic":1.0},"DestinationDefinition":{"name":"KAFKA"}}"#;
        assert_eq!(selected(WORKSPACE, Some("k"), None), Ok((kafka.to_owned(), "kafka")));
        assert_eq!(selected(WORKSPACE, None, Some("Kafka")), Ok((kafka.to_owned(), "kafka")));
        assert_eq!(selected(WORKSPACE, Some("a"), Some("Azure")).map(|one| one.1), Ok("azure_event_hub"));
        for (id, name, says) in [
            (None, None, "it has 2 destinations; choose one with BY: \"Kafka\" (ID \"k\"), \"Azure\" (ID \"a\")"),
            (
                Some("s"),
                None,
                "no destination in the input has the given ID and name; the input contains \"Kafka\" (ID \"k\"), \"Azure\" (ID \"a\")",
            ),
            (Some("a"), Some("Kafka"), "no destination in the input has the given ID and name"),
        ] {
            let problem = selected(WORKSPACE, id, name).unwrap_err();
            assert!(problem.starts_with(says), "{problem}");
        }
    }

    #[test]
    fn an_input_without_a_usable_destination_is_rejected_with_the_reason() {
        for (text, says) in [
            ("7", "supported formats"),
            ("[]", "empty"),
            ("[7]", "no Kafka, Azure Event Hubs or Confluent Cloud destination (1 without type)"),
            (r#"{"sources":[]}"#, "no Kafka"),
            (r#"{"id":"x","type":"S3","config":{}}"#, "(1 S3)"),
            (r#"{"id":"x","name":"K"}"#, "the destination \"K\" (ID \"x\") has no Config"),
            (r#"{"Config":7}"#, "is not a JSON object"),
            ("kind: event-stream-source\nspec: {}\n", "(1 kind: event-stream-source)"),
            ("", "empty"),
        ] {
            let problem = selected(text, None, None).unwrap_err();
            assert!(problem.contains(says), "{text}: {problem}");
        }
        let many: Vec<String> = (0..50)
            .map(|id| format!(r#"{{"id":"{id}","name":"{}","type":"KAFKA","config":{{}}}}"#, "n".repeat(1000)))
            .collect();
        let problem = selected(&format!("[{}]", many.join(",")), None, None).unwrap_err();
        assert!(problem.ends_with(" and 40 more") && problem.len() < 2000, "{problem}");
    }
}
