//! What a body costs, by counting: bytes read, and bytes held at once compared with those reserved. Both are held to a
//! fixed multiple of body and response, on bodies that were made to be expensive and on generated ones.

use proptest::prelude::*;
use serde_json::Value;
use transform::family::KAFKA;
use transform::meter::Meter;
use transform::request::{BodyError, Form, Limits};
use transform::{batch, processor, router_transform};

use crate::cost_bounds;
use crate::properties::events;

#[path = "../../../../bench/hostile.rs"]
mod hostile;

const LIMITS: Limits = Limits { events: 100_000, answer_bytes: 1 << 30 };

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
    _ = cost_bounds::assert_bounded(name, body, |meter| endpoint(body, form, meter), String::len);
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
