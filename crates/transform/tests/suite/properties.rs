//! Property tests of the transformation with generated batches.

use std::fmt::Write as _;

use json::invalid::explain;
use json::javascript;
use json::raw::Raw;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use transform::family::Family;
use transform::rejection::Rejection;
use transform::request::{Limits, PayloadFormat};
use transform::{batch, processor};

use crate::oracle::{self, NAMES};

const LIMITS: Limits = Limits { events: 1_000, response_bytes: 1 << 26 };
const QUERY: &str = "topic=q+1&n=1&n=2";

/// Generates values that some rule treats specially.
pub fn special() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(false),
        json!(true),
        json!(0),
        json!(-0.0),
        json!(1),
        json!(-7),
        json!(1.5),
        json!(1e21),
        json!(1e-7),
        json!(123_456_789_012_345_680_u64),
        json!(""),
        json!(" "),
        json!("a"),
        json!("7"),
        json!("1,2"),
        json!("track"),
        json!("identify"),
        json!("page"),
        json!("Page"),
        json!("group"),
        json!("Order Completed"),
        json!("null"),
        json!("undefined"),
        json!("constructor"),
        json!("ü😀\u{2028}\"\\\n"),
        json!("sources"),
        json!([]),
        json!({}),
        json!([1, 2]),
        json!([[], [null, "x"], {}]),
        json!({"topic": "nested"}),
        json!(["", {"a": ""}]),
        json!({"topic": "t", "schemaId": "s"}),
        json!({"timestamp": "2024-01-01T00:00:00Z"}),
        json!({"timestamp": false, "traits": {"timestamp": 0}}),
        json!({"mappedToDestination": true}),
        json!({"traits.timestamp": 1, "traits": "hides it"}),
        json!({"traits.timestamp": 2}),
        json!({"a": {"b": "deep"}, "a.b": 1, "topic": "by-property"}),
    ])
}

fn template() -> impl Strategy<Value = Value> {
    let path = select(vec![
        "event.properties.topic",
        "event.properties",
        "event.userId",
        "event.a.b",
        "event.context.traits.timestamp",
        "message.event",
        "metadata.rudderId",
        "metadata.sourceId",
        "destination.Config.port",
        "connection.config.topic",
        "event.list.length",
        "request.query.topic",
        "request.query.n",
        "message",
        "metadata",
        "event",
        "libraries.x",
        "bad path",
        "0x",
        "event.type",
        "event.a.b.c",
        "event.integrations.KAFKA.topic",
    ]);
    let default = select(vec!["", "x", "\"quoted\"", "a || b", " 'single' "]);
    let around = select(vec!["", " ", "\u{a0}", "\u{feff}", "x"]);
    (path, default, around).prop_map(|(path, default, around)| json!(format!("{around}{{{{ {path} || {default} }}}}")))
}

fn setting() -> impl Strategy<Value = Value> {
    prop_oneof![3 => special(), 1 => template()]
}

