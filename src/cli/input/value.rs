//! What a value of the input is: an event, a bare message, or a whole request.

use super::destination::Filling;
use crate::transform::json::{Invalid, Kind, Raw};
use crate::transform::reader::Reader;

/// A value of the input.
pub(super) enum Value<'a> {
    /// What should be an event, whatever it is.
    Event(Event<'a>),
    /// An array of such.
    Array(Vec<Event<'a>>),
    /// An object whose events have their destinations beside them.
    Compacted(Compacted<'a>),
}

/// A value that should be an event.
pub(super) struct Event<'a> {
    raw: Raw<'a>,
    /// Whether it is an object with neither message, metadata nor destination.
    bare: bool,
    destination: Option<Raw<'a>>,
    /// Whether a destination could stand in it.
    is_object: bool,
}

/// `{"input":[…],"destinations":{…},"connections":{…}}`.
pub(super) struct Compacted<'a> {
    /// All of it.
    pub(super) raw: Raw<'a>,
    /// The events.
    pub(super) input: Raw<'a>,
    /// Destinations by id.
    pub(super) destinations: Raw<'a>,
    /// Connections by source and destination.
    pub(super) connections: Option<Raw<'a>>,
}

/// The members of an object that tell what it is.
#[derive(Default)]
struct Members<'a> {
    message: bool,
    metadata: bool,
    destination: Option<Raw<'a>>,
    input: Option<Raw<'a>>,
    destinations: Option<Raw<'a>>,
    connections: Option<Raw<'a>>,
}

impl<'a> Value<'a> {
    /// Reads a value that is all of `text` but white space.
    ///
    /// # Errors
    /// [`Invalid`] where it is not JSON.
    pub(super) fn read(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let value = match reader.peek() {
            Some(b'[') => {
                let mut events = Vec::new();
                reader.array::<Invalid>(|reader| {
                    events.push(Event::read(reader)?);
                    Ok(())
                })?;
                Value::Array(events)
            }
            Some(b'{') => {
                let (raw, members) = Members::read(&mut reader)?;
                let input = members.input.filter(|input| !members.message && input.kind() == Kind::Array);
                match (input, members.destinations) {
                    (Some(input), Some(destinations)) => {
                        Value::Compacted(Compacted { raw, input, destinations, connections: members.connections })
                    }
                    // Such as a router request, whose events carry their destinations.
                    (Some(input), None) => match Value::read(input.text())? {
                        Value::Array(events) => Value::Array(events),
                        _ => return Err(Invalid),
                    },
                    (None, _) => Value::Event(members.into_event(raw)),
                }
            }
            _ => Value::Event(Event { raw: reader.value()?, bare: false, destination: None, is_object: false }),
        };
        reader.end()?;
        Ok(value)
    }
}

impl<'a> Event<'a> {
    /// Reads a value that can be nothing but an event.
    ///
    /// # Errors
    /// [`Invalid`] where it is not JSON.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        if reader.peek() == Some(b'{') {
            let (raw, members) = Members::read(reader)?;
            return Ok(members.into_event(raw));
        }
        Ok(Self { raw: reader.value()?, bare: false, destination: None, is_object: false })
    }

    /// Reads one that is all of `text`.
    ///
    /// # Errors
    /// [`Invalid`] where it is not JSON.
    pub(super) fn whole(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let event = Self::read(&mut reader)?;
        reader.end()?;
        Ok(event)
    }

    /// Whether it looks like a message by itself.
    pub(super) fn is_bare(&self) -> bool {
        self.bare
    }

    /// Appends the event with the destination that it lacks; a bare message becomes an event, with `number` as its job.
    pub(super) fn fill(&self, filling: &Filling, number: u64, out: &mut String) {
        let Some(destination) = filling.destination().filter(|_| self.is_object) else {
            out.push_str(self.raw.text());
            return;
        };
        if self.bare {
            out.push_str("{\"message\":");
            out.push_str(self.raw.text());
            out.push_str(",\"metadata\":{\"jobId\":");
            out.push_str(&number.to_string());
            out.push_str("},\"destination\":");
            out.push_str(destination);
            out.push('}');
        } else if self.destination.is_none_or(Raw::is_null) {
            self.raw.write_with(out, "destination", self.destination, |out| out.push_str(destination));
        } else {
            out.push_str(self.raw.text());
        }
    }
}

impl<'a> Members<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<(Raw<'a>, Self), Invalid> {
        let mut members = Self::default();
        let raw = reader.object::<Invalid>(|reader, key| {
            let value = reader.value()?;
            match &*key.decoded() {
                b"message" => members.message = true,
                b"metadata" => members.metadata = true,
                b"destination" => members.destination = Some(value),
                b"input" => members.input = Some(value),
                b"destinations" => members.destinations = Some(value),
                b"connections" => members.connections = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok((raw, members))
    }

    fn into_event(self, raw: Raw<'a>) -> Event<'a> {
        let bare = !self.message && !self.metadata && self.destination.is_none();
        Event { raw, bare, destination: self.destination, is_object: true }
    }
}
