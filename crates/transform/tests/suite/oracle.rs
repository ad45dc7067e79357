//! A slow and simple reference implementation of the transformation. It works on JSON trees and uses no code of the
//! crate. Property tests compare the results of the crate with the results of this implementation.

use serde_json::{Map, Value, json};

pub struct Names {
    pub path: &'static str,
    pub integrations: [&'static str; 3],
    pub kafka: bool,
}

pub const NAMES: [Names; 3] = [
    Names { path: "kafka", integrations: ["KAFKA", "kafka", "Kafka"], kafka: true },
    Names {
        path: "azure_event_hub",
        integrations: ["AZURE_EVENT_HUB", "azure_event_hub", "AzureEventHub"],
        kafka: false,
    },
    Names {
        path: "confluent_cloud",
        integrations: ["CONFLUENT_CLOUD", "confluent_cloud", "ConfluentCloud"],
        kafka: false,
    },
];

/// Returns the response to one event; `Err` if the event is rejected.
pub fn transform(names: &Names, event: &Value, query: &Value) -> Result<Value, ()> {
    let mut event = event.as_object().ok_or(())?.clone();
    if !event.get("metadata").is_some_and(Value::is_object) {
        return Err(());
    }
    if event.get("message").is_none_or(Value::is_null) {
        event.insert("message".into(), json!({}));
    }
    if !event["message"].is_object() || !event.get("destination").is_some_and(Value::is_object) {
        return Err(());
    }
    set_timestamp(event["message"].as_object_mut().ok_or(())?);

    let mut config = event["destination"].get("Config").cloned().unwrap_or(Value::Null);
    if event["destination"].get("hasDynamicConfig") != Some(&Value::Bool(false)) {
        event.insert("request".into(), json!({ "query": query }));
        let mut event_value = Value::Object(event);
        fill(&mut config, &mut event_value)?;
        let Value::Object(filled) = event_value else { return Err(()) };
        event = filled;
    }

    let (message, mut metadata) = (event["message"].clone(), event["metadata"].clone());
    let integrations = integrations(names, &message);
    let topic = topic(names, &message, &config, integrations.as_ref());
    let user_id =
        ["userId", "anonymousId"].into_iter().find_map(|name| message.get(name).filter(|id| truthy(Some(id))));
    let mut output = json!({ "message": message, "userId": user_id.map_or(String::new(), |id| string(Some(id))) });
    if let Some(schema_id) = integrations.as_ref().and_then(|object| object.get("schemaId"))
        && names.kafka
        && truthy(Some(schema_id))
    {
        output["schemaId"] = schema_id.clone();
    }
    if truthy(topic.as_ref()) {
        metadata["rudderId"] = format!("{}<<>>{}", string(metadata.get("rudderId")), string(topic.as_ref())).into();
    }
    if let Some(topic) = topic {
        output["topic"] = topic;
    }
    Ok(json!({ "output": output, "metadata": metadata, "statusCode": 200 }))
}

/// Returns whether `response` agrees with `expected`. If the event is rejected, only the status and the metadata are
/// compared, and the response must contain an error.
pub fn agrees(response: &Value, event: &Value, expected: &Result<Value, ()>) -> bool {
    match expected {
        Ok(expected) => same(response, expected),
        Err(()) => {
            let metadata = event.get("metadata").filter(|metadata| metadata.is_object());
            response["statusCode"] == 400
                && same(&response["metadata"], metadata.unwrap_or(&Value::Null))
                && response["error"].is_string()
        }
    }
}

/// Returns whether two values are equal. Numbers are compared as doubles.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Returns the groups in the response of `/batch`, without the entries of rejected events.
pub fn batch(events: &[Value]) -> Value {
    let mut groups: Vec<(String, String, Vec<Value>)> = Vec::new();
    for event in events {
        let mut message = event["message"].clone();
        if message.is_null() {
            message = json!({});
        }
        if !event.is_object()
            || !event["metadata"].is_object()
            || !event["destination"].is_object()
            || !message.is_object()
        {
            continue;
        }
        set_timestamp(message.as_object_mut().expect("checked"));
        let id = string(event["destination"].get("ID"));
        let topic = string(message.get("topic"));
        let entry = json!([message, event["metadata"], event["destination"]]);
        match groups.iter_mut().find(|(i, t, _)| *i == id && *t == topic) {
            Some((_, _, entries)) => entries.push(entry),
            None => groups.push((id, topic, vec![entry])),
        }
    }
    // The groups of a destination are adjacent, at the position of its first group.
    let ids: Vec<String> = groups.iter().map(|(id, _, _)| id.clone()).collect();
    let rank = |name: &str| name.parse::<u32>().ok().filter(|index| index.to_string() == *name && *index < u32::MAX);
    let order = |name: &str| rank(name).map_or(u64::MAX, u64::from);
    groups.sort_by_key(|(id, topic, _)| (order(id), ids.iter().position(|other| other == id), order(topic)));
    groups
        .into_iter()
        .map(|(_, _, entries)| {
            json!({
                "batchedRequest": entries.iter().map(|entry| entry[0].clone()).collect::<Vec<_>>(),
                "metadata": entries.iter().map(|entry| entry[1].clone()).collect::<Vec<_>>(),
                "batched": true, "statusCode": 200, "destination": entries[0][2],
            })
        })
        .collect()
}

fn set_timestamp(message: &mut Map<String, Value>) {
    if message.get("channel") != Some(&json!("sources")) {
        return;
    }
    let whole = Value::Object(message.clone());
    let at = |path: &str| value_at(&whole, path);
    if truthy(at("context.mappedToDestination")) {
        return;
    }
    let candidates = match message.get("type").and_then(Value::as_str) {
        Some("identify") => "context.timestamp context.traits.timestamp traits.timestamp timestamp originalTimestamp",
        Some("track") => "properties.timestamp timestamp originalTimestamp",
        _ => return,
    };
    let usable = |value: &&Value| truthy(Some(value)) || *value == &json!(false) || value.is_number();
    let found = candidates.split(' ').filter_map(at).find(usable).cloned().unwrap_or(Value::Null);
    message.insert("timestamp".into(), found);
}

/// Returns the value of the field whose name is the whole path. If there is no such field, follows the names of the
/// path.
fn value_at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if let Some(value) = value.get(path) {
        return Some(value);
    }
    let steps = find(value, &path.split('.').collect::<Vec<_>>())?;
    steps.iter().try_fold(value, |value, name| value.get(name))
}

