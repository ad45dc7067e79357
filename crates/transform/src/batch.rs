//! The endpoint `/batch`, which groups events by destination and topic (docs/contract.md#batch).

use std::borrow::Cow;

use crate::decision::Tally;
use crate::meter::{Halt, Meter, Unlimited, Usage};
use crate::observer::NoopObserver;
use crate::rejection::Rejection;
use crate::request::body::{BodyError, Limits, PayloadFormat, Request, RouterResponse};
use crate::request::event::Event;
use crate::response::{self, RejectedBy};
use crate::router_transform::Places;
use crate::rules::retl_timestamp;
use json::javascript::JsString;
use json::properties::Properties;
use json::raw::Raw;

/// The parts of a valid event from which the response is built.
struct Delivery<'a> {
    message: Cow<'a, str>,
    metadata: Raw<'a>,
    destination: Raw<'a>,
}

type Name<'a> = Cow<'a, [u8]>;
type Topics<'a> = Properties<Name<'a>, Vec<Delivery<'a>>>;

/// The events of a request, grouped by destination and topic.
#[derive(Default)]
struct Groups<'a> {
    destinations: Properties<Name<'a>, Topics<'a>>,
    places: Places,
}

/// Like [`respond_within`], but without limits on memory and work.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
pub fn respond(body: &str, form: PayloadFormat, limits: Limits) -> Result<RouterResponse, BodyError> {
    respond_within(body, form, limits, &Unlimited)
}

/// Groups the events of a request body by destination and topic, within the limits of `meter`.
///
/// The response has one entry per group, followed by one entry per rejected event.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
pub fn respond_within(
    body: &str,
    form: PayloadFormat,
    limits: Limits,
    meter: &dyn Meter,
) -> Result<RouterResponse, BodyError> {
    let usage = &Usage::of(meter);
    let (family, request) = Request::router_within(body, form, limits, usage)?;
    let mut out = String::from("[");
    let mut tally = Tally { events: request.events.len() as u64, ..Tally::default() };
    if family.batches {
        let mut groups = Groups::default();
        let mut rejected = Vec::new();
        for event in &request.events {
            if let Err(rejection) = group(&request, event.as_ref(), &mut groups, usage)? {
                usage.keep_one_more(&rejected)?;
                rejected.push((event.as_ref(), rejection));
                tally.rejected[rejection as usize] += 1;
            }
        }
        for delivery in groups.destinations.into_ordered().into_iter().flat_map(Properties::into_ordered) {
            usage.grow(&mut out, 1 + group_bytes(&delivery))?;
            separate(&mut out);
            write_group(&mut out, &delivery);
            limits.check(&out, body.len())?;
            usage.checkpoint()?;
        }
        for (event, rejection) in rejected {
            usage.grow(&mut out, 1)?;
            separate(&mut out);
            response::write_rejection(&mut out, RejectedBy::Batch, family, event, rejection, usage)?;
            limits.check(&out, body.len())?;
        }
    } else if !request.events.is_empty() {
        let metadata = request.events.iter().flatten().filter_map(|event| event.metadata().ok());
        // The response contains the metadata of every event. In total, this metadata is never larger than the request
        // body.
        usage.grow(&mut out, body.len() + response::OVERHEAD)?;
        response::write_unsupported(&mut out, family, "batch", metadata.map(|metadata| metadata.raw));
    }
    usage.grow(&mut out, 1)?;
    out.push(']');
    Ok(RouterResponse { family, body: out, tally, counted: None })
}

/// Appends a comma unless `out` ends with an opening bracket.
fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with('[') {
        out.push(',');
    }
}

/// Adds an event to its group. The inner error is the reason why the event is rejected. The outer error means that the
/// meter halted the request.
fn group<'a>(
    request: &Request<'a>,
    event: Option<&Event<'a>>,
    groups: &mut Groups<'a>,
    usage: &Usage<'_>,
) -> Result<Result<(), Rejection>, Halt> {
    let found = event.ok_or(Rejection::EventNotAnObject).and_then(|event| {
        let metadata = event.metadata()?;
        Ok((event, event.message()?, metadata, request.shared.destination_of(event, metadata)?))
    });
    let (event, message, metadata, destination) = match found {
        Ok(found) => found,
        Err(rejection) => return Ok(Err(rejection)),
    };
    usage.work(event.raw.text().len() as u64)?;
    if message.channel.is_some_and(|channel| channel.is_string("sources")) {
        // The reverse-ETL rule may copy the message and add a timestamp as large as the message.
        usage.keep(2 * message.raw.text().len() + 64)?;
    }
    let text = retl_timestamp::set(message, &mut NoopObserver).map_or(Cow::Borrowed(message.raw.text()), Cow::Owned);
    let place = groups.places.of(destination, &mut groups.destinations, usage)?;
    let Some(topics) = groups.destinations.at(place) else { return Ok(Ok(())) };
    let topic = message.raw.member("topic");
    usage.keep(topic.map_or(0, JsString::max_bytes))?;
    let topic = JsString::of(topic).into_decoded();
    let known = topics.len();
    let bytes = Topics::member_bytes(&topic);
    let group = topics.place(topic, Vec::new);
    if topics.len() > known {
        usage.keep(bytes)?;
    }
    if let Some(group) = topics.at(group) {
        usage.keep_one_more(group)?;
        group.push(Delivery { message: text, metadata: metadata.raw, destination });
    }
    Ok(Ok(()))
}

/// The maximum size of a group in the response, in bytes.
fn group_bytes(deliveries: &[Delivery<'_>]) -> usize {
    let events = deliveries.iter().map(|delivery| delivery.message.len() + delivery.metadata.text().len() + 2);
    response::OVERHEAD + events.sum::<usize>() + deliveries.first().map_or(0, |first| first.destination.text().len())
}

fn write_group(out: &mut String, deliveries: &[Delivery<'_>]) {
    out.push_str("{\"batchedRequest\":");
    response::write_array(out, deliveries.iter().map(|delivery| &*delivery.message));
    out.push_str(",\"metadata\":");
    response::write_array(out, deliveries.iter().map(|delivery| delivery.metadata.text()));
    out.push_str(",\"batched\":true,\"statusCode\":200,\"destination\":");
    out.push_str(deliveries.first().map_or("null", |first| first.destination.text()));
    out.push('}');
}
