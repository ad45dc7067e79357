//! Reads the cases of a file in any supported format, one at a time. Files of JSON lines are streamed; other files are
//! read completely, up to a limit. A case that cannot be read is reported with its location, and the rest of the file
//! is read if possible.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::shapes;
use crate::sources::{Source, error_text};
use crate::typescript::{self, Imports};
use crate::unreadable::Unreadable;
use json::invalid::{Invalid, explain};
use json::raw::{Kind, Raw};
use json::reader::Reader;

/// The maximum size of a JSON file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The maximum number of cases in a JSON file. Files of JSON lines may have more.
const MAX_ELEMENTS: usize = 100_000;
/// The maximum length of a line, in bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// The maximum decompressed size of a file, in bytes.
const MAX_DECOMPRESSED_BYTES: u64 = 16 << 30;

const INVALID_UTF8: &str = "invalid UTF-8";
const INVALID_JSON: &str = "invalid JSON";

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A case, with the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The case.
    pub case: Case,
    /// The 1-based line number.
    pub line: usize,
}

/// An iterator over the cases of a file. The iterator returns an error for a case that cannot be read.
pub type Cases = Box<dyn Iterator<Item = Result<Found, Unreadable>>>;

/// Reads the cases of a source. Returns `None` for a file that was found in a folder and contains no cases.
///
/// # Errors
/// Returns the reason why the file cannot be read at all.
pub fn cases(source: &Source) -> Result<Option<Cases>, Unreadable> {
    let Source { path, found } = source;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if path == Path::new("-") {
        return lines(path, Box::new(io::stdin()), *found);
    }
    let whole = |limit: u64| text_of(path, limit);
    match name.rsplit('.').next() {
        Some("ts" | "js" | "mts" | "mjs" | "cjs" | "cts") => {
            typescript_cases(path, &whole(typescript::MAX_BYTES as u64)?).map(Some)
        }
        Some("json") => json_cases(path, &whole(MAX_FILE_BYTES)?, *found),
        Some("ndjson" | "jsonl" | "gz") => lines(path, Box::new(open(path)?), *found),
        _ => Err(Unreadable::file(
            path,
            "unknown file type: cases are in *.json, *.ndjson, *.ndjson.gz, *.ts or *.js files",
        )),
    }
}

/// Opens a regular file. Other files are rejected: opening a pipe would wait for a writer, and a device may be endless.
fn open(path: &Path) -> Result<File, Unreadable> {
    let unreadable = |error: io::Error| Unreadable::file(path, error_text(&error));
    let kind = fs::metadata(path).map_err(unreadable)?.file_type();
    if kind.is_dir() {
        return Err(Unreadable::file(path, "this is a directory, not a file"));
    }
    if !kind.is_file() {
        return Err(Unreadable::file(path, "not a regular file"));
    }
    File::open(path).map_err(unreadable)
}

/// Reads a whole file of at most `limit` bytes as text.
fn text_of(path: &Path, limit: u64) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| Unreadable::file(path, error_text(&error)))?;
    if bytes.len() as u64 > limit {
        return Err(Unreadable::file(path, format!("the file is larger than {limit} bytes")));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unreadable::file(path, "the file is empty"));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Unreadable { line: Some(line), ..Unreadable::file(path, INVALID_UTF8) }
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// Splits a serde_json error into message, line and column.
fn not_json(path: &Path, text: &str, first_line: usize) -> Unreadable {
    let error = explain(text).unwrap_or_default();
    let (what, place) = error.rsplit_once(" at line ").unwrap_or((&error, ""));
    let mut numbers = place.split(" column ").map(|number| number.parse::<usize>().ok());
    let (line, column) = (numbers.next().flatten(), numbers.next().flatten());
    Unreadable {
        line: line.map(|line| line + first_line - 1),
        // serde_json reports the end of the text as column 0 of its last line.
        column: column.map(|column| column.max(1)),
        ..Unreadable::file(path, format!("{INVALID_JSON}: {what}"))
    }
}

/// Reads a file that contains one case or an array of cases.
fn json_cases(path: &Path, text: &str, found: bool) -> Result<Option<Cases>, Unreadable> {
    let whole = Raw::parse(text).map_err(|_| not_json(path, text, 1))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_array = whole.kind() == Kind::Array;
    let mut cases = Vec::new();
    let mut are_cases = false;
    let mut line = Lines { text, at: 0, line: 1 };
    let mut add = |value: Raw<'_>, at: usize| {
        let line = line.of(at);
        if cases.len() == MAX_ELEMENTS {
            let problem = format!("the array has more than {MAX_ELEMENTS} cases; the remaining cases are skipped");
            cases.push(Err(Unreadable { line: Some(line), ..Unreadable::file(path, problem) }));
            return Err(Invalid);
        }
        are_cases |= shapes::is_case(value);
        let unreadable = |problem| Unreadable { line: Some(line), ..Unreadable::file(path, problem) };
        cases.push(shapes::read(value, &name).map(|case| Found { case, line }).map_err(unreadable));
        Ok(())
    };
    if is_array {
        let mut reader = Reader::new(text);
        // The text is valid JSON, so only the limit can stop this early.
        let _ = reader.array::<Invalid>(|reader| {
            reader.peek();
            let at = reader.offset();
            add(reader.value()?, at)
        });
    } else {
        // The limit on the number of cases cannot be exceeded by a single case.
        let _ = add(whole, text.len() - text.trim_start().len());
    }
    if cases.is_empty() {
        return if found { Ok(None) } else { Err(Unreadable::file(path, "no cases: the array is empty")) };
    }
    if found && !are_cases {
        return Ok(None);
    }
    Ok(Some(Box::new(cases.into_iter())))
}

