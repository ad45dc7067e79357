//! The processor transformation: the way of an event, start to end (docs/contract.md#processor-transformation).

use std::cell::OnceCell;
use std::ops::ControlFlow;

use crate::budget::{EventBudget, Exhausted};
use crate::decision::{Changes, Decision, Tally};
use crate::family::Family;
use crate::meter::{Halt, Meter, Unlimited, Usage};
use crate::observer::{NoopObserver, Observer, Restart};
use crate::rejection::Rejection;
use crate::request::body::{BodyError, Limits, PayloadFormat, Request};
use crate::request::destination::Destination;
use crate::request::event::{Event, Message, Metadata};
use crate::request::origin::Origin;
use crate::request::shared_tables::{Destinations, SharedTables};
use crate::request::stream::StreamingRequest;
use crate::response::{self, Output, RejectedBy};
use crate::rules::config_value::{FilledValues, NO_HOLES};
use crate::rules::integrations::Integrations;
use crate::rules::lazy_object::LazyObject;
use crate::rules::partition_key;
use crate::rules::retl_timestamp;
use crate::rules::templates::Templates;
use crate::rules::topic::Routing;
use crate::rules::topic_setting::{Filling, RoutingMembers};
use json::javascript::JsString;
use json::raw::{EMPTY_OBJECT, NULL, Raw};

/// The response to a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// A JSON array with one response per event, in their order.
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
/// [`BodyError`] where nothing of the body can be answered. A bad event is not that: it gets a response of its own.
pub fn respond(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
) -> Result<Response, BodyError> {
    respond_within(family, body, form, query, limits, &Unlimited)
}

/// [`respond()`], with memory and work that `meter` grants.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn respond_within(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
    meter: &dyn Meter,
) -> Result<Response, BodyError> {
    respond_observed(family, body, form, query, limits, meter, &mut NoopObserver)
}

/// [`respond_within()`], reporting each decision to an observer that never breaks. It sees an attempt to answer the events
/// while the body is read; if that is discarded, it starts over.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn respond_observed(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
    meter: &dyn Meter,
    observer: &mut impl Restart,
) -> Result<Response, BodyError> {
    let usage = Usage::of(meter);
    if let Some(request) = StreamingRequest::over(body, form, limits, &usage)? {
        let mut responses = Responses::new(family, &request.shared, query, body.len(), limits, &usage);
        if request.each_event(|event| responses.add(event.as_ref(), observer).map(drop))? {
            return responses.finish();
        }
        observer.restart();
    }
    usage.start_over();
    whole(family, body, form, query, limits, &usage, observer)
}

/// [`respond_within()`], reporting each decision to `observer`. If the observer breaks, the response ends with the
/// event that it saw last.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn observed(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
    meter: &dyn Meter,
    observer: &mut impl Observer,
) -> Result<Response, BodyError> {
    whole(family, body, form, query, limits, &Usage::of(meter), observer)
}

fn whole(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
    usage: &Usage<'_>,
    observer: &mut impl Observer,
) -> Result<Response, BodyError> {
    let request = Request::processor_within(body, form, limits, usage)?;
    let mut responses = Responses::new(family, &request.shared, query, body.len(), limits, usage);
    for event in &request.events {
        if responses.add(event.as_ref(), observer)?.is_break() {
            break;
        }
    }
    responses.finish()
}

/// The responses to the events of one request, one after the other.
struct Responses<'s, 'a> {
    context: Context<'s, 'a>,
    destinations: Destinations<'a>,
    limits: Limits,
    body_bytes: usize,
    response: Response,
    /// Set with the first event that is an object.
    origin: Option<Origin>,
    /// Why there is no response. The events behind are read all the same: a body that is not JSON is rejected as that.
    failed: Option<BodyError>,
}

impl<'s, 'a> Responses<'s, 'a> {
    fn new(
        family: &'static Family,
        shared: &'s SharedTables<'a>,
        query: &'s str,
        body_bytes: usize,
        limits: Limits,
        usage: &'s Usage<'s>,
    ) -> Self {
        let context =
            Context { family, shared, query, query_json: OnceCell::new(), usage, no_values: FilledValues::default() };
        Self {
            context,
            destinations: Destinations::of(family),
            limits,
            body_bytes,
            response: Response { body: String::from("["), ..Response::default() },
            origin: None,
            failed: None,
        }
    }

