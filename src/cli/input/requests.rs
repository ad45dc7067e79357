//! Groups the values of a batch into requests that the transformation can read.

use super::compacted::Slices;
use super::destination::DefaultDestination;
use super::form::NotJson;
use super::request::{Frame, Place, Request};
use super::splitter::{Batch, Parts};
use super::value::{Element, Event, Value};
use super::values::Part;
use json::decode::text;
use json::invalid::Invalid;
use json::reader::Reader;

/// The contents of a batch, in order.
#[derive(Debug)]
pub(in crate::cli) enum Entry {
    /// A request with events.
    Request(Request),
    /// The beginning of an array, whose elements follow in requests.
    ArrayBegins,
    /// The end of the array.
    ArrayEnds,
    /// A line that is not JSON: its position and the reason. Later lines can still be read.
    BadLine(Place, String),
    /// A value that is not JSON, after which nothing can be read reliably.
    Broken(Place, String),
}

/// Reads the contents of a batch. Returns the number of events that look like bare messages and have no destination.
pub(in crate::cli) fn requests(
    batch: &Batch,
    default_destination: &DefaultDestination,
    on_entry: impl FnMut(Entry),
) -> u64 {
    let mut gathering = Gathering { default_destination, pending: None, bare: 0, on_entry };
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
    default_destination: &'f DefaultDestination,
    /// The request that events are added to.
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
                // Entries stay in input order, so the events before this line come first.
                self.flush();
                let (column, reason) = explain(text).map_or((1, String::new()), |why| (why.column, why.reason));
                (self.on_entry)(Entry::BadLine(Place { column: Some(column), ..place }, reason));
            }
        }
    }

    /// Processes a part of the batch. Returns whether the rest of the batch can be read reliably.
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
                // The value has been validated before, so reading cannot fail.
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
                let mut slices = Slices::of(compacted, self.default_destination);
                let mut number = 0;
                compacted.input.for_each_element(|event| {
                    number += 1;
                    if let Some(request) = slices.push(event, Place { event: Some(number), ..place }) {
                        (self.on_entry)(Entry::Request(request));
                    }
                });
                // Errors in the object must be reported even if it has no events.
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

    /// Reads an element of an array. `number` counts events, and `place` returns the position of an event by its
    /// number.
    fn element(&mut self, element: Element<'_>, place: impl Fn(u64) -> Place, number: &mut u64) {
        match element {
            Element::Event(event) => {
                *number += 1;
                self.event(&event, Frame::Elements, place(*number));
            }
            Element::Batch(events) => {
                // The element has been validated before, so reading cannot fail.
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
        self.pending.get_or_insert_with(|| Request::empty(frame)).push(event, self.default_destination, place);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.bare += u64::from(event.is_bare() && self.default_destination.missing().is_none());
    }

    fn flush(&mut self) {
        if let Some(request) = self.pending.take() {
            (self.on_entry)(Entry::Request(request.close()));
        }
    }
}

/// Returns the reason why a text is not JSON, or `None` if it is JSON.
fn explain(text: &str) -> Option<NotJson> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).err().as_ref().map(NotJson::of)
}

/// Returns the position of an error in a value that begins at `place`.
fn within(place: Place, error: &NotJson) -> Place {
    let column = if error.line == 1 { place.column.unwrap_or(1) + error.column - 1 } else { error.column };
    Place { line: place.line + error.line - 1, column: Some(column), event: None }
}
