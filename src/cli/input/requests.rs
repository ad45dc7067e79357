//! Puts the values of a batch together into requests, as the transformation reads them, and remembers where each came
//! from.

use std::fmt;
use std::ops::Range;

use super::compacted::Slices;
use super::destination::Filling;
use super::form::NotJson;
use super::splitter::{Batch, Parts};
use super::value::{Element, Event, Value};
use super::values::Part;
use json::decode::text;
use json::invalid::Invalid;
use json::reader::Reader;
use transform::request::Form;

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
    pub(in crate::cli) form: Form,
    /// How the responses belong together.
    pub(in crate::cli) frame: Frame,
    /// Of each event.
    places: Vec<Place>,
    /// Where the events are in the body, with the commas between them.
    events: Range<usize>,
}

/// What a batch has, in its order.
#[derive(Debug)]
pub(in crate::cli) enum Entry {
    /// Events.
    Request(Request),
    /// The beginning of an array, whose elements come in requests.
    ArrayBegins,
    /// Its end.
    ArrayEnds,
    /// A line that is not JSON: where, and what is wrong with it. It costs itself only.
    BadLine(Place, String),
    /// A value that is not JSON, behind which nothing can be trusted.
    Broken(Place, String),
}

/// A request gets no more events once it has this many bytes.
pub(super) const REQUEST_BYTES: usize = 1 << 20;
/// A request gets no more events once it has this many.
pub(super) const REQUEST_EVENTS: usize = 1000;

impl Request {
    /// A request whose events are at `events` in its body.
    pub(super) fn of(body: String, form: Form, frame: Frame, places: Vec<Place>, events: Range<usize>) -> Self {
        Self { body, form, frame, places, events }
    }

    fn empty(frame: Frame) -> Self {
        Self::of(String::from("["), Form::Plain, frame, Vec::new(), 1..1)
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

    fn push(&mut self, event: &Event<'_>, filling: &Filling, place: Place) {
        if !self.places.is_empty() {
            self.body.push(',');
        }
        event.fill(filling, &mut self.body);
        self.places.push(place);
    }

    fn is_full(&self) -> bool {
        self.places.len() >= REQUEST_EVENTS || self.body.len() >= REQUEST_BYTES
    }

    fn close(mut self) -> Self {
        self.events.end = self.body.len();
        self.body.push(']');
        self
    }
}

/// Reads what a batch has. Returns how many events look like bare messages, where there is no destination for them.
pub(in crate::cli) fn requests(batch: &Batch, filling: &Filling, on_entry: impl FnMut(Entry)) -> u64 {
    let mut gathering = Gathering { filling, pending: None, bare: 0, on_entry };
    match &batch.parts {
        Parts::Lines { first } => {
            for (line, text) in (*first..).zip(text(&batch.bytes).split('\n')) {
                gathering.line(line, text);
            }
        }
        Parts::Values(parts) => {
            for part in parts {
                if !gathering.part(part, &batch.bytes) {
                    break;
                }
            }
        }
    }
    gathering.flush();
    gathering.bare
}

struct Gathering<'f, F: FnMut(Entry)> {
    filling: &'f Filling,
    /// Events that are put together, not closed yet.
    pending: Option<Request>,
    bare: u64,
    on_entry: F,
}

