//! Classifies a value of the input: an event, a bare message, or a whole request.

use super::destination::DefaultDestination;
use json::invalid::Invalid;
use json::raw::{Kind, Raw};
use json::reader::Reader;
use transform::request::fill_in::{Missing, sdk_batch};

/// A value of the input.
pub(super) enum Value<'a> {
    /// An event, or a value of another type where an event is expected.
    Event(Event<'a>),
    /// A valid array of events. Its elements are read later, one by one, because there may be many.
    Array(Raw<'a>),
    /// An object with destinations next to its events.
    Compacted(Compacted<'a>),
}

/// An element of an array: an event, or an SDK's request body with any number of events.
pub(super) enum Element<'a> {
    /// An event, or a value of another type where an event is expected.
    Event(Event<'a>),
    /// The array of events in an SDK's request body `{"batch":[…]}`.
    Batch(Raw<'a>),
}

/// An event, or a value of another type where an event is expected.
pub(super) struct Event<'a> {
    raw: Raw<'a>,
    /// The event's fields named in [`Missing::NAMES`]. `None` means that the event is not an object.
    found: Option<[Option<Raw<'a>>; 3]>,
    /// Whether the event is an object with neither message, metadata nor destination.
    bare: bool,
}

/// A compacted request: `{"input":[…],"destinations":{…},"connections":{…}}`.
pub(super) struct Compacted<'a> {
    /// The events.
    pub(super) input: Raw<'a>,
    /// An object that contains each destination in a field named by its ID.
    pub(super) destinations: Raw<'a>,
    /// An object that contains each connection in a field named by its source ID and destination ID.
    pub(super) connections: Option<Raw<'a>>,
}

/// The fields that show whether an object is an event, a bare message, a compacted request or an SDK's request body.
#[derive(Default)]
struct Members<'a> {
    /// The fields named in [`Missing::NAMES`].
    found: [Option<Raw<'a>>; 3],
    metadata: bool,
    input: Option<Raw<'a>>,
    destinations: Option<Raw<'a>>,
    connections: Option<Raw<'a>>,
    /// Whether the object has a field `batch`, and may therefore be an SDK's request body.
    may_be_batch: bool,
}

impl<'a> Value<'a> {
    /// Reads the only value in `text`, which may have whitespace around it.
    ///
    /// # Errors
    /// Returns [`Invalid`] if the value is not JSON.
    pub(super) fn read(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let value = match reader.peek() {
            Some(b'[') => Value::Array(reader.value()?),
            Some(b'{') => {
                let (raw, members) = Members::read(&mut reader)?;
                let input = members.input.filter(|input| members.found[0].is_none() && input.kind() == Kind::Array);
                match (input, members.destinations) {
                    (Some(input), Some(destinations)) => {
                        Value::Compacted(Compacted { input, destinations, connections: members.connections })
                    }
                    // This is, for example, a router request, in which each event contains its destination.
                    (Some(input), None) => Value::Array(input),
                    (None, _) => match Element::of(raw, members) {
                        Element::Event(event) => Value::Event(event),
                        Element::Batch(events) => Value::Array(events),
                    },
                }
            }
            _ => Value::Event(Event { raw: reader.value()?, found: None, bare: false }),
        };
        reader.end()?;
        Ok(value)
    }
}

impl<'a> Element<'a> {
    /// Reads the next value as an element of an array.
    ///
    /// # Errors
    /// Returns [`Invalid`] if the value is not JSON.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        if reader.peek() == Some(b'{') {
            let (raw, members) = Members::read(reader)?;
            return Ok(Self::of(raw, members));
        }
        Event::read(reader).map(Self::Event)
    }

    fn of(raw: Raw<'a>, members: Members<'a>) -> Self {
        match sdk_batch(raw).filter(|_| members.may_be_batch) {
            Some(batch) => Self::Batch(batch),
            None => Self::Event(members.into_event(raw)),
        }
    }

    /// Reads the only value in `text`.
    ///
    /// # Errors
    /// Returns [`Invalid`] if the value is not JSON.
    pub(super) fn whole(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let element = Self::read(&mut reader)?;
        reader.end()?;
        Ok(element)
    }
}

impl<'a> Event<'a> {
    /// Reads the next value as an event.
    ///
    /// # Errors
    /// Returns [`Invalid`] if the value is not JSON.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        if reader.peek() == Some(b'{') {
            let (raw, members) = Members::read(reader)?;
            return Ok(members.into_event(raw));
        }
        Ok(Self { raw: reader.value()?, found: None, bare: false })
    }

    /// Whether the event looks like a message without an envelope.
    pub(super) fn is_bare(&self) -> bool {
        self.bare
    }

    /// Appends the event to `out`, and fills in those missing fields that `default_destination` provides.
    pub(super) fn fill(&self, default_destination: &DefaultDestination, out: &mut String) {
        match default_destination.missing() {
            Some(missing) => missing.fill_in_found(self.raw, self.found, out),
            None => out.push_str(self.raw.text()),
        }
    }
}

impl<'a> Members<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<(Raw<'a>, Self), Invalid> {
        let mut members = Self::default();
        let raw = reader.object::<Invalid>(|reader, key| {
            let value = reader.value()?;
            let name = key.decoded();
            if let Some(index) = Missing::NAMES.iter().position(|found| found.as_bytes() == &*name) {
                members.found[index] = Some(value);
            }
            match &*name {
                b"metadata" => members.metadata = true,
                b"input" => members.input = Some(value),
                b"destinations" => members.destinations = Some(value),
                b"batch" => members.may_be_batch = true,
                b"connections" => members.connections = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok((raw, members))
    }

    fn into_event(self, raw: Raw<'a>) -> Event<'a> {
        let [message, destination, _] = self.found;
        let bare = message.is_none() && !self.metadata && destination.is_none();
        Event { raw, found: Some(self.found), bare }
    }
}
