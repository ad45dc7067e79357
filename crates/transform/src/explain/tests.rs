//! Compares explanations with responses and decisions.

use serde_json::{Value, json};

use super::*;
use crate::family::{AZURE_EVENT_HUB, KAFKA};
use crate::meter::Unlimited;

const LIMITS: Limits = Limits { events: 1000, response_bytes: 1 << 20 };

/// Returns the explanations of `events` as JSON. Asserts that their responses equal those of the transformation.
fn explained(family: &'static Family, events: &Value) -> Vec<Value> {
    let body = events.to_string();
    let options = Options { partitions: NonZeroU32::new(12), ..Options::default() };
    let mut explanations = Vec::new();
    let mut responses = Vec::new();
    let tally = explain(family, &body, PayloadFormat::Plain, "", LIMITS, options, &Unlimited, |explanation| {
        explanations.push(serde_json::to_value(explanation).unwrap());
        responses.push(explanation.response.to_owned());
        ControlFlow::Continue(())
    });
    let response = processor::respond(family, &body, PayloadFormat::Plain, "", LIMITS).unwrap();
    assert_eq!(format!("[{}]", responses.join(",")), response.body);
    assert_eq!(tally, Ok(response.tally));
    explanations
}

fn one(message: Value, config: Value) -> Value {
    let event = json!({ "message": message, "metadata": {}, "destination": { "Config": config } });
    explained(&KAFKA, &json!([event])).remove(0)
}

/// Returns the rule that chose the topic, and each skipped rule with its reason.
fn rules(explanation: &Value) -> (String, Vec<String>) {
    let topic = &explanation["topic"];
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let skipped = topic["skipped"].as_array().unwrap().iter();
    (word(&topic["rule"]), skipped.map(|rule| format!("{}: {}", word(&rule["rule"]), word(&rule["reason"]))).collect())
}

fn assert_rules(message: Value, config: Value, rule: &str, skipped: &[&str]) {
    let input = format!("{message} {config}");
    let explanation = one(message, config);
    assert_eq!(rules(&explanation), (rule.to_owned(), skipped.iter().map(ToString::to_string).collect()), "{input}");
}

#[test]
fn skipped_topic_rules_are_explained_in_order_with_their_reasons() {
    let config = json!({ "topic": "t", "enableMultiTopic": true,
        "eventTypeToTopicMap": [{ "from": "identify", "to": "people" }, { "from": "page", "to": "" }],
        "eventToTopicMap": [{ "from": "Paid", "to": "money" }, { "from": "Left", "to": null }] });
    let no_integrations = "integrations: integrations_missing";
    let is_track = "event_type: type_is_track";
    let no_track = "event_name: type_is_not_track";
    for (message, rule, skipped) in [
        (json!({ "integrations": { "Kafka": { "topic": "x" } } }), "integrations", vec![]),
        (json!({ "type": "identify" }), "event_type", vec![no_integrations]),
        (json!({ "type": "track", "event": "Paid" }), "event_name", vec![no_integrations, is_track]),
        (
            json!({ "type": "track", "event": "Left" }),
            "default",
            vec![no_integrations, is_track, "event_name: event_entry_empty"],
        ),
        (
            json!({ "type": "track", "event": "paid" }),
            "default",
            vec![no_integrations, is_track, "event_name: event_without_entry"],
        ),
        (json!({ "type": "track" }), "default", vec![no_integrations, is_track, "event_name: event_missing"]),
        (json!({ "type": "page" }), "default", vec![no_integrations, "event_type: type_entry_empty", no_track]),
        (json!({ "type": "group" }), "default", vec![no_integrations, "event_type: type_without_entry", no_track]),
        (json!({ "type": "Page" }), "default", vec![no_integrations, "event_type: type_not_mapped", no_track]),
        (json!({}), "default", vec![no_integrations, "event_type: type_missing", "event_name: type_missing"]),
    ] {
        assert_rules(message, config.clone(), rule, &skipped);
    }
    let off = ["event_type: multi_topic_off", "event_name: multi_topic_off"];
    for (integrations, reason) in [
        (json!({}), "integrations_not_named"),
        (json!({ "kafka": false, "All": true }), "integrations_not_named"),
        (json!({ "KAFKA": true, "kafka": { "topic": "x" } }), "integrations_not_an_object"),
        (json!({ "kafka": { "schemaId": 7 } }), "integrations_without_topic"),
    ] {
        let reason = format!("integrations: {reason}");
        assert_rules(
            json!({ "integrations": integrations }),
            json!({ "topic": "t" }),
            "default",
            &[&reason, off[0], off[1]],
        );
    }
    for (config, reason) in
        [(json!({}), "default: topic_missing"), (json!({ "topic": "" }), "default: topic_not_truthy")]
    {
        assert_rules(json!({}), config, "none", &[no_integrations, off[0], off[1], reason]);
    }
    let event = json!({ "metadata": {}, "destination": { "Config": { "topic": null, "enableMultiTopic": true } } });
    let azure = explained(&AZURE_EVENT_HUB, &json!([event])).remove(0);
    assert_eq!(
        rules(&azure).1[1..],
        ["event_type: maps_not_supported", "event_name: maps_not_supported", "default: topic_not_truthy"]
    );
    assert_eq!(azure["topic"]["value"], Value::Null);
    let text = azure["topic"]["skipped"][1]["text"].as_str().unwrap();
    assert_eq!(text, "topic maps are read for Kafka only, not for azure_event_hub");
}

