//! Splits a stream into batches of complete values, in constant memory. This module does not parse values: it only
//! searches for their ends.

use std::sync::Arc;

use super::error::{InputError, MAX_VALUE_BYTES};
use super::form::{self, Form, NotJson};
use super::position::Position;
use super::request::Place;
use super::source::Stream;
use super::values::{Part, Values, Walked};
use destinations::source::is_utf_16;
use json::decode::text;

/// Consecutive values of one source.
#[derive(Debug)]
pub(in crate::cli) struct Batch {
    /// The name of the input, as shown in errors and warnings.
    pub(in crate::cli) source: Arc<str>,
    /// The values, and the bytes between them.
    pub(in crate::cli) bytes: Vec<u8>,
    /// The positions of the values.
    pub(super) parts: Parts,
}

impl Batch {
    /// Whether the batch begins inside an array, after an element.
    pub(in crate::cli) fn continues_array(&self) -> bool {
        let Parts::Values(parts) = &self.parts else { return false };
        matches!(parts.first(), Some(Part::Value { element: Some(2..), .. } | Part::ArrayEnds))
    }

    /// Creates the error for a value in the batch that is not JSON.
    pub(in crate::cli) fn broken(&self, place: Place, reason: String) -> InputError {
        let name = Arc::clone(&self.source);
        InputError::NotJson { name, line: place.line, column: place.column.unwrap_or(1), reason }
    }
}

