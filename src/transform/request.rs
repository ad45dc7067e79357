//! A request body as slices of itself: the events, and where their destinations are (contract, section 2).

use super::beside::{Beside, Compacted, read_map};
use super::decision::Tally;
use super::event::{Earlier, Event};
use super::family::Family;
use super::json::{self, Invalid, Raw};
use super::origin::Origin;
use super::reader::Reader;

/// How the body is laid out, which its `X-Content-Format` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Every event carries its destination.
    Plain,
    /// `json+compactedv1`: destinations and connections stand once, beside the events.
    Compacted,
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Events in a request.
    pub events: usize,
    /// Bytes of an answer.
    pub answer_bytes: usize,
}

impl Limits {
    /// Holds an answer, of which only the closing bracket is missing, to its limit.
    ///
    /// # Errors
    /// [`BodyError::AnswerTooLarge`].
    pub(super) fn hold(self, unclosed: &str) -> Result<(), BodyError> {
        if unclosed.len() < self.answer_bytes { Ok(()) } else { Err(BodyError::AnswerTooLarge(self.answer_bytes)) }
    }
}

/// Why a whole body is refused. The texts hold nothing of the body but line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON; where and why.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// Plain form, but no array.
    #[error(
        "the body must be a JSON array of events; an object with input, destinations and connections needs the header X-Content-Format: json+compactedv1"
    )]
    NotAnArray,
    /// Compacted form or router endpoint, but no object.
    #[error("the body must be a JSON object with input{}", if *.compacted { ", destinations and connections, because of the header X-Content-Format: json+compactedv1" } else { " and destType" })]
    NotAnObject {
        /// Whether the header asked for it.
        compacted: bool,
    },
    /// No events to be found.
    #[error("input is missing or not an array")]
    InputNotAnArray,
    /// A router endpoint cannot tell which destination is meant.
    #[error("destType is missing or not a string")]
    DestTypeMissing,
    /// A destination that is not served.
    #[error("Unknown destination: {0}")]
    UnknownDestination(String),
    /// See [`Limits::events`].
    #[error("the request has more than {0} events")]
    TooManyEvents(usize),
    /// See [`super::work::Work`].
    #[error(
        "the templates of the request's destinations take more work than the service allows for a body of its size"
    )]
    TooMuchWork,
    /// See [`Limits::answer_bytes`].
    #[error("the answer would be larger than {0} bytes")]
    AnswerTooLarge(usize),
}

/// The answer to a router request.
#[derive(Debug, PartialEq, Eq)]
pub struct RouterAnswer {
    /// The destination asked for.
    pub family: &'static Family,
    /// JSON.
    pub body: String,
    /// The events, and those that were refused; of the others nothing is decided here.
    pub tally: Tally,
    /// What the metrics of transformed events count, which `/batch` does not take part in (contract, section 7).
    pub counted: Option<Counted>,
}

/// The events of one request, as the metrics of transformed events count them.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// Where the events come from.
    pub origin: Origin,
    /// Events received.
    pub events: u64,
    /// Entries in the response.
    pub responses: u64,
}

/// Why reading stopped.
pub(super) enum Stop {
    Invalid,
    TooManyEvents,
}

impl From<Invalid> for Stop {
    fn from(Invalid: Invalid) -> Self {
        Stop::Invalid
    }
}

/// The events of a request; an element that is no object is `None`.
pub type Events<'a> = Vec<Option<Event<'a>>>;

/// A request for the processor transformation, or a router endpoint.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// The events.
    pub events: Events<'a>,
    /// What they share.
    pub beside: Beside<'a>,
}

/// The members of an object with `input`.
#[derive(Default)]
struct Envelope<'a> {
    input: Input<'a>,
    dest_type: Option<Raw<'a>>,
    compacted: Compacted<'a>,
}

#[derive(Default)]
enum Input<'a> {
    #[default]
    Missing,
    NotAnArray,
    Events(Events<'a>),
}

impl<'a> Request<'a> {
    /// Reads the body of a processor request.
    ///
    /// # Errors
    /// [`BodyError`] where nothing of it can be answered.
    pub fn processor(body: &'a str, form: Form, limits: Limits) -> Result<Self, BodyError> {
        let mut reader = Reader::new(body);
        match (form, reader.peek()) {
            (Form::Plain, Some(b'[')) => {
                let mut read = || {
                    let events = read_events(&mut reader, limits)?;
                    reader.end()?;
                    Ok(events)
                };
                let events = read().map_err(|stop: Stop| stop.into_error(body, limits))?;
                Ok(Self { events, beside: Beside::default() })
            }
            (Form::Compacted, Some(b'{')) => {
                let envelope = Envelope::read(body, limits)?;
                let Input::Events(events) = envelope.input else {
                    return Err(BodyError::InputNotAnArray);
                };
                Ok(Self { events, beside: Beside::compacted(envelope.compacted) })
            }
            (Form::Plain, _) => Err(wrong_kind(body, BodyError::NotAnArray)),
            (Form::Compacted, _) => Err(wrong_kind(body, BodyError::NotAnObject { compacted: true })),
        }
    }

