//! Splits compacted objects of any size into requests of a bounded size.

use std::borrow::Cow;
use std::collections::HashSet;

use super::destination::DefaultDestination;
use super::request::{Frame, Place, REQUEST_BYTES, REQUEST_EVENTS, Request};
use super::value::Compacted;
use json::raw::Raw;
use transform::request::PayloadFormat;

/// The prefix of a request, before its events.
const HEAD: &str = "{\"input\":[";

/// Every request repeats all destinations and connections. If these are large, a request may contain more than
/// [`REQUEST_EVENTS`] events: one event per this number of bytes of destinations and connections.
const SHARED_BYTES_PER_EVENT: usize = 64;

/// The requests of one compacted object, each with some of its events and all of its destinations.
pub(super) struct Slices<'a, 'f> {
    default_destination: &'f DefaultDestination,
    compacted: &'f Compacted<'a>,
    /// The IDs of the destinations in the object. `None` means that there is no `--destination`, so events without a
    /// destination do not get one.
    known: Option<HashSet<Cow<'a, [u8]>>>,
    most_events: usize,
    most_bytes: usize,
    body: String,
    /// The destinations that events got from `--destination`, as fields of a JSON object. A comma precedes each field.
    filled: String,
    filled_ids: HashSet<Cow<'a, [u8]>>,
    places: Vec<Place>,
}

impl<'a, 'f> Slices<'a, 'f> {
    /// Prepares the requests of a compacted object. No event has been added yet.
    pub(super) fn of(compacted: &'f Compacted<'a>, default_destination: &'f DefaultDestination) -> Self {
        let shared = compacted.destinations.text().len() + compacted.connections.map_or(0, |raw| raw.text().len());
        Self {
            default_destination,
            compacted,
            known: default_destination.ids_of(compacted.destinations),
            most_events: REQUEST_EVENTS.max(shared / SHARED_BYTES_PER_EVENT),
            most_bytes: REQUEST_BYTES.max(shared),
            body: String::from(HEAD),
            filled: String::new(),
            filled_ids: HashSet::new(),
            places: Vec::new(),
        }
    }

    /// Adds an event to the current request. Returns the request if it is now full.
    pub(super) fn push(&mut self, event: Raw<'a>, place: Place) -> Option<Request> {
        if !self.places.is_empty() {
            self.body.push(',');
        }
        self.body.push_str(event.text());
        self.places.push(place);
        if let Some(known) = &self.known {
            self.default_destination.fill_compacted(event, known, &mut self.filled_ids, &mut self.filled);
        }
        let is_full = self.places.len() >= self.most_events || self.body.len() + self.filled.len() >= self.most_bytes;
        is_full.then(|| self.take())
    }

    /// Whether there are events that are not yet in a request.
    pub(super) fn has_events(&self) -> bool {
        !self.places.is_empty()
    }

    /// Returns a request with the events that were added since the previous request.
    pub(super) fn take(&mut self) -> Request {
        let mut body = std::mem::replace(&mut self.body, String::from(HEAD));
        let events_end = body.len();
        body.push_str("],\"destinations\":");
        let destinations = self.compacted.destinations.text();
        if self.known.is_some() {
            let members = destinations.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
            let is_empty = members.trim_ascii().is_empty();
            body.push('{');
            body.push_str(members);
            body.push_str(if is_empty { self.filled.strip_prefix(',').unwrap_or_default() } else { &self.filled });
            body.push('}');
        } else {
            body.push_str(destinations);
        }
        if let Some(connections) = self.compacted.connections {
            body.push_str(",\"connections\":");
            body.push_str(connections.text());
        }
        body.push('}');
        self.filled.clear();
        self.filled_ids.clear();
        let places = std::mem::take(&mut self.places);
        Request::of(body, PayloadFormat::Compacted, Frame::Elements, places, HEAD.len()..events_end)
    }
}
