//! Checks that explanations agree with responses and counts.

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

/// Adds the decisions in an explanation to `tally`, in the same way as the service counts decisions.
fn count(tally: &mut Tally, explanation: &Explanation<'_>) {
    tally.events += 1;
    if let (Some(topic), Some(key)) = (&explanation.topic, &explanation.key) {
        tally.topics[topic.rule as usize] += 1;
        tally.keys[key.source as usize] += 1;
        let tried: Vec<TopicRule> = topic.skipped.iter().map(|over| over.rule).collect();
        let before = TopicRule::ALL.iter().position(|rule| *rule == topic.rule).expect("a rule");
        // All rules before the rule that chose the topic were tried.
        let skipped = if topic.rule == TopicRule::EventType { 1 } else { before };
        assert_eq!(tried, TopicRule::ALL[..skipped], "{explanation:?}");
        assert!(key.value.is_empty() || key.source != KeySource::Empty, "{explanation:?}");
    }
    if let Some(shown) = explanation.rejection {
        let rejection = Rejection::ALL.iter().position(|rejection| rejection.code() == shown.code);
        tally.rejected[rejection.expect("a reason")] += 1;
    } else {
        let stamped = explanation
            .timestamp
            .as_ref()
            .is_some_and(|timestamp| matches!(timestamp, TimestampUse::Applied { changed: true, .. }));
        tally.changed += u64::from(stamped || !explanation.templates.is_empty());
        for template in &explanation.templates {
            tally.templates_filled += u64::from(template.found);
            tally.templates_defaulted += u64::from(!template.found);
        }
    }
    assert_eq!(explanation.outcome == Outcome::Rejected, explanation.rejection.is_some());
}

/// Asserts that the explanations of a request match its responses and counts. Returns the number of events.
pub fn assert_consistent(family: &'static Family, form: PayloadFormat, query: &str, body: &str) -> usize {
    let expected = processor::respond(family, body, form, query, LIMITS);
    let (mut responses, mut counted, mut indices) = (Vec::new(), Tally::default(), Vec::new());
    let options = Options { partitions: NonZeroU32::new(12), ..Options::default() };
    let result = explain(family, body, form, query, LIMITS, options, &Unlimited, |explanation| {
        responses.push(explanation.response.to_owned());
        indices.push(explanation.index);
        count(&mut counted, explanation);
        let json: Value = serde_json::from_str(&serde_json::to_string(explanation).expect("JSON")).unwrap_or_default();
        // The response may contain lone surrogates, which serde_json cannot represent.
        assert!(json["response"] == *explanation.response || body.contains("\\u"), "{body:.300}");
        ControlFlow::Continue(())
    });
    match expected {
        Ok(expected) => {
            assert_eq!(format!("[{}]", responses.join(",")), expected.body, "{body:.300}");
            assert_eq!(indices, (0..responses.len()).collect::<Vec<_>>());
            assert_eq!(result.as_ref(), Ok(&expected.tally));
            assert_eq!(counted, expected.tally, "{body:.300}");
        }
        Err(error) => assert_eq!(result, Err(error)),
    }
    responses.len()
}

#[test]
fn explaining_stops_after_the_first_event_whose_response_is_too_large() {
    let body = r#"[{"message":{},"metadata":{},"destination":{}},{"message":{},"metadata":{},"destination":{}}]"#;
    let family = Family::by_name("kafka").expect("a family");
    // Responses to earlier events are not kept, so the limit applies to the response to a single event.
    let limits = Limits { response_bytes: 10, ..LIMITS };
    let mut seen = 0;
    let result = explain(family, body, PayloadFormat::Plain, "", limits, Options::default(), &Unlimited, |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((result, seen), (Err(BodyError::ResponseTooLarge(10)), 1));
}
