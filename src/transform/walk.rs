//! A body whose events can be answered one by one while they are read: they are near then, while in a large body the first
//! is far again by the time the last was read.
//!
//! In the plain form every event has what it needs. In the compacted form destinations and connections mostly stand behind
//! the events, so that they are looked for from the end of the body. That is a guess: it holds where the events, read from
//! the start, turn out to end where what was found begins. Everything else is read as a whole, see [`super::request`].

use super::beside::{Beside, Compacted, read_map};
use super::event::Event;
use super::json::Invalid;
use super::reader::Reader;
use super::request::{Form, Limits, Stop, each_event};

/// A processor request that can be walked.
#[derive(Debug)]
pub struct Walk<'a> {
    body: &'a str,
    limits: Limits,
    /// What the events share.
    pub beside: Beside<'a>,
    /// Where the events have to end.
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// At the end of the body.
    OfBody,
    /// At this place, behind which all is read.
    At(usize),
}

/// Places that may be the end of the events; a body that has more has something else behind them.
const MAX_GUESSES: usize = 256;

impl<'a> Walk<'a> {
    /// A walk over a body, unless it is laid out in another way.
    #[must_use]
    pub fn over(body: &'a str, form: Form, limits: Limits) -> Option<Self> {
        let (beside, end) = match form {
            Form::Plain => (Beside::nothing(), End::OfBody),
            Form::Compacted => {
                let (compacted, end) = behind_events(body)?;
                (Beside::compacted(compacted), End::At(end))
            }
        };
        Some(Self { body, limits, beside, end })
    }

    /// Calls `on_event` for each event, in their order; `None` stands for an element that is no object.
    ///
    /// Returns whether that was the whole request. If it was not, the calls count for nothing: the body is laid out in
    /// another way, or no request at all.
    pub fn each_event(&self, on_event: impl FnMut(Option<Event<'a>>)) -> bool {
        self.walk(on_event).unwrap_or(false)
    }

    fn walk(&self, on_event: impl FnMut(Option<Event<'a>>)) -> Result<bool, Stop> {
        let mut reader = Reader::new(self.body);
        let End::At(end) = self.end else {
            each_event(&mut reader, self.limits, on_event)?;
            reader.end()?;
            return Ok(true);
        };
        if reader.peek() != Some(b'{') {
            return Ok(false);
        }
        reader.pass();
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
            reader.pass();
        }
    }
}

/// What stands behind the events of a compacted body, up to its end, and where it begins: the latest place where it may.
fn behind_events(body: &str) -> Option<(Compacted<'_>, usize)> {
    let ends = memchr::memrchr_iter(b']', body.as_bytes()).take(MAX_GUESSES);
    let end = ends.map(|bracket| bracket + 1).find(|end| may_follow_events(&body[*end..]))?;
    let compacted = read_behind(&mut Reader::new(&body[end..])).ok()?;
    Some((compacted, end))
}

/// Whether the rest of a body begins like what stands behind events.
fn may_follow_events(rest: &str) -> bool {
    let mut reader = Reader::new(rest);
    match reader.peek() {
        Some(b'}') => {
            reader.pass();
            reader.end().is_ok()
        }
        Some(b',') => {
            reader.pass();
            reader.peek();
            ["\"destinations\"", "\"connections\""].iter().any(|name| reader.rest().starts_with(name))
        }
        _ => false,
    }
}

/// Reads the members behind `input`, and the end of the object and the body.
fn read_behind<'a>(reader: &mut Reader<'a>) -> Result<Compacted<'a>, Invalid> {
    let mut compacted = Compacted::default();
    while reader.peek() == Some(b',') {
        reader.pass();
        match &*reader.name()?.decoded() {
            b"destinations" => compacted.destinations = read_map(reader)?,
            b"connections" => compacted.connections = read_map(reader)?,
            // Of two arrays of events the last one counts.
            b"input" => return Err(Invalid),
            _ => reader.skip()?,
        }
    }
    if reader.peek() != Some(b'}') {
        return Err(Invalid);
    }
    reader.pass();
    reader.end()?;
    Ok(compacted)
}
