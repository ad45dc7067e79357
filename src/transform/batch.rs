//! `/batch`: events of one destination and topic are delivered together (contract, section 6).

use std::borrow::Cow;

use super::answer;
use super::decision::Tally;
use super::event::Event;
use super::javascript::{JsString, Properties};
use super::json::Raw;
use super::observer::Nobody;
use super::rejection::Rejection;
use super::request::{BodyError, Form, Limits, Request, RouterAnswer};
use super::retl_timestamp;

/// An event that can be delivered.
struct Delivery<'a> {
    message: Cow<'a, str>,
    metadata: Raw<'a>,
    destination: Raw<'a>,
}

type Name<'a> = Cow<'a, [u8]>;
type Groups<'a> = Properties<Name<'a>, Properties<Name<'a>, Vec<Delivery<'a>>>>;

/// Groups the events of a request body by destination and topic. Refused events follow behind the groups, an entry each.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn answer(body: &str, form: Form, limits: Limits) -> Result<RouterAnswer, BodyError> {
    let (family, request) = Request::router(body, form, limits)?;
    let mut out = String::from("[");
    let mut tally = Tally { events: request.events.len() as u64, ..Tally::default() };
    if family.batches {
        let mut groups: Groups<'_> = Properties::default();
        let mut refused = String::new();
        for event in &request.events {
            if let Err(rejection) = group(&request, event.as_ref(), &mut groups) {
                separate(&mut refused);
                answer::write_router_rejection(&mut refused, family, event.as_ref(), rejection);
                tally.rejected[rejection as usize] += 1;
            }
        }
        for delivery in groups.into_ordered().into_iter().flat_map(Properties::into_ordered) {
            separate(&mut out);
            write_group(&mut out, &delivery);
            limits.hold(&out)?;
        }
        if !refused.is_empty() {
            separate(&mut out);
            out.push_str(&refused);
        }
        limits.hold(&out)?;
    } else if !request.events.is_empty() {
        let metadata = request.events.iter().flatten().filter_map(|event| event.metadata().ok());
        answer::write_unsupported(&mut out, family, "batch", metadata.map(|metadata| metadata.raw));
    }
    out.push(']');
    Ok(RouterAnswer { family, body: out, tally, counted: None })
}

/// A comma, unless something was opened just now.
fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with('[') {
        out.push(',');
    }
}

fn group<'a>(request: &Request<'a>, event: Option<&Event<'a>>, groups: &mut Groups<'a>) -> Result<(), Rejection> {
    let event = event.ok_or(Rejection::EventNotAnObject)?;
    let metadata = event.metadata()?;
    let message = event.message()?;
    let destination = request.beside.destination_of(event, metadata)?;
    let text = retl_timestamp::set(message, &mut Nobody).map_or(Cow::Borrowed(message.raw.text()), Cow::Owned);
    let id = JsString::of(destination.member("ID")).into_decoded();
    let topic = JsString::of(message.raw.member("topic")).into_decoded();
    groups.entry(id, Properties::default).entry(topic, Vec::new).push(Delivery {
        message: text,
        metadata: metadata.raw,
        destination,
    });
    Ok(())
}

fn write_group(out: &mut String, deliveries: &[Delivery<'_>]) {
    out.push_str("{\"batchedRequest\":");
    answer::write_array(out, deliveries.iter().map(|delivery| &*delivery.message));
    out.push_str(",\"metadata\":");
    answer::write_array(out, deliveries.iter().map(|delivery| delivery.metadata.text()));
    out.push_str(",\"batched\":true,\"statusCode\":200,\"destination\":");
    out.push_str(deliveries.first().map_or("null", |first| first.destination.text()));
    out.push('}');
}
