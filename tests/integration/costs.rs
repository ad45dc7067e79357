//! What a body costs, by counting: bytes looked at, and bytes held at once compared with those reserved. Both are held to a
//! fixed multiple of body and response, on bodies that were made to be expensive and on generated ones.

use std::cell::Cell;
use std::fmt::Write as _;

use proptest::prelude::*;
use rudder_kafka_transformer::transform::family::KAFKA;
use rudder_kafka_transformer::transform::meter::{Halt, Meter};
use rudder_kafka_transformer::transform::probe;
use rudder_kafka_transformer::transform::request::{BodyError, Form, Limits, max_answer_bytes};
use rudder_kafka_transformer::transform::{batch, processor, router_transform};
use serde_json::Value;

use crate::allocations::peak_of;
use crate::properties::events;

const LIMITS: Limits = Limits { events: 100_000, answer_bytes: 1 << 30 };

/// Bytes looked at for each byte of body and response.
const LOOKED_AT_PER_BYTE: u64 = 80;
/// Bytes that may be reserved for each byte of body and response: an event of one byte is a list entry of 300, twice.
const RESERVED_PER_BYTE: usize = 700;
/// What every request may cost.
const BASE: usize = 64 << 10;

/// Grants everything, and notes how much.
#[derive(Default)]
struct Noted(Cell<usize>);

impl Meter for Noted {
    fn reserve(&self, bytes: usize) -> Result<(), Halt> {
        self.0.set(self.0.get() + bytes);
        Ok(())
    }

    fn checkpoint(&self, _work: u64) -> Result<(), Halt> {
        Ok(())
    }
}

type Endpoint = fn(&str, Form, &dyn Meter) -> Result<String, BodyError>;

fn transformed(body: &str, form: Form, meter: &dyn Meter) -> Result<String, BodyError> {
    processor::answer_within(&KAFKA, body, form, "", LIMITS, meter).map(|answer| answer.body)
}

fn batched(body: &str, form: Form, meter: &dyn Meter) -> Result<String, BodyError> {
    batch::answer_within(body, form, LIMITS, meter).map(|answer| answer.body)
}

fn routed(body: &str, form: Form, meter: &dyn Meter) -> Result<String, BodyError> {
    router_transform::answer_within(body, form, LIMITS, meter).map(|answer| answer.body)
}

#[track_caller]
fn assert_bounded(name: &str, endpoint: Endpoint, body: &str, form: Form) {
    let meter = Noted::default();
    _ = probe::take();
    let (held, answer) = peak_of(|| endpoint(body, form, &meter));
    let (looked_at, reserved) = (probe::take(), meter.0.get());
    let answered = match answer {
        Ok(answer) => answer.len(),
        Err(BodyError::AnswerOutOfProportion(_)) => max_answer_bytes(body.len()),
        Err(_) => 0,
    };
    let bytes = body.len() + answered;
    let of = format!("{name}: {} bytes and {answered} of response", body.len());
    assert!(looked_at <= LOOKED_AT_PER_BYTE * bytes as u64 + BASE as u64, "{of}: looked at {looked_at}");
    assert!(held <= reserved + reserved / 4 + BASE, "{of}: held {held}, reserved {reserved}");
    assert!(reserved <= RESERVED_PER_BYTE * bytes + BASE, "{of}: reserved {reserved}");
}

