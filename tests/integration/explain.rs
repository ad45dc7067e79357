//! `POST /explain`: explanations match the service's responses, and malformed or oversized input is rejected.

use golden::case::Request;
use serde_json::{Value, json};
use transform::endpoint::{CONTENT_FORMAT, form_named};
use transform::explain::problem::ProblemCode;
use transform::family::Family;
use transform::reason::Reason;
use transform::request::PayloadFormat;

use crate::explain_consistency::assert_consistent;
use crate::golden::{fixtures, recorded};
use crate::logs::Service;
use crate::server::{Response, Server};

/// The family, format, query and body of a processor request.
type ProcessorRequest = (&'static Family, PayloadFormat, String, String);

fn processor_request(request: &Request) -> Option<ProcessorRequest> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let name = path.trim_end_matches('/').rsplit_once("/destinations/")?.1;
    let form = form_named(request.header(CONTENT_FORMAT).map(str::as_bytes));
    let body = String::from_utf8(request.body.clone()).ok()?;
    Some((Family::by_name(name)?, form, query.to_owned(), body))
}

/// Returns every processor request in this repository with a known response.
fn known_requests() -> Vec<ProcessorRequest> {
    let own = fixtures().into_iter().map(|(_, case)| case);
    own.chain(recorded()).filter_map(|case| processor_request(&case.request)).collect()
}

#[test]
fn explanations_match_the_responses_to_all_test_requests() {
    let (mut requests, mut events) = (0, 0);
    for (family, form, query, body) in known_requests() {
        events += assert_consistent(family, form, &query, &body);
        requests += 1;
    }
    assert!(requests > 500 && events > 700, "only {requests} requests and {events} events");
}

#[test]
fn every_reason_that_explain_gives_is_documented() {
    let page = include_str!("../../docs/reference/explain.md");
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.code(), reason.text("…"));
        assert!(page.contains(&row), "docs/reference/explain.md does not list {row}");
    }
    for code in ProblemCode::ALL {
        let row = format!("| `{}` | {} |", code.code(), code.pattern().replace("{}", "…"));
        assert!(page.contains(&row), "docs/reference/explain.md does not list {row}");
    }
}

#[test]
fn the_curl_command_in_the_explain_page_gets_the_response_shown_there() {
    let page = include_str!("../../docs/reference/explain.md");
    let part = |from: &str, to: &str| page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect(from).0;
    let shown: Value = serde_json::from_str(part("```json\n", "\n```")).expect("JSON");
    assert_eq!(post(part("--data '", "'\n")).json(), shown);
}

fn post(body: &str) -> Response {
    Server::shared().post("/explain", &[], body.as_bytes())
}

/// Requests an explanation of a body with one event, and returns that event's explanation.
fn printed(body: &Value) -> Value {
    let response = post(&body.to_string());
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    response.json()["events"][0].take()
}

#[test]
fn explain_accepts_both_a_bare_message_and_a_whole_event() {
    let config = json!({ "topic": "t" });
    let destination = json!({ "Config": config, "ID": "d" });
    for body in [
        json!({ "events": [{ "userId": "u" }], "destination": config }),
        json!({ "events": [{ "userId": "u" }], "destination": destination }),
        json!({ "events": [{ "message": { "userId": "u" }, "metadata": {} }], "destination": destination }),
        json!({ "events": [{ "message": { "userId": "u" }, "metadata": {}, "destination": null }], "destination": config }),
        json!({ "events": [{ "message": { "userId": "u" }, "metadata": {}, "destination": { "Config": config } }] }),
        json!({ "events": [{ "message": { "userId": "u" }, "metadata": {}, "destination": { "Config": config } }], "destination": {} }),
        json!({ "events": [{ "userId": "u" }], "destination": { "id": "d", "type": "KAFKA", "config": config } }),
        json!({ "events": [{ "batch": [{ "userId": "u" }] }], "destination": "topic: t" }),
    ] {
        let printed = printed(&body);
        assert_eq!((&printed["topic"]["value"], &printed["key"]["value"]), (&json!("t"), &json!("u")), "{body}");
    }
    let code = |body: Value| printed(&body)["rejection"]["code"].take();
    assert_eq!(code(json!({ "events": [{ "message": {} }], "destination": config })), "metadata_missing");
    assert_eq!(code(json!({ "events": [{ "userId": "u" }] })), "destination_missing");
    assert_eq!(code(json!({ "events": [["userId"]], "destination": config })), "event_not_an_object");
}