    /// Responses the next event; `None` stands for what is not an object. Breaks where the observer does.
    ///
    /// # Errors
    /// The rejection of the meter.
    fn add(&mut self, event: Option<&Event<'a>>, observer: &mut impl Observer) -> Result<ControlFlow<()>, Halt> {
        if self.failed.is_some() {
            return Ok(ControlFlow::Continue(()));
        }
        let usage = self.context.usage;
        let Response { body: out, tally, .. } = &mut self.response;
        let event_bytes = event.map_or(0, |event| event.raw.text().len());
        if tally.events == 0 {
            usage.grow(out, event_bytes + response::OVERHEAD)?;
        } else {
            usage.grow(out, 1)?;
            out.push(',');
        }
        let start = out.len();
        observer.event(event);
        let outcome = match event {
            Some(event) => transform(&self.context, &mut self.destinations, event, out, observer),
            None => Err(Rejection::EventNotAnObject),
        };
        if let Some(halt) = usage.halted() {
            return Err(halt);
        }
        if let Err(rejection) = outcome {
            response::write_rejection(out, RejectedBy::Processor, self.context.family, event, rejection, usage)?;
        }
        usage.end_event();
        usage.work((event_bytes + out.len() - start) as u64)?;
        tally.count(outcome);
        let goes_on = observer.responded(outcome, &out[start..]);
        if goes_on.is_break() {
            return Ok(goes_on);
        }
        self.failed = self.limits.hold(out, self.body_bytes).err();
        if !observer.keeps_response() {
            out.truncate(1);
        }
        if let Some(event) = event.filter(|_| self.origin.is_none()) {
            self.origin = Some(self.destinations.origin_of(self.context.shared, event));
            if observer.keeps_response() {
                self.make_room(event);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reserves capacity for the response by extrapolating from the first event: hardly ever more than it takes.
    fn make_room(&mut self, first: &Event<'_>) {
        let events = self.body_bytes / first.raw.text().len();
        if events > 2 {
            let out = &mut self.response.body;
            let likely = events.saturating_mul(out.len() + out.len() / 16);
            let most = (self.body_bytes + self.body_bytes / 4).min(self.limits.response_bytes);
            self.context.usage.try_grow(out, likely.min(most).saturating_sub(out.len()));
        }
    }

    fn finish(self) -> Result<Response, BodyError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut response = self.response;
        self.context.usage.grow(&mut response.body, 1)?;
        response.body.push(']');
        response.origin = self.origin.unwrap_or_default();
        Ok(response)
    }
}

/// What an event is transformed with.
struct Context<'s, 'a> {
    family: &'static Family,
    shared: &'s SharedTables<'a>,
    query: &'s str,
    /// The query as a JSON object, made when the first template asks for it.
    query_json: OnceCell<String>,
    usage: &'s Usage<'s>,
    /// What events give for templates of destinations without any.
    no_values: FilledValues<'s>,
}

/// Appends the response for one event to `out`, which stays as it was where the event is rejected.
fn transform<'a>(
    context: &Context<'_, 'a>,
    destinations: &mut Destinations<'a>,
    event: &Event<'a>,
    out: &mut String,
    observer: &mut impl Observer,
) -> Result<Decision, Rejection> {
    let Context { shared, usage, .. } = *context;
    let metadata = event.metadata()?;
    let message = event.message()?;
    context.charge_texts(message, metadata)?;
    let (destination_raw, destination) = destinations.find(shared, event, metadata, usage)?;
    observer.destination(destination_raw);
    let stamped = retl_timestamp::set(message, observer);
    let mut changes = Changes { timestamp_set: stamped.is_some(), ..Changes::default() };
    let routing = &destination.routing;

    let Some(templates) = &destination.templates else {
        let filling = Filling { holes: &NO_HOLES, values: &context.no_values };
        let Some(stamped) = &stamped else {
            return context.write(message, metadata, (routing, filling), changes, out, observer);
        };
        // The timestamp decides nothing: all that was found in the message still holds.
        let message = message.with_text(stamped);
        return context.write(&message, metadata, (routing, filling), changes, out, observer);
    };

    let message = match &stamped {
        Some(text) => &message.with_text(text),
        None => message,
    };
    let mut budget = EventBudget::for_event(event.raw.text().len(), usage);
    budget.work(routing.work())?;
    let mut lazy =
        context.lazy_event(event, message, metadata, (destination_raw, templates, &destination), &mut budget)?;
    observer.will_fill(destination_raw, templates);
    let values = templates.fill(&mut lazy, &mut budget, &mut changes, observer)?;
    let texts = [lazy.member_text("message", &mut budget)?, lazy.member_text("metadata", &mut budget)?];
    let [message_text, metadata_text] =
        texts.each_ref().map(|text| text.as_deref().map_or(EMPTY_OBJECT, Raw::from_valid));
    // What no template took anything of is as it was read.
    let message =
        if is_same(message.raw, message_text) { message.clone() } else { Message::of_lazy_object(&lazy, message_text) };
    let metadata = if is_same(metadata.raw, metadata_text) { metadata.clone() } else { Metadata::of(metadata_text) };
    context.charge_texts(&message, &metadata)?;
    let filling = Filling { holes: destination.holes(), values: &values };
    if !templates.is_config() {
        return context.write(&message, &metadata, (routing, filling), changes, out, observer);
    }
    let config = values.of_template(0).unwrap_or(NULL);
    let routing = Routing::read(RoutingMembers::of(config), context.family, &NO_HOLES, usage);
    let routing = routing.map_err(|_| Rejection::TemplatesTooComplex)?;
    let filling = Filling { holes: &NO_HOLES, values: &context.no_values };
    context.write(&message, &metadata, (&routing, filling), changes, out, observer)
}

/// Whether two values are the same slice.
fn is_same(one: Raw<'_>, other: Raw<'_>) -> bool {
    one.text().as_ptr() == other.text().as_ptr() && one.text().len() == other.text().len()
}

impl<'a> Context<'_, 'a> {
    /// Charges what the texts of fields of an event may take, which are compared or written as `String(…)`.
    fn charge_texts(&self, message: &Message<'_>, metadata: &Metadata<'_>) -> Result<(), Exhausted> {
        let [user_id, anonymous_id] = [message.user_id, message.anonymous_id];
        let ids = [metadata.rudder_id, metadata.source_id, metadata.destination_id, metadata.workspace_id];
        let texts = ids.into_iter().chain([user_id, anonymous_id, message.event]);
        let mut bytes = texts.flatten().map(JsString::max_bytes).sum();
        if message.channel.is_some_and(|channel| channel.is_string("sources")) {
            // The reverse-ETL rule may copy it, with a timestamp as large as it.
            bytes += 2 * message.raw.text().len() + 64;
        }
        if bytes == 0 { Ok(()) } else { self.usage.scratch(bytes).map_err(|_| Exhausted) }
    }

