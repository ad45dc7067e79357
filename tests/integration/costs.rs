//! What a body costs, by counting: bytes looked at, and bytes held at once compared with those reserved. Both are held to a
//! fixed multiple of body and response, on bodies that were made to be expensive and on generated ones.

use std::cell::Cell;

use proptest::prelude::*;
use rudder_kafka_transformer::transform::family::KAFKA;
use rudder_kafka_transformer::transform::meter::{Halt, Meter};
use rudder_kafka_transformer::transform::probe;
use rudder_kafka_transformer::transform::request::{BodyError, Form, Limits, max_answer_bytes};
use rudder_kafka_transformer::transform::{batch, processor, router_transform};
use serde_json::Value;

use crate::allocations::peak_of;
use crate::properties::events;

#[path = "../../bench/hostile.rs"]
mod hostile;

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

#[test]
fn a_hostile_body_costs_in_proportion() {
    for (name, body) in hostile::hostile() {
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
