//! Values that go over lines: where each begins and ends, and the arrays whose elements they are, as the bytes come in.

use std::ops::Range;

use super::boundaries::Boundary;
use super::position::Position;

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

/// Where the walk over values is.
#[derive(Default)]
pub(super) struct Values {
    /// The bytes of the buffer that were walked.
    pub(super) at: usize,
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
    /// It decides nothing anymore.
    Past,
}

/// An array that has begun.
#[derive(Default)]
struct Array {
    elements: u64,
    /// Whether an element stands before, and a comma or the end has to follow.
    behind_element: bool,
}

/// Parts of one walk. Very small values have a part each that takes more memory than they do.
const MAX_PARTS: usize = 16_384;

/// How far a walk went.
pub(super) enum Walked {
    /// As far as one walk goes.
    AsFarAsItGoes,
    /// To the end of what was read.
    ToTheEnd,
    /// To the end of a line that was an array: what follows are lines.
    ToLines,
}

const ENDS_EARLY: &str = "it ends within a value";

impl Values {
    /// Where the value begins that has not ended; without one, how far the walk has come.
    pub(super) fn begin_of_open(&self) -> usize {
        self.open.as_ref().map_or(self.at, |(begin, _)| *begin)
    }

    /// The bytes up to `end`, which is [`Values::begin_of_open`], are not in the buffer anymore.
    pub(super) fn forget(&mut self, end: usize) {
        self.at -= end;
        if let Some((begin, _)) = &mut self.open {
            *begin -= end;
        }
    }

    /// Walks over what was read and not walked yet, and notes what is whole.
    ///
    /// # Errors
    /// What is wrong at `position`.
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
                        Ok(Walked::ToTheEnd)
                    };
                };
                position.count_to(buffer, begin);
                let element = self.array.as_mut().map(|array| {
                    array.elements += 1;
                    array.behind_element = true;
                    array.elements
                });
                parts.push(Part::Value { range: begin..end, line: position.line, column: position.column, element });
                self.at = end;
            }
            if parts.len() >= MAX_PARTS {
                return Ok(Walked::AsFarAsItGoes);
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
                    Ok(Walked::ToTheEnd)
                };
            };
            match (&mut self.array, byte) {
                (Some(array), b',') if array.behind_element => {
                    array.behind_element = false;
                    self.at += 1;
                }
                (Some(array), b']') if array.behind_element || array.elements == 0 => {
                    self.array = None;
                    parts.push(Part::ArrayEnds);
                    self.at += 1;
                    position.count_to(buffer, self.at);
                    let one_line = self.first == First::Began(position.line);
                    self.first = if one_line { First::OneLine } else { First::Past };
                }
                (Some(array), _) if array.behind_element => {
                    return Err(position.at(buffer, self.at, "expected , or ] behind an element"));
                }
                (Some(_), b',' | b':' | b']' | b'}') => return Err(position.at(buffer, self.at, "expected a value")),
                (None, b'[') => {
                    position.count_to(buffer, self.at);
                    let first = self.first == First::Coming;
                    self.first = if first { First::Began(position.line) } else { First::Past };
                    self.array = Some(Array::default());
                    parts.push(Part::ArrayBegins);
                    self.at += 1;
                }
                (None, byte) if byte != b'{' => {
                    return Err(position.at(buffer, self.at, "expected an object or an array"));
                }
                (None, _) => {
                    self.first = First::Past;
                    self.open = Some((self.at, Boundary::default()));
                }
                (Some(_), _) => self.open = Some((self.at, Boundary::default())),
            }
        }
    }
}