fn fill(config: &mut Value, event: &mut Value) -> Result<(), ()> {
    match config {
        Value::Array(values) => values.iter_mut().try_for_each(|value| fill(value, event)),
        Value::Object(members) => {
            let index = |name: &String| {
                name.parse::<u32>().ok().filter(|index| index.to_string() == **name && *index < u32::MAX)
            };
            let mut names: Vec<String> = members.keys().cloned().collect();
            names.sort_by_key(|name| index(name).map_or(u64::MAX, u64::from));
            names.iter().try_for_each(|name| fill(&mut members[name], event))
        }
        Value::String(text) => {
            if let Some(value) = fill_template(text, event)? {
                *config = value;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Returns whether JavaScript treats a character as whitespace.
fn is_space(character: char) -> bool {
    (character.is_whitespace() && character != '\u{85}') || character == '\u{feff}'
}

fn fill_template(text: &str, event: &mut Value) -> Result<Option<Value>, ()> {
    let Some(inside) = text.trim_matches(is_space).strip_prefix("{{").and_then(|text| text.strip_suffix("}}")) else {
        return Ok(None);
    };
    let Some((path, default)) = inside.split_once("||") else { return Ok(None) };
    let path = path.trim_matches(is_space);
    let word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !path.split('.').all(word) {
        return Ok(None);
    }
    let path = match path.strip_prefix("event.") {
        Some(rest) => format!("message.{rest}"),
        None => path.to_owned(),
    };
    let default = default.replace('"', "").trim_matches(is_space).to_owned();
    let names: Vec<&str> = path.split('.').collect();
    let steps = if event.get(&path).is_some() { Some(vec![path.clone()]) } else { find(event, &names) };
    let Some(steps) = steps else { return Ok(Some(default.into())) };
    let (last, parents) = steps.split_last().ok_or(())?;
    let mut parent = event;
    for name in parents {
        parent = &mut parent[name.as_str()];
    }
    if let Value::Array(values) = parent {
        // The only value that is found in an array is its length, which cannot be removed.
        let _ = values;
        return Err(());
    }
    let value = parent[last.as_str()].clone();
    if value.is_null() {
        return Ok(Some(default.into()));
    }
    if !is_empty(&value) {
        if steps.len() == 1 && ["message", "metadata", "destination"].contains(&last.as_str()) {
            return Err(());
        }
        parent.as_object_mut().ok_or(())?.shift_remove(last.as_str());
    }
    Ok(Some(value))
}

/// Returns the names of the fields along a path. The name of a field may consist of several names of the path, joined
/// by dots.
fn find(value: &Value, names: &[&str]) -> Option<Vec<String>> {
    match value {
        Value::Array(_) => (names == ["length"]).then(|| vec!["length".to_owned()]),
        Value::Object(members) => {
            for count in 1..=names.len() {
                let name = names[..count].join(".");
                if let Some(next) = members.get(&name) {
                    let mut steps = vec![name];
                    if count < names.len() {
                        steps.extend(find(next, &names[count..])?);
                    }
                    return Some(steps);
                }
            }
            None
        }
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
        _ => false,
    }
}

fn integrations(names: &Names, message: &Value) -> Option<Value> {
    names
        .integrations
        .iter()
        .map(|name| match message.get(format!("integrations.{name}")) {
            Some(literal) => Some(literal.clone()),
            None => message.get("integrations").and_then(|object| object.get(name)).cloned(),
        })
        .find(|found| truthy(found.as_ref()))?
}

fn topic(names: &Names, message: &Value, config: &Value, integrations: Option<&Value>) -> Option<Value> {
    let truthy_member = |object: Option<&Value>, name: &str| {
        object.and_then(|object| object.get(name)).filter(|value| truthy(Some(value))).cloned()
    };
    if let Some(topic) = truthy_member(integrations, "topic") {
        return Some(topic);
    }
    if names.kafka && truthy(config.get("enableMultiTopic")) {
        let kind = message.get("type").and_then(Value::as_str).unwrap_or("");
        let mapped = match kind {
            "identify" | "screen" | "page" | "group" | "alias" => {
                mapped(config.get("eventTypeToTopicMap"), |from| from.to_lowercase() == kind)
            }
            "track" if truthy(message.get("event")) => {
                let event = string(message.get("event"));
                mapped(config.get("eventToTopicMap"), |from| from == event)
            }
            _ => None,
        };
        if truthy(mapped.as_ref()) {
            return mapped;
        }
    }
    let default = config.get("topic").cloned();
    default.filter(|topic| !names.kafka || !topic.is_null())
}

fn mapped(map: Option<&Value>, fits: impl Fn(&str) -> bool) -> Option<Value> {
    let entries = map?.as_array()?;
    let from = |entry: &Value| {
        let from = entry.as_object()?.get("from").filter(|from| !from.is_null())?;
        let from = string(Some(from));
        (!from.trim_matches(is_space).is_empty()).then_some(from)
    };
    entries.iter().rfind(|entry| from(entry).is_some_and(|from| fits(&from)))?.get("to").cloned()
}

pub fn truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

pub fn string(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => number_string(number.as_f64().unwrap_or(f64::NAN)),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(_)) => "[object Object]".to_owned(),
        Some(Value::Array(values)) => {
            let parts = values.iter().map(|value| if value.is_null() { String::new() } else { string(Some(value)) });
            parts.collect::<Vec<_>>().join(",")
        }
    }
}

/// Implements ECMAScript's `Number::toString`, based on the shortest digits that Rust prints.
fn number_string(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{:e}", number.abs());
    let (digits, exponent) = scientific.split_once('e').expect("scientific notation");
    let digits = digits.replace('.', "");
    let n = exponent.parse::<i32>().expect("an exponent") + 1;
    let k = i32::try_from(digits.len()).expect("few digits");
    let zeros = |count: i32| "0".repeat(usize::try_from(count).expect("not negative"));
    let text = if k <= n && n <= 21 {
        format!("{digits}{}", zeros(n - k))
    } else if 0 < n && n <= 21 {
        let (whole, fraction) = digits.split_at(usize::try_from(n).expect("positive"));
        format!("{whole}.{fraction}")
    } else if -6 < n && n <= 0 {
        format!("0.{}{digits}", zeros(-n))
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{first}{point}{rest}e{:+}", n - 1)
    };
    if number < 0.0 { format!("-{text}") } else { text }
}