fn object(members: &'static [&'static str], value: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    proptest::collection::vec((select(members), value), 0..8).prop_map(|members| {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

fn message() -> impl Strategy<Value = Value> {
    let integrations = object(
        &["KAFKA", "kafka", "Kafka", "AZURE_EVENT_HUB", "AzureEventHub", "confluent_cloud", "All"],
        special().boxed(),
    );
    let member = prop_oneof![4 => special(), 2 => integrations];
    object(
        &[
            "type",
            "event",
            "userId",
            "anonymousId",
            "channel",
            "context",
            "properties",
            "traits",
            "timestamp",
            "originalTimestamp",
            "integrations",
            "integrations.KAFKA",
            "context.mappedToDestination",
            "context.timestamp",
            "context.traits",
            "context.traits.timestamp",
            "traits.timestamp",
            "properties.timestamp",
            "a",
            "a.b",
            "list",
            "2",
            "10",
            "b",
            "topic",
        ],
        member.boxed(),
    )
}

fn config() -> impl Strategy<Value = Value> {
    let entry = object(&["from", "to", "from", "to", "x"], setting().boxed());
    let map = proptest::collection::vec(prop_oneof![5 => entry, 1 => special()], 0..5).prop_map(Value::from);
    let member = prop_oneof![3 => setting(), 2 => map];
    object(
        &["topic", "enableMultiTopic", "eventTypeToTopicMap", "eventToTopicMap", "port", "10", "2", "x"],
        member.boxed(),
    )
}

pub fn destination() -> impl Strategy<Value = Value> {
    let flag = select(vec![None, Some(json!(true)), Some(json!(false)), Some(json!(null))]);
    let id = select(vec![json!("d1"), json!("10"), json!("2"), json!(null)]);
    (prop_oneof![8 => config(), 1 => setting()], flag, id).prop_map(|(config, flag, id)| {
        let mut destination = json!({ "ID": id, "Config": config });
        if let Some(flag) = flag {
            destination["hasDynamicConfig"] = flag;
        }
        destination
    })
}

/// Generates destinations with templates that [`transform::rules::path_tree`] supports.
fn usual_destination() -> impl Strategy<Value = Value> {
    let path = select(vec![
        "event.properties.topic",
        "event.userId",
        "event.integrations.KAFKA.topic",
        "event.integrations.KAFKA.schemaId",
        "event.context.traits.timestamp",
        "event.context.mappedToDestination",
        "event.traits.timestamp",
        "event.list.length",
        "event.a.b",
        "event.b.c.d",
        "event.type",
        "metadata.rudderId",
        "metadata.sourceId",
    ]);
    let templates = proptest::collection::vec(path, 1..6);
    templates.prop_map(|paths| {
        let fields = paths.iter().zip(["topic", "enableMultiTopic", "port", "x", "y"]);
        let config: Map<String, Value> =
            fields.map(|(path, name)| (name.to_owned(), json!(format!("{{{{ {path} || d }}}}")))).collect();
        json!({ "Config": config })
    })
}

/// Generates a path of one to three names below `event`, `message`, `metadata` or `n1`. There are only a few names, so
/// many paths are equal or share names.
fn short_path() -> impl Strategy<Value = String> {
    let name = || (0..14).prop_map(|name| format!("n{name}"));
    (select(vec!["event", "message", "metadata", "n1"]), proptest::collection::vec(name(), 1..4))
        .prop_map(|(root, names)| format!("{root}.{}", names.join(".")))
}

/// Generates an event with up to 60 templates. The names in their paths also occur in the message and the metadata.
fn event_with_many_templates() -> impl Strategy<Value = Value> {
    let template = || short_path().prop_map(|path| json!(format!("{{{{ {path} || n3 }}}}")));
    let value = prop_oneof![
        4 => select(vec![json!(""), json!("n3"), json!(0), json!(null), json!([]), json!({"n1": ""}), json!({"n2": [7]})]),
        1 => special(),
    ];
    let names = &[
        "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12", "n13", "n1.n2", "n2.n1",
        "type", "event",
    ];
    let nested = || object(names, prop_oneof![2 => value.clone(), 1 => object(names, value.clone().boxed())].boxed());
    let templates = proptest::collection::vec(template(), 0..60);
    let entries = proptest::collection::vec((template(), template()), 0..12);
    (nested(), nested(), templates, entries, template()).prop_map(|(message, metadata, templates, entries, topic)| {
        let map: Vec<Value> = entries.into_iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        let config = json!({ "x": templates, "enableMultiTopic": true, "eventToTopicMap": map, "topic": topic });
        let mut message = message;
        if message["n7"].is_null() {
            // Few generated messages are track events, but only track events use the map.
            message["type"] = json!("track");
        }
        json!({ "message": message, "metadata": metadata, "destination": { "Config": config }, "n1": { "n1": 1 } })
    })
}

fn metadata() -> impl Strategy<Value = Value> {
    object(&["rudderId", "sourceId", "jobId", "destinationId", "workspaceId"], special().boxed())
}

/// Generates events from these parts: message, metadata and destination.
fn event_of(parts: [BoxedStrategy<Value>; 3]) -> impl Strategy<Value = Value> {
    (parts, proptest::option::of(special())).prop_map(|([message, metadata, destination], connection)| {
        let mut event = json!({ "message": message, "metadata": metadata, "destination": destination });
        if let Some(connection) = connection {
            event["connection"] = json!({ "config": connection });
        }
        event
    })
}

/// Generates events that are valid unless a template rejects them.
pub fn good_event(destination: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    event_of([message().boxed(), metadata().boxed(), destination.boxed()])
}

/// Generates mostly valid events, and some invalid ones.
fn event(destination: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let part = |good: BoxedStrategy<Value>| prop_oneof![12 => good, 1 => special()].boxed();
    let mostly_good = event_of([part(message().boxed()), part(metadata().boxed()), part(destination.boxed())]);
    prop_oneof![12 => mostly_good, 1 => special()]
}

/// Generates batches in which neighboring events often have the same destination, as in real batches.
pub fn events() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(destination(), 1..3)
        .prop_flat_map(|destinations| proptest::collection::vec(event(select(destinations)), 0..12))
}

pub fn family() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0_usize), 1 => Just(1_usize), 1 => Just(2_usize)]
}

