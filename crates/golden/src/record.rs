//! Writes a golden file from the responses of a transformer: one JSON object per line, in the order of the cases.
//! The same responses always produce the same file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::case::Request;
use crate::response::Response;
use json::decode::text;
use json::raw::Raw;

/// Formats a recorded case as a line, including the line break.
#[must_use]
pub fn line(name: &str, request: &Request, response: &Response) -> String {
    let mut recorded = Map::new();
    recorded.insert("name".to_owned(), name.into());
    recorded.insert("method".to_owned(), request.method.as_str().into());
    recorded.insert("path".to_owned(), request.path.as_str().into());
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    recorded.insert("headers".to_owned(), Value::Object(headers.collect()));
    match std::str::from_utf8(&request.body) {
        Ok(body) => recorded.insert("rawBody".to_owned(), body.into()),
        Err(_) => {
            let hex: String = request.body.iter().map(|byte| format!("{byte:02x}")).collect();
            recorded.insert("rawBodyHex".to_owned(), hex.into())
        }
    };
    let head = Value::Object(recorded).to_string();
    let recorded_response = json!({ "status": response.status, "apiVersion": response.api_version }).to_string();
    let body = text(&response.body);
    let body = match Raw::parse(&body) {
        // Line breaks can only be whitespace between JSON tokens, because a JSON string cannot contain a line break.
        Ok(value) => format!("\"body\":{}", value.text().replace(['\n', '\r'], " ")),
        Err(_) => format!("\"rawBody\":{}", Value::from(&*body)),
    };
    let open = |object: &str| object.strip_suffix('}').unwrap_or(object).to_owned();
    let (head, recorded_response) = (open(&head), open(&recorded_response));
    format!("{head},\"response\":{recorded_response},{body}}}}}\n")
}

/// A golden file that is being written. An existing file is replaced only when the new one is complete.
#[derive(Debug)]
pub struct GoldenFile {
    path: PathBuf,
    partial: PathBuf,
    out: Output,
}

#[derive(Debug)]
enum Output {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl GoldenFile {
    /// Creates a file, compressed if its name ends with `.gz`.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().ok_or_else(|| io::Error::other("not a file name"))?.to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = BufWriter::new(File::create(&partial)?);
        let is_gzip = path.extension().is_some_and(|ending| ending == "gz");
        // The gzip header contains neither a file name nor a time, so that the same responses always produce the same
        // file.
        let out = if is_gzip {
            Output::Gzip(Box::new(GzEncoder::new(file, Compression::best())))
        } else {
            Output::Plain(file)
        };
        Ok(Self { path: path.to_owned(), partial, out })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        match &mut self.out {
            Output::Plain(out) => out.write_all(line.as_bytes()),
            Output::Gzip(out) => out.write_all(line.as_bytes()),
        }
    }

    /// Moves the complete file to its final path.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn finish(self) -> io::Result<()> {
        let mut out = match self.out {
            Output::Plain(out) => out,
            Output::Gzip(out) => out.finish()?,
        };
        out.flush()?;
        fs::rename(&self.partial, &self.path)
    }

    /// Removes the incomplete file.
    pub fn discard(self) {
        drop(self.out);
        fs::remove_file(&self.partial).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{case, shapes};

    #[test]
    fn a_recorded_case_is_read_back_with_the_same_request_and_response() {
        let request = |body: &[u8]| Request {
            method: "POST".to_owned(),
            path: "/v0/destinations/kafka?a=%20".to_owned(),
            headers: vec![("X-Content-Format".to_owned(), "json+compactedv1".to_owned())],
            body: body.to_vec(),
        };
        let response = |body: &str, api_version: Option<&str>| Response {
            status: 200,
            api_version: api_version.map(str::to_owned),
            content_type: None,
            body: body.to_owned().into(),
        };
        let (deep, open) = ("[".repeat(5000) + &"]".repeat(5000), "{".to_owned());
        for (body, response, expected) in [
            (&b"[ 1.0,\n\"\\ud800\" ]"[..], response("[{\n\"a\" : 1e400}]\n", Some("2")), Ok("[{ \"a\" : 1e400}]")),
            (b"\xff\x00{}}", response("Not {Found}}", None), Err("Not {Found}}")),
            (b"", response(&deep, None), Ok(deep.as_str())),
            (open.as_bytes(), response("", Some("x\"}")), Err("")),
        ] {
            let line = line("a \"name\" }", &request(body), &response);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            let read = shapes::read(Raw::parse(&line).expect(&line), "x").expect("a case");
            assert_eq!((read.name.as_str(), &read.request), ("a \"name\" }", &request(body)));
            let body = match expected {
                Ok(json) => case::ExpectedBody::Json(json.to_owned()),
                Err(text) => case::ExpectedBody::Text(text.to_owned()),
            };
            assert_eq!((read.expected.status, read.expected.body), (200, body));
            assert_eq!(read.expected.api_version, case::ApiVersion::Recorded(response.api_version));
        }
    }
}
