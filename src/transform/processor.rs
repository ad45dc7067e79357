//! The processor transformation: the way of an event, start to end (contract, section 3).

use std::cell::OnceCell;

use super::answer::{self, Output};
use super::decision::{Changes, Decision, Tally};
use super::draft::Draft;
use super::dynamic_config::Work;
use super::event::{Event, Message, Metadata};
use super::family::Family;
use super::integrations::Integrations;
use super::json::{NULL, Raw};
use super::observer::{Nobody, Observer};
use super::origin::Origin;
use super::partition_key;
use super::reader::Reader;
use super::rejection::Rejection;
use super::request::{BodyError, Destinations, Form, Limits, Request};
use super::retl_timestamp;
use super::topic::{Routing, RoutingMembers};

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// A JSON array with one answer per event, in their order.
    pub body: String,
    /// What was decided, counted.
    pub tally: Tally,
    /// Where the events come from.
    pub origin: Origin,
}

/// Transforms the events of a request body. `query` is the query string of the request's URL, without its `?`, which
/// templates can address.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered. A bad event is not that: it gets an answer of its own.
pub fn answer(
    family: &'static Family,
    body: &str,
    form: Form,
    query: &str,
    limits: Limits,
) -> Result<Answer, BodyError> {
    observed(family, body, form, query, limits, &mut Nobody)
}

/// [`answer()`], while somebody looks on. Where the observer breaks, the answer ends with the event it saw last.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn observed(
    family: &'static Family,
    body: &str,
    form: Form,
    query: &str,
    limits: Limits,
    observer: &mut impl Observer,
) -> Result<Answer, BodyError> {
    let request = Request::processor(body, form, limits)?;
    let surroundings = Surroundings { family, request: &request, query, query_json: OnceCell::new() };
    let mut destinations = Destinations::of(family);
    let mut tally = Tally::default();
    let mut work = Work::allowed_for(body.len());
    let mut out = String::with_capacity(expected_bytes(&request).min(limits.answer_bytes));
    out.push('[');
    for (index, event) in request.events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let start = out.len();
        let outcome = match event {
            Some(event) => transform(&surroundings, &mut destinations, event, &mut work, &mut out, observer),
            None => Err(Rejection::EventNotAnObject),
        };
        if let Err(rejection) = outcome {
            answer::write_rejection(&mut out, family, event.as_ref(), rejection);
        }
        tally.count(outcome);
        if observer.answered(outcome, &out[start..]).is_break() {
            break;
        }
        if work.is_too_much() {
            return Err(BodyError::TooMuchWork);
        }
        if out.len() > limits.answer_bytes {
            return Err(BodyError::AnswerTooLarge(limits.answer_bytes));
        }
    }
    out.push(']');
    let first = request.events.iter().flatten().next();
    let origin = first.and_then(|event| event.metadata().ok()).map(Origin::of).unwrap_or_default();
    Ok(Answer { body: out, tally, origin })
}

/// What an event is transformed with.
struct Surroundings<'r, 'a> {
    family: &'static Family,
    request: &'r Request<'a>,
    query: &'a str,
    /// The query as a JSON object, made when the first template asks for it.
    query_json: OnceCell<String>,
}

