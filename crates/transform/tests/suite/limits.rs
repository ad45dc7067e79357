//! Tests the exact limits of a request (docs/reference/differences.md#limits).

use serde_json::{Value, json};
use transform::family::Family;
use transform::rejection::Rejection;
use transform::request::{BodyError, Limits, PayloadFormat, max_response_bytes};
use transform::rules::templates::{MAX_CONFIG_BYTES, MAX_PATH_NAMES, MAX_TEMPLATES};
use transform::{batch, processor, router_transform};

const LIMITS: Limits = Limits { events: 3, response_bytes: 1 << 20 };

type Response = Result<String, BodyError>;
type Endpoint = fn(&str, PayloadFormat, Limits) -> Response;

fn processor(body: &str, form: PayloadFormat, limits: Limits) -> Response {
    let family = Family::by_name("kafka").expect("a family");
    processor::respond(family, body, form, "", limits).map(|response| response.body)
}

fn batch(body: &str, form: PayloadFormat, limits: Limits) -> Response {
    batch::respond(body, form, limits).map(|response| response.body)
}

fn router_transform(body: &str, form: PayloadFormat, limits: Limits) -> Response {
    router_transform::respond(body, form, limits).map(|response| response.body)
}

fn array(event: &str, events: usize) -> String {
    format!("[{}]", vec![event; events].join(","))
}

