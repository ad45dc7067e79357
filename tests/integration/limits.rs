//! The bounds of one request, which hold to the byte and to the event.

use rudder_kafka_transformer::transform::dynamic_config::{MAX_CONFIG_BYTES, MAX_PATH_NAMES, MAX_TEMPLATES};
use rudder_kafka_transformer::transform::family::Family;
use rudder_kafka_transformer::transform::rejection::Rejection;
use rudder_kafka_transformer::transform::request::{BodyError, Form, Limits};
use rudder_kafka_transformer::transform::{batch, processor, router_transform};
use serde_json::{Value, json};

const LIMITS: Limits = Limits { events: 3, answer_bytes: 1 << 20 };

type Answer = Result<String, BodyError>;
type Endpoint = fn(&str, Form, Limits) -> Answer;

fn processor(body: &str, form: Form, limits: Limits) -> Answer {
    let family = Family::by_name("kafka").expect("there is Kafka");
    processor::answer(family, body, form, "", limits).map(|answer| answer.body)
}

fn batch(body: &str, form: Form, limits: Limits) -> Answer {
    batch::answer(body, form, limits).map(|answer| answer.body)
}

fn router_transform(body: &str, form: Form, limits: Limits) -> Answer {
    router_transform::answer(body, form, limits).map(|answer| answer.body)
}

fn array(event: &str, events: usize) -> String {
    format!("[{}]", vec![event; events].join(","))
}

#[test]
fn an_answer_may_be_as_large_as_the_limit_and_no_larger() {
    let event = r#"{"message":{"userId":"u"},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#;
    let input = |event: &str| format!(r#"{{"destType":"kafka","input":{}}}"#, array(event, 3));
    let all: [(Endpoint, String); 5] = [
        (processor, array(event, 1)),
        (processor, array(event, 3)),
        (processor, array("7", 3)),
        (batch, input(event)),
        (batch, input("7")),
    ];
    for (answer, body) in all {
        let whole = answer(&body, Form::Plain, LIMITS).expect("an answer").len();
        let limited = |answer_bytes| answer(&body, Form::Plain, Limits { answer_bytes, ..LIMITS });
        assert_eq!(limited(whole).map(|answer| answer.len()), Ok(whole), "{body}");
        for limit in [whole - 1, whole / 2, 1] {
            assert_eq!(limited(limit), Err(BodyError::AnswerTooLarge(limit)), "{body}");
        }
    }
}

#[test]
fn as_many_events_as_the_limit_are_answered_and_no_more() {
    // Walked and read as a whole, in both forms and on each endpoint.
    let event = r#"{"message":{},"metadata":{},"destination":{}}"#;
    let bodies: [(Endpoint, Form, &str); 7] = [
        (processor, Form::Plain, "EVENTS"),
        (processor, Form::Plain, " EVENTS "),
        (processor, Form::Compacted, r#"{"input":EVENTS,"destinations":{}}"#),
        (processor, Form::Compacted, r#"{"destinations":{},"connections":{},"input":EVENTS}"#),
        (processor, Form::Compacted, r#"{"connections":{},"input":EVENTS,"destinations":{}}"#),
        (batch, Form::Plain, r#"{"destType":"kafka","input":EVENTS}"#),
        (router_transform, Form::Plain, r#"{"destType":"kafka","input":EVENTS}"#),
    ];
    for (answer, form, body) in bodies {
        for event in [event, "7"] {
            let with = |events| answer(&body.replace("EVENTS", &array(event, events)), form, LIMITS);
            assert!(with(3).is_ok(), "{body}");
            assert_eq!(with(4), Err(BodyError::TooManyEvents(3)), "{body}");
        }
    }
}

#[test]
fn templates_may_work_as_much_as_a_body_of_this_size_allows() {
    // An empty value is not removed, so that every template finds it again.
    let message = format!(r#"{{"a":[{}]}}"#, " ".repeat(100_000));
    let worked = |templates: usize| {
        let config = vec![r#""{{ event.a || d }}""#; templates].join(",");
        let event = format!(r#"{{"message":{message},"metadata":{{}},"destination":{{"Config":{{"x":[{config}]}}}}}}"#);
        processor(&array(&event, 1), Form::Plain, LIMITS)
    };
    assert!(worked(25).is_ok());
    assert_eq!(worked(50), Err(BodyError::TooMuchWork));
}

/// The answer to an event with a message, for a destination with a Config.
fn filled(message: &str, config: &str) -> Value {
    let event = format!(r#"{{"message":{message},"metadata":{{}},"destination":{{"Config":{config}}}}}"#);
    let limits = Limits { answer_bytes: 1 << 26, ..LIMITS };
    let answer = processor(&array(&event, 1), Form::Plain, limits).expect("an answer");
    serde_json::from_str::<Value>(&answer).expect("JSON")[0].take()
}

fn assert_too_complex(answer: &Value) {
    assert_eq!((&answer["statusCode"], &answer["error"]), (&json!(400), &json!(Rejection::TemplatesTooComplex.text())));
}

#[test]
fn a_config_may_hold_as_many_templates_and_bytes_as_its_limits_allow() {
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
    // Without a template it may be of any size.
    let topic = format!(r#"{{"topic":"t","x":"{}"}}"#, "x".repeat(MAX_CONFIG_BYTES));
    assert_eq!(filled("{}", &topic)["output"]["topic"], "t");
}

#[test]
fn what_templates_give_a_topic_has_a_limit() {
    let config = r#"{"topic":"{{ event.a || d }}"}"#;
    let value = |bytes: usize| "v".repeat(bytes - r#""""#.len());
    let message = |bytes: usize| json!({ "a": value(bytes) }).to_string();
    let most = MAX_CONFIG_BYTES - config.len();
    assert_eq!(filled(&message(most), config)["output"]["topic"], value(most));
    assert_too_complex(&filled(&message(most + 1), config));
}

#[test]
fn only_what_is_not_too_large_is_found_empty() {
    let config = r#"{"x":"{{ event.a || d }}"}"#;
    let message = |bytes: usize| format!(r#"{{"a":[{}]}}"#, " ".repeat(bytes - "[]".len()));
    assert_eq!(filled(&message(MAX_CONFIG_BYTES), config)["output"]["message"], json!({ "a": [] }));
    assert_eq!(filled(&message(MAX_CONFIG_BYTES + 1), config)["output"]["message"], json!({}));
}