/// Appends the answer for one event to `out`, which stays as it was where the event is refused.
fn transform<'a>(
    surroundings: &'a Surroundings<'_, 'a>,
    destinations: &mut Destinations<'a>,
    event: &Event<'a>,
    work: &mut Work,
    out: &mut String,
    observer: &mut impl Observer,
) -> Result<Decision, Rejection> {
    let family = surroundings.family;
    let metadata = event.metadata()?;
    let message = event.message()?;
    let (destination_raw, destination) = destinations.find(surroundings.request, event, metadata)?;
    let stamped = retl_timestamp::set(message, observer);
    let mut changes = Changes { timestamp_set: stamped.is_some(), ..Changes::default() };

    let Some(templates) = &destination.templates else {
        let Some(stamped) = &stamped else {
            return Ok(write(family, message, metadata, &destination.routing, changes, out, observer));
        };
        // The timestamp decides nothing: all that was found in the message still holds.
        let message = message.with_text(stamped);
        return Ok(write(family, &message, metadata, &destination.routing, changes, out, observer));
    };

    let message = match &stamped {
        Some(text) => Raw::parse(text).map_err(|_| Rejection::MessageNotAnObject)?,
        None => message.raw,
    };
    let mut draft = surroundings.draft(event, message, metadata, destination_raw);
    observer.will_fill(destination_raw, templates);
    let filled = templates.fill(&mut draft, work, &mut changes, observer)?;
    let (message, metadata) = (draft.member_text("message"), draft.member_text("metadata"));
    let read = Message::read(&mut Reader::new(message.as_deref().unwrap_or("{}")));
    let message = read.map_err(|_| Rejection::MessageNotAnObject)?;
    let read = Metadata::parse(metadata.as_deref().unwrap_or("{}"));
    let metadata = read.map_err(|_| Rejection::MetadataNotAnObject)?;
    let Some(filled) = &filled else {
        return Ok(write(family, &message, &metadata, &destination.routing, changes, out, observer));
    };
    let members = Raw::parse(filled).map_or_else(|_| RoutingMembers::default(), RoutingMembers::of);
    let routing = match members {
        RoutingMembers([default, None, None, None]) => destination.routing.with_default(default),
        _ => Routing::read(members, family),
    };
    Ok(write(family, &message, &metadata, &routing, changes, out, observer))
}

/// Decides topic and key, and writes the answer.
fn write<'e>(
    family: &Family,
    message: &Message<'e>,
    metadata: &Metadata<'_>,
    routing: &Routing<'e>,
    changes: Changes,
    out: &mut String,
    observer: &mut impl Observer,
) -> Decision {
    let integrations = Integrations::of(message, family);
    let topic = routing.decide(family, message, &integrations, observer);
    let (user_id, key) = partition_key::decide(message, observer);
    let output =
        Output { message: message.raw, user_id, schema_id: integrations.schema_id.filter(|_| family.schema_id), topic };
    answer::write_output(out, &output, metadata);
    Decision { topic: topic.rule, key, changes }
}

impl<'a> Surroundings<'_, 'a> {
    /// The event as templates see it (contract, section 3.2), with its message as it is by now.
    fn draft(
        &'a self,
        event: &Event<'a>,
        message: Raw<'a>,
        metadata: &Metadata<'a>,
        destination: Raw<'a>,
    ) -> Draft<'a> {
        let mut draft = Draft::of(event.raw);
        draft.set("message", Draft::of(message));
        if self.request.is_compacted() {
            draft.set("destination", Draft::of(destination));
            draft.set("connection", Draft::of(self.request.connection_of(metadata).unwrap_or(NULL)));
        }
        if let Ok(request) = Raw::parse(self.request_json()) {
            draft.set("request", Draft::of(request));
        }
        draft
    }
}

impl Surroundings<'_, '_> {
    /// `{"query":{…}}`: a name that stands several times in the query has an array of its values.
    fn request_json(&self) -> &str {
        self.query_json.get_or_init(|| {
            let mut query = serde_json::Map::new();
            for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
                let value = serde_json::Value::from(value);
                match query.get_mut(name.as_ref()) {
                    None => {
                        query.insert(name.into_owned(), value);
                    }
                    Some(serde_json::Value::Array(values)) => values.push(value),
                    Some(first) => *first = serde_json::Value::Array(vec![first.take(), value]),
                }
            }
            serde_json::json!({ "query": query }).to_string()
        })
    }
}

/// Enough room for the answer, in most cases.
fn expected_bytes(request: &Request<'_>) -> usize {
    let bytes = |event: &Option<Event<'_>>| {
        event.as_ref().map_or(0, |event| {
            let message = event.message().map_or(0, |message| message.raw.text().len());
            let metadata = event.metadata().map_or(0, |metadata| metadata.raw.text().len());
            message + metadata
        }) + answer::OVERHEAD
    };
    request.events.iter().map(bytes).sum::<usize>() + 2
}
