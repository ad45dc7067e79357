//! Explanations and answers, which have to agree.

use std::num::NonZeroU32;
use std::ops::ControlFlow;

use serde_json::Value;
use transform::decision::{KeySource, Tally, TopicRule};
use transform::explain::{Explanation, Options, Outcome, TimestampUse, explain};
use transform::family::Family;
use transform::meter::Unlimited;
use transform::processor;
use transform::rejection::Rejection;
use transform::request::{BodyError, Limits, PayloadFormat};

const LIMITS: Limits = Limits { events: 100_000, response_bytes: 1 << 30 };

/// Counts what is reported, as the service counts what it decides.
fn count(tally: &mut Tally, told: &Explanation<'_>) {
    tally.events += 1;
    if let (Some(topic), Some(key)) = (&told.topic, &told.key) {
        tally.topics[topic.rule as usize] += 1;
        tally.keys[key.source as usize] += 1;
        let tried: Vec<TopicRule> = topic.skipped.iter().map(|over| over.rule).collect();
        let before = TopicRule::ALL.iter().position(|rule| *rule == topic.rule).expect("a rule");
        // No event is looked up in both maps.
        let skipped = if topic.rule == TopicRule::EventType { 1 } else { before };
        assert_eq!(tried, TopicRule::ALL[..skipped], "{told:?}");
        assert!(key.value.is_empty() || key.source != KeySource::Empty, "{told:?}");
    }
    if let Some(shown) = told.rejection {
        let rejection = Rejection::ALL.iter().position(|rejection| rejection.code() == shown.code);
        tally.rejected[rejection.expect("a reason")] += 1;
    } else {
        let stamped = told
            .timestamp
            .as_ref()
            .is_some_and(|timestamp| matches!(timestamp, TimestampUse::Applied { changed: true, .. }));
        tally.changed += u64::from(stamped || !told.templates.is_empty());
        for template in &told.templates {
            tally.templates_filled += u64::from(template.found);
            tally.templates_defaulted += u64::from(!template.found);
        }
    }
    assert_eq!(told.outcome == Outcome::Rejected, told.rejection.is_some());
}

/// Asserts that explanations of a request's events match their responses and counts; returns the number of events.
pub fn assert_consistent(family: &'static Family, form: PayloadFormat, query: &str, body: &str) -> usize {
    let given = processor::respond(family, body, form, query, LIMITS);
    let (mut answers, mut counted, mut indices) = (Vec::new(), Tally::default(), Vec::new());
    let options = Options { partitions: NonZeroU32::new(12), ..Options::default() };
    let told = explain(family, body, form, query, LIMITS, options, &Unlimited, |told| {
        answers.push(told.response.to_owned());
        indices.push(told.index);
        count(&mut counted, told);
        let json: Value = serde_json::from_str(&serde_json::to_string(told).expect("JSON")).unwrap_or_default();
        // Lone surrogates are passed on, which this reader of JSON cannot hold.
        assert!(json["response"] == *told.response || body.contains("\\u"), "{body:.300}");
        ControlFlow::Continue(())
    });
    match given {
        Ok(given) => {
            assert_eq!(format!("[{}]", answers.join(",")), given.body, "{body:.300}");
            assert_eq!(indices, (0..answers.len()).collect::<Vec<_>>());
            assert_eq!(told.as_ref(), Ok(&given.tally));
            assert_eq!(counted, given.tally, "{body:.300}");
        }
        Err(error) => assert_eq!(told, Err(error)),
    }
    answers.len()
}

#[test]
fn what_a_limit_refuses_is_refused_here_too() {
    let body = r#"[{"message":{},"metadata":{},"destination":{}},{"message":{},"metadata":{},"destination":{}}]"#;
    let family = Family::by_name("kafka").expect("there is Kafka");
    // An explanation keeps no response, so that the limit applies to the response for one event.
    let limits = Limits { response_bytes: 10, ..LIMITS };
    let mut seen = 0;
    let told = explain(family, body, PayloadFormat::Plain, "", limits, Options::default(), &Unlimited, |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((told, seen), (Err(BodyError::ResponseTooLarge(10)), 1));
}
