//! Tests that the transformation and the tests' reference implementation return the same responses. The first byte of
//! the input selects the destination type. The numbers of bytes that are read, reserved and held must stay in
//! proportion to the size of the body and the response.

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
use transform::family::Family;
use transform::meter::Meter;
use transform::processor::{self, Response};
use transform::rejection::Rejection;
use transform::request::{Limits, PayloadFormat};

/// Counts the memory that each thread holds, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const LIMITS: Limits = Limits { events: 1_000, response_bytes: 1 << 24 };
const QUERY: &str = "topic=q+1&n=1&n=2";

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    let Some(Value::Array(events)) = comparable::value(body) else { return };
    let names = &oracle::NAMES[usize::from(*choice) % oracle::NAMES.len()];
    let family = Family::by_name(names.path).expect("a family");
    let endpoint =
        |meter: &dyn Meter| processor::respond_within(family, body, PayloadFormat::Plain, QUERY, LIMITS, meter);
    let bytes = |answer: &Response| answer.body.len();
    let Ok(answer) = assert_bounded("oracle", body, endpoint, bytes) else { return };
    if answer.tally.rejected[Rejection::TemplatesTooComplex as usize] > 0 {
        return;
    }
    let answers: Vec<Value> = serde_json::from_str(&answer.body).expect("a response is JSON");
    assert_eq!(answers.len(), events.len());
    let query = json!({ "topic": "q 1", "n": ["1", "2"] });
    for (event, answer) in events.iter().zip(&answers) {
        let expected = oracle::transform(names, event, &query);
        assert!(oracle::agrees(answer, event, &expected), "event {event}\nexpected {expected:?}\n     got {answer}");
    }
});