fn served(index: usize) -> &'static Family {
    Family::by_name(NAMES[index].path).expect("a family")
}

pub fn transform(family: usize, body: &str, form: PayloadFormat) -> processor::Response {
    processor::respond(served(family), body, form, QUERY, LIMITS).expect("a valid body")
}

pub fn responses(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_with_many_templates_match_the_reference_implementation(event in event_with_many_templates()) {
        let response = transform(0, &Value::from(vec![event.clone()]).to_string(), PayloadFormat::Plain);
        let expected = oracle::transform(&NAMES[0], &event, &json!({}));
        let actual = responses(&response.body);
        prop_assert_eq!(response.tally.rejected[Rejection::TemplatesTooComplex as usize], 0);
        prop_assert!(oracle::agrees(&actual[0], &event, &expected), "event {event}\nexpected {expected:?}\n     actual {}", actual[0]);
    }

    #[test]
    fn the_transformation_matches_the_reference_implementation(events in events(), family in family()) {
        let body = Value::from(events.clone());
        let query = json!({ "topic": "q 1", "n": ["1", "2"] });
        let expected: Vec<_> = events.iter().map(|event| oracle::transform(&NAMES[family], event, &query)).collect();
        // Whitespace does not affect the responses.
        for text in [body.to_string(), serde_json::to_string_pretty(&body).expect("JSON")] {
            let response = transform(family, &text, PayloadFormat::Plain);
            let actual = responses(&response.body);
            prop_assert_eq!(actual.len(), events.len());
            for ((actual, event), expected) in actual.iter().zip(&events).zip(&expected) {
                prop_assert!(oracle::agrees(actual, event, expected), "event {event}\nexpected {expected:?}\n     actual {actual}");
            }
            let rejected = expected.iter().filter(|outcome| outcome.is_err()).count();
            prop_assert_eq!(response.tally.events, events.len() as u64);
            prop_assert_eq!(response.tally.rejected.iter().sum::<u64>(), rejected as u64);
            let transformed = (events.len() - rejected) as u64;
            prop_assert_eq!(response.tally.topics.iter().sum::<u64>(), transformed);
            prop_assert_eq!(response.tally.keys.iter().sum::<u64>(), transformed);
        }
    }

    #[test]
    fn templates_get_the_same_values_from_the_path_tree_and_from_single_lookups(
        event in prop_oneof![good_event(usual_destination()), event_with_many_templates()],
    ) {
        // A path of several names could refer to a name with a dot, so the path tree is not used for this event.
        let mut dotted = event.clone();
        dotted["x.y"] = json!(0);
        let [found, looked_up] =
            [event, dotted].map(|event| transform(0, &json!([event]).to_string(), PayloadFormat::Plain));
        prop_assert_eq!(found.body, looked_up.body);
        prop_assert_eq!(found.tally, looked_up.tally);
    }

    #[test]
    fn the_batch_endpoint_matches_the_reference_implementation(events in events()) {
        let body = json!({ "destType": "kafka", "input": events }).to_string();
        let response = batch::respond(&body, PayloadFormat::Plain, LIMITS).expect("a valid body");
        let actual = responses(&response.body);
        let groups: Vec<Value> = actual.iter().filter(|entry| entry["batched"] == true).cloned().collect();
        let (grouped, expected) = (Value::from(groups.clone()), oracle::batch(&events));
        prop_assert!(oracle::same(&grouped, &expected), "{grouped} instead of {expected}");
        prop_assert_eq!(response.tally.events, events.len() as u64);
        let delivered: usize = groups.iter().map(|group| group["metadata"].as_array().map_or(0, Vec::len)).sum();
        let rejected = response.tally.rejected.iter().sum::<u64>() as usize;
        prop_assert_eq!(delivered + rejected, events.len());
        prop_assert_eq!(actual.len() - groups.len(), rejected);
    }

    #[test]
    fn a_message_that_no_rule_changes_keeps_all_its_bytes(
        messages in proptest::collection::vec(raw_object(), 1..6),
        space in space(),
    ) {
        let mut body = String::from("[");
        for (index, message) in messages.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(body, r#"{comma}{space}{{"message":{space}{message}{space},"metadata":{{"jobId":{index}.0}},"#).expect("text");
            body.push_str(r#""destination":{"Config":{"topic":"t"}}}"#);
        }
        body.push(']');
        let response = transform(0, &body, PayloadFormat::Plain).body;
        let mut rest = response.as_str();
        for (index, message) in messages.iter().enumerate() {
            let expected = format!(r#""message":{message},"userId":"#);
            let at = rest.find(&expected);
            prop_assert!(at.is_some(), "{message} is not in {rest}");
            rest = &rest[at.unwrap_or(0) + expected.len()..];
            let metadata = format!(r#""metadata":{{"jobId":{index}.0,"rudderId":"undefined<<>>t"}}"#);
            prop_assert!(rest.contains(&metadata));
        }
    }

    #[test]
    fn transforming_arbitrary_text_does_not_panic(text in any_text(), compacted: bool) {
        let form = if compacted { PayloadFormat::Compacted } else { PayloadFormat::Plain };
        if let Ok(response) = processor::respond(served(0), &text, form, QUERY, LIMITS) {
            prop_assert_eq!(responses(&response.body).len() as u64, response.tally.events);
        }
        let _ = batch::respond(&text, form, LIMITS);
        // The reader must accept the same texts as serde_json.
        prop_assert_eq!(Raw::parse(&text).is_ok(), explain(&text).is_none());
    }

    #[test]
    fn numbers_are_formatted_as_in_javascript(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let text = Value::from(number).to_string();
        let raw = Raw::parse(&text).expect("a number");
        let string = javascript::JsString::of(Some(raw));
        let (actual, expected) = (string.escaped(), oracle::string(Some(&json!(number))));
        // If two texts of the shortest length are equally near the number, JavaScript chooses the text with the even
        // last digit, but Rust may choose the other text.
        let is_equally_near = actual.len() == expected.len() && actual.parse() == Ok(number);
        prop_assert!(actual == expected || is_equally_near, "{actual} instead of {expected}");
    }
}

/// Generates the text of objects with unusual literals, whitespace, escapes and duplicate names.
fn raw_object() -> impl Strategy<Value = String> {
    let value = select(vec![
        "1.0",
        "-0",
        "1e400",
        "12345678901234567890",
        "0.10",
        "1E+2",
        "\"\\ud800\"",
        "\"\\u0041\\/\"",
        "[ ]",
        "{ }",
        "null",
        "[1 ,\t2]",
        "{\"a\":1,\"a\":2}",
        "{\"2\":0,\"1\":0}",
        "\"ü\"",
        "true",
    ]);
    let key = select(vec!["a", "b", "10", "2", "__proto__", "\\u0061", "", "k.k", "constructor"]);
    (proptest::collection::vec((key, value, space()), 0..6), space()).prop_map(|(members, end)| {
        let members: Vec<String> =
            members.into_iter().map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}")).collect();
        format!("{{{}{end}}}", members.join(","))
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    select(vec!["", " ", "\n", "\t\r\n "])
}

/// Generates text that is usually not valid JSON: sequences of arbitrary tokens, and JSON with one character replaced
/// or removed.
fn any_text() -> impl Strategy<Value = String> {
    let tokens = proptest::collection::vec(
        select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "u",
            "0",
            "1",
            "-",
            ".",
            "e",
            "true",
            "nul",
            " ",
            "\n",
            "\u{1}",
            "\"message\":",
            "\"input\":",
            "\"metadata\":{}",
            "\"destination\":{}",
            "{}",
            "😀",
        ]),
        0..24,
    )
    .prop_map(|parts| parts.concat());
    let broken = (events(), any::<prop::sample::Index>(), select(vec!["", "\"", "}", ",", "\\", "0"])).prop_map(
        |(events, index, with)| {
            let text = Value::from(events).to_string();
            let characters: Vec<char> = text.chars().collect();
            let at = index.index(characters.len());
            characters[..at].iter().collect::<String>() + with + &characters[at + 1..].iter().collect::<String>()
        },
    );
    prop_oneof![tokens, broken]
}