    /// Decides topic and key, and writes the response.
    fn write<'e>(
        &self,
        message: &Message<'e>,
        metadata: &Metadata<'_>,
        (routing, filling): (&'e Routing<'e>, Filling<'e>),
        changes: Changes,
        out: &mut String,
        observer: &mut impl Observer,
    ) -> Result<Decision, Rejection> {
        let family = self.family;
        let integrations = Integrations::of(message, family);
        if let Some(topic) = integrations.topic {
            self.usage.scratch(JsString::max_bytes(topic)).map_err(|_| Exhausted)?;
        }
        let topic = routing.decide(filling, family, message, &integrations, self.usage, observer);
        let rule = topic.rule;
        let (user_id, key) = partition_key::decide(message, observer);
        let schema_id = integrations.schema_id.filter(|_| family.schema_id);
        let output = Output { message: message.raw, user_id, schema_id, topic };
        response::write_output(out, &output, metadata, self.usage).map_err(|_| Exhausted)?;
        Ok(Decision { topic: rule, key, changes })
    }

    /// The event as templates see it (docs/contract.md#dynamic-configuration), with its message as it is by now.
    fn lazy_event(
        &'a self,
        event: &Event<'a>,
        message: &Message<'a>,
        metadata: &Metadata<'a>,
        (raw, templates, destination): (Raw<'a>, &Templates, &Destination<'a>),
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<LazyObject<'a>, Exhausted> {
        let read = [event.message().ok().map(|message| message.raw), Some(metadata.raw)];
        let mut lazy = LazyObject::within(event.raw, read.as_slice(), budget)?;
        lazy.set("message", LazyObject::of(message.raw), budget)?;
        let [destination_read, connection_read, request_read] = templates.roots();
        let is_compacted = self.shared.is_compacted();
        if destination_read && is_compacted {
            let destination = match &destination.lazy {
                Some(lazy) => lazy.copy_within(budget)?,
                None => LazyObject::of(raw),
            };
            lazy.set("destination", destination, budget)?;
        }
        if connection_read && is_compacted {
            lazy.set("connection", LazyObject::of(self.shared.connection_of(metadata).unwrap_or(NULL)), budget)?;
        }
        if request_read {
            lazy.set("request", LazyObject::of(Raw::from_valid(self.request_json())), budget)?;
        }
        Ok(lazy)
    }
}

impl Context<'_, '_> {
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
