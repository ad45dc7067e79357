//! The processor transformation of a request (docs/contract.md#processor-transformation).

use std::ops::ControlFlow;

use crate::decision::Tally;
use crate::family::Family;
use crate::meter::{Halt, Meter, Unlimited, Usage};
use crate::observer::{NoopObserver, Observer, Restart};
use crate::pipeline::Context;
use crate::rejection::Rejection;
use crate::request::body::{BodyError, Limits, PayloadFormat, Request};
use crate::request::event::Event;
use crate::request::origin::Origin;
use crate::request::shared_tables::{Destinations, SharedTables};
use crate::request::stream::StreamingRequest;
use crate::response::{self, RejectedBy};

/// The response to a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// A JSON array with one response per event, in the order of the events.
    pub body: String,
    /// The counts of the decisions.
    pub tally: Tally,
    /// The origin of the events, for metric labels.
    pub origin: Origin,
}

/// Transforms the events of a request body.
///
/// `query` is the query string of the URL without its `?`. Templates can read its parameters.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected. An invalid event is not an error, but is rejected in its own response.
pub fn respond(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
) -> Result<Response, BodyError> {
    respond_within(family, body, form, query, limits, &Unlimited)
}

/// Like [`respond()`], but within the limits of `meter`.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
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

/// Like [`respond_within()`], but also reports each decision to `observer`, which must never return `Break`.
///
/// Events are transformed while the body is read. If the layout of the body turns out not to allow this, the responses
/// so far are discarded, [`Restart::restart`] is called, and all events are transformed again.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
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

/// Like [`respond_within()`], but also reports each decision to `observer`. If the observer returns `Break`, the
/// remaining events are skipped, so the response ends with the event that was reported last.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
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

/// The responses to the events of one request, in order.
struct Responses<'s, 'a> {
    context: Context<'s, 'a>,
    destinations: Destinations<'a>,
    limits: Limits,
    body_bytes: usize,
    response: Response,
    /// The origin of the events, taken from the first event that is an object.
    origin: Option<Origin>,
    /// The error to return instead of a response. The remaining events are still read, because an error for invalid
    /// JSON takes precedence.
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
        Self {
            context: Context::new(family, shared, query, usage),
            destinations: Destinations::of(family),
            limits,
            body_bytes,
            response: Response { body: String::from("["), ..Response::default() },
            origin: None,
            failed: None,
        }
    }

    /// Appends the response to the next event. `event` is `None` if the element of the request is not an object.
    /// Returns `Break` if the observer returned `Break`.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
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
            Some(event) => self.context.transform(&mut self.destinations, event, out, observer),
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
        let flow = observer.responded(outcome, &out[start..]);
        if flow.is_break() {
            return Ok(flow);
        }
        self.failed = self.limits.check(out, self.body_bytes).err();
        if !observer.keeps_response() {
            out.truncate(1);
        }
        if let Some(event) = event.filter(|_| self.origin.is_none()) {
            self.origin = Some(self.destinations.origin_of(self.context.shared, event));
            if observer.keeps_response() {
                self.reserve_capacity(event);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reserves capacity for the response by extrapolating from the first event.
    fn reserve_capacity(&mut self, first: &Event<'_>) {
        let events = self.body_bytes / first.raw.text().len();
        if events > 2 {
            let out = &mut self.response.body;
            let likely = events.saturating_mul(out.len() + out.len() / 16);
            let max = (self.body_bytes + self.body_bytes / 4).min(self.limits.response_bytes);
            self.context.usage.try_grow(out, likely.min(max).saturating_sub(out.len()));
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
