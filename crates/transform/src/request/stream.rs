//! Reads a body event by event, so that each event is transformed while it is in the CPU's cache.
//!
//! In the plain format, each event contains its destination and connection. In the compacted format, destinations and
//! connections usually follow the events. The parser therefore looks for destinations and connections first, backward
//! from the end of the body. It uses what it finds only if the events, which are parsed from the start, end exactly
//! where the destinations and connections begin. A body with another layout is read completely before its events are
//! transformed, see [`crate::request::body`].

use crate::meter::{Halt, ReadError, Usage};
use crate::request::body::{Limits, PayloadFormat, Stop, each_event};
use crate::request::event::Event;
use crate::request::shared_tables::{Compacted, SharedTables, read_map};
use json::invalid::Invalid;
use json::reader::Reader;

/// A processor request whose events can be transformed while they are read.
#[derive(Debug)]
pub struct StreamingRequest<'a> {
    body: &'a str,
    limits: Limits,
    /// The destinations and connections to which the events refer.
    pub shared: SharedTables<'a>,
    /// The position at which the events must end.
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The events must end at the end of the body.
    OfBody,
    /// The events must end at this byte offset. The text after this offset has already been read.
    At(usize),
}

/// The maximum number of positions that are tried as the end of the events.
const MAX_GUESSES: usize = 256;

impl<'a> StreamingRequest<'a> {
    /// Creates a request that reads `body` event by event. Returns `None` if the layout of the body does not permit
    /// that.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn over(body: &'a str, form: PayloadFormat, limits: Limits, usage: &Usage<'_>) -> Result<Option<Self>, Halt> {
        let (shared, end) = match form {
            PayloadFormat::Plain => (SharedTables::default(), End::OfBody),
            PayloadFormat::Compacted => {
                let Some((compacted, end)) = after_events(body, usage)? else { return Ok(None) };
                (SharedTables::compacted(compacted), End::At(end))
            }
        };
        Ok(Some(Self { body, limits, shared, end }))
    }

    /// Calls `on_event` for each element of the array of events, in order. The argument is the event, or `None` if the
    /// element is not an object.
    ///
    /// Returns whether the calls covered the whole request. If not, the body has another layout or is invalid, and the
    /// caller must discard the results of the calls.
    ///
    /// # Errors
    /// The errors of `on_event`.
    pub fn each_event(&self, on_event: impl FnMut(Option<Event<'a>>) -> Result<(), Halt>) -> Result<bool, Halt> {
        match self.read(on_event) {
            Ok(is_whole) => Ok(is_whole),
            Err(Stop::Halted(halt)) => Err(halt),
            Err(Stop::Invalid | Stop::TooManyEvents) => Ok(false),
        }
    }

    fn read(&self, on_event: impl FnMut(Option<Event<'a>>) -> Result<(), Halt>) -> Result<bool, Stop> {
        let mut reader = Reader::new(self.body);
        let End::At(end) = self.end else {
            each_event(&mut reader, self.limits, on_event)?;
            reader.end()?;
            return Ok(true);
        };
        if reader.peek() != Some(b'{') {
            return Ok(false);
        }
        reader.bump();
        loop {
            match &*reader.name()?.decoded() {
                b"input" => {
                    each_event(&mut reader, self.limits, on_event)?;
                    return Ok(reader.offset() == end);
                }
                b"destinations" | b"connections" => return Ok(false),
                _ => reader.skip()?,
            }
            if reader.peek() != Some(b',') {
                return Ok(false);
            }
            reader.bump();
        }
    }
}

/// Finds the destinations and connections after the events of a compacted body. Returns them and the byte offset at
/// which the events must end, or `None` if the body has another layout.
fn after_events<'a>(body: &'a str, usage: &Usage<'_>) -> Result<Option<(Compacted<'a>, usize)>, Halt> {
    let mut ends = memchr::memrchr_iter(b']', body.as_bytes()).take(MAX_GUESSES).map(|bracket| bracket + 1);
    let Some(end) = ends.find(|end| may_follow_events(&body[*end..])) else { return Ok(None) };
    match read_after_events(&mut Reader::new(&body[end..]), usage) {
        Ok(compacted) => Ok(Some((compacted, end))),
        Err(ReadError::Invalid) => Ok(None),
        Err(ReadError::Halted(halt)) => Err(halt),
    }
}

/// Returns whether `rest` can be the part of a body that follows the events.
fn may_follow_events(rest: &str) -> bool {
    let mut reader = Reader::new(rest);
    match reader.peek() {
        Some(b'}') => {
            reader.bump();
            reader.end().is_ok()
        }
        Some(b',') => {
            reader.bump();
            reader.peek();
            ["\"destinations\"", "\"connections\""].iter().any(|name| reader.rest().starts_with(name))
        }
        _ => false,
    }
}

