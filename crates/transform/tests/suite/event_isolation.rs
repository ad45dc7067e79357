//! Tests that the response to an event does not depend on other events, on the event's position, on how events are
//! split into batches, or on the thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use transform::request::PayloadFormat;

use crate::properties::{destination, events, family, good_event, responses, special, transform};

fn responded(family: usize, events: &[Value]) -> Vec<Value> {
    responses(&transform(family, &Value::from(events.to_vec()).to_string(), PayloadFormat::Plain).body)
}

fn alone(family: usize, event: &Value) -> Value {
    responded(family, std::slice::from_ref(event)).remove(0)
}

/// The number of times that a test rotates the neighbors of an event.
const ROTATIONS: usize = 4;

/// Returns the fields that determine the topic, the partition and the order of delivery.
fn routing(response: &Value) -> [Option<&Value>; 4] {
    let output = response.get("output");
    let member = |name| output.and_then(|output| output.get(name));
    [member("topic"), member("userId"), member("schemaId"), response["metadata"].get("rudderId")]
}

/// Generates events that are rejected for various reasons, regardless of their neighbors.
fn invalid() -> impl Strategy<Value = Value> {
    let event = json!({ "message": { "userId": "u" }, "metadata": { "jobId": 1, "destinationId": "d" },
        "destination": { "ID": "d", "Config": { "topic": "t" } } });
    let with = |member: &str, value: Value| {
        let mut event = event.clone();
        event[member] = value;
        event
    };
    let template = |text: &str| with("destination", json!({ "Config": { "topic": text } }));
    select(vec![
        json!(null),
        json!(7),
        json!("event"),
        json!([event]),
        json!({}),
        with("metadata", json!(null)),
        with("metadata", json!("m")),
        with("message", json!("m")),
        with("message", json!([{}])),
        with("destination", json!(null)),
        with("destination", json!([])),
        template("{{ message || x }}"),
        template("{{ metadata || x }}"),
        template(&format!("{{{{ a{} || x }}}}", ".a".repeat(200))),
    ])
}

/// Generates valid and invalid events in any order. The flag of each event is true if the event is invalid.
fn mixed() -> impl Strategy<Value = Vec<(bool, Value)>> {
    proptest::collection::vec(destination(), 1..3).prop_flat_map(|destinations| {
        let good = good_event(select(destinations)).prop_map(|event| (false, event));
        let invalid = invalid().prop_map(|event| (true, event));
        proptest::collection::vec(prop_oneof![2 => good, 1 => invalid], 0..16)
    })
}

/// Returns events that differ from `event` in at most one field. If the transformation reused a value of one of these
/// events for another event, a response would be wrong.
fn near_duplicates(event: &Value) -> Vec<Value> {
    let changed = |pointer: &str, name: &str, value: Value| {
        let mut event = event.clone();
        if let Some(Value::Object(members)) = event.pointer_mut(pointer) {
            members.insert(name.to_owned(), value);
        }
        event
    };
    vec![
        event.clone(),
        changed("/message", "userId", json!("another")),
        changed("/message", "integrations", json!({ "KAFKA": { "topic": "another" } })),
        changed("/metadata", "rudderId", json!("another")),
        changed("/metadata", "destinationId", json!("another")),
        changed("/destination/Config", "topic", json!("another")),
        changed("/destination", "ID", json!("another")),
    ]
}

/// Returns a compacted body whose fields are in the order `order`. The metadata and destination of each event must be
/// objects, and the metadata must have IDs.
fn compacted(events: &[Value], order: [&str; 3]) -> String {
    let (mut destinations, mut connections, mut input) = (Map::new(), Map::new(), Vec::new());
    for event in events {
        let id = |name: &str| event["metadata"][name].as_str().expect("an id").to_owned();
        let mut members = event.as_object().expect("an event").clone();
        destinations.insert(id("destinationId"), members.remove("destination").expect("a destination"));
        if let Some(connection) = members.remove("connection") {
            connections.insert(format!("{}:{}", id("sourceId"), id("destinationId")), connection);
        }
        input.push(Value::Object(members));
    }
    let mut all = json!({ "input": input, "destinations": destinations, "connections": connections });
    let members: Map<_, _> = order.into_iter().map(|name| (name.to_owned(), all[name].take())).collect();
    Value::Object(members).to_string()
}

