//! The endpoint `/routerTransform`, which no destination type of this service supports
//! (docs/contract.md#router-transformation).

use std::borrow::Cow;
use std::collections::HashMap;

use crate::decision::Tally;
use crate::meter::{Halt, Meter, Unlimited, Usage};
use crate::request::body::{BodyError, Counted, Limits, PayloadFormat, Request, RouterResponse};
use crate::response;
use json::javascript::JsString;
use json::properties::Properties;
use json::raw::Raw;

/// The index of each destination in the response. The `ID` of a destination is read only once.
#[derive(Default)]
pub(super) struct Places {
    /// Maps the address of a destination's text to the destination's index. Address 0 represents a missing destination.
    known: HashMap<usize, usize>,
}

impl Places {
    /// Returns the index of a destination in `by_id`. If the `ID` of the destination is new, adds the destination to
    /// `by_id`.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub(super) fn of<'a, V: Default>(
        &mut self,
        destination: impl Into<Option<Raw<'a>>>,
        by_id: &mut Properties<Cow<'a, [u8]>, V>,
        usage: &Usage<'_>,
    ) -> Result<usize, Halt> {
        let destination = destination.into();
        let address = destination.map_or(0, |destination| destination.text().as_ptr().addr());
        if let Some(place) = self.known.get(&address) {
            return Ok(*place);
        }
        usage.work(destination.map_or(0, |destination| destination.text().len()) as u64)?;
        let id = destination.and_then(|destination| destination.member("ID"));
        usage.keep(id.map_or(0, JsString::max_bytes))?;
        let id = JsString::of(id).into_decoded();
        usage.keep(Properties::<_, V>::member_bytes(&id))?;
        usage.keep_one_more_entry(self.known.len(), self.known.capacity(), size_of::<(usize, usize)>())?;
        let place = by_id.place(id, V::default);
        self.known.insert(address, place);
        Ok(place)
    }
}

/// Like [`respond_within`], but without limits on memory and work.
///
/// # Errors
/// [`BodyError`] if the whole body is rejected.
pub fn respond(body: &str, form: PayloadFormat, limits: Limits) -> Result<RouterResponse, BodyError> {
    respond_within(body, form, limits, &Unlimited)
}

/// Returns a response with one error entry per destination of the request, within the limits of `meter`.
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
    let mut out = String::from("{\"output\":[");
    let mut responses = 1;
    if request.events.is_empty() {
        out.push_str("{\"metadata\":[{\"destType\":\"");
        out.push_str(family.name);
        out.push_str("\"}],\"batched\":false,\"statusCode\":400,\"error\":\"Invalid event array\"}");
    } else {
        let mut destinations: Properties<_, Vec<Raw<'_>>> = Properties::default();
        let mut places = Places::default();
        for event in &request.events {
            let metadata = event.as_ref().and_then(|event| event.metadata().ok());
            let destination = event
                .as_ref()
                .zip(metadata)
                .and_then(|(event, metadata)| request.shared.destination_of(event, metadata).ok());
            let place = places.of(destination, &mut destinations, usage)?;
            if let Some((metadata, entries)) = metadata.zip(destinations.at(place)) {
                usage.keep_one_more(entries)?;
                entries.push(metadata.raw);
            }
            usage.checkpoint()?;
        }
        let destinations = destinations.into_ordered();
        responses = destinations.len() as u64;
        for (index, metadata) in destinations.into_iter().enumerate() {
            let bytes = metadata.iter().map(|metadata| metadata.text().len() + 1).sum::<usize>();
            usage.grow(&mut out, bytes + response::OVERHEAD)?;
            if index > 0 {
                out.push(',');
            }
            response::write_unsupported(&mut out, family, "routerTransform", metadata.into_iter());
        }
    }
    limits.check(&out, body.len())?;
    usage.grow(&mut out, 2)?;
    out.push_str("]}");
    let tally = Tally { events: request.events.len() as u64, ..Tally::default() };
    let first = request.events.iter().flatten().next();
    let origin = first.map(|first| request.shared.origin_of(first)).unwrap_or_default();
    let counted = Some(Counted { origin, events: tally.events, responses });
    Ok(RouterResponse { family, body: out, tally, counted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn router_transform_counts_all_events_including_malformed_ones() {
        let body = r#"{"destType":"kafka","input":[{"destination":{"ID":"a"}},7,{"destination":{"ID":"b"}}]}"#;
        let limits = Limits { events: 10, response_bytes: 1 << 20 };
        let RouterResponse { tally, counted, .. } = respond(body, PayloadFormat::Plain, limits).unwrap();
        assert_eq!(tally, Tally { events: 3, ..Tally::default() });
        // Events without metadata have no destination, so they share an entry.
        assert_eq!(counted.map(|counted| (counted.events, counted.responses)), Some((3, 1)));
    }
}