/// Reads the fields after `input`, up to and including the end of the body.
fn read_after_events<'a>(reader: &mut Reader<'a>, usage: &Usage<'_>) -> Result<Compacted<'a>, ReadError> {
    let mut compacted = Compacted::default();
    while reader.peek() == Some(b',') {
        reader.bump();
        match &*reader.name()?.decoded() {
            b"destinations" => compacted.destinations = read_map(reader, usage)?,
            b"connections" => compacted.connections = read_map(reader, usage)?,
            // A second `input` would replace the first `input`, so the body must be read completely.
            b"input" => return Err(Invalid.into()),
            _ => reader.skip()?,
        }
    }
    if reader.peek() != Some(b'}') {
        return Err(Invalid.into());
    }
    reader.bump();
    reader.end()?;
    Ok(compacted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body::Request;

    const LIMITS: Limits = Limits { events: 3, response_bytes: 1 << 20 };

    /// Streams a compacted body. Returns the destination of each event, or `None` if the body cannot be streamed.
    fn streamed(body: &str) -> Option<Vec<Option<String>>> {
        let request = StreamingRequest::over(body, PayloadFormat::Compacted, LIMITS, &Usage::unlimited()).unwrap()?;
        let mut found = Vec::new();
        let is_whole = request.each_event(|event| {
            found.push(destination(&request.shared, event.as_ref()));
            Ok(())
        });
        is_whole.unwrap().then_some(found)
    }

    fn destination<'a>(shared: &SharedTables<'a>, event: Option<&Event<'a>>) -> Option<String> {
        let event = event?;
        let destination = shared.destination_of(event, event.metadata().ok()?).ok()?;
        Some(destination.text().to_owned())
    }

    /// Reads a compacted body completely. Returns the destination of each event, or `None` if the body is invalid.
    fn whole(body: &str) -> Option<Vec<Option<String>>> {
        let request = Request::processor(body, PayloadFormat::Compacted, LIMITS).ok()?;
        Some(request.events.iter().map(|event| destination(&request.shared, event.as_ref())).collect())
    }

    #[test]
    fn a_streamed_body_has_the_same_destinations_as_a_completely_read_body() {
        let events = r#"[{"message":{"a":[1,"]},\"destinations\":{}"]},"metadata":{"destinationId":"d"}}, 7]"#;
        for body in [
            r#"{"input":E,"destinations":{"d":{"Config":{"m":[{"x":[]}]}}},"connections":{"s:d":{"c":[]}}}"#,
            r#"{"input":E,"connections":{},"destinations":{"d":{"n":1}}}"#,
            r#"{"x":[1],"input":E,"destinations":{"d":{}},"y":2}"#,
            " { \"input\" : E , \"destinations\" : { \"d\" : { } } } ",
            r#"{"input":E}"#,
            r#"{"input":E,"destinations":{"d":{}},"destinations":{"d":{"later":true}}}"#,
            r#"{"input":E,"destinations":null}"#,
            r#"{"input":[],"destinations":{}}"#,
        ] {
            let body = body.replace('E', events);
            assert!(streamed(&body).is_some(), "{body}");
            assert_eq!(streamed(&body), whole(&body), "{body}");
        }
    }

    #[test]
    fn a_compacted_body_with_an_unsupported_layout_is_not_streamed() {
        let event = r#"{"message":{},"metadata":{"destinationId":"d"}}"#;
        for (body, is_request) in [
            (r#"{"destinations":{"d":{}},"input":[E]}"#, true),
            (r#"{"destinations":{"d":{}},"input":[E],"connections":{}}"#, true),
            (r#"{"input":[E],"destinations":{"d":{}},"input":[]}"#, true),
            (r#"{"input":[E],"input":[E,E],"destinations":{"d":{}}}"#, true),
            (r#"{"input":[E],"destinations":{"d":{}},"input":7}"#, false),
            (r#"{"input":[E],"destin\u0061tions":{"d":{}}}"#, true),
            (r#"{"input":[E],"x":1,"destinations":{"d":{}}}"#, true),
            (r#"{"input":[E],"destinations":{"d":{}},"y":[2]}"#, true),
            (r#"{"input":null,"destinations":{"d":[]}}"#, false),
            (r#"{"input":[E,E,E,E],"destinations":{}}"#, false),
            (r#"{"input":[E],"destinations":{"d":{}}"#, false),
            (r#"{"input":[E],"destinations":{"d":{}}}}"#, false),
            (r#"{"input":[E,],"destinations":{"d":{}}}"#, false),
            (r#"["input",[E],"destinations",{}]"#, false),
            ("", false),
        ] {
            let body = body.replace('E', event);
            assert_eq!(streamed(&body), None, "{body}");
            assert_eq!(whole(&body).is_some(), is_request, "{body}");
        }
    }
}