/// Returns the events that the compacted format can represent, with new IDs in their metadata. Events with equal
/// destinations get the same destination ID.
fn identified(events: &[Value]) -> Vec<Value> {
    let mut texts: Vec<String> = Vec::new();
    let mut identified = Vec::new();
    for (index, event) in events.iter().enumerate() {
        if !event["metadata"].is_object() || !event["destination"].is_object() {
            continue;
        }
        let text = event["destination"].to_string();
        let place = texts.iter().position(|other| *other == text).unwrap_or_else(|| {
            texts.push(text);
            texts.len() - 1
        });
        let mut event = event.clone();
        event["metadata"]["sourceId"] = format!("s{index}").into();
        event["metadata"]["destinationId"] = format!("d{place}").into();
        identified.push(event);
    }
    identified
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invalid_events_do_not_affect_other_events(mixed in mixed(), family in family()) {
        let events: Vec<Value> = mixed.iter().map(|(_, event)| event.clone()).collect();
        let response = transform(family, &Value::from(events).to_string(), PayloadFormat::Plain);
        let actual = responses(&response.body);
        prop_assert_eq!(actual.len(), mixed.len());
        for ((is_invalid, event), response) in mixed.iter().zip(&actual) {
            if *is_invalid {
                prop_assert_eq!(&response["statusCode"], 400, "{} {}", event, response);
            }
            prop_assert_eq!(response, &alone(family, event));
        }
        // A template may cause the rejection of an event that was generated as valid.
        let rejected = actual.iter().filter(|response| response["statusCode"] == 400).count();
        prop_assert!(rejected >= mixed.iter().filter(|(is_invalid, _)| *is_invalid).count());
        prop_assert_eq!(response.tally.rejected.iter().sum::<u64>(), rejected as u64);
    }

    #[test]
    fn responses_do_not_depend_on_how_events_are_split_into_batches(
        batches in proptest::collection::vec(events(), 1..4),
        sizes in proptest::collection::vec(1_usize..5, 1..6),
        family in family(),
    ) {
        let each: Vec<Value> = batches.iter().flat_map(|events| responded(family, events)).collect();
        let events = batches.concat();
        prop_assert_eq!(&responded(family, &events), &each);
        let mut sizes = sizes.into_iter().cycle();
        let mut rest = &events[..];
        let mut split = Vec::new();
        while !rest.is_empty() {
            let (first, remaining) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
            split.extend(responded(family, first));
            rest = remaining;
        }
        prop_assert_eq!(&split, &each);
        let singly: Vec<Value> = events.iter().map(|event| alone(family, event)).collect();
        prop_assert_eq!(&singly, &each);
    }

    #[test]
    fn plain_and_compacted_requests_get_the_same_responses(events in events(), family in family()) {
        let events = identified(&events);
        let plain = transform(family, &Value::from(events.clone()).to_string(), PayloadFormat::Plain);
        // Bodies with the first two layouts are streamed; bodies with the other two layouts are read completely.
        for order in [
            ["input", "destinations", "connections"],
            ["input", "connections", "destinations"],
            ["destinations", "connections", "input"],
            ["destinations", "input", "connections"],
        ] {
            let compacted = transform(family, &compacted(&events, order), PayloadFormat::Compacted);
            prop_assert_eq!(responses(&plain.body), responses(&compacted.body));
            prop_assert_eq!(&plain.tally, &compacted.tally);
        }
    }

    #[test]
    fn the_key_and_topic_of_an_event_do_not_depend_on_other_events(
        event in good_event(destination()),
        others in events(),
        place in any::<prop::sample::Index>(),
        family in family(),
    ) {
        let own = alone(family, &event);
        let mut neighbors = near_duplicates(&event);
        neighbors.extend(others);
        let at = place.index(neighbors.len() + 1);
        for _ in 0..ROTATIONS {
            let distance = neighbors.len() / ROTATIONS;
            neighbors.rotate_left(distance);
            let mut batch = neighbors.clone();
            batch.insert(at, event.clone());
            let response = responded(family, &batch).swap_remove(at);
            prop_assert_eq!(routing(&response), routing(&own));
        }
        // In the compacted format, neighbors with the same destination ID share a destination.
        let batch = identified(&neighbors);
        let actual = responses(&transform(family, &compacted(&batch, ["input", "destinations", "connections"]), PayloadFormat::Compacted).body);
        prop_assert_eq!(actual.len(), batch.len());
        for (event, response) in batch.iter().zip(&actual) {
            let own = alone(family, event);
            prop_assert_eq!(routing(response), routing(&own));
        }
    }

    #[test]
    fn batch_elements_that_are_not_events_do_not_affect_other_events(other in special(), event in good_event(destination())) {
        let own = alone(0, &event);
        let actual = responded(0, &[other.clone(), event.clone(), other]);
        prop_assert_eq!(&actual[0]["statusCode"], 400);
        prop_assert_eq!(&actual[0], &actual[2]);
        prop_assert_eq!(&actual[1], &own);
    }
}

/// The number of times that all threads together transform each batch.
const REPEATS: usize = 10_000;
/// The number of threads that transform the same batches.
const THREADS: usize = 4;

/// Returns generated batches, which are the same in every run.
pub fn fixed_batches() -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let batches = (0..10).map(|_| events().new_tree(&mut runner).expect("a batch").current());
    batches.map(|events| Value::from(events).to_string()).collect()
}

#[test]
fn equal_requests_get_equal_responses_on_all_threads() {
    let batches = fixed_batches();
    let first: Vec<_> = batches.iter().map(|body| transform(0, body, PayloadFormat::Plain)).collect();
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while done.fetch_add(1, Ordering::Relaxed) < REPEATS {
                    for (body, first) in batches.iter().zip(&first) {
                        assert!(transform(0, body, PayloadFormat::Plain) == *first, "{body}");
                    }
                }
            });
        }
    });
}