fn event(message: &str) -> String {
    format!(r#"{{"message":{message},"metadata":{{"destinationId":"d"}}}}"#)
}

fn compacted(event: &str, events: usize, config: &str) -> String {
    let events = vec![event; events].join(",");
    format!(r#"{{"destType":"kafka","input":[{events}],"destinations":{{"d":{{"ID":"d","Config":{config}}}}}}}"#)
}

/// A list of `items`, made of their numbers.
fn list(items: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for index in 0..items {
        _ = write!(list, "{}{}", if index > 0 { "," } else { "" }, item(index));
    }
    list
}

/// Bodies that cost out of proportion once, or were made to try it.
fn hostile() -> Vec<(&'static str, String)> {
    let track = event(r#"{"type":"track","event":"x"}"#);
    let zeros = format!("0.{}", "0".repeat(50_000));
    let map = |entries: &str| format!(r#"{{"enableMultiTopic":true,"topic":"t","eventToTopicMap":[{entries}]}}"#);
    let entries = list(5_000, |name| format!(r#"{{"from":"n{name}","to":"t"}}"#));
    let templated = format!(r#"{entries},{{"from":"{{{{ event.a || x }}}}","to":"{{{{ event.b || y }}}}"}}"#);
    let mixed = format!(r#"{{"from":["{{{{ event.a || x }}}}",{}],"to":"y"}}"#, list(5_000, |n| n.to_string()));
    let templates = |count: usize, path: &str| {
        format!(r#"{{"topic":"t","x":[{}]}}"#, list(count, |_| format!(r#""{{{{ {path} || d }}}}""#)))
    };
    let wide = (0..10).fold("1".to_owned(), |inner, _| format!(r#"{{"a":{inner}{}}}"#, r#","":0"#.repeat(5_000)));
    let hidden = list(500, |name| format!(r#""k{name}":1"#));
    let shown = list(500, |name| format!(r#""k{name}":"""#));
    let escaped = list(5_000, |name| format!(r#""\u0061{name}":0"#));
    vec![
        ("a map entry of zeros", compacted(&track, 1_000, &map(&format!(r#"{{"from":"x","to":{zeros}}}"#)))),
        ("a topic of zeros", compacted(&track, 1_000, &format!(r#"{{"topic":{zeros}}}"#))),
        ("a topic of numbers", compacted(&track, 50, &format!(r#"{{"topic":[{}]}}"#, list(10_000, |n| n.to_string())))),
        ("a large map", compacted(&track, 1_000, &map(&entries))),
        ("templates in a large map", compacted(&track, 1_000, &map(&templated))),
        ("a template in a long name", compacted(&track, 1_000, &map(&mixed))),
        ("templates that find nothing", compacted(&track, 1_000, &templates(1_000, "event.z.y"))),
        (
            "templates that find an empty value",
            compacted(&event(&format!(r#"{{"a":[{}""]}}"#, "\"\",".repeat(30_000))), 3, &templates(12, "event.a")),
        ),
        (
            "hidden duplicates",
            compacted(&event(&format!(r#"{{"a":{{{hidden},{shown}}}}}"#)), 10, &templates(9, "event.a")),
        ),
        (
            "templates into the destination",
            compacted(
                &track,
                1_000,
                &format!(
                    r#"{{"topic":"{{{{ destination.Config.z || d }}}}","x":[{}]}}"#,
                    list(10_000, |n| n.to_string())
                ),
            ),
        ),
        ("wide objects", compacted(&event(&wide), 1, r#"{"topic":"{{ event.a.a.a.a.a.a.a.a.a.a || d }}"}"#)),
        ("names with escapes", compacted(&event(&format!("{{{escaped}}}")), 2, &templates(200, "event.b"))),
        (
            "deep arrays",
            compacted(
                &event(&format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
                1,
                &templates(1, "event.a"),
            ),
        ),
        (
            "deep objects",
            compacted(
                &event(&format!(r#"{{"a":{}1{}}}"#, r#"{"a":"#.repeat(30_000), "}".repeat(30_000))),
                1,
                &templates(1, "event.a"),
            ),
        ),
        ("a large destination", compacted(&event("{}"), 1_000, &format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000)))),
        (
            "many destinations",
            format!(
                r#"{{"destType":"kafka","input":[],"destinations":{{{}}}}}"#,
                list(50_000, |id| format!(r#""{id}":0"#))
            ),
        ),
        (
            "many topics",
            format!(
                r#"{{"destType":"kafka","input":[{}],"destinations":{{"d":{{"ID":"{}"}}}}}}"#,
                list(300, |topic| event(&format!(r#"{{"topic":{topic}}}"#))),
                "i".repeat(50_000)
            ),
        ),
        (
            "dotted names",
            compacted(&event(&format!("{{{}}}", list(10_000, |_| r#""integrations.KAFKA":0"#.to_owned()))), 2, "{}"),
        ),
        (
            "wide metadata",
            format!(
                r#"{{"destType":"kafka","input":[{0},{0}],"destinations":{{}}}}"#,
                format!(r#"{{"metadata":{{{}}}}}"#, list(20_000, |_| r#""":0"#.to_owned()))
            ),
        ),
    ]
}

#[test]
fn a_hostile_body_costs_in_proportion() {
    for (name, body) in hostile() {
        for endpoint in [transformed as Endpoint, batched, routed] {
            assert_bounded(name, endpoint, &body, Form::Compacted);
        }
    }
    let numbers = format!("[{}1]", "1,".repeat(50_000));
    assert_bounded("numbers", transformed, &numbers, Form::Plain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_batch_costs_in_proportion(events in events()) {
        let plain = Value::from(events.clone()).to_string();
        assert_bounded("generated", transformed, &plain, Form::Plain);
        let router = serde_json::json!({ "destType": "kafka", "input": events }).to_string();
        assert_bounded("generated", batched, &router, Form::Plain);
        assert_bounded("generated", routed, &router, Form::Plain);
    }
}
