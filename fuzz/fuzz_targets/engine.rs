//! Tests that the transformation handles any request body. The first byte of the input selects the payload format, the
//! destination type and the endpoint.
//!
//! The transformation must never panic. Every response must be JSON, and the response to a valid array must have one
//! entry per event. A message to which no rule applies must be returned verbatim. The response must not depend on
//! whether the body is read event by event or completely, on the order of the body's fields, or on whether explanations
//! are requested. The numbers of bytes that are read, reserved and held must stay in proportion to the size of the body
//! and the response.

#![no_main]

#[path = "../../crates/transform/tests/suite/allocations.rs"]
mod allocations;
#[path = "../../crates/transform/tests/suite/cost_bounds.rs"]
mod cost_bounds;

use std::ops::ControlFlow;

use cost_bounds::assert_bounded;
use json::decode::text;
use json::raw::Raw;
use libfuzzer_sys::fuzz_target;
use transform::explain::{Options, explain};
use transform::family::{FAMILIES, Family};
use transform::meter::{Meter, Unlimited};
use transform::observer::NoopObserver;
use transform::processor::{self, Response};
use transform::request::{BodyError, Limits, PayloadFormat, RouterResponse};
use transform::{batch, router_transform};

/// Counts the memory that each thread holds, for [`cost_bounds`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const LIMITS: Limits = Limits { events: 1_000, response_bytes: 1 << 24 };
const QUERY: &str = "topic=q+1&n=1&n=2";

fn parsed(text: &str) -> Raw<'_> {
    assert_eq!(json::invalid::explain(text), None, "a response is JSON: {text}");
    Raw::parse(text).expect("the scanner accepts what serde_json accepts")
}

fn elements(array: Raw<'_>) -> Vec<Raw<'_>> {
    let mut elements = Vec::new();
    array.for_each_element(|element| elements.push(element));
    elements
}

/// Returns the events of a body, or `None` if the body is invalid.
fn events(body: &str, form: PayloadFormat) -> Option<Vec<Raw<'_>>> {
    let root = Raw::parse(body).ok()?;
    let array = match form {
        PayloadFormat::Plain => root,
        PayloadFormat::Compacted => root.member("input")?,
    };
    array.text().starts_with('[').then(|| elements(array))
}