/// The positions of the values of a batch.
#[derive(Debug)]
pub(super) enum Parts {
    /// Each line is a value.
    Lines {
        /// The number of the first line, from 1.
        first: u64,
    },
    /// A list of the values and of the brackets of arrays, with their positions.
    Values(Vec<Part>),
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The number of bytes that are read at once, which is also the approximate size of a batch.
const STEP: usize = 1 << 20;

/// Splits a stream into batches.
pub(super) struct Splitter {
    stream: Stream,
    /// The bytes that were read but are not yet part of a batch.
    buffer: Vec<u8>,
    /// Whether the stream has ended.
    ended: bool,
    /// The maximum size of a value, in bytes.
    limit: usize,
    state: State,
    position: Position,
    /// The error that ended the reading. It is returned after all earlier batches.
    failure: Option<InputError>,
}

enum State {
    Start { lines: bool },
    Lines,
    Values(Values),
    Done,
}

impl Splitter {
    /// Creates a splitter. If `lines` is true, every line is a value.
    pub(super) fn of(stream: Stream, lines: bool) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            ended: false,
            limit: MAX_VALUE_BYTES,
            state: State::Start { lines },
            position: Position::start(),
            failure: None,
        }
    }

    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    /// Returns an [`InputError`], after which there are no more batches.
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

    /// Skips whitespace before the first value, and determines the format of the input.
    fn start(&mut self, lines: bool) -> Result<State, InputError> {
        while self.buffer.len() < 2 && !self.ended {
            self.read_more(0)?;
        }
        if is_utf_16(&self.buffer) {
            return Err(InputError::Utf16 { name: Arc::clone(&self.stream.name) });
        }
        if lines {
            return Ok(State::Lines);
        }
        let begin = loop {
            if BYTE_ORDER_MARK.starts_with(&self.buffer) && self.buffer != BYTE_ORDER_MARK && !self.ended {
                self.read_more(0)?;
                continue;
            }
            let mark = if self.buffer.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            match self.buffer[mark..].iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(at) => break mark + at,
                None if self.ended => return Ok(State::Done),
                None => self.read_more(0)?,
            }
        };
        self.count_to(begin);
        self.cut(begin);
        // Two lines are enough to determine the format. If the first line is JSON, do not wait for the second: the
        // program that writes the input may wait for the result of each line before it writes the next line.
        let array = self.buffer.first() == Some(&b'[');
        let mut lines = memchr::memchr_iter(b'\n', &self.buffer).take(2).count();
        let mut decided = false;
        while !array && lines < 2 && !self.ended {
            if lines == 1
                && !std::mem::replace(&mut decided, true)
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
                let column = if line == 1 { self.position.column + column - 1 } else { column };
                let reason = format!("{reason} (use --lines to skip lines that are not JSON)");
                Err(self.not_json(self.position.line + line - 1, column, reason))
            }
        }
    }

    /// Returns the available lines. Waits only if no line is complete yet.
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
        let first = self.position.line;
        Ok(Some(self.batch(end, Parts::Lines { first })))
    }

    /// Returns the complete values in the buffer. If there are none, reads more of the stream first.
    fn next_values(&mut self) -> Result<Option<Batch>, InputError> {
        let State::Values(mut values) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
        let mut parts = Vec::new();
        loop {
            match values.walk(&self.buffer, self.ended, &mut self.position, &mut parts) {
                Ok(Walked::EndOfBuffer) => {}
                Ok(Walked::MaxParts) => {
                    let end = values.at;
                    values.forget(end);
                    self.state = State::Values(values);
                    return Ok(Some(self.batch(end, Parts::Values(parts))));
                }
                Ok(Walked::ToLines) => {
                    let end = values.at;
                    self.state = State::Lines;
                    return Ok(Some(self.batch(end, Parts::Values(parts))));
                }
                Err(reason) => {
                    let reason = format!("not JSON: {reason}");
                    let failure = self.not_json(self.position.line, self.position.column, reason);
                    if parts.is_empty() {
                        return Err(failure);
                    }
                    self.failure = Some(failure);
                    return Ok(Some(self.batch(values.at, Parts::Values(parts))));
                }
            }
            let open = values.begin_of_open();
            if parts.is_empty() && self.ended {
                return Ok(None);
            }
            if !parts.is_empty() {
                let batch = self.batch(open, Parts::Values(parts));
                values.forget(open);
                if !self.ended {
                    self.state = State::Values(values);
                }
                return Ok(Some(batch));
            }
            self.read_more(open)?;
        }
    }

    /// Reads more of the value that begins at `open`, unless the value is too large.
    fn read_more(&mut self, open: usize) -> Result<(), InputError> {
        if self.buffer.len() - open > self.limit {
            self.count_to(open);
            return Err(InputError::TooLarge { name: Arc::clone(&self.stream.name), line: self.position.line });
        }
        self.ended = self.stream.read_into(&mut self.buffer, STEP)? == 0;
        Ok(())
    }

    /// Removes the first `end` bytes from the buffer and returns them as a batch.
    fn batch(&mut self, end: usize, parts: Parts) -> Batch {
        self.count_to(end);
        let bytes = if end < self.buffer.len() / 2 {
            // The smaller of the two parts is copied, so that a small batch takes little memory.
            self.buffer.drain(..end).collect()
        } else {
            let rest = self.buffer.split_off(end);
            std::mem::replace(&mut self.buffer, rest)
        };
        self.position.forget(end);
        Batch { source: Arc::clone(&self.stream.name), bytes, parts }
    }

    /// Discards the first `end` bytes of the buffer, which have been counted.
    fn cut(&mut self, end: usize) {
        self.buffer.drain(..end);
        self.position.forget(end);
    }

    fn count_to(&mut self, to: usize) {
        self.position.count_to(&self.buffer, to);
    }

    fn not_json(&self, line: u64, column: u64, reason: String) -> InputError {
        InputError::NotJson { name: Arc::clone(&self.stream.name), line, column, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists the contents of a text that is read in pieces of `step` bytes: lines or values with their positions,
    /// brackets, and the final error.
    fn split(text: &str, step: usize, lines: bool) -> Vec<String> {
        let mut splitter = Splitter::of(Stream::of_bytes(text.as_bytes(), step), lines);
        let mut found = Vec::new();
        loop {
            let batch = match splitter.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => return found,
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            };
            match &batch.parts {
                Parts::Lines { first } => {
                    let lines = text_of(&batch.bytes).lines().map(str::to_owned).collect::<Vec<_>>();
                    found.extend((*first..).zip(lines).map(|(number, line)| format!("{number}| {line}")));
                }
                Parts::Values(parts) => found.extend(parts.iter().map(|part| match part {
                    Part::ArrayBegins => "[".to_owned(),
                    Part::ArrayEnds => "]".to_owned(),
                    Part::Value { range, line, column, element } => {
                        format!("{line}:{column} {element:?} {}", text_of(&batch.bytes[range.clone()]))
                    }
                })),
            }
        }
    }

    fn text_of(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn input_is_split_the_same_regardless_of_how_its_bytes_arrive() {
        for (text, expected) in [
            ("", &[][..]),
            (" \n\t", &[]),
            ("{\"a\":1}\n\n{\"b\":\"ü\"}", &["1| {\"a\":1}", "2| ", "3| {\"b\":\"ü\"}"]),
            ("\u{feff}\n {\"a\":1}\nx\n", &["2| {\"a\":1}", "3| x"]),
            ("{\"a\":1\n{\"b\":1}\n", &["1| {\"a\":1", "2| {\"b\":1}"]),
            ("[]", &["[", "]"]),
            (
                "[ {\"a\":\"]\"},\n7 , [1,\n2], \"x\\\"\"]  \n",
                &[
                    "[",
                    "1:3 Some(1) {\"a\":\"]\"}",
                    "2:1 Some(2) 7",
                    "2:5 Some(3) [1,\n2]",
                    "3:5 Some(4) \"x\\\"\"",
                    "]",
                ],
            ),
            // If the first line consists of one array, the input has one value per line. Otherwise, values may span
            // lines.
            ("[1]\n[2]\n{\n", &["[", "1:2 Some(1) 1", "]", "2| [2]", "3| {"]),
            ("[\n1]\n[2]", &["[", "2:1 Some(1) 1", "]", "[", "3:2 Some(1) 2", "]"]),
            ("[1][2]\n[3]", &["[", "1:2 Some(1) 1", "]", "[", "1:5 Some(1) 2", "]", "[", "2:2 Some(1) 3", "]"]),
            ("{\n\"a\":1}{}\n {\"b\":\n2}", &["1:1 None {\n\"a\":1}", "2:7 None {}", "3:2 None {\"b\":\n2}"]),
            ("[1,]", &["[", "1:2 Some(1) 1", "test:1:4: not JSON: expected a value"]),
            ("[1 2]", &["[", "1:2 Some(1) 1", "test:1:4: not JSON: expected , or ] after an element"]),
            ("[,1]", &["[", "test:1:2: not JSON: expected a value"]),
            ("[\n{\"a\":\n", &["[", "test:3:1: not JSON: unexpected end of input within a value"]),
            ("[1", &["[", "1:2 Some(1) 1", "test:1:3: not JSON: unexpected end of input within a value"]),
            ("[1]x", &["[", "1:2 Some(1) 1", "]", "test:1:4: not JSON: expected an object or an array"]),
            ("{\n} ]", &["1:1 None {\n}", "test:2:3: not JSON: expected an object or an array"]),
            (" {\"a\":tru}", &["test:1:10: not JSON: expected ident (use --lines to skip lines that are not JSON)"]),
        ] {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(split(text, step, false), expected, "{text:?} in steps of {step}");
            }
        }
        assert_eq!(split("[1,\n2]\n", 2, true), ["1| [1,", "2| 2]"]);
    }

    #[test]
    fn a_line_or_value_above_the_maximum_size_is_rejected() {
        let large = "x".repeat(3 * STEP);
        for (text, line) in
            [(format!("{{}}\n{{}}\n{large}"), 3), (format!("[1,\n\"{large}"), 2), (format!("{{\"{large}"), 1)]
        {
            let mut splitter = Splitter { limit: STEP, ..Splitter::of(Stream::of_bytes(text.as_bytes(), STEP), false) };
            let error = loop {
                match splitter.next_batch() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("an error"),
                    Err(error) => break error.to_string(),
                }
            };
            assert_eq!(error, format!("test:{line}: a line, object or array element is larger than 256 MiB"));
            assert!(splitter.next_batch().is_ok_and(|batch| batch.is_none()));
        }
    }
}