#[test]
fn a_request_whose_response_exceeds_the_size_limit_is_rejected() {
    let event = r#"{"message":{"userId":"u"},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#;
    let input = |event: &str| format!(r#"{{"destType":"kafka","input":{}}}"#, array(event, 3));
    let all: [(Endpoint, String); 5] = [
        (processor, array(event, 1)),
        (processor, array(event, 3)),
        (processor, array("7", 3)),
        (batch, input(event)),
        (batch, input("7")),
    ];
    for (endpoint, body) in all {
        let whole = endpoint(&body, PayloadFormat::Plain, LIMITS).expect("a response").len();
        let limited = |response_bytes| endpoint(&body, PayloadFormat::Plain, Limits { response_bytes, ..LIMITS });
        assert_eq!(limited(whole).map(|response| response.len()), Ok(whole), "{body}");
        for limit in [whole - 1, whole / 2, 1] {
            assert_eq!(limited(limit), Err(BodyError::ResponseTooLarge(limit)), "{body}");
        }
    }
}

#[test]
fn a_request_with_more_events_than_the_limit_is_rejected() {
    // These bodies cover both formats, all endpoints, streaming, and reading a body completely.
    let event = r#"{"message":{},"metadata":{},"destination":{}}"#;
    let bodies: [(Endpoint, PayloadFormat, &str); 7] = [
        (processor, PayloadFormat::Plain, "EVENTS"),
        (processor, PayloadFormat::Plain, " EVENTS "),
        (processor, PayloadFormat::Compacted, r#"{"input":EVENTS,"destinations":{}}"#),
        (processor, PayloadFormat::Compacted, r#"{"destinations":{},"connections":{},"input":EVENTS}"#),
        (processor, PayloadFormat::Compacted, r#"{"connections":{},"input":EVENTS,"destinations":{}}"#),
        (batch, PayloadFormat::Plain, r#"{"destType":"kafka","input":EVENTS}"#),
        (router_transform, PayloadFormat::Plain, r#"{"destType":"kafka","input":EVENTS}"#),
    ];
    for (endpoint, form, body) in bodies {
        for event in [event, "7"] {
            let with = |events| endpoint(&body.replace("EVENTS", &array(event, events)), form, LIMITS);
            assert!(with(3).is_ok(), "{body}");
            assert_eq!(with(4), Err(BodyError::TooManyEvents(3)), "{body}");
        }
    }
}

/// Returns an event with the given number of templates, all of which find the same array. The array is empty, but its
/// text contains 100 KB of whitespace. Templates do not remove an empty array, so every template finds it again.
/// Because the message has a name with a dot, the templates are looked up one by one.
fn expensive(templates: usize) -> String {
    let message = format!(r#"{{"userId":"x","a":[{}],"a.b":1}}"#, " ".repeat(100_000));
    let config = vec![r#""{{ event.a || d }}""#; templates].join(",");
    format!(r#"{{"message":{message},"metadata":{{}},"destination":{{"Config":{{"topic":"t","x":[{config}]}}}}}}"#)
}

#[test]
fn an_event_with_too_much_template_work_is_rejected_without_affecting_others() {
    let limits = Limits { events: 100, response_bytes: 1 << 26 };
    let good =
        r#"{"message":{"userId":"u"},"metadata":{},"destination":{"Config":{"topic":"t","x":"{{ event.b || d }}"}}}"#;
    for (templates, status) in [(1, 200), (2, 200), (12, 400), (1_000, 400)] {
        let body = format!("[{}]", [&[expensive(templates)][..], &vec![good.to_owned(); 99]].concat().join(","));
        let responses: Vec<Value> =
            serde_json::from_str(&processor(&body, PayloadFormat::Plain, limits).expect("a response")).unwrap();
        assert_eq!(responses[0]["statusCode"], status, "{templates}");
        if status == 400 {
            assert_too_complex(&responses[0]);
        }
        assert!(responses[1..].iter().all(|response| response["statusCode"] == 200), "{templates}");
    }
}

#[test]
fn a_request_is_rejected_if_its_response_is_too_large_for_the_size_of_its_body() {
    let topic = "t".repeat(700_000);
    let destinations = format!(r#"{{"d":{{"Config":{{"topic":"{topic}"}}}}}}"#);
    let body = |events: usize| {
        let events = vec![r#"{"message":{},"metadata":{"destinationId":"d"}}"#; events].join(",");
        format!(r#"{{"input":[{events}],"destinations":{destinations}}}"#)
    };
    let limits = Limits { events: 100_000, response_bytes: 1 << 30 };
    assert!(processor(&body(9), PayloadFormat::Compacted, limits).is_ok());
    let limit = max_response_bytes(body(270).len());
    assert_eq!(processor(&body(270), PayloadFormat::Compacted, limits), Err(BodyError::ResponseOutOfProportion(limit)));
    let ones = array("1", 90_000);
    let limit = max_response_bytes(ones.len());
    assert_eq!(processor(&ones, PayloadFormat::Plain, limits), Err(BodyError::ResponseOutOfProportion(limit)));
    let topics: Vec<String> = (0..100)
        .map(|topic| format!(r#"{{"message":{{"topic":{topic}}},"metadata":{{"destinationId":"d"}}}}"#))
        .collect();
    let grouped = format!(r#"{{"destType":"kafka","input":[{}],"destinations":{destinations}}}"#, topics.join(","));
    let limit = max_response_bytes(grouped.len());
    assert_eq!(batch(&grouped, PayloadFormat::Compacted, limits), Err(BodyError::ResponseOutOfProportion(limit)));
}

/// Returns the response to an event with the message `message` and a destination with the Config `config`.
fn filled(message: &str, config: &str) -> Value {
    let event = format!(r#"{{"message":{message},"metadata":{{}},"destination":{{"Config":{config}}}}}"#);
    let limits = Limits { response_bytes: 1 << 26, ..LIMITS };
    let response = processor(&array(&event, 1), PayloadFormat::Plain, limits).expect("a response");
    serde_json::from_str::<Value>(&response).expect("JSON")[0].take()
}

fn assert_too_complex(response: &Value) {
    assert_eq!(
        (&response["statusCode"], &response["error"]),
        (&json!(400), &json!(Rejection::TemplatesTooComplex.text()))
    );
}

#[test]
fn events_whose_config_is_too_large_or_has_too_many_templates_are_rejected() {
    let many = |count| format!(r#"{{"topic":"t","x":[{}]}}"#, vec![r#""{{ event.a || d }}""#; count].join(","));
    assert_eq!(filled("{}", &many(MAX_TEMPLATES))["output"]["topic"], "t");
    assert_too_complex(&filled("{}", &many(MAX_TEMPLATES + 1)));

    let long = |names| format!(r#"{{"topic":"{{{{ event{} || d }}}}"}}"#, ".a".repeat(names - 1));
    assert_eq!(filled("{}", &long(MAX_PATH_NAMES))["output"]["topic"], "d");
    assert_too_complex(&filled("{}", &long(MAX_PATH_NAMES + 1)));

    let large = |bytes| {
        let config = |padding: usize| format!(r#"{{"topic":"{{{{ event.a || d }}}}","x":"{}"}}"#, "x".repeat(padding));
        config(bytes - config(0).len())
    };
    assert_eq!(filled("{}", &large(MAX_CONFIG_BYTES))["output"]["topic"], "d");
    assert_too_complex(&filled("{}", &large(MAX_CONFIG_BYTES + 1)));
    // The size of a Config without templates is not limited.
    let topic = format!(r#"{{"topic":"t","x":"{}"}}"#, "x".repeat(MAX_CONFIG_BYTES));
    assert_eq!(filled("{}", &topic)["output"]["topic"], "t");
}

#[test]
fn an_event_is_rejected_if_templates_make_its_topic_setting_too_large() {
    let config = r#"{"topic":"{{ event.a || d }}"}"#;
    let value = |bytes: usize| "v".repeat(bytes - r#""""#.len());
    let message = |bytes: usize| json!({ "a": value(bytes) }).to_string();
    let max = MAX_CONFIG_BYTES - config.len();
    assert_eq!(filled(&message(max), config)["output"]["topic"], value(max));
    assert_too_complex(&filled(&message(max + 1), config));
}

#[test]
fn a_template_value_above_the_size_limit_counts_as_not_empty() {
    let config = r#"{"x":"{{ event.a || d }}"}"#;
    let message = |bytes: usize| format!(r#"{{"a":[{}]}}"#, " ".repeat(bytes - "[]".len()));
    assert_eq!(filled(&message(MAX_CONFIG_BYTES), config)["output"]["message"], json!({ "a": [] }));
    assert_eq!(filled(&message(MAX_CONFIG_BYTES + 1), config)["output"]["message"], json!({}));
}
