//! Cuts a stream into batches of whole values, in constant memory: lines are not even looked at, values are measured.

use std::ops::Range;
use std::sync::Arc;

use super::MAX_VALUE_BYTES;
use super::boundaries::Boundary;
use super::error::InputError;
use super::form::{self, Form, NotJson};
use super::requests::Place;
use super::source::Stream;
use crate::server::body::text;

/// Some values that follow each other in one source.
#[derive(Debug)]
pub(in crate::cli) struct Batch {
    /// What the source is called in messages.
    pub(in crate::cli) source: Arc<str>,
    /// The values, and what stands between them.
    pub(in crate::cli) bytes: Vec<u8>,
    /// Where they are.
    pub(super) parts: Parts,
}

impl Batch {
    /// Whether it begins within an array, behind an element.
    pub(in crate::cli) fn continues_array(&self) -> bool {
        let Parts::Values(parts) = &self.parts else { return false };
        matches!(parts.first(), Some(Part::Value { element: Some(2..), .. } | Part::ArrayEnds))
    }

    /// The error of a value in it that is not JSON.
    pub(in crate::cli) fn broken(&self, place: Place, reason: String) -> InputError {
        let name = Arc::clone(&self.source);
        InputError::NotJson { name, line: place.line, column: place.column.unwrap_or(1), reason }
    }
}

/// Where the values of a batch are.
#[derive(Debug)]
pub(super) enum Parts {
    /// Each line is one.
    Lines {
        /// The number of the first line, from 1.
        first: u64,
    },
    /// They are listed.
    Values(Vec<Part>),
}

/// A part of input whose values go over lines.
#[derive(Debug)]
pub(super) enum Part {
    /// An array's bracket.
    ArrayBegins,
    /// An array's other bracket.
    ArrayEnds,
    /// A value.
    Value {
        /// Its bytes in the batch.
        range: Range<usize>,
        /// The line where it begins.
        line: u64,
        /// The byte of that line where it begins, from 1.
        column: u64,
        /// Its place in the array whose element it is, from 1.
        element: Option<u64>,
    },
}

/// Bytes that are read at once, and about what a batch has.
const STEP: usize = 1 << 20;

/// A stream on its way to batches.
pub(super) struct Splitter {
    stream: Stream,
    /// What was read and not given out yet.
    buffer: Vec<u8>,
    /// Whether the stream has no more.
    ended: bool,
    state: State,
    /// The line and the column of the buffer's byte at [`Splitter::counted`].
    line: u64,
    column: u64,
    counted: usize,
    /// The error that comes behind the batches before it.
    failure: Option<InputError>,
}

enum State {
    Start { lines: bool },
    Lines,
    Values(Values),
    Done,
}

/// Where the walk over values is.
#[derive(Default)]
struct Values {
    /// The bytes of the buffer that were walked.
    at: usize,
    array: Option<Array>,
    /// The value that has begun, and where.
    open: Option<(usize, Boundary)>,
    /// Whether the first value is an array that began and ended on one line: what follows are lines then.
    first: First,
}

/// What is known of the first value.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum First {
    /// It has not begun yet.
    #[default]
    Coming,
    /// It is an array that began on this line.
    Began(u64),
    /// It is an array that ended on the line it began on, and nothing came behind it yet.
    OneLine,
    /// It decides nothing any more.
    Past,
}

/// An array that has begun.
#[derive(Default)]
struct Array {
    elements: u64,
    /// Whether an element stands before, and a comma or the end has to follow.
    behind_element: bool,
}