#[test]
fn the_explanation_of_a_transformed_event_contains_every_decision() {
    let message = json!({ "type": "track", "channel": "sources", "userId": "u-42", "originalTimestamp": "then",
        "properties": { "tier": "gold", "tags": [], "n": 1 } });
    let config = json!({ "topic": "{{ event.properties.tier || silver }}",
        "x": ["{{ event.properties.tags || a }}", { "y/z": "{{ event.properties.tier || \"b\" }}" }] });
    let explanation = one(message, config);
    assert_eq!(
        explanation,
        json!({
            "index": 0,
            "outcome": "transformed",
            "topic": {
                "value": "gold",
                "rule": "default",
                "text": "Config.topic",
                "skipped": [
                    { "rule": "integrations", "tried": "topic of the message's integrations", "reason": "integrations_missing", "text": "the message has no integrations" },
                    { "rule": "event_type", "tried": "Config.eventTypeToTopicMap", "reason": "multi_topic_off", "text": "Config.enableMultiTopic is not truthy" },
                    { "rule": "event_name", "tried": "Config.eventToTopicMap", "reason": "multi_topic_off", "text": "Config.enableMultiTopic is not truthy" },
                ]
            },
            "key": { "value": "u-42", "source": "user_id", "text": "message.userId", "partition": 1 },
            "timestamp": { "applied": true, "from": "message.originalTimestamp", "value": "then", "changed": true,
                "text": "set from message.originalTimestamp" },
            "templates": [
                { "pointer": "/topic", "path": "message.properties.tier", "default": "silver", "found": true,
                  "value": "gold", "removed": "message.properties.tier" },
                { "pointer": "/x/0", "path": "message.properties.tags", "default": "a", "found": true,
                  "value": [], "removed": null },
                { "pointer": "/x/1/y~1z", "path": "message.properties.tier", "default": "b", "found": false,
                  "value": "b", "removed": null },
            ],
            "response": "{\"output\":{\"message\":{\"type\":\"track\",\"channel\":\"sources\",\"userId\":\"u-42\",\
                \"originalTimestamp\":\"then\",\"properties\":{\"tags\":[],\"n\":1},\"timestamp\":\"then\"},\
                \"userId\":\"u-42\",\"topic\":\"gold\"},\"metadata\":{\"rudderId\":\"undefined<<>>gold\"},\"statusCode\":200}"
        })
    );
}

