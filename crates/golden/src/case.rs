//! A golden case: a request with its expected response.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use transform::request::coding::Coding;

/// A request with its expected response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name of the case, or its description if it has no name.
    pub name: String,
    /// The description, which can be the same as the name. Empty if the case has no description.
    pub description: String,
    /// The rules in docs/contract.md that the case covers, as anchors. Empty for cases that are not from this
    /// repository.
    pub rules: Vec<String>,
    /// The transformer that the expected response comes from.
    pub author: Author,
    /// The request.
    pub request: Request,
    /// The expected response.
    pub expected: Expected,
}

/// The transformer that an expected response comes from. The two transformers differ only by the intended differences
/// (docs/contract.md#intentional-differences).
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
    /// The path and query.
    pub path: String,
    /// The headers, as names and values.
    pub headers: Vec<(String, String)>,
    /// The body before compression. [`Request::encoded`] returns the body as sent.
    pub body: Vec<u8>,
}

/// An expected response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// The header `apiVersion`.
    pub api_version: ApiVersion,
    /// The body.
    pub body: ExpectedBody,
}

/// The expected header `apiVersion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiVersion {
    /// The value is `2` in a response with status 200 to a request for a transformation. In any other response, the
    /// header must be missing.
    Usual,
    /// The recorded value. `None` means that the recorded response did not have the header.
    Recorded(Option<String>),
}

/// The expected body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedBody {
    /// Any JSON text with the same value as this text.
    Json(String),
    /// Exactly this text.
    Text(String),
    /// Any body.
    Any,
}

impl Request {
    /// Returns the value of a header. Names are case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the body as sent, compressed according to `Content-Encoding`. With an unknown coding, the body is not
    /// compressed.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        // Writing to memory cannot fail. If it did, the uncompressed body would make the case fail.
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
    fn a_request_body_is_compressed_as_its_content_encoding_header_says() {
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
