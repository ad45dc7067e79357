//! The processor transformation: the way of an event, start to end (contract, section 3).

use std::borrow::Cow;
use std::cell::OnceCell;

use super::answer::{self, Output};
use super::decision::{Changes, Decision, Tally};
use super::destination::Destination;
use super::draft::Draft;
use super::event::{Event, Message, Metadata};
use super::family::Family;
use super::integrations::Integrations;
use super::json::{Raw, Reader};
use super::partition_key;
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
    let request = Request::processor(body, form, limits)?;
    let surroundings = Surroundings { family, request: &request, query, query_json: OnceCell::new() };
    let mut destinations = Destinations::of(family);
    let mut tally = Tally::default();
    let mut out = String::with_capacity(expected_bytes(&request).min(limits.answer_bytes));
    out.push('[');
    for (index, event) in request.events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let outcome = match event {
            Some(event) => transform(&surroundings, &mut destinations, event, &mut out),
            None => Err(Rejection::EventNotAnObject),
        };
        if let Err(rejection) = outcome {
            answer::write_rejection(&mut out, family, event.as_ref(), rejection);
        }
        tally.count(outcome);
        if out.len() > limits.answer_bytes {
            return Err(BodyError::AnswerTooLarge(limits.answer_bytes));
        }
    }
    out.push(']');
    Ok(Answer { body: out, tally })
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
    out: &mut String,
) -> Result<Decision, Rejection> {
    let family = surroundings.family;
    let metadata = event.metadata()?;
    let message = event.message()?;
    let destination = destinations.get(surroundings.request.destination_of(event, metadata)?)?;
    let timestamp = retl_timestamp::decide(message);

    if timestamp.is_none() && destination.templates.is_none() {
        return Ok(write(family, message, metadata, &destination.routing, Changes::default(), out));
    }

    let changed = change(surroundings, event, message, metadata, &destination, timestamp)?;
    let message = Message::read(&mut Reader::new(&changed.message)).map_err(|_| Rejection::MessageNotAnObject)?;
    let metadata = Metadata::read(&mut Reader::new(&changed.metadata)).map_err(|_| Rejection::MetadataNotAnObject)?;
    let Some(text) = &changed.routing else {
        return Ok(write(family, &message, &metadata, &destination.routing, changed.changes, out));
    };
    let members = Raw::parse(text).map_or_else(|_| RoutingMembers::default(), RoutingMembers::of);
    let routing = Routing::read(members, family);
    Ok(write(family, &message, &metadata, &routing, changed.changes, out))
}

/// Decides topic and key, and writes the answer.
fn write<'e>(
    family: &Family,
    message: &Message<'e>,
    metadata: &Metadata<'_>,
    routing: &Routing<'e>,
    changes: Changes,
    out: &mut String,
) -> Decision {
    let integrations = Integrations::of(message, family);
    let topic = routing.decide(family, message, integrations.topic);
    let (user_id, key) = partition_key::decide(message);
    let output =
        Output { message: message.raw, user_id, schema_id: integrations.schema_id.filter(|_| family.schema_id), topic };
    answer::write_output(out, &output, metadata);
    Decision { topic: topic.rule, key, changes }
}

/// An event after the rules that change it.
struct Changed<'a> {
    message: Cow<'a, str>,
    metadata: Cow<'a, str>,
    /// The topic settings, where a template is among them.
    routing: Option<String>,
    changes: Changes,
}

fn change<'a>(
    surroundings: &'a Surroundings<'_, 'a>,
    event: &Event<'a>,
    message: &Message<'a>,
    metadata: &Metadata<'a>,
    destination: &Destination<'a>,
    timestamp: Option<Raw<'a>>,
) -> Result<Changed<'a>, Rejection> {
    let mut changes = Changes::default();
    let mut message = Draft::of(message.raw);
    if let Some(timestamp) = timestamp {
        message.set("timestamp", Draft::of(timestamp));
        changes.timestamp_set = true;
    }
    let Some(templates) = &destination.templates else {
        return Ok(Changed {
            message: message.text(),
            metadata: Cow::Borrowed(metadata.raw.text()),
            routing: None,
            changes,
        });
    };
    let mut draft = Draft::of(event.raw);
    draft.set("message", message);
    if surroundings.request.is_compacted() {
        draft.set("destination", Draft::of(surroundings.request.destination_of(event, metadata)?));
        if let Some(connection) = surroundings.request.connection_of(metadata) {
            draft.set("connection", Draft::of(connection));
        }
    }
    if let Ok(request) = Raw::parse(surroundings.request_json()) {
        draft.set("request", Draft::of(request));
    }
    let routing = templates.fill(&mut draft, &mut changes)?;
    let mut text_of = |name| draft.member(name).map_or(Cow::Borrowed("{}"), |member| member.text());
    Ok(Changed { message: text_of("message"), metadata: text_of("metadata"), routing, changes })
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
