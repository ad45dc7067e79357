//! Several events from the input as one request, together with the position of each event in the input.

use std::fmt;
use std::ops::Range;

use super::destination::DefaultDestination;
use super::value::Event;
use json::invalid::Invalid;
use json::reader::Reader;
use transform::request::PayloadFormat;

/// The position of a value in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Place {
    /// The 1-based line number.
    pub(in crate::cli) line: u64,
    /// The 1-based column, in bytes. `None` means the beginning of the line.
    pub(in crate::cli) column: Option<u64>,
    /// The 1-based number of the event in the array or object that begins at this position.
    pub(in crate::cli) event: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        match self.event {
            Some(event) => write!(f, ": event {event}"),
            None => Ok(()),
        }
    }
}

/// How the responses to a request are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Frame {
    /// Each response is printed separately.
    Single,
    /// The responses are elements of an array whose beginning has already been printed.
    Elements,
}

/// Several events as a request body for the transformation.
#[derive(Debug)]
pub(in crate::cli) struct Request {
    /// A JSON array or a compacted object.
    pub(in crate::cli) body: String,
    /// The payload format of the body.
    pub(in crate::cli) form: PayloadFormat,
    /// How the responses are printed.
    pub(in crate::cli) frame: Frame,
    /// The position of each event in the input.
    places: Vec<Place>,
    /// The byte range of the events in the body, including the commas between them.
    events: Range<usize>,
}

/// The size in bytes at which a request is full.
pub(super) const REQUEST_BYTES: usize = 1 << 20;
/// The number of events at which a request is full.
pub(super) const REQUEST_EVENTS: usize = 1000;

impl Request {
    /// Creates a request whose events are at `events` in its body.
    pub(super) fn of(
        body: String,
        form: PayloadFormat,
        frame: Frame,
        places: Vec<Place>,
        events: Range<usize>,
    ) -> Self {
        Self { body, form, frame, places, events }
    }

    /// Creates a request without events.
    pub(super) fn empty(frame: Frame) -> Self {
        Self::of(String::from("["), PayloadFormat::Plain, frame, Vec::new(), 1..1)
    }

    /// Returns the position in the input of the event at `index` in this request.
    pub(in crate::cli) fn place(&self, index: usize) -> Place {
        self.places.get(index).copied().unwrap_or(Place { line: 0, column: None, event: None })
    }

    /// Returns the text of each event, to process each event in a request of its own. Returns an empty list if that
    /// would take too long, because each of these requests would repeat all destinations.
    pub(in crate::cli) fn events(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        if self.body.len() - self.events.len() <= REQUEST_BYTES {
            let events = self.body.get(self.events.start - 1..=self.events.end).unwrap_or_default();
            // The events have been validated before, so reading cannot fail.
            let _ = Reader::new(events).array::<Invalid>(|reader| {
                texts.push(reader.value()?.text());
                Ok(())
            });
        }
        texts
    }

    /// Creates a request with only the event at `index`, whose text is `event`.
    pub(in crate::cli) fn only(&self, index: usize, event: &str) -> Self {
        let (before, after) = (&self.body[..self.events.start], &self.body[self.events.end..]);
        let events = before.len()..before.len() + event.len();
        Self::of([before, event, after].concat(), self.form, self.frame, vec![self.place(index)], events)
    }

    /// Adds an event to the body, and fills in its missing fields.
    pub(super) fn push(&mut self, event: &Event<'_>, default_destination: &DefaultDestination, place: Place) {
        if !self.places.is_empty() {
            self.body.push(',');
        }
        event.fill(default_destination, &mut self.body);
        self.places.push(place);
    }

    /// Whether the request is full.
    pub(super) fn is_full(&self) -> bool {
        self.places.len() >= REQUEST_EVENTS || self.body.len() >= REQUEST_BYTES
    }

    /// Closes the body.
    pub(super) fn close(mut self) -> Self {
        self.events.end = self.body.len();
        self.body.push(']');
        self
    }
}
