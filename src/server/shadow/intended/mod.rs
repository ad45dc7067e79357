//! Compares two responses to a request, and allows exactly the intended differences
//! (docs/contract.md#intended-differences).
//!
//! | module | decides |
//! | --- | --- |
//! | `table` | which differences are intended, and how the reference may respond to them |
//! | `event` | which of them apply to an event |
//! | `pair` | whether two responses to one event agree |
//! | `batch` | the same for `/batch` |
//! | [`siblings`] | what can be known of events that the reference failed because of another one |

mod batch;
mod event;
mod pair;
pub mod siblings;
pub mod table;

use std::collections::BTreeSet;

use bytes::Bytes;

use self::event::Events;
use self::pair::Pair;
use self::siblings::Siblings;
use self::table::{IntendedDifference, Shape};
use super::compare::{Infinite, elements};
use super::differences::{Contents, Differences};
use crate::server::endpoint::Endpoint;
use json::javascript::JsString;
use json::raw::{Kind, Raw};
use json::scan::{Scanner, white_space};
use transform::request::{Form, Limits};

/// Levels that the reference copes with.
const MAX_LEVELS: usize = 5_000;

/// The request that both responded to.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The form of the body.
    pub form: Form,
    /// The bounds of a request.
    pub limits: Limits,
    /// The body.
    pub text: &'a str,
    /// What else of the request makes the reference fail.
    pub traits: Traits,
}

/// What the reference minds in a request apart from its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether the path begins with `/v1/`.
    pub is_v1: bool,
    /// Whether `Content-Type` says JSON.
    pub says_json: bool,
}

impl Traits {
    /// Those of a path and the value of `Content-Type`.
    #[must_use]
    pub fn of(path: &str, content_type: Option<&str>) -> Self {
        let says_json = content_type.is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        Self { is_v1: path.starts_with("/v1/"), says_json }
    }
}

/// A response to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body, without a coding.
    pub body: Bytes,
}

/// What a comparison found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Judgment {
    /// What differs.
    pub differences: Differences,
    /// The events that the reference failed because of others, if there are any left to ask it about.
    pub siblings: Option<Siblings>,
}

/// Compares both responses to a request.
#[must_use]
pub fn judge(question: &Question<'_>, ours: &Answer, theirs: &Answer, contents: Contents) -> Judgment {
    let mut found = Differences::with(contents);
    let siblings = judge_responses(question, ours, theirs, &mut found);
    Judgment { differences: found, siblings }
}

fn judge_responses(
    question: &Question<'_>,
    ours: &Answer,
    theirs: &Answer,
    found: &mut Differences,
) -> Option<Siblings> {
    let statuses = || (format!("status {}", ours.status), format!("status {}", theirs.status));
    if ours.status != 200 {
        // What cannot be read is rejected by both, each in its own words.
        if theirs.status >= 400 {
            found.allow("", why_unreadable(question));
        } else if question.endpoint == &Endpoint::RouterTransform && says_that_all_fail(theirs) {
            found.allow("", IntendedDifference::RouterTransform);
        } else {
            found.tell_whole(statuses().0, statuses().1);
        }
        return None;
    }
    let (our_text, their_text) = (String::from_utf8_lossy(&ours.body), String::from_utf8_lossy(&theirs.body));
    let Ok(our_value) = Raw::parse(&our_text) else {
        found.tell_whole("no JSON", "a response");
        return None;
    };
    let events = Events::of(question);
    if theirs.status != 200 {
        match why_the_request_fails(question, &events, theirs.status) {
            Some(row) => {
                found.allow("", row);
                return Siblings::check(question, &events, our_value, found);
            }
            None => found.tell_whole(statuses().0, statuses().1),
        }
        return None;
    }
    let Ok(their_value) = Raw::parse(&their_text) else {
        found.tell_whole("JSON", "no JSON");
        return None;
    };
    match question.endpoint {
        Endpoint::Processor { .. } if [our_value, their_value].iter().all(|value| value.kind() == Kind::Array) => {
            return judge_events(question, &events, [our_value, their_value], found);
        }
        Endpoint::Batch => batch::judge(&events, [our_value, their_value], found),
        Endpoint::RouterTransform => judge_router(our_value, their_value, found),
        Endpoint::Processor { .. } => found.compare("", Some(our_value), Some(their_value), Infinite::IsItself),
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
            (ours, theirs) => found.compare(&pointer, ours.copied(), theirs.copied(), Infinite::IsItself),
        }
    }
    cause.and_then(|_| Siblings::check(question, events, values[0], found))
}

