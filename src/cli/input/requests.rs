//! Puts the values of a batch together into requests, as the transformation reads them, and remembers where each came from.

use std::fmt;

use super::destination::Filling;
use super::form::NotJson;
use super::splitter::{Batch, Parts};
use super::value::{Event, Value};
use super::values::Part;
use crate::server::body::text;
use crate::transform::json::Invalid;
use crate::transform::reader::Reader;
use crate::transform::request::Form;

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

/// How the answers to a request belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Frame {
    /// Each by itself.
    Single,
    /// They are elements of an array that began before them.
    Elements,
    /// They are an array.
    Array,
}

/// Some events in the form in which the transformation takes them.
#[derive(Debug)]
pub(in crate::cli) struct Request {
    /// A JSON array, or a compacted object.
    pub(in crate::cli) body: String,
    /// Which of both.
    pub(in crate::cli) form: Form,
    /// How the answers belong together.
    pub(in crate::cli) frame: Frame,
    /// Of each event; of an array's, only that of the array.
    places: Vec<Place>,
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

/// A request is not made larger than this where its events are not.
const REQUEST_BYTES: usize = 4 << 20;

impl Request {
    fn empty(form: Form, frame: Frame) -> Self {
        Self { body: String::new(), form, frame, places: Vec::new() }
    }

    /// Where the event at `index` is.
    pub(in crate::cli) fn place(&self, index: usize) -> Place {
        let place =
            |index: usize| self.places.get(index).copied().unwrap_or(Place { line: 0, column: None, event: None });
        match self.frame {
            Frame::Single | Frame::Elements => place(index),
            Frame::Array => Place { event: Some(index as u64 + 1), ..place(0) },
        }
    }

    /// The same events, each in a request of its own that belongs to the same array, if any; `None` where their destinations stand beside them.
    pub(in crate::cli) fn singly(&self) -> Option<Vec<Request>> {
        if self.form == Form::Compacted {
            return None;
        }
        let frame = if self.frame == Frame::Array { Frame::Elements } else { self.frame };
        let mut requests = Vec::new();
        let mut reader = Reader::new(&self.body);
        let read = reader.array::<Invalid>(|reader| {
            let body = format!("[{}]", reader.value()?.text());
            let place = self.place(requests.len());
            requests.push(Request { body, places: vec![place], form: self.form, frame });
            Ok(())
        });
        read.ok().map(|_| requests)
    }

    fn push(&mut self, event: &Event<'_>, filling: &Filling) {
        self.body.push(if self.body.is_empty() { '[' } else { ',' });
        event.fill(filling, &mut self.body);
    }

    fn close(mut self) -> Self {
        self.body.push_str(if self.body.is_empty() { "[]" } else { "]" });
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
            Part::ArrayBegins => {
                self.flush();
                (self.on_entry)(Entry::ArrayBegins);
            }
            Part::ArrayEnds => {
                self.flush();
                (self.on_entry)(Entry::ArrayEnds);
            }
            Part::Value { range, line, column, element } => {
                let place = Place { line: *line, column: Some(*column), event: None };
                let text = text(bytes.get(range.clone()).unwrap_or_default());
                let read = match element {
                    Some(_) => Event::whole(&text).map(|event| self.event(&event, Frame::Elements, place)),
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
                self.flush();
                let mut request = Request { places: vec![place], ..Request::empty(Form::Plain, Frame::Array) };
                for event in events {
                    self.note(event);
                    request.push(event, self.filling);
                }
                (self.on_entry)(Entry::Request(request.close()));
            }
            Value::Compacted(compacted) => {
                self.flush();
                let mut request = Request { places: vec![place], ..Request::empty(Form::Compacted, Frame::Array) };
                self.filling.fill_compacted(compacted, &mut request.body);
                (self.on_entry)(Entry::Request(request));
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, frame: Frame, place: Place) {
        if self.pending.as_ref().is_some_and(|pending| pending.frame != frame || pending.body.len() > REQUEST_BYTES) {
            self.flush();
        }
        self.note(event);
        let request = self.pending.get_or_insert_with(|| Request::empty(Form::Plain, frame));
        request.push(event, self.filling);
        request.places.push(place);
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
