//! Reads destinations of the Rudder CLI (<https://www.rudderstack.com/docs/rudder-cli/yaml-destinations/>).
//!
//! Such destinations have `kind: destination`, and the names in their `spec.config` are in snake_case.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::known::MEMBERS;
use json::raw::Raw;

/// The `kind` of a destination.
pub const KIND: &str = "destination";

/// Returns whether a value is any resource of the Rudder CLI, such as a destination.
#[must_use]
pub fn is_resource(value: Raw<'_>) -> bool {
    let [kind, spec] = value.members(["kind", "spec"]);
    kind.is_some_and(|kind| kind.as_string().is_some()) && spec.is_some_and(Raw::is_object)
}

/// Returns the result of [`renamed`] as text. Returns `None` if `root` is neither a resource of the Rudder CLI nor an
/// array that contains such a resource.
#[must_use]
pub fn renamed_json(root: Raw<'_>) -> Option<String> {
    let mut any = is_resource(root);
    root.for_each_element(|element| any |= is_resource(element));
    if !any {
        return None;
    }
    let value: Value = serde_json::from_str(root.text()).ok()?;
    Some(renamed(value).to_string())
}

/// Converts the field names in `spec.config` of a Rudder CLI destination to the field names of a Config. In an array,
/// converts each such destination. Other values are unchanged.
#[must_use]
pub fn renamed(mut value: Value) -> Value {
    if let Value::Array(elements) = value {
        return elements.into_iter().map(renamed).collect();
    }
    if value.get("kind").and_then(Value::as_str) == Some(KIND)
        && let Some(Value::Object(config)) = value.get_mut("spec").and_then(|spec| spec.get_mut("config"))
    {
        let fields = std::mem::take(config);
        config.extend(fields.into_iter().map(|(name, value)| (camel_case(&name).into_owned(), entries(value))));
    }
    value
}

/// Renames the fields of the objects in an array, such as `schema_id` in `avro_schemas`.
fn entries(value: Value) -> Value {
    let Value::Array(elements) = value else { return value };
    let rename = |element: Value| match element {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (camel_case(&name).into_owned(), value));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other,
    };
    elements.into_iter().map(rename).collect()
}

/// Converts a CLI field name to a field name of a Config, such as `use_sasl` to `useSASL` and `host_name` to
/// `hostName`.
#[must_use]
pub fn camel_case(name: &str) -> Cow<'_, str> {
    if let Some(known) = MEMBERS.iter().find(|known| snake_case(known.name) == name) {
        return Cow::Borrowed(known.name);
    }
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    Cow::Owned(camel)
}

/// Converts a field name of a Config to the CLI's field name.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = !letter.is_ascii_uppercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Replaces the field names in a pointer with the snake_case names in the CLI's file.
///
/// `config` is the pointer to the Config. A pointer to a value outside the Config is unchanged.
#[must_use]
pub fn pointer_in_file(pointer: &str, config: &str) -> String {
    match pointer.strip_prefix(config) {
        Some(rest) if rest.starts_with('/') => {
            let known = |step: &str| step == "schemaId" || MEMBERS.iter().any(|known| known.name == step);
            let steps = rest.split('/').map(|step| if known(step) { snake_case(step) } else { step.to_owned() });
            format!("{config}{}", steps.collect::<Vec<_>>().join("/"))
        }
        _ => pointer.to_owned(),
    }
}

/// Returns whether a text contains a variable of the Rudder CLI, such as `{{ .KAFKA_PASSWORD }}`.
///
/// The CLI replaces variables when it applies the file. A variable starts with a dot, but a template of the
/// transformation never does.
#[must_use]
pub fn has_variable(text: &str) -> bool {
    text.split("{{").skip(1).any(|rest| rest.trim_start().starts_with('.') && rest.contains("}}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn config_names_are_converted_between_snake_case_and_camel_case() {
        for (snake, camel) in [
            ("host_name", "hostName"),
            ("use_sasl", "useSASL"),
            ("use_ssh", "useSSH"),
            ("embed_avro_schema_id", "embedAvroSchemaID"),
            ("event_type_to_topic_map", "eventTypeToTopicMap"),
            ("event_hubs_connection_string", "eventHubsConnectionString"),
            ("api_key", "apiKey"),
            ("topic", "topic"),
        ] {
            assert_eq!((camel_case(snake).as_ref(), snake_case(camel).as_str()), (camel, snake));
        }
        assert_eq!(camel_case("connection_mode"), "connectionMode");
        assert_eq!(camel_case("hostName"), "hostName");
        let names: std::collections::HashSet<String> = MEMBERS.iter().map(|known| snake_case(known.name)).collect();
        assert_eq!(names.len(), MEMBERS.len());
    }

    #[test]
    fn only_fields_in_the_config_of_a_rudder_cli_destination_are_renamed() {
        let spec = json!({ "kind": "destination", "spec": { "display_name": "K", "config": {
            "use_sasl": true, "avro_schemas": [{ "schema_id": "1", "schema": "x_y" }], "connection_mode": { "a_b": 1 } } } });
        let expected = json!({ "kind": "destination", "spec": { "display_name": "K", "config": {
            "useSASL": true, "avroSchemas": [{ "schemaId": "1", "schema": "x_y" }], "connectionMode": { "a_b": 1 } } } });
        assert_eq!(renamed(spec.clone()), expected);
        assert_eq!(renamed(json!([spec])), json!([expected]));
        for other in
            [json!({ "host_name": "a" }), json!({ "kind": "event-stream-source", "spec": { "config": { "a_b": 1 } } })]
        {
            assert_eq!(renamed(other.clone()), other);
        }
    }

    #[test]
    fn a_pointer_into_a_rudder_cli_config_uses_the_names_in_the_file() {
        for (pointer, in_file) in [
            ("/spec/config/hostName", "/spec/config/host_name"),
            ("/spec/config/avroSchemas/0/schemaId", "/spec/config/avro_schemas/0/schema_id"),
            ("/spec/config/eventToTopicMap/0/to", "/spec/config/event_to_topic_map/0/to"),
            ("/spec/config/connectionMode", "/spec/config/connectionMode"),
            ("/spec/config", "/spec/config"),
            ("/spec/configX/hostName", "/spec/configX/hostName"),
        ] {
            assert_eq!(pointer_in_file(pointer, "/spec/config"), in_file);
        }
    }

    #[test]
    fn rudder_cli_variables_are_distinguished_from_templates() {
        for (text, is_variable) in [
            ("{{ .KAFKA_HOST }}", true),
            ("{{.A}}", true),
            ("kafka.{{ .ZONE }}.example.com", true),
            ("{{ event.a || b }}", false),
            ("{{ a.b || .c }}", false),
            ("{{ .A", false),
            ("", false),
        ] {
            assert_eq!(has_variable(text), is_variable, "{text}");
        }
    }
}
