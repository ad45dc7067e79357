//! Request bytes through the whole engine: no panic, an answer for each event, and every answer is JSON. The first byte
//! chooses what is asked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rudder_kafka_transformer::server::body::text;
use rudder_kafka_transformer::transform::family::FAMILIES;
use rudder_kafka_transformer::transform::json::{Raw, explain};
use rudder_kafka_transformer::transform::request::{Form, Limits};
use rudder_kafka_transformer::transform::{batch, processor, router_transform};

const LIMITS: Limits = Limits { events: 1_000, answer_bytes: 1 << 24 };

fn elements(array: &str) -> u64 {
    let mut count = 0;
    Raw::parse(array).expect("an answer is JSON").for_each_element(|_| count += 1);
    count
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let body = text(bytes);
    let form = if choice & 1 == 0 { Form::Plain } else { Form::Compacted };
    let family = FAMILIES[usize::from(choice >> 1) % FAMILIES.len()];
    match processor::answer(family, &body, form, "topic=a&topic=b", LIMITS) {
        Ok(answer) => {
            assert_eq!(explain(&answer.body), None);
            assert_eq!(elements(&answer.body), answer.tally.events);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(answer) = batch::answer(&body, form, LIMITS) {
        assert_eq!(explain(&answer.body), None);
    }
    if let Ok(answer) = router_transform::answer(&body, form, LIMITS) {
        assert_eq!(explain(&answer.body), None);
    }
});
