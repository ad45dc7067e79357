//! Checks the costs of hostile and generated bodies against [`cost_bounds`]. A cost is a number of bytes, not a time.

use proptest::prelude::*;
use serde_json::Value;
use transform::family::KAFKA;
use transform::meter::Meter;
use transform::request::{BodyError, Limits, PayloadFormat};
use transform::{batch, processor, router_transform};

use crate::cost_bounds;
use crate::properties::events;

#[path = "../../../../bench/hostile.rs"]
mod hostile;

const LIMITS: Limits = Limits { events: 100_000, response_bytes: 1 << 30 };

type Endpoint = fn(&str, PayloadFormat, &dyn Meter) -> Result<String, BodyError>;

fn transformed(body: &str, form: PayloadFormat, meter: &dyn Meter) -> Result<String, BodyError> {
    processor::respond_within(&KAFKA, body, form, "", LIMITS, meter).map(|response| response.body)
}

fn batched(body: &str, form: PayloadFormat, meter: &dyn Meter) -> Result<String, BodyError> {
    batch::respond_within(body, form, LIMITS, meter).map(|response| response.body)
}

fn routed(body: &str, form: PayloadFormat, meter: &dyn Meter) -> Result<String, BodyError> {
    router_transform::respond_within(body, form, LIMITS, meter).map(|response| response.body)
}

#[track_caller]
fn assert_bounded(name: &str, endpoint: Endpoint, body: &str, form: PayloadFormat) {
    _ = cost_bounds::assert_bounded(name, body, |meter| endpoint(body, form, meter), String::len);
}

#[test]
fn the_cost_of_hostile_bodies_is_bounded() {
    for (name, body) in hostile::hostile() {
        for endpoint in [transformed as Endpoint, batched, routed] {
            assert_bounded(name, endpoint, &body, PayloadFormat::Compacted);
        }
    }
    let numbers = format!("[{}1]", "1,".repeat(50_000));
    assert_bounded("numbers", transformed, &numbers, PayloadFormat::Plain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_cost_of_generated_batches_is_bounded(events in events()) {
        let plain = Value::from(events.clone()).to_string();
        assert_bounded("generated", transformed, &plain, PayloadFormat::Plain);
        let router = serde_json::json!({ "destType": "kafka", "input": events }).to_string();
        assert_bounded("generated", batched, &router, PayloadFormat::Plain);
        assert_bounded("generated", routed, &router, PayloadFormat::Plain);
    }
}