/// Both say that there is no router transformation, each in its own words and groups.
fn judge_router(ours: Raw<'_>, theirs: Raw<'_>, found: &mut Differences) {
    let mut exact = found.none_yet();
    exact.compare("", Some(ours), Some(theirs), Infinite::MayBeNull);
    let [ours_ids, theirs_ids] = [ours, theirs].map(job_ids);
    if !exact.is_empty() && all_fail(ours) && all_fail(theirs) && theirs_ids.is_subset(&ours_ids) {
        found.allow("", IntendedDifference::RouterTransform);
    } else {
        found.append(exact);
    }
}

/// The jobs that a router transformation's response is about.
fn job_ids(response: Raw<'_>) -> BTreeSet<String> {
    let entries = response.member("output").map(elements).unwrap_or_default();
    let metadata = entries.into_iter().filter_map(|entry| entry.member("metadata")).flat_map(elements);
    metadata
        .filter_map(|metadata| metadata.member("jobId"))
        .map(|id| JsString::of(Some(id)).escaped().to_owned())
        .collect()
}

/// Whether every entry of a router transformation's response says that it failed.
fn says_that_all_fail(response: &Answer) -> bool {
    Raw::parse(&String::from_utf8_lossy(&response.body)).is_ok_and(all_fail)
}

fn all_fail(response: Raw<'_>) -> bool {
    let entries = response.member("output").map(elements).unwrap_or_default();
    !entries.is_empty() && entries.into_iter().all(fails)
}

/// Which row an unreadable body is of.
fn why_unreadable(question: &Question<'_>) -> IntendedDifference {
    let kind = Raw::parse(question.text).map(Raw::kind);
    match (question.endpoint, question.form, kind) {
        (Endpoint::Processor { .. }, Form::Plain, Ok(Kind::Object))
        | (Endpoint::Processor { .. }, Form::Compacted, Ok(Kind::Array)) => IntendedDifference::WrongForm,
        _ => IntendedDifference::UnreadableBody,
    }
}

/// Why the reference may fail the whole request, while this service rejects one event or none.
fn why_the_request_fails(question: &Question<'_>, events: &Events<'_>, status: u16) -> Option<IntendedDifference> {
    use IntendedDifference as Row;
    if status < 400 {
        return None;
    }
    let causes = (0..events.request().events.len()).flat_map(|index| events.rows(index));
    // It rejects that name with this status only.
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
        (is_processor && question.form == Form::Plain && has_no_events, Row::NoEvents),
        (!is_processor && has_no_input(question.text), Row::BatchNoInput),
        (is_too_deep(question.text), Row::DeepNesting),
        (!question.traits.says_json, Row::ContentType),
        (question.traits.is_v1, Row::FirstVersion),
    ];
    rows.into_iter().find_map(|(applies, row)| applies.then_some(row))
}

fn has_no_input(text: &str) -> bool {
    Raw::parse(text).is_ok_and(|body| body.member("input").is_none_or(Raw::is_null))
}

/// Whether a response to an event says that it failed.
fn fails(response: Raw<'_>) -> bool {
    let code = response.member("statusCode").map(Raw::text);
    code.is_some_and(|code| code.len() == 3 && code >= "400")
}

/// Whether values are nested deeper in a valid JSON text than the reference copes with.
fn is_too_deep(text: &str) -> bool {
    if text.len() <= 2 * MAX_LEVELS {
        return false;
    }
    let bytes = text.as_bytes();
    let (mut at, mut level) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => level += 1,
            b'}' | b']' => level = level.saturating_sub(1),
            b'"' => match Scanner::new(bytes).string(at + 1) {
                Ok(end) => at = end.quote,
                Err(_) => return false,
            },
            _ => {}
        }
        if level > MAX_LEVELS {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether any object in a valid JSON text has a field called `__proto__`, however it is escaped.
fn has_field_proto(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(quote) = bytes.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let start = at + quote + 1;
        let Ok(end) = Scanner::new(bytes).string(start) else { return false };
        at = end.quote + 1;
        let is_name = bytes.get(white_space(bytes, at)) == Some(&b':');
        if is_name && Raw::parse(&text[start - 1..at]).is_ok_and(|name| name.is_string("__proto__")) {
            return true;
        }
    }
    false
}
