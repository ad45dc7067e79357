//! Compares two responses to a request, and allows exactly the intended differences
//! (docs/contract.md#intentional-differences).
//!
//! | module | responsibility |
//! | --- | --- |
//! | `table` | the intended differences, and how rudder-transformer's response may differ |
//! | [`question`] | the inputs to a comparison: the request and a response |
//! | `event` | which differences apply to an event |
//! | `hazards` | properties of a body that make rudder-transformer fail the whole request |
//! | `pair` | compares the two responses to one event |
//! | `batch` | compares the two responses of `/batch` |
//! | [`siblings`] | events that fail in rudder-transformer because of another event |

mod batch;
mod event;
mod hazards;
mod pair;
pub mod question;
pub mod siblings;
pub mod table;

use std::collections::BTreeSet;

use self::event::Events;
use self::hazards::{has_field_proto, is_too_deep};
use self::pair::Pair;
use self::question::{ComparedResponse, Question, fails};
use self::siblings::Siblings;
use self::table::{IntendedDifference, Shape};
use crate::compare::{Infinite, elements};
use crate::differences::{Contents, Differences};
use json::javascript::JsString;
use json::raw::{Kind, Raw};
use transform::endpoint::Endpoint;
use transform::request::PayloadFormat;

/// The result of a comparison.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Judgment {
    /// The differences.
    pub differences: Differences,
    /// The events that failed in rudder-transformer only because of other events, if there are any. These events can be
    /// sent again without the events that caused the failure.
    pub siblings: Option<Siblings>,
}

/// Compares `ours`, this service's response to a request, with `theirs`, rudder-transformer's response.
#[must_use]
pub fn judge(
    question: &Question<'_>,
    ours: &ComparedResponse,
    theirs: &ComparedResponse,
    contents: Contents,
) -> Judgment {
    let mut found = Differences::with(contents);
    let siblings = judge_responses(question, ours, theirs, &mut found);
    Judgment { differences: found, siblings }
}

/// Compares `siblings.ours`, this service's response to the second request, with `theirs`, rudder-transformer's
/// response to the second request. The second request omits the events that made the first request fail. Pointers in
/// the result refer to the first response. If the second request also failed in rudder-transformer, the result is
/// empty.
#[must_use]
pub fn judge_siblings(siblings: &Siblings, whole: &Question<'_>, theirs: &ComparedResponse) -> Differences {
    let text = String::from_utf8_lossy(&theirs.body);
    let responses = Raw::parse(&text).map(elements).unwrap_or_default();
    let is_known = theirs.status == 200 && responses.len() == siblings.indices.len();
    if !is_known || responses.into_iter().all(fails) {
        return Differences::default();
    }
    let question = Question { text: &siblings.body, ..whole.clone() };
    let ours = ComparedResponse { status: 200, body: siblings.ours.clone().into() };
    let mut found = judge(&question, &ours, theirs, Contents::Hidden).differences;
    found.listed.iter_mut().for_each(|listed| listed.pointer = siblings.restored(&listed.pointer));
    found
}

fn judge_responses(
    question: &Question<'_>,
    ours: &ComparedResponse,
    theirs: &ComparedResponse,
    found: &mut Differences,
) -> Option<Siblings> {
    let statuses = || (format!("status {}", ours.status), format!("status {}", theirs.status));
    if ours.status != 200 {
        // Both transformers reject an unreadable body, but with different messages.
        if theirs.status >= 400 {
            found.allow("", why_unreadable(question));
        } else if question.endpoint == &Endpoint::RouterTransform && has_only_errors(theirs) {
            found.allow("", IntendedDifference::RouterTransform);
        } else {
            found.add_whole(statuses().0, statuses().1);
        }
        return None;
    }
    let (our_text, their_text) = (String::from_utf8_lossy(&ours.body), String::from_utf8_lossy(&theirs.body));
    let Ok(our_value) = Raw::parse(&our_text) else {
        found.add_whole("not JSON", "a response");
        return None;
    };
    let events = Events::of(question);
    if theirs.status != 200 {
        match why_the_request_fails(question, &events, theirs.status) {
            Some(row) => {
                found.allow("", row);
                return Siblings::check(question, &events, our_value, found);
            }
            None => found.add_whole(statuses().0, statuses().1),
        }
        return None;
    }
    let Ok(their_value) = Raw::parse(&their_text) else {
        found.add_whole("JSON", "not JSON");
        return None;
    };
    match question.endpoint {
        Endpoint::Processor { .. } if [our_value, their_value].iter().all(|value| value.kind() == Kind::Array) => {
            return judge_events(question, &events, [our_value, their_value], found);
        }
        Endpoint::Batch => batch::judge(&events, [our_value, their_value], found),
        Endpoint::RouterTransform => judge_router(our_value, their_value, found),
        Endpoint::Processor { .. } => found.compare("", Some(our_value), Some(their_value), Infinite::Exact),
    }
    None
}

