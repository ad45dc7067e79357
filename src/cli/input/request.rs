//! Some events of the input as one request, which remembers where each came from.

use std::fmt;
use std::ops::Range;

use super::destination::Filling;
use super::value::Event;
use json::invalid::Invalid;
use json::reader::Reader;
use transform::request::PayloadFormat;

/// Where a value of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Place {
    /// From 1.
    pub(in crate::cli) line: u64,
    /// In bytes, from 1; `None` is the beginning of the line.
    pub(in crate::cli) column: Option<u64>,
    /// Which event of the array or object that begins there, from 1.
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

/// How the responses to a request belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Frame {
    /// Each by itself.
    Single,
    /// They are elements of an array that began before them.
    Elements,
}

/// Some events in the form in which the transformation takes them.
#[derive(Debug)]
pub(in crate::cli) struct Request {
    /// A JSON array, or a compacted object.
    pub(in crate::cli) body: String,
    /// Which of both.
    pub(in crate::cli) form: PayloadFormat,
    /// How the responses belong together.
    pub(in crate::cli) frame: Frame,
    /// Of each event.
    places: Vec<Place>,
    /// Where the events are in the body, with the commas between them.
    events: Range<usize>,
}

/// A request gets no more events once it has this many bytes.
pub(super) const REQUEST_BYTES: usize = 1 << 20;
/// A request gets no more events once it has this many.
pub(super) const REQUEST_EVENTS: usize = 1000;

impl Request {
    /// A request whose events are at `events` in its body.
    pub(super) fn of(
        body: String,
        form: PayloadFormat,
        frame: Frame,
        places: Vec<Place>,
        events: Range<usize>,
    ) -> Self {
        Self { body, form, frame, places, events }
    }

    /// A request without events.
    pub(super) fn empty(frame: Frame) -> Self {
        Self::of(String::from("["), PayloadFormat::Plain, frame, Vec::new(), 1..1)
    }

    /// Where the event at `index` is.
    pub(in crate::cli) fn place(&self, index: usize) -> Place {
        self.places.get(index).copied().unwrap_or(Place { line: 0, column: None, event: None })
    }

    /// The texts of the events. None where it takes too long to send them one by one, with the destinations each time.
    pub(in crate::cli) fn events(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        if self.body.len() - self.events.len() <= REQUEST_BYTES {
            let events = self.body.get(self.events.start - 1..=self.events.end).unwrap_or_default();
            // They were read already, so that the walk cannot fail.
            let _ = Reader::new(events).array::<Invalid>(|reader| {
                texts.push(reader.value()?.text());
                Ok(())
            });
        }
        texts
    }

    /// The request with nothing but the event at `index`, which has this text.
    pub(in crate::cli) fn only(&self, index: usize, event: &str) -> Self {
        let (before, after) = (&self.body[..self.events.start], &self.body[self.events.end..]);
        let events = before.len()..before.len() + event.len();
        Self::of([before, event, after].concat(), self.form, self.frame, vec![self.place(index)], events)
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: &Event<'_>, filling: &Filling, place: Place) {
        if !self.places.is_empty() {
            self.body.push(',');
        }
        event.fill(filling, &mut self.body);
        self.places.push(place);
    }

    /// Whether it gets no more events.
    pub(super) fn is_full(&self) -> bool {
        self.places.len() >= REQUEST_EVENTS || self.body.len() >= REQUEST_BYTES
    }

    /// Ends it.
    pub(super) fn close(mut self) -> Self {
        self.events.end = self.body.len();
        self.body.push(']');
        self
    }
}
