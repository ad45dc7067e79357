//! Finds values that may span lines, as their bytes arrive: where each value begins and ends, and which values are
//! elements of an array.

use std::ops::Range;

use super::boundaries::Boundary;
use super::position::Position;

/// A part of an input in which values may span lines.
#[derive(Debug)]
pub(super) enum Part {
    /// The opening bracket of an array.
    ArrayBegins,
    /// The closing bracket of an array.
    ArrayEnds,
    /// A value.
    Value {
        /// The value's byte range in the batch.
        range: Range<usize>,
        /// The 1-based number of the line where the value begins.
        line: u64,
        /// The 1-based column where the value begins, in bytes.
        column: u64,
        /// The value's 1-based number in its array. `None` means that the value is not in an array.
        element: Option<u64>,
    },
}

/// The state of the search for values.
#[derive(Default)]
pub(super) struct Values {
    /// The number of bytes of the buffer that have been searched.
    pub(super) at: usize,
    array: Option<Array>,
    /// The value that has begun but not ended: its start, and the state of the search for its end.
    open: Option<(usize, Boundary)>,
    /// Whether the first value is an array that began and ended on one line. If so, the input has one value per line.
    first: First,
}

/// The state of the search for the first value.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum First {
    /// The first value has not begun yet.
    #[default]
    NotBegun,
    /// The first value is an array that began on the line with this number.
    Began(u64),
    /// The first value is an array that ended on its first line, and nothing has followed the array yet.
    OneLine,
    /// The first value no longer matters.
    Done,
}

/// An array that has begun but not ended.
#[derive(Default)]
struct Array {
    elements: u64,
    /// Whether the previous token is an element, so a comma or the end must follow.
    after_element: bool,
}

/// The maximum number of parts per search. For very small values, a part takes more memory than the value.
const MAX_PARTS: usize = 16_384;

/// Why a search stopped.
pub(super) enum Walked {
    /// The search reached [`MAX_PARTS`].
    MaxParts,
    /// The search reached the end of the buffer.
    EndOfBuffer,
    /// The search reached the end of a line that consists of one array, so the input has one value per line.
    ToLines,
}

const ENDS_EARLY: &str = "unexpected end of input within a value";

impl Values {
    /// Returns where the unfinished value begins, or the position of the search if there is no unfinished value.
    pub(super) fn begin_of_open(&self) -> usize {
        self.open.as_ref().map_or(self.at, |(begin, _)| *begin)
    }

    /// Adjusts positions after the bytes before `end` were removed from the buffer. `end` is
    /// [`Values::begin_of_open`].
    pub(super) fn forget(&mut self, end: usize) {
        self.at -= end;
        if let Some((begin, _)) = &mut self.open {
            *begin -= end;
        }
    }

    /// Searches the bytes that have not been searched yet, and lists the complete values.
    ///
    /// # Errors
    /// Returns a description of the error at `position`.
    pub(super) fn walk(
        &mut self,
        buffer: &[u8],
        ended: bool,
        position: &mut Position,
        parts: &mut Vec<Part>,
    ) -> Result<Walked, &'static str> {
        loop {
            if let Some((begin, mut boundary)) = self.open.take() {
                let end = boundary.find(&buffer[self.at..]).map(|found| self.at + found);
                let end = end.or_else(|| (ended && boundary.may_end()).then_some(buffer.len()));
                let Some(end) = end else {
                    self.at = buffer.len();
                    self.open = Some((begin, boundary));
                    return if ended {
                        Err(position.at(buffer, buffer.len(), ENDS_EARLY))
                    } else {
                        Ok(Walked::EndOfBuffer)
                    };
                };
                position.count_to(buffer, begin);
                let element = self.array.as_mut().map(|array| {
                    array.elements += 1;
                    array.after_element = true;
                    array.elements
                });
                parts.push(Part::Value { range: begin..end, line: position.line, column: position.column, element });
                self.at = end;
            }
            if parts.len() >= MAX_PARTS {
                return Ok(Walked::MaxParts);
            }
            let rest = &buffer[self.at..];
            let passed = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            if self.first == First::OneLine
                && let Some(newline) = memchr::memchr(b'\n', &rest[..passed])
            {
                self.at += newline + 1;
                return Ok(Walked::ToLines);
            }
            self.at += passed;
            let Some(byte) = buffer.get(self.at).copied() else {
                return if ended && self.array.is_some() {
                    Err(position.at(buffer, buffer.len(), ENDS_EARLY))
                } else {
                    Ok(Walked::EndOfBuffer)
                };
            };
            match (&mut self.array, byte) {
                (Some(array), b',') if array.after_element => {
                    array.after_element = false;
                    self.at += 1;
                }
                (Some(array), b']') if array.after_element || array.elements == 0 => {
                    self.array = None;
                    parts.push(Part::ArrayEnds);
                    self.at += 1;
                    position.count_to(buffer, self.at);
                    let one_line = self.first == First::Began(position.line);
                    self.first = if one_line { First::OneLine } else { First::Done };
                }
                (Some(array), _) if array.after_element => {
                    return Err(position.at(buffer, self.at, "expected , or ] after an element"));
                }
                (Some(_), b',' | b':' | b']' | b'}') => return Err(position.at(buffer, self.at, "expected a value")),
                (None, b'[') => {
                    position.count_to(buffer, self.at);
                    let first = self.first == First::NotBegun;
                    self.first = if first { First::Began(position.line) } else { First::Done };
                    self.array = Some(Array::default());
                    parts.push(Part::ArrayBegins);
                    self.at += 1;
                }
                (None, byte) if byte != b'{' => {
                    return Err(position.at(buffer, self.at, "expected an object or an array"));
                }
                (None, _) => {
                    self.first = First::Done;
                    self.open = Some((self.at, Boundary::default()));
                }
                (Some(_), _) => self.open = Some((self.at, Boundary::default())),
            }
        }
    }
}