#[test]
fn explain_fills_templates_from_connection_and_query_and_keeps_json_literals() {
    let body = r#"{"events":[{"id":12345678901234567890,"userId":"\ud800"}],"connection":{"region":"eu"},
        "destination":{"topic":"t","a":"{{ request.query.a || y }}","b":"{{ connection.region || z }}"}}"#;
    let response = Server::shared().post("/explain?a=1&a=2", &[], body.as_bytes());
    let text = response.text();
    assert!(text.contains(r#"\"id\":12345678901234567890,\"userId\":\"\\ud800\""#), "{text}");
    let printed = response.json()["events"][0].take();
    let used: Vec<&Value> =
        printed["templates"].as_array().expect("templates").iter().map(|used| &used["value"]).collect();
    assert_eq!(used, [&json!(["1", "2"]), &json!("eu")]);
    assert_eq!(printed["key"]["value"], "\u{fffd}");
}

#[test]
fn explain_shows_the_partition_only_if_the_number_of_partitions_is_given() {
    for (key, partitions, partition) in
        [("u-42", json!(12), json!(1)), ("", json!(12.0), json!(5)), ("u-42", json!(1), json!(0))]
    {
        let printed = printed(&json!({ "events": [{ "userId": key }], "destination": {}, "partitions": partitions }));
        assert_eq!(printed["key"]["partition"], partition, "{key} {partitions}");
    }
    let without = printed(&json!({ "events": [{}], "destination": {} }));
    assert_eq!(without["key"].get("partition"), None);
}

#[test]
fn malformed_explain_requests_are_rejected_with_a_specific_message() {
    for (body, status, expected) in [
        ("", 400, "the body is not valid JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"events\":[\n  {\"a\":1,}\n]}", 400, "key must be a string at line 2 column 10"),
        ("[]", 400, "the body must be a JSON object with the field events"),
        ("7", 400, "the body must be a JSON object with the field events"),
        ("{}", 400, "the field events is missing or not an array"),
        (r#"{"events":"x"}"#, 400, "the field events is missing or not an array"),
        (r#"{"events":[],"family":"kinesis"}"#, 400, "family must be kafka, azure_event_hub or confluent_cloud"),
        (r#"{"events":[],"partitions":0}"#, 400, "partitions must be a whole number from 1 to 2147483647"),
        (r#"{"events":[],"destination":"x"}"#, 400, "destination: it is not JSON: expected value at line 1 column 1"),
        (r#"{"events":[],"destination":7}"#, 400, "supported formats: a destination with Config or config"),
        (r#"{"events":[],"batchBytes":0}"#, 400, "batchBytes must be a whole number from 1 to 2147483647"),
        (r#"{"events":[],"partitions":"12"}"#, 400, "partitions must be a whole number from 1 to 2147483647"),
    ] {
        let response = post(body);
        assert_eq!(response.status, status, "{body}");
        let message = response.json()["message"].take();
        assert!(message.as_str().is_some_and(|message| message.contains(expected)), "{body}: {message}");
    }
    for malformed in [&b"\x00\xff\xfe"[..], b"\x1f\x8b", &[b'['; 100_000], b"{\"events\":[\xff]}"] {
        assert_eq!(Server::shared().post("/explain", &[], malformed).status, 400);
    }
    let brotli = Server::shared().post("/explain", &[("Content-Encoding", "br")], b"{}");
    assert_eq!(brotli.status, 400);
    let zstd = Server::shared().post("/explain", &[("Content-Encoding", "zstd")], b"{}");
    assert_eq!(zstd.status, 415);
}

#[test]
fn an_explain_request_with_too_many_events_or_bytes_gets_413() {
    let events = |count| format!(r#"{{"events":[{}],"destination":{{}}}}"#, vec!["{}"; count].join(","));
    assert_eq!(post(&events(100)).status, 200);
    assert_eq!(post(&events(101)).status, 413);
    let padded = |bytes: usize| format!("{{\"events\":[]{}}}", " ".repeat(bytes - 13));
    assert_eq!(post(&padded(1 << 20)).status, 200);
    assert_eq!(post(&padded((1 << 20) + 1)).status, 413);
    // A destination that is sent once is copied into the explanation of every event.
    let config = "x".repeat(500_000);
    let filled = format!(r#"{{"events":[{}],"destination":{{"topic":"{config}"}}}}"#, vec!["{}"; 50].join(","));
    let response = post(&filled);
    assert_eq!(response.status, 413);
    assert!(response.text().contains("8388608"), "{}", response.text());
    // The values of many templates are also copied into the explanation.
    let templates = vec![format!(r#""{{{{ event.a || {} }}}}""#, "y".repeat(80)); 900].join(",");
    let printed = format!(r#"{{"events":[{}],"destination":{{"x":[{templates}]}}}}"#, vec!["{}"; 60].join(","));
    assert_eq!(post(&printed).status, 413);
    let deep = format!(r#"{{"events":[{{"a":{}{}}}],"destination":{{}}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(post(&deep).status, 200);
    let small = Server::start(&["--max-events=1", "--max-body-bytes=100"]);
    assert_eq!(small.post("/explain", &[], events(2).as_bytes()).status, 413);
    assert_eq!(small.post("/explain", &[], padded(101).as_bytes()).status, 413);
}

#[test]
fn explained_events_are_not_counted_as_transformed() {
    let server = Server::start(&[]);
    let body = json!({ "events": [{ "userId": "u" }, null], "destination": { "topic": "t" } }).to_string();
    assert_eq!(server.post("/explain", &[], body.as_bytes()).status, 200);
    for name in ["kafka_transformer_events_by_topic_rule_total", "kafka_transformer_events_rejected_total"] {
        assert_eq!(server.sum(name, &[]), 0.0, "{name}");
    }
    assert_eq!(server.sum("transformer_http_request_duration_count", &["route=\"/explain\""]), 1.0);
}

#[test]
fn the_input_of_explain_is_never_logged() {
    let service = Service::start(&[("LOG_LEVEL", "trace")]);
    let secret = "hunter2";
    let bodies = [
        format!(r#"{{"events":[{{"userId":"{secret}"}},null],"destination":{{"password":"{secret}"}}}}"#),
        format!(r#"{{"events":["{secret}"],"family":"{secret}"}}"#),
        format!(r#"{{"events":[{secret}]}}"#),
        secret.to_owned(),
    ];
    for (body, status) in bodies.iter().zip([200, 400, 400, 400]) {
        let response = service.request("POST", &format!("/explain?{secret}"), &[], body.as_bytes());
        assert_eq!(response.status, status, "{body}");
        assert!(status == 200 || !response.text().contains(secret), "{}", response.text());
    }
    let log = service.stop();
    assert!(log.contains("/explain") && !log.contains(secret), "{log}");
    assert!(!log.contains("events rejected"), "{log}");
}

#[test]
fn explain_shows_findings_of_the_destination_only_if_check_is_true() {
    let server = Server::shared();
    let explained = |check: &Value, destination: &Value| {
        let body = json!({ "events": [{ "userId": "u" }], "destination": destination, "check": check });
        server.post("/explain", &[], body.to_string().as_bytes())
    };
    let destination =
        json!({ "topic": "a b", "hostName": "h", "port": "9092", "password": "hunter2", "useSASL": true });
    let response = explained(&json!(true), &destination);
    assert!(!response.text().contains("hunter2"), "{}", response.text());
    let check = &response.json()["check"];
    let findings = check["findings"].as_array().expect("findings");
    let found = |code: &str| findings.iter().find(|finding| finding["code"] == code);
    let topic = found("topic/illegal").unwrap_or_else(|| panic!("{check}"));
    assert_eq!((&topic["severity"], &topic["pointer"]), (&json!("error"), &json!("/topic")));
    assert!(topic["message"].as_str().is_some_and(|text| text.contains("a b")), "{topic}");
    assert!(topic["advice"].is_string() && found("sasl/username-missing").is_none(), "{check}");
    assert_eq!((&check["leftOut"], &check["unavailable"]), (&json!(0), &Value::Null));
    for unchecked in [json!(false), Value::Null] {
        assert!(explained(&unchecked, &destination).json().get("check").is_none());
    }
    assert!(explained(&json!(true), &Value::Null).json().get("check").is_none(), "there is no destination");
    assert_eq!(explained(&json!("yes"), &destination).status, 400);
}
