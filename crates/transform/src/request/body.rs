//! Reads a complete request body into slices of its text (docs/contract.md#request-body).

use crate::decision::Tally;
use crate::family::Family;
use crate::meter::{Halt, ReadError, Usage};
use crate::request::event::{Earlier, Event};
use crate::request::origin::Origin;
use crate::request::shared_tables::{Compacted, SharedTables, read_map};
use json::invalid::{Invalid, explain};
use json::raw::Raw;
use json::reader::Reader;

/// The layout of a body, announced by the header `X-Content-Format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadFormat {
    /// Every event contains its destination.
    Plain,
    /// `json+compactedv1`: the body has each destination and connection only once, outside the events.
    Compacted,
}

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum number of events in a request.
    pub events: usize,
    /// The maximum size of a response, in bytes.
    pub response_bytes: usize,
}

impl Limits {
    /// Checks the size of the response to a body of `body_bytes` bytes. `unclosed` is the response so far, without the
    /// closing bracket.
    ///
    /// # Errors
    /// [`BodyError::ResponseTooLarge`] or [`BodyError::ResponseOutOfProportion`].
    pub(crate) fn check(self, unclosed: &str, body_bytes: usize) -> Result<(), BodyError> {
        let in_proportion = max_response_bytes(body_bytes);
        if unclosed.len() >= self.response_bytes {
            Err(BodyError::ResponseTooLarge(self.response_bytes))
        } else if unclosed.len() >= in_proportion {
            Err(BodyError::ResponseOutOfProportion(in_proportion))
        } else {
            Ok(())
        }
    }
}

/// Returns the maximum size of the response to a body, in bytes. `body_bytes` is the size of the body after
/// decompression. This maximum applies in addition to [`Limits`].
///
/// Without this limit, a body of one kilobyte could cause a response of hundreds of megabytes. The response to a batch
/// from rudder-server is about as large as the batch.
#[must_use]
pub const fn max_response_bytes(body_bytes: usize) -> usize {
    (8 << 20) + body_bytes.saturating_mul(8)
}

/// Why a whole body is rejected. The messages quote nothing from the body except an unknown destination type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is not valid JSON. The text contains the reason and the position.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// The body is in the plain format, but is not an array.
    #[error(
        "the body must be a JSON array of events; an object with the fields input, destinations and connections needs the header X-Content-Format: json+compactedv1"
    )]
    NotAnArray,
    /// A body in the compacted format, or a body for a router endpoint, is not an object.
    #[error("the body must be a JSON object with the fields input{}", if *.compacted { ", destinations and connections, as the header X-Content-Format: json+compactedv1 requires" } else { " and destType" })]
    NotAnObject {
        /// Whether the header `X-Content-Format` announced the compacted format.
        compacted: bool,
    },
    /// The body has no array of events in its field `input`.
    #[error("the field input is missing or not an array")]
    InputNotAnArray,
    /// A router request has no destination type in its field `destType`.
    #[error("the field destType is missing or not a string")]
    DestTypeMissing,
    /// The destination type is not supported.
    #[error("Unknown destination: {0}")]
    UnknownDestination(String),
    /// The request has more events than [`Limits::events`] allows.
    #[error("the request has more than {0} events")]
    TooManyEvents(usize),
    /// The response would be larger than [`Limits::response_bytes`] allows.
    #[error("the response would be larger than {0} bytes")]
    ResponseTooLarge(usize),
    /// The response would be larger than [`max_response_bytes`] allows.
    #[error("the response would be larger than {0} bytes, which is 8 MiB plus 8 times the size of the body")]
    ResponseOutOfProportion(usize),
    /// The [`Meter`](crate::meter::Meter) stopped the request.
    #[error("{0}")]
    Halted(#[from] Halt),
}

/// The response to a router request.
#[derive(Debug, PartialEq, Eq)]
pub struct RouterResponse {
    /// The requested destination type.
    pub family: &'static Family,
    /// The response body, as JSON.
    pub body: String,
    /// The number of events and the number of rejected events. All other counts are 0.
    pub tally: Tally,
    /// The counts for the metrics of transformed events; `None` for `/batch` (docs/contract.md#metric-labels).
    pub counted: Option<Counted>,
}