impl Splitter {
    /// Nothing read yet; with `lines` every line is a value.
    pub(super) fn of(stream: Stream, lines: bool) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            ended: false,
            state: State::Start { lines },
            line: 1,
            column: 1,
            counted: 0,
            failure: None,
        }
    }

    /// The next values; `None` is the end.
    ///
    /// # Errors
    /// [`InputError`], behind which nothing comes.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, InputError> {
        let batch = self.read_batch();
        if batch.is_err() {
            self.state = State::Done;
        }
        batch
    }

    fn read_batch(&mut self) -> Result<Option<Batch>, InputError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            match &self.state {
                State::Start { lines } => self.state = self.start(*lines)?,
                State::Lines => return self.next_lines(),
                State::Values(_) => {
                    if let Some(batch) = self.next_values()? {
                        return Ok(Some(batch));
                    }
                }
                State::Done => return Ok(None),
            }
        }
    }

    /// Passes over what is before the first value, and decides by it how to go on.
    fn start(&mut self, lines: bool) -> Result<State, InputError> {
        if lines {
            return Ok(State::Lines);
        }
        let begin = loop {
            let mark = if self.buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            match self.buffer[mark..].iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(at) => break mark + at,
                None if self.ended => return Ok(State::Done),
                None => self.read_more(0)?,
            }
        };
        self.count_to(begin);
        self.cut(begin);
        // Two lines tell the form, and one that is JSON does: whoever writes lines one by one waits for their answers.
        let array = self.buffer.first() == Some(&b'[');
        let mut lines = memchr::memchr_iter(b'\n', &self.buffer).take(2).count();
        let mut looked_at = false;
        while !array && lines < 2 && !self.ended {
            if lines == 1
                && !std::mem::replace(&mut looked_at, true)
                && form::decide(&text(&self.buffer)) == Ok(Form::Lines)
            {
                break;
            }
            let before = self.buffer.len();
            self.read_more(0)?;
            lines += memchr::memchr_iter(b'\n', &self.buffer[before..]).take(2).count();
        }
        match form::decide(&text(&self.buffer)) {
            Ok(Form::Lines) => Ok(State::Lines),
            Ok(Form::Values) => Ok(State::Values(Values::default())),
            Err(NotJson { line, column, reason }) => {
                let column = if line == 1 { self.column + column - 1 } else { column };
                let reason = format!("{reason} (with --lines a line that is not JSON costs that line only)");
                Err(self.not_json(self.line + line - 1, column, reason))
            }
        }
    }

    /// The lines that can be had without waiting for more than one of them.
    fn next_lines(&mut self) -> Result<Option<Batch>, InputError> {
        let mut searched = 0;
        let end = loop {
            if let Some(at) = memchr::memrchr(b'\n', &self.buffer[searched..]) {
                break searched + at + 1;
            }
            if self.ended {
                break self.buffer.len();
            }
            searched = self.buffer.len();
            self.read_more(0)?;
        };
        if end == 0 {
            self.state = State::Done;
            return Ok(None);
        }
        let first = self.line;
        Ok(Some(self.batch(end, Parts::Lines { first })))
    }

    /// The values that are whole in what was read, reading more where none is.
    fn next_values(&mut self) -> Result<Option<Batch>, InputError> {
        let State::Values(mut values) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
        let mut parts = Vec::new();
        loop {
            match self.walk(&mut values, &mut parts) {
                Ok(Walked::ToTheEnd) => {}
                Ok(Walked::ToLines) => {
                    let end = values.at;
                    self.state = State::Lines;
                    return Ok(Some(self.batch(end, Parts::Values(parts))));
                }
                Err(failure) if parts.is_empty() => return Err(failure),
                Err(failure) => {
                    self.failure = Some(failure);
                    return Ok(Some(self.batch(values.at, Parts::Values(parts))));
                }
            }
            let open = values.open.as_ref().map_or(values.at, |(begin, _)| *begin);
            if parts.is_empty() && self.ended {
                return Ok(None);
            }
            if !parts.is_empty() {
                let batch = self.batch(open, Parts::Values(parts));
                values.at -= open;
                if let Some((begin, _)) = &mut values.open {
                    *begin = 0;
                }
                if !self.ended {
                    self.state = State::Values(values);
                }
                return Ok(Some(batch));
            }
            self.read_more(open)?;
        }
    }

    /// Walks over what was read and not walked yet, and notes what is whole.
    fn walk(&mut self, values: &mut Values, parts: &mut Vec<Part>) -> Result<Walked, InputError> {
        loop {
            if let Some((begin, mut boundary)) = values.open.take() {
                let end = boundary.find(&self.buffer[values.at..]).map(|found| values.at + found);
                let end = end.or_else(|| (self.ended && boundary.may_end()).then_some(self.buffer.len()));
                let Some(end) = end else {
                    values.at = self.buffer.len();
                    values.open = Some((begin, boundary));
                    return if self.ended { Err(self.ends_early()) } else { Ok(Walked::ToTheEnd) };
                };
                self.count_to(begin);
                let element = values.array.as_mut().map(|array| {
                    array.elements += 1;
                    array.behind_element = true;
                    array.elements
                });
                parts.push(Part::Value { range: begin..end, line: self.line, column: self.column, element });
                values.at = end;
            }
            let rest = &self.buffer[values.at..];
            let passed = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            if values.first == First::OneLine
                && let Some(newline) = memchr::memchr(b'\n', &rest[..passed])
            {
                values.at += newline + 1;
                return Ok(Walked::ToLines);
            }
            values.at += passed;
            let Some(byte) = self.buffer.get(values.at).copied() else {
                return if self.ended && values.array.is_some() {
                    Err(self.ends_early())
                } else {
                    Ok(Walked::ToTheEnd)
                };
            };
            match (&mut values.array, byte) {
                (Some(array), b',') if array.behind_element => {
                    array.behind_element = false;
                    values.at += 1;
                }
                (Some(array), b']') if array.behind_element || array.elements == 0 => {
                    values.array = None;
                    parts.push(Part::ArrayEnds);
                    values.at += 1;
                    self.count_to(values.at);
                    let one_line = values.first == First::Began(self.line);
                    values.first = if one_line { First::OneLine } else { First::Past };
                }
                (Some(array), _) if array.behind_element => {
                    return Err(self.unexpected(values.at, "expected , or ] behind an element"));
                }
                (Some(_), b',' | b':' | b']' | b'}') => return Err(self.unexpected(values.at, "expected a value")),
                (None, b'[') => {
                    self.count_to(values.at);
                    let first = values.first == First::Coming;
                    values.first = if first { First::Began(self.line) } else { First::Past };
                    values.array = Some(Array::default());
                    parts.push(Part::ArrayBegins);
                    values.at += 1;
                }
                (None, byte) if byte != b'{' => {
                    return Err(self.unexpected(values.at, "expected an object or an array"));
                }
                (None, _) => {
                    values.first = First::Past;
                    values.open = Some((values.at, Boundary::default()));
                }
                (Some(_), _) => values.open = Some((values.at, Boundary::default())),
            }
        }
    }

    /// Reads a step more, where the value that begins at `open` may still grow.
    fn read_more(&mut self, open: usize) -> Result<(), InputError> {
        if self.buffer.len() - open > MAX_VALUE_BYTES {
            self.count_to(open);
            return Err(InputError::TooLarge { name: Arc::clone(&self.stream.name), line: self.line });
        }
        self.ended = self.stream.read_into(&mut self.buffer, STEP)? == 0;
        Ok(())
    }

    /// Gives out the buffer up to `end`.
    fn batch(&mut self, end: usize, parts: Parts) -> Batch {
        self.count_to(end);
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        self.counted -= end;
        Batch { source: Arc::clone(&self.stream.name), bytes, parts }
    }

    /// Forgets the buffer up to `end`, which was counted.
    fn cut(&mut self, end: usize) {
        self.buffer.drain(..end);
        self.counted -= end;
    }

    /// Brings line and column to the byte at `to`.
    fn count_to(&mut self, to: usize) {
        let bytes = self.buffer.get(self.counted..to).unwrap_or_default();
        match memchr::memrchr(b'\n', bytes) {
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.column = (bytes.len() - last) as u64;
            }
            None => self.column += bytes.len() as u64,
        }
        self.counted = self.counted.max(to);
    }

    fn unexpected(&mut self, at: usize, reason: &str) -> InputError {
        self.count_to(at);
        self.not_json(self.line, self.column, format!("not JSON: {reason}"))
    }

    fn ends_early(&mut self) -> InputError {
        self.count_to(self.buffer.len());
        self.not_json(self.line, self.column, "not JSON: it ends within a value".to_owned())
    }

    fn not_json(&self, line: u64, column: u64, reason: String) -> InputError {
        InputError::NotJson { name: Arc::clone(&self.stream.name), line, column, reason }
    }
}

/// How far a walk went.
enum Walked {
    /// To the end of what was read.
    ToTheEnd,
    /// To the end of a line that was an array: what follows are lines.
    ToLines,
}