/// Converts byte offsets to line numbers. The offsets must be passed in increasing order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> usize {
        self.line += memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.at..at]).count();
        self.at = at;
        self.line
    }
}

fn typescript_cases(path: &Path, text: &str) -> Result<Cases, Unreadable> {
    let unreadable = |problem: typescript::Problem| Unreadable {
        file: problem.file,
        line: Some(problem.line),
        column: Some(problem.column),
        problem: problem.what,
    };
    let elements = typescript::read_with(path, text, &mut RelativeFiles).map_err(unreadable)?;
    if elements.is_empty() {
        return Err(Unreadable::file(path, "no cases: the array is empty"));
    }
    let path = path.to_owned();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Box::new(elements.into_iter().map(move |element| {
        let typescript::Element { value, line, column } = element.map_err(unreadable)?;
        let text = value.to_string();
        let read = Raw::parse(&text).map_err(|_| "invalid JSON".to_owned()).and_then(|raw| shapes::read(raw, &name));
        read.map(|case| Found { case, line }).map_err(|problem| Unreadable {
            file: path.clone(),
            line: Some(line),
            column: Some(column),
            problem,
        })
    })))
}

/// Reads the files that a TypeScript file imports.
struct RelativeFiles;

impl Imports for RelativeFiles {
    fn text(&mut self, from: &Path, specifier: &str) -> Result<(PathBuf, String), String> {
        if !specifier.starts_with("./") && !specifier.starts_with("../") {
            return Err("it is not a relative path".to_owned());
        }
        let base = from.parent().unwrap_or(Path::new("")).join(specifier);
        let with = |ending: &str| PathBuf::from(format!("{}{ending}", base.display()));
        let candidates = [with(".ts"), with(".js"), base.join("index.ts"), base.join("index.js"), base.clone()];
        let found = candidates.into_iter().find(|path| {
            let ending = path.extension().unwrap_or_default();
            (ending == "ts" || ending == "js") && path.is_file()
        });
        let path = found.ok_or("no such .ts or .js file")?;
        // After this, different paths to the same file are equal.
        let path = path.canonicalize().map_err(|error| error_text(&error))?;
        match text_of(&path, typescript::MAX_BYTES as u64) {
            Ok(text) => Ok((path, text)),
            Err(unreadable) => Err(unreadable.problem),
        }
    }
}

/// Reads JSON lines. The first bytes show whether the input is compressed.
fn lines(path: &Path, input: Box<dyn Read>, found: bool) -> Result<Option<Cases>, Unreadable> {
    let unreadable = |error: io::Error| Unreadable::file(path, error_text(&error));
    let mut input = BufReader::new(input);
    let is_gzip = input.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
    let input: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(input).take(MAX_DECOMPRESSED_BYTES)))
    } else {
        Box::new(input)
    };
    let mut lines = LineCases { path: path.to_owned(), input, line: 0, has_lines: false, done: false }.peekable();
    if found {
        // A file in a folder may contain events instead of cases. The first line shows what the file contains.
        let is_none = match lines.peek() {
            None => true,
            Some(Err(unreadable)) => unreadable.problem == shapes::NOT_A_CASE,
            Some(Ok(_)) => false,
        };
        if is_none {
            return Ok(None);
        }
    }
    Ok(Some(Box::new(lines)))
}

struct LineCases {
    path: PathBuf,
    input: Box<dyn BufRead>,
    line: usize,
    has_lines: bool,
    done: bool,
}

impl LineCases {
    /// Returns the next line that is not blank, or `None` at the end.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            let mut bytes = Vec::new();
            self.line += 1;
            let read = self.input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
            match read {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    ) =>
                {
                    return Err("the compressed data is damaged or truncated".to_owned());
                }
                Err(error) => return Err(error_text(&error)),
                Ok(0) => return Ok(None),
                Ok(_) if bytes.len() as u64 > MAX_LINE_BYTES => {
                    return Err(format!("a line is longer than {MAX_LINE_BYTES} bytes"));
                }
                Ok(_) if bytes.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => return Ok(Some(bytes)),
            }
        }
    }

    fn case(&self, bytes: &[u8]) -> Result<Found, Unreadable> {
        let at_line = |problem: &str| Unreadable { line: Some(self.line), ..Unreadable::file(&self.path, problem) };
        let text = std::str::from_utf8(bytes).map_err(|_| at_line(INVALID_UTF8))?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let value = Raw::parse(text).map_err(|_| not_json(&self.path, text, self.line))?;
        let name = format!("line {}", self.line);
        shapes::read(value, &name).map(|case| Found { case, line: self.line }).map_err(|problem| at_line(&problem))
    }
}

impl Iterator for LineCases {
    type Item = Result<Found, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.next_line() {
            Ok(Some(bytes)) => {
                let case = self.case(&bytes);
                // A line that is not UTF-8, or a first line that is not JSON, shows that this is not a file of cases.
                // One error is enough.
                self.done = case.as_ref().is_err_and(|unreadable| {
                    let is = |what: &str| unreadable.problem.starts_with(what);
                    is(INVALID_UTF8) || (is(INVALID_JSON) && !self.has_lines)
                });
                self.has_lines = true;
                Some(case)
            }
            Ok(None) => {
                self.done = true;
                (!self.has_lines).then(|| Err(Unreadable::file(&self.path, "the file is empty")))
            }
            Err(problem) => {
                self.done = true;
                Some(Err(Unreadable { line: Some(self.line), ..Unreadable::file(&self.path, problem) }))
            }
        }
    }
}
