//! Compacted objects of any size as requests of a bounded one.

use std::borrow::Cow;
use std::collections::HashSet;

use super::destination::Filling;
use super::request::{Frame, Place, REQUEST_BYTES, REQUEST_EVENTS, Request};
use super::value::Compacted;
use json::raw::Raw;
use transform::request::PayloadFormat;

/// What stands before the events of a request.
const HEAD: &str = "{\"input\":[";

/// Bytes of destinations for which a request may have one more event: what all requests repeat of the destinations
/// stays within a multiple of the events.
const SHARED_BYTES_PER_EVENT: usize = 64;

/// The requests of a compacted object, each with some of its events and all of its destinations.
pub(super) struct Slices<'a, 'f> {
    filling: &'f Filling,
    compacted: &'f Compacted<'a>,
    /// The ids of the object's destinations, where others get one from `--destination`.
    known: Option<HashSet<Cow<'a, [u8]>>>,
    most_events: usize,
    most_bytes: usize,
    body: String,
    /// The destinations that are filled in, as fields of an object, each with a comma before it.
    filled: String,
    filled_ids: HashSet<Cow<'a, [u8]>>,
    places: Vec<Place>,
}

impl<'a, 'f> Slices<'a, 'f> {
    /// Nothing in a request yet.
    pub(super) fn of(compacted: &'f Compacted<'a>, filling: &'f Filling) -> Self {
        let shared = compacted.destinations.text().len() + compacted.connections.map_or(0, |raw| raw.text().len());
        Self {
            filling,
            compacted,
            known: filling.ids_of(compacted.destinations),
            most_events: REQUEST_EVENTS.max(shared / SHARED_BYTES_PER_EVENT),
            most_bytes: REQUEST_BYTES.max(shared),
            body: String::from(HEAD),
            filled: String::new(),
            filled_ids: HashSet::new(),
            places: Vec::new(),
        }
    }

    /// Adds an event, and returns the request where that makes it full.
    pub(super) fn push(&mut self, event: Raw<'a>, place: Place) -> Option<Request> {
        if !self.places.is_empty() {
            self.body.push(',');
        }
        self.body.push_str(event.text());
        self.places.push(place);
        if let Some(known) = &self.known {
            self.filling.fill_compacted(event, known, &mut self.filled_ids, &mut self.filled);
        }
        let is_full = self.places.len() >= self.most_events || self.body.len() + self.filled.len() >= self.most_bytes;
        is_full.then(|| self.take())
    }

    /// Whether there are events that are in no request yet.
    pub(super) fn has_events(&self) -> bool {
        !self.places.is_empty()
    }

    /// The request with the events since the last one.
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