fn processor(family: &'static Family, body: &str, form: PayloadFormat) {
    let bytes = |answer: &Response| answer.body.len();
    let by_event = |meter: &dyn Meter| processor::respond_within(family, body, form, QUERY, LIMITS, meter);
    let answer = assert_bounded("by event", body, by_event, bytes);
    let whole = |meter: &dyn Meter| processor::observed(family, body, form, QUERY, LIMITS, meter, &mut NoopObserver);
    assert_eq!(answer, assert_bounded("as a whole", body, whole, bytes), "read as a whole");
    let events = events(body, form);
    let Response { body: text, tally, .. } = match &answer {
        Ok(answer) => answer,
        Err(error) => {
            let is_limit = matches!(
                error,
                BodyError::TooManyEvents(_) | BodyError::ResponseTooLarge(_) | BodyError::ResponseOutOfProportion(_)
            );
            assert!(events.is_none() || is_limit, "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            return;
        }
    };
    let (events, answers) = (events.expect("an accepted body is valid"), elements(parsed(text)));
    assert_eq!((events.len(), events.len() as u64), (answers.len(), tally.events));
    for (event, answer) in events.iter().zip(&answers) {
        untouched(*event, *answer, form);
    }
    explained(family, body, form, &answers);
    if form == PayloadFormat::Compacted {
        reordered(family, body, text);
    }
}

/// Checks that a message to which no rule applies is returned verbatim.
fn untouched(event: Raw<'_>, answer: Raw<'_>, form: PayloadFormat) {
    let status = answer.member("statusCode").map(Raw::text);
    assert_eq!(answer.member("output").is_some(), status == Some("200"), "{}", answer.text());
    assert_eq!(answer.member("error").is_some(), status == Some("400"), "{}", answer.text());
    let Some(written) = answer.member("output").map(|output| output.member("message").expect("a message")) else {
        return;
    };
    let message = event.member("message").filter(|message| !message.is_null()).map_or("{}", Raw::text);
    // In the compacted format, the destination with its templates is not part of the event, so there may be a template.
    let destination = event.member("destination").map_or("", Raw::text);
    let may_have_template =
        form == PayloadFormat::Compacted || destination.contains("{{") || destination.contains('\\');
    let may_be_stamped = message.contains("sources") || message.contains('\\');
    if !may_have_template && !may_be_stamped {
        assert_eq!(written.text(), message);
    }
}

/// Checks that explanations agree with the responses.
fn explained(family: &'static Family, body: &str, form: PayloadFormat, answers: &[Raw<'_>]) {
    let mut index = 0;
    let tally = explain(family, body, form, QUERY, LIMITS, Options::default(), &Unlimited, |explanation| {
        assert_eq!((explanation.index, explanation.response), (index, answers[index].text()));
        assert_eq!(explanation.rejection.is_none(), answers[index].member("output").is_some());
        index += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((index, tally.map(|tally| tally.events).ok()), (answers.len(), Some(answers.len() as u64)));
}

/// Checks that the response does not depend on the order of the fields in a compacted body.
fn reordered(family: &'static Family, body: &str, text: &str) {
    let [input, destinations, connections] = parsed(body).members(["input", "destinations", "connections"]);
    let member = |name: &str, value: Option<Raw<'_>>| value.map(|value| format!("\"{name}\":{}", value.text()));
    let (input, destinations) = (member("input", input), member("destinations", destinations));
    let connections = member("connections", connections);
    for order in [[&destinations, &input, &connections], [&input, &connections, &destinations]] {
        let members: Vec<&str> = order.into_iter().flatten().map(String::as_str).collect();
        let other = format!("{{{}}}", members.join(","));
        let answer = processor::respond(family, &other, PayloadFormat::Compacted, QUERY, LIMITS);
        assert_eq!(answer.map(|answer| answer.body).as_deref(), Ok(text), "{other}");
    }
}

/// The type of [`batch::respond_within`] and [`router_transform::respond_within`].
type RouterEndpoint = fn(&str, PayloadFormat, Limits, &dyn Meter) -> Result<RouterResponse, BodyError>;

fn router(name: &str, endpoint: RouterEndpoint, body: &str, form: PayloadFormat) -> Option<RouterResponse> {
    match assert_bounded(name, body, |meter| endpoint(body, form, LIMITS, meter), |answer| answer.body.len()) {
        Ok(answer) => {
            parsed(&answer.body);
            let input = parsed(body).member("input").filter(|input| !input.is_null());
            assert_eq!(answer.tally.events as usize, input.map_or(0, |input| elements(input).len()), "{form:?}");
            Some(answer)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Checks that every event is either delivered once or rejected once.
fn batched(answer: &RouterResponse) {
    let mut accounted = 0;
    for entry in elements(parsed(&answer.body)) {
        let metadata = elements(entry.member("metadata").expect("metadata")).len();
        match entry.member("batchedRequest") {
            Some(messages) => {
                assert_eq!(elements(messages).len(), metadata);
                accounted += metadata;
            }
            None => accounted += 1,
        }
    }
    if answer.family.batches {
        assert_eq!(accounted as u64, answer.tally.events, "{}", answer.body);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let body = text(bytes);
    let form = if choice & 1 == 0 { PayloadFormat::Plain } else { PayloadFormat::Compacted };
    match choice >> 3 & 3 {
        0 | 1 => processor(FAMILIES[usize::from(choice >> 1 & 3) % FAMILIES.len()], &body, form),
        2 => {
            if let Some(answer) = router("batch", batch::respond_within, &body, form) {
                batched(&answer);
            }
        }
        _ => drop(router("router transform", router_transform::respond_within, &body, form)),
    }
});