impl<F: FnMut(Entry)> Gathering<'_, F> {
    fn line(&mut self, line: u64, text: &str) {
        if text.trim_ascii().is_empty() {
            return;
        }
        let place = Place { line, column: None, event: None };
        match Value::read(text) {
            Ok(value) => self.value(&value, place),
            Err(Invalid) => {
                // What is told stays in order.
                self.flush();
                let (column, reason) = explain(text).map_or((1, String::new()), |why| (why.column, why.reason));
                (self.on_entry)(Entry::BadLine(Place { column: Some(column), ..place }, reason));
            }
        }
    }

    /// Returns whether what follows can be trusted.
    fn part(&mut self, part: &Part, bytes: &[u8]) -> bool {
        match part {
            Part::ArrayBegins => self.array_begins(),
            Part::ArrayEnds => self.array_ends(),
            Part::Value { range, line, column, element } => {
                let place = Place { line: *line, column: Some(*column), event: None };
                let text = text(bytes.get(range.clone()).unwrap_or_default());
                let read = match element {
                    Some(_) => Element::whole(&text).map(|element| {
                        let is_batch = matches!(element, Element::Batch(_));
                        let numbered = |number| Place { event: is_batch.then_some(number), ..place };
                        self.element(element, numbered, &mut 0);
                    }),
                    None => Value::read(&text).map(|value| self.value(&value, place)),
                };
                if read.is_err() {
                    self.flush();
                    let (place, reason) =
                        explain(&text).map_or((place, String::new()), |why| (within(place, &why), why.reason));
                    (self.on_entry)(Entry::Broken(place, reason));
                    return false;
                }
            }
        }
        true
    }

    fn value(&mut self, value: &Value<'_>, place: Place) {
        match value {
            Value::Event(event) => self.event(event, Frame::Single, place),
            Value::Array(events) => {
                self.array_begins();
                // It is valid, so that the walk cannot fail.
                let mut number = 0;
                let _ = Reader::new(events.text()).array::<Invalid>(|reader| {
                    let numbered = |number| Place { event: Some(number), ..place };
                    self.element(Element::read(reader)?, numbered, &mut number);
                    Ok(())
                });
                self.array_ends();
            }
            Value::Compacted(compacted) => {
                self.array_begins();
                let mut slices = Slices::of(compacted, self.filling);
                let mut number = 0;
                compacted.input.for_each_element(|event| {
                    number += 1;
                    if let Some(request) = slices.push(event, Place { event: Some(number), ..place }) {
                        (self.on_entry)(Entry::Request(request));
                    }
                });
                // Without any event, what is wrong with the object shows all the same.
                if slices.has_events() || number == 0 {
                    (self.on_entry)(Entry::Request(slices.take()));
                }
                self.array_ends();
            }
        }
    }

    fn array_begins(&mut self) {
        self.flush();
        (self.on_entry)(Entry::ArrayBegins);
    }

    fn array_ends(&mut self) {
        self.flush();
        (self.on_entry)(Entry::ArrayEnds);
    }

    /// Takes an element of an array. `number` counts its events, and `place` is where the one with that number is.
    fn element(&mut self, element: Element<'_>, place: impl Fn(u64) -> Place, number: &mut u64) {
        match element {
            Element::Event(event) => {
                *number += 1;
                self.event(&event, Frame::Elements, place(*number));
            }
            Element::Batch(events) => {
                // It is valid, so that the walk cannot fail.
                let _ = Reader::new(events.text()).array::<Invalid>(|reader| {
                    *number += 1;
                    self.event(&Event::read(reader)?, Frame::Elements, place(*number));
                    Ok(())
                });
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, frame: Frame, place: Place) {
        if self.pending.as_ref().is_some_and(|pending| pending.frame != frame || pending.is_full()) {
            self.flush();
        }
        self.note(event);
        self.pending.get_or_insert_with(|| Request::empty(frame)).push(event, self.filling, place);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.bare += u64::from(event.is_bare() && self.filling.missing().is_none());
    }

    fn flush(&mut self) {
        if let Some(request) = self.pending.take() {
            (self.on_entry)(Entry::Request(request.close()));
        }
    }
}

/// What is wrong with a text that is not JSON.
fn explain(text: &str) -> Option<NotJson> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).err().as_ref().map(NotJson::of)
}

/// The place of an error in a value that begins at `place`.
fn within(place: Place, error: &NotJson) -> Place {
    let column = if error.line == 1 { place.column.unwrap_or(1) + error.column - 1 } else { error.column };
    Place { line: place.line + error.line - 1, column: Some(column), event: None }
}