fn judge_events(
    question: &Question<'_>,
    events: &Events<'_>,
    values: [Raw<'_>; 2],
    found: &mut Differences,
) -> Option<Siblings> {
    let [ours, theirs] = values.map(elements);
    let every_event_fails = ours.len() == theirs.len() && theirs.iter().all(|response| fails(*response));
    let cause = every_event_fails.then(|| events.any_row(Shape::EveryEventFails)).flatten();
    for index in 0..ours.len().max(theirs.len()) {
        if found.more {
            return None;
        }
        let pointer = format!("/{index}");
        match (ours.get(index), theirs.get(index)) {
            (Some(ours), Some(theirs)) => {
                Pair { events, index, ours: *ours, theirs: *theirs, cause }.judge(&pointer, found);
            }
            (ours, theirs) => found.compare(&pointer, ours.copied(), theirs.copied(), Infinite::Exact),
        }
    }
    cause.and_then(|_| Siblings::check(question, events, values[0], found))
}

/// Compares the responses of `/routerTransform`. If both responses contain only errors, the messages and the grouping
/// of the events may differ.
fn judge_router(ours: Raw<'_>, theirs: Raw<'_>, found: &mut Differences) {
    let mut exact = found.new_empty();
    exact.compare("", Some(ours), Some(theirs), Infinite::AsNull);
    let [ours_ids, theirs_ids] = [ours, theirs].map(job_ids);
    if !exact.is_empty() && all_fail(ours) && all_fail(theirs) && theirs_ids.is_subset(&ours_ids) {
        found.allow("", IntendedDifference::RouterTransform);
    } else {
        found.append(exact);
    }
}

/// Returns the IDs of the jobs in a response of `/routerTransform`.
fn job_ids(response: Raw<'_>) -> BTreeSet<String> {
    let entries = response.member("output").map(elements).unwrap_or_default();
    let metadata = entries.into_iter().filter_map(|entry| entry.member("metadata")).flat_map(elements);
    metadata
        .filter_map(|metadata| metadata.member("jobId"))
        .map(|id| JsString::of(Some(id)).escaped().to_owned())
        .collect()
}

/// Returns whether every entry in a response of `/routerTransform` is an error.
fn has_only_errors(response: &ComparedResponse) -> bool {
    Raw::parse(&String::from_utf8_lossy(&response.body)).is_ok_and(all_fail)
}

fn all_fail(response: Raw<'_>) -> bool {
    let entries = response.member("output").map(elements).unwrap_or_default();
    !entries.is_empty() && entries.into_iter().all(fails)
}

/// Returns the intended difference that applies to an unreadable body.
fn why_unreadable(question: &Question<'_>) -> IntendedDifference {
    let kind = Raw::parse(question.text).map(Raw::kind);
    match (question.endpoint, question.form, kind) {
        (Endpoint::Processor { .. }, PayloadFormat::Plain, Ok(Kind::Object))
        | (Endpoint::Processor { .. }, PayloadFormat::Compacted, Ok(Kind::Array)) => IntendedDifference::WrongForm,
        _ => IntendedDifference::UnreadableBody,
    }
}

/// Returns the intended difference that explains why rudder-transformer, unlike this service, may fail the whole
/// request.
fn why_the_request_fails(question: &Question<'_>, events: &Events<'_>, status: u16) -> Option<IntendedDifference> {
    use IntendedDifference as Row;
    if status < 400 {
        return None;
    }
    let causes = (0..events.request().events.len()).flat_map(|index| events.rows(index));
    // A field named `__proto__` can be the cause only if the status is 400.
    let mut causes = causes.filter(|row| row.allows(Shape::RequestFails) && (*row != Row::ProtoField || status == 400));
    if let Some(row) = causes.next() {
        return Some(row);
    }
    if status == 400 && has_field_proto(question.text) {
        return Some(Row::ProtoField);
    }
    if question.endpoint == &Endpoint::RouterTransform {
        return Some(Row::RouterTransform);
    }
    if status != 500 {
        return None;
    }
    let has_no_events = events.request().events.is_empty();
    let is_processor = matches!(question.endpoint, Endpoint::Processor { .. });
    let rows = [
        (is_processor && question.form == PayloadFormat::Plain && has_no_events, Row::NoEvents),
        (!is_processor && has_no_input(question.text), Row::BatchNoInput),
        (is_too_deep(question.text), Row::DeepNesting),
        (!question.traits.is_json, Row::ContentType),
        (question.traits.is_v1, Row::FirstVersion),
    ];
    rows.into_iter().find_map(|(applies, row)| applies.then_some(row))
}

fn has_no_input(text: &str) -> bool {
    Raw::parse(text).is_ok_and(|body| body.member("input").is_none_or(Raw::is_null))
}