    /// Reads the body of a router request, and the family that its `destType` names. A missing `input` is an empty one.
    ///
    /// # Errors
    /// [`BodyError`] where nothing of it can be answered.
    pub fn router(body: &'a str, form: Form, limits: Limits) -> Result<(&'static Family, Self), BodyError> {
        router_object(body, form)?;
        let envelope = Envelope::read(body, limits)?;
        let dest_type = dest_type_named(envelope.dest_type)?;
        let family = Family::by_name(&dest_type).ok_or(BodyError::UnknownDestination(dest_type))?;
        let events = match envelope.input {
            Input::Events(events) => events,
            Input::Missing => Vec::new(),
            Input::NotAnArray => return Err(BodyError::InputNotAnArray),
        };
        let beside = if form == Form::Compacted { Beside::compacted(envelope.compacted) } else { Beside::default() };
        Ok((family, Self { events, beside }))
    }
}

/// Reads which destination a router request is for, and nothing else of it.
///
/// # Errors
/// [`BodyError`] where the body does not tell.
pub fn dest_type(body: &str, form: Form) -> Result<String, BodyError> {
    let mut reader = router_object(body, form)?;
    let mut found = None;
    let mut read = || {
        reader.object::<Invalid>(|reader, key| {
            let value = reader.value()?;
            if key.is("destType") {
                found = Some(value);
            }
            Ok(())
        })?;
        reader.end()
    };
    read().map_err(|Invalid| BodyError::NotJson(json::explain(body).unwrap_or_default()))?;
    dest_type_named(found)
}

/// A reader at the start of the object that a router request has to be.
fn router_object(body: &str, form: Form) -> Result<Reader<'_>, BodyError> {
    let mut reader = Reader::new(body);
    if reader.peek() != Some(b'{') {
        return Err(wrong_kind(body, BodyError::NotAnObject { compacted: form == Form::Compacted }));
    }
    Ok(reader)
}

/// The name that the value of `destType` is.
fn dest_type_named(value: Option<Raw<'_>>) -> Result<String, BodyError> {
    let name = value.and_then(Raw::as_string).ok_or(BodyError::DestTypeMissing)?;
    Ok(String::from_utf8_lossy(&name.decoded()).into_owned())
}

impl<'a> Envelope<'a> {
    fn read(body: &'a str, limits: Limits) -> Result<Self, BodyError> {
        let mut envelope = Envelope::default();
        let mut reader = Reader::new(body);
        let mut read = || {
            reader.object::<Stop>(|reader, key| {
                match &*key.decoded() {
                    b"input" => {
                        envelope.input = if reader.peek() == Some(b'[') {
                            Input::Events(read_events(reader, limits)?)
                        } else if reader.value()?.is_null() {
                            Input::Missing
                        } else {
                            Input::NotAnArray
                        }
                    }
                    b"destType" => envelope.dest_type = Some(reader.value()?),
                    b"destinations" => envelope.compacted.destinations = read_map(reader)?,
                    b"connections" => envelope.compacted.connections = read_map(reader)?,
                    _ => reader.skip()?,
                }
                Ok(())
            })?;
            reader.end()?;
            Ok(())
        };
        match read() {
            Ok(()) => Ok(envelope),
            Err(stop) => Err(Stop::into_error(stop, body, limits)),
        }
    }
}

/// Reads an array of events, each given to `on_event`.
pub(super) fn each_event<'a>(
    reader: &mut Reader<'a>,
    limits: Limits,
    mut on_event: impl FnMut(Option<Event<'a>>),
) -> Result<(), Stop> {
    let mut earlier = Earlier::nothing();
    let mut count = 0;
    reader.array::<Stop>(|reader| {
        if count == limits.events {
            return Err(Stop::TooManyEvents);
        }
        count += 1;
        on_event(Event::read(reader, &mut earlier)?);
        Ok(())
    })?;
    Ok(())
}

fn read_events<'a>(reader: &mut Reader<'a>, limits: Limits) -> Result<Events<'a>, Stop> {
    let mut events: Events<'a> = Vec::new();
    each_event(reader, limits, |event| events.push(event))?;
    Ok(events)
}

/// The error for a body of another kind, unless it is no JSON in the first place.
fn wrong_kind(body: &str, otherwise: BodyError) -> BodyError {
    json::explain(body).map_or(otherwise, BodyError::NotJson)
}

impl Stop {
    fn into_error(self, body: &str, limits: Limits) -> BodyError {
        match self {
            Stop::Invalid => BodyError::NotJson(json::explain(body).unwrap_or_default()),
            Stop::TooManyEvents => BodyError::TooManyEvents(limits.events),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_request_tells_its_destination() {
        let of = |body: &str| dest_type(body, Form::Plain);
        assert_eq!(of(r#"{"input":[],"destType":"KAFKA"}"#).as_deref(), Ok("KAFKA"));
        assert_eq!(of(r#"{"destType":"\u006bafka","input":7}"#).as_deref(), Ok("kafka"));
        assert_eq!(of(r#"{"destType":7}"#), Err(BodyError::DestTypeMissing));
    }
}
