//! A golden case: a request, and the response that is expected.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use transform::request::coding::Coding;

/// A request and the response that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is called: its own name, or what it shows.
    pub name: String,
    /// What it shows, where that is not its name.
    pub description: String,
    /// The rules of docs/contract.md that it shows, by anchor; ours have some.
    pub rules: Vec<String>,
    /// Who answers like that.
    pub author: Author,
    /// What is sent.
    pub request: Request,
    /// What is expected.
    pub expected: Expected,
}

/// Whose answers the expected ones are. They differ by the intended differences
/// (docs/contract.md#intended-differences).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// This service.
    Us,
    /// rudder-transformer.
    Reference,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body without the coding that `Content-Encoding` names; [`Request::encoded`] has it.
    pub body: Vec<u8>,
}

/// A response that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// The header `apiVersion`.
    pub api_version: ApiVersion,
    /// The body.
    pub body: ExpectedBody,
}

/// What the header `apiVersion` has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiVersion {
    /// `2` in a transformation's answer with status 200, and missing elsewhere.
    Usual,
    /// This.
    Recorded(Option<String>),
}

/// What a body has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedBody {
    /// JSON with this value.
    Json(String),
    /// Exactly this text.
    Text(String),
    /// Anything.
    Any,
}

impl Request {
    /// The value of a header, by its name in any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as it is sent. A coding that is not known leaves it as it is.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        // Writing to memory does not fail; a body that is not compressed would make the case fail.
        let plain = || self.body.clone();
        match self.header("Content-Encoding").map(Coding::named) {
            Some(Some(Coding::Gzip)) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&self.body).and_then(|()| encoder.finish()).unwrap_or_else(|_| plain())
            }
            Some(Some(Coding::Deflate)) => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&self.body).and_then(|()| encoder.finish()).unwrap_or_else(|_| plain())
            }
            Some(Some(Coding::Brotli)) => {
                let mut compressed = Vec::new();
                let done = brotli::BrotliCompress(&mut &*self.body, &mut compressed, &Default::default());
                done.map_or_else(|_| plain(), |_| compressed)
            }
            Some(Some(Coding::Identity) | None) | None => plain(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_sent_in_the_coding_that_its_header_names() {
        use std::io::Read as _;
        let sent = |coding: &str| {
            let headers = vec![("content-ENCODING".to_owned(), coding.to_owned())];
            Request { method: String::new(), path: String::new(), headers, body: b"[1]".to_vec() }.encoded()
        };
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&*sent("gzip")).read_to_string(&mut plain).unwrap();
        flate2::read::ZlibDecoder::new(&*sent("Deflate")).read_to_string(&mut plain).unwrap();
        brotli::Decompressor::new(&*sent("br"), 4096).read_to_string(&mut plain).unwrap();
        assert_eq!((plain.as_str(), sent("zstd")), ("[1][1][1]", b"[1]".to_vec()));
    }
}