#[test]
fn the_explanation_of_a_rejected_event_omits_later_decisions() {
    let explanations = explained(
        &KAFKA,
        &json!([
            null,
            { "metadata": {}, "message": { "type": "x" }, "destination": { "Config": { "topic": "{{ message || x }}" } } },
            { "metadata": {}, "message": {}, "destination": { "Config": {} } }
        ]),
    );
    assert_eq!(
        explanations[0]["rejection"],
        json!({ "code": "event_not_an_object", "text": "the event is not a JSON object", "errorType": "instrumentation" })
    );
    assert_eq!(
        explanations[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["index", "outcome", "rejection", "templates", "response"]
    );
    assert_eq!(explanations[1]["rejection"]["code"], "template_takes_all");
    assert_eq!(explanations[1]["templates"][0]["rejected"], true);
    assert_eq!(explanations[1]["templates"][0]["value"], Value::Null);
    assert_eq!(explanations[2]["outcome"], "undeliverable");
    assert_eq!(explanations[2]["problems"][1]["code"], "no_topic");
    assert_eq!(explanations[2]["index"], 2);
    assert_eq!(explanations[2]["key"]["source"], "empty");
}

#[test]
fn the_result_of_the_timestamp_rule_is_explained() {
    for (message, reason) in [
        (json!({ "type": "track" }), "channel_not_sources"),
        (json!({ "channel": "sources", "type": "page" }), "type_not_stamped"),
        (
            json!({ "channel": "sources", "type": "track", "context": { "mappedToDestination": 1 } }),
            "mapped_to_destination",
        ),
    ] {
        let timestamp = one(message, json!({}))["timestamp"].take();
        assert_eq!((&timestamp["applied"], &timestamp["reason"]), (&json!(false), &json!(reason)));
    }
    let none = one(json!({ "channel": "sources", "type": "track" }), json!({}))["timestamp"].take();
    assert_eq!(
        none,
        json!({ "applied": true, "from": null, "value": null, "changed": true, "text": "no field contains a usable timestamp, so the timestamp is null" })
    );
    let same = one(json!({ "channel": "sources", "type": "track", "timestamp": 1 }), json!({}))["timestamp"].take();
    assert_eq!((&same["changed"], &same["text"]), (&json!(false), &json!("unchanged, equal to message.timestamp")));
}

#[test]
fn explained_values_keep_their_exact_text_and_long_values_are_truncated() {
    let long = "ü".repeat(MAX_VALUE_BYTES);
    let body = format!(
        r#"[{{"message":{{"userId":"\ud800","a":{{"n":1.0e400}},"b":"{long}"}},"metadata":{{}},"destination":{{"Config":{{
            "topic":["\udfff",1.0],"p":"{{{{ event.a || x }}}}","q":"{{{{ event.b || x }}}}","r":"{{{{ event.c || {long} }}}}"}}}}}}]"#
    );
    let mut text = String::new();
    explain(&KAFKA, &body, PayloadFormat::Plain, "", LIMITS, Options::default(), &Unlimited, |explanation| {
        text = serde_json::to_string(explanation).unwrap();
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(text.contains(r#""topic":{"value":["\udfff",1.0]"#), "{text}");
    assert!(text.contains(r#""value":{"n":1.0e400},"removed":"message.a""#), "{text}");
    assert!(text.contains("\"key\":{\"value\":\"\u{fffd}\""), "{text}");
    assert!(!text.contains("partition"), "{text}");
    let cut = format!("\"value\":\"\\\"{}…\",\"valueCut\":true", "ü".repeat((MAX_VALUE_BYTES - 1) / 2));
    assert_eq!(text.matches(&cut).count(), 2, "{text}");
}

#[test]
fn explaining_stops_if_the_callback_returns_break() {
    let mut seen = 0;
    let tally = explain(&KAFKA, "[1,2,3]", PayloadFormat::Plain, "", LIMITS, Options::default(), &Unlimited, |_| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((seen, tally.unwrap().events), (2, 2));
}