/// The counts for the metrics of transformed events.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// The origin of the events.
    pub origin: Origin,
    /// The number of events in the request.
    pub events: u64,
    /// The number of entries in the response.
    pub responses: u64,
}

/// Why reading a body stopped.
pub(super) enum Stop {
    Invalid,
    TooManyEvents,
    Halted(Halt),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Stop::Halted(halt)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Invalid => Stop::Invalid,
            ReadError::Halted(halt) => Stop::Halted(halt),
        }
    }
}

impl From<Invalid> for Stop {
    fn from(Invalid: Invalid) -> Self {
        Stop::Invalid
    }
}

/// The events of a request. `None` stands for an element of the array that is not an object.
pub type Events<'a> = Vec<Option<Event<'a>>>;

/// A request to the processor transformation or to a router endpoint.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// The events.
    pub events: Events<'a>,
    /// The destinations and connections to which the events refer.
    pub shared: SharedTables<'a>,
}

/// The fields of a body that is a JSON object.
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
    /// [`BodyError`] if the whole body is rejected.
    pub fn processor(body: &'a str, form: PayloadFormat, limits: Limits) -> Result<Self, BodyError> {
        Self::processor_within(body, form, limits, &Usage::unlimited())
    }

    /// Like [`Request::processor`], but charges memory to `usage` before allocating it.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn processor_within(
        body: &'a str,
        form: PayloadFormat,
        limits: Limits,
        usage: &Usage<'_>,
    ) -> Result<Self, BodyError> {
        let mut reader = Reader::new(body);
        match (form, reader.peek()) {
            (PayloadFormat::Plain, Some(b'[')) => {
                let mut read = || {
                    let events = read_events(&mut reader, limits, usage)?;
                    reader.end()?;
                    Ok(events)
                };
                let events = read().map_err(|stop: Stop| stop.into_error(body, limits))?;
                Ok(Self { events, shared: SharedTables::default() })
            }
            (PayloadFormat::Compacted, Some(b'{')) => {
                let envelope = Envelope::read(body, limits, usage)?;
                let Input::Events(events) = envelope.input else {
                    return Err(BodyError::InputNotAnArray);
                };
                Ok(Self { events, shared: SharedTables::compacted(envelope.compacted) })
            }
            (PayloadFormat::Plain, _) => Err(wrong_kind(body, BodyError::NotAnArray)),
            (PayloadFormat::Compacted, _) => Err(wrong_kind(body, BodyError::NotAnObject { compacted: true })),
        }
    }

    /// Reads the body of a router request. Returns the family for the value of the field `destType`, and the request. A
    /// missing `input` is treated as an empty array.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn router(body: &'a str, form: PayloadFormat, limits: Limits) -> Result<(&'static Family, Self), BodyError> {
        Self::router_within(body, form, limits, &Usage::unlimited())
    }

    /// Like [`Request::router`], but charges memory to `usage` before allocating it.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn router_within(
        body: &'a str,
        form: PayloadFormat,
        limits: Limits,
        usage: &Usage<'_>,
    ) -> Result<(&'static Family, Self), BodyError> {
        router_object(body, form)?;
        let envelope = Envelope::read(body, limits, usage)?;
        let dest_type = dest_type_named(envelope.dest_type)?;
        let family = Family::by_name(&dest_type).ok_or(BodyError::UnknownDestination(dest_type))?;
        let events = match envelope.input {
            Input::Events(events) => events,
            Input::Missing => Vec::new(),
            Input::NotAnArray => return Err(BodyError::InputNotAnArray),
        };
        let shared = if form == PayloadFormat::Compacted {
            SharedTables::compacted(envelope.compacted)
        } else {
            SharedTables::default()
        };
        Ok((family, Self { events, shared }))
    }
}

