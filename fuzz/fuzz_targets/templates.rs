//! Tests that the transformation and the tests' reference implementation replace templates with the same values. The
//! input has three arbitrary templates, one per line, followed by the event's message as JSON. The numbers of bytes
//! that are read, reserved and held must stay in proportion to the size of the body and the response.

#![no_main]

#[path = "../../crates/transform/tests/suite/allocations.rs"]
mod allocations;
#[path = "../comparable.rs"]
mod comparable;
#[path = "../../crates/transform/tests/suite/cost_bounds.rs"]
mod cost_bounds;
#[path = "../../crates/transform/tests/suite/oracle.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod oracle;

use cost_bounds::assert_bounded;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use transform::family::KAFKA;
use transform::meter::Meter;
use transform::processor::{self, Response};
use transform::rejection::Rejection;
use transform::request::{Limits, PayloadFormat};

/// Counts the memory that each thread holds, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const LIMITS: Limits = Limits { events: 1, response_bytes: 1 << 24 };

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let [Some(topic), Some(port), Some(to), Some(message)] = [(); 4].map(|()| lines.next()) else { return };
    let Some(message) = comparable::value(message) else { return };
    let event = json!({
        "message": message,
        "metadata": { "rudderId": "r", "sourceId": "s", "destinationId": "d" },
        "destination": { "ID": "d", "Config": {
            "port": [{ "2": port, "1": port }],
            "topic": topic,
            "enableMultiTopic": true,
            "eventTypeToTopicMap": [{ "from": "identify", "to": to }],
            "eventToTopicMap": [{ "from": "a", "to": to }],
        } },
        "connection": { "config": { "destination": { "topic": "c" } } },
    });
    let body = Value::from(vec![event.clone()]).to_string();
    let endpoint =
        |meter: &dyn Meter| processor::respond_within(&KAFKA, &body, PayloadFormat::Plain, "topic=q", LIMITS, meter);
    let bytes = |answer: &Response| answer.body.len();
    let Ok(answer) = assert_bounded("templates", &body, endpoint, bytes) else { return };
    if answer.tally.rejected[Rejection::TemplatesTooComplex as usize] > 0 {
        return;
    }
    let got: Value = serde_json::from_str(&answer.body).expect("a response is JSON");
    let expected = oracle::transform(&oracle::NAMES[0], &event, &json!({ "topic": "q" }));
    assert!(oracle::agrees(&got[0], &event, &expected), "event {event}\nexpected {expected:?}\n     got {got}");
});
