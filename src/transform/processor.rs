//! The processor transformation: the way of an event, start to end (contract, section 3).

use std::cell::OnceCell;
use std::ops::ControlFlow;

use super::answer::{self, Output};
use super::beside::{Beside, Destinations};
use super::decision::{Changes, Decision, Tally};
use super::draft::Draft;
use super::event::{Event, Message, Metadata};
use super::family::Family;
use super::integrations::Integrations;
use super::json::{NULL, Raw};
use super::observer::{Nobody, Observer};
use super::origin::Origin;
use super::partition_key;
use super::reader::Reader;
use super::rejection::Rejection;
use super::request::{BodyError, Form, Limits, Request};
use super::retl_timestamp;
use super::topic::{Routing, RoutingMembers};
use super::walk::Walk;
use super::work::Work;

/// The answer to a request.
#[derive(Debug, Default, PartialEq, Eq)]
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
    if let Some(walk) = Walk::over(body, form, limits) {
        let mut answers = Answers::new(family, &walk.beside, query, body.len(), limits);
        // Whoever looks on would see what may turn out to count for nothing; nobody does.
        if walk.each_event(|event| _ = answers.add(event.as_ref(), &mut Nobody)) {
            return answers.finish();
        }
    }
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
    let mut answers = Answers::new(family, &request.beside, query, body.len(), limits);
    for event in &request.events {
        if answers.add(event.as_ref(), observer).is_break() {
            break;
        }
    }
    answers.finish()
}

/// The answers to the events of one request, one behind the other.
struct Answers<'s, 'a> {
    surroundings: Surroundings<'s, 'a>,
    destinations: Destinations<'a>,
    limits: Limits,
    work: Work,
    body_bytes: usize,
    answer: Answer,
    /// Set with the first event that is an object.
    origin: Option<Origin>,
    /// Why there is no answer. The events behind are read all the same: a body that is no JSON is refused as that.
    failed: Option<BodyError>,
}

impl<'s, 'a> Answers<'s, 'a> {
    fn new(family: &'static Family, beside: &'s Beside<'a>, query: &'s str, body_bytes: usize, limits: Limits) -> Self {
        Self {
            surroundings: Surroundings { family, beside, query, query_json: OnceCell::new() },
            destinations: Destinations::of(family),
            limits,
            work: Work::allowed_for(body_bytes),
            body_bytes,
            answer: Answer { body: String::from("["), ..Answer::default() },
            origin: None,
            failed: None,
        }
    }

    /// Answers the next event; `None` stands for what is no object. Breaks where the observer does.
    fn add(&mut self, event: Option<&Event<'a>>, observer: &mut impl Observer) -> ControlFlow<()> {
        if self.failed.is_some() {
            return ControlFlow::Continue(());
        }
        let Answer { body: out, tally, .. } = &mut self.answer;
        if tally.events == 0 {
            out.reserve(event.map_or(0, |event| event.raw.text().len()) + answer::OVERHEAD);
        } else {
            out.push(',');
        }
        let start = out.len();
        let outcome = match event {
            Some(event) => transform(&self.surroundings, &mut self.destinations, event, &mut self.work, out, observer),
            None => Err(Rejection::EventNotAnObject),
        };
        if let Err(rejection) = outcome {
            answer::write_rejection(out, self.surroundings.family, event, rejection);
        }
        tally.count(outcome);
        let goes_on = observer.answered(outcome, &out[start..]);
        if goes_on.is_break() {
            return goes_on;
        }
        if self.work.is_too_much() {
            self.failed = Some(BodyError::TooMuchWork);
        } else {
            self.failed = self.limits.hold(out).err();
        }
        if !observer.keeps_response() {
            out.truncate(1);
        }
        if let Some(event) = event.filter(|_| self.origin.is_none()) {
            self.origin = Some(self.surroundings.beside.origin_of(event));
            if observer.keeps_response() {
                self.make_room(event);
            }
        }
        ControlFlow::Continue(())
    }

    /// Makes room for the answers of all events, as if all made of their bytes what this one, the first, did: hardly ever
    /// more than there are.
    fn make_room(&mut self, first: &Event<'_>) {
        let events = self.body_bytes / first.raw.text().len();
        if events > 2 {
            let out = &mut self.answer.body;
            let likely = events.saturating_mul(out.len() + out.len() / 16);
            let most = (self.body_bytes + self.body_bytes / 4).min(self.limits.answer_bytes);
            out.reserve(likely.min(most).saturating_sub(out.len()));
        }
    }

    fn finish(self) -> Result<Answer, BodyError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut answer = self.answer;
        answer.body.push(']');
        answer.origin = self.origin.unwrap_or_default();
        Ok(answer)
    }
}

/// What an event is transformed with.
struct Surroundings<'s, 'a> {
    family: &'static Family,
    beside: &'s Beside<'a>,
    query: &'s str,
    /// The query as a JSON object, made when the first template asks for it.
    query_json: OnceCell<String>,
}

/// Appends the answer for one event to `out`, which stays as it was where the event is refused.
fn transform<'a>(
    surroundings: &Surroundings<'_, 'a>,
    destinations: &mut Destinations<'a>,
    event: &Event<'a>,
    work: &mut Work,
    out: &mut String,
    observer: &mut impl Observer,
) -> Result<Decision, Rejection> {
    let family = surroundings.family;
    let metadata = event.metadata()?;
    let message = event.message()?;
    let (destination_raw, destination) = destinations.find(surroundings.beside, event, metadata)?;
    observer.destination(destination_raw);
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
        if self.beside.is_compacted() {
            draft.set("destination", Draft::of(destination));
            draft.set("connection", Draft::of(self.beside.connection_of(metadata).unwrap_or(NULL)));
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