/// Returns the `destType` of a router request, and ignores all other fields.
///
/// # Errors
/// [`BodyError`] if the body is invalid or has no `destType`.
pub fn dest_type(body: &str, form: PayloadFormat) -> Result<String, BodyError> {
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
    read().map_err(|Invalid| BodyError::NotJson(explain(body).unwrap_or_default()))?;
    dest_type_named(found)
}

/// Returns a reader at the start of a router request. Fails if the body does not start with an object.
fn router_object(body: &str, form: PayloadFormat) -> Result<Reader<'_>, BodyError> {
    let mut reader = Reader::new(body);
    if reader.peek() != Some(b'{') {
        return Err(wrong_kind(body, BodyError::NotAnObject { compacted: form == PayloadFormat::Compacted }));
    }
    Ok(reader)
}

/// Returns the value of `destType` as text.
fn dest_type_named(value: Option<Raw<'_>>) -> Result<String, BodyError> {
    let name = value.and_then(Raw::as_string).ok_or(BodyError::DestTypeMissing)?;
    Ok(String::from_utf8_lossy(&name.decoded()).into_owned())
}

impl<'a> Envelope<'a> {
    fn read(body: &'a str, limits: Limits, usage: &Usage<'_>) -> Result<Self, BodyError> {
        let mut envelope = Envelope::default();
        let mut reader = Reader::new(body);
        let mut read = || {
            reader.object::<Stop>(|reader, key| {
                match &*key.decoded() {
                    b"input" => {
                        envelope.input = if reader.peek() == Some(b'[') {
                            Input::Events(read_events(reader, limits, usage)?)
                        } else if reader.value()?.is_null() {
                            Input::Missing
                        } else {
                            Input::NotAnArray
                        }
                    }
                    b"destType" => envelope.dest_type = Some(reader.value()?),
                    b"destinations" => envelope.compacted.destinations = read_map(reader, usage)?,
                    b"connections" => envelope.compacted.connections = read_map(reader, usage)?,
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

/// Reads an array of events, and calls `on_event` for each event. If `on_event` returns an error, reading stops.
pub(super) fn each_event<'a>(
    reader: &mut Reader<'a>,
    limits: Limits,
    mut on_event: impl FnMut(Option<Event<'a>>) -> Result<(), Halt>,
) -> Result<(), Stop> {
    let mut earlier = Earlier::nothing();
    let mut count = 0;
    reader.array::<Stop>(|reader| {
        if count == limits.events {
            return Err(Stop::TooManyEvents);
        }
        count += 1;
        on_event(Event::read(reader, &mut earlier)?)?;
        Ok(())
    })?;
    Ok(())
}

fn read_events<'a>(reader: &mut Reader<'a>, limits: Limits, usage: &Usage<'_>) -> Result<Events<'a>, Stop> {
    let mut events: Events<'a> = Vec::new();
    each_event(reader, limits, |event| {
        usage.keep_one_more(&events)?;
        events.push(event);
        usage.work(1)
    })?;
    Ok(events)
}

/// Returns the error for a body whose first byte shows the wrong JSON type: [`BodyError::NotJson`] if the body is not
/// valid JSON, and `otherwise` if it is.
fn wrong_kind(body: &str, otherwise: BodyError) -> BodyError {
    explain(body).map_or(otherwise, BodyError::NotJson)
}

impl Stop {
    fn into_error(self, body: &str, limits: Limits) -> BodyError {
        match self {
            Stop::Invalid => BodyError::NotJson(explain(body).unwrap_or_default()),
            Stop::TooManyEvents => BodyError::TooManyEvents(limits.events),
            Stop::Halted(halt) => BodyError::Halted(halt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dest_type_is_read_from_a_router_request() {
        let of = |body: &str| dest_type(body, PayloadFormat::Plain);
        assert_eq!(of(r#"{"input":[],"destType":"KAFKA"}"#).as_deref(), Ok("KAFKA"));
        assert_eq!(of(r#"{"destType":"\u006bafka","input":7}"#).as_deref(), Ok("kafka"));
        assert_eq!(of(r#"{"destType":7}"#), Err(BodyError::DestTypeMissing));
    }
}
