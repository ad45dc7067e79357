//! Finds where a request ends on the wire, so that the framework's parser gets one request at a time.
//!
//! Only the timing of reads depends on this module. The transport never changes, drops or reorders bytes. If this
//! module and the parser disagree about where a request ends, the parser therefore gets the same bytes, only earlier or
//! later.

use httparse::{EMPTY_HEADER, Header, Request};
use memchr::memchr;

/// The maximum number of headers that the framework accepts.
const MAX_HEADERS: usize = 96;

/// How the end of a request's body is determined, and how much of the body is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The body has a `Content-Length`. The value is the number of bytes left, which is 0 for a request without a body.
    Length(u64),
    /// The body has `Transfer-Encoding: chunked`.
    Chunked(ChunkScanner),
    /// The body extends to the end of the connection.
    UntilClose,
}

impl Framing {
    /// Determines the framing of the body that follows the headers `head`, by the framework's rules.
    #[must_use]
    pub fn after(head: &[u8]) -> Self {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = Request::new(&mut headers);
        if !request.parse(head).is_ok_and(|status| status.is_complete()) {
            // The framework rejects headers that cannot be parsed.
            return Self::Length(0);
        }
        let values = |name: &'static str| {
            let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
            request.headers.iter().filter(named).map(|header| header.value.trim_ascii())
        };
        if values("transfer-encoding").next().is_some() {
            return Self::Chunked(ChunkScanner::default());
        }
        // The framework ignores the length of a request for a WebSocket upgrade.
        if values("upgrade").any(|protocol| protocol.eq_ignore_ascii_case(b"websocket")) {
            return Self::UntilClose;
        }
        let length = values("content-length").next().and_then(|value| str::from_utf8(value).ok()?.parse().ok());
        match length {
            Some(length) => Self::Length(length),
            None if request.method == Some("CONNECT") => Self::UntilClose,
            None => Self::Length(0),
        }
    }

    /// Whether the body has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.has_ended(),
            Self::UntilClose => false,
        }
    }

    /// Consumes the next bytes, and returns how many of them belong to the body.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                taken
            }
            Self::Chunked(chunks) => chunks.scan(bytes),
            Self::UntilClose => bytes.len(),
        }
    }
}

/// Whether the framework rejects all headers that start with `head`.
#[must_use]
pub fn is_rejected(head: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    Request::new(&mut headers).parse(head).is_err()
}

/// Finds the empty line that ends the headers of a request, even if the headers arrive in several reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadScanner {
    /// Whether the request line has begun. Empty lines before the request line are skipped, as in the framework's
    /// parser.
    started: bool,
    /// Whether the current line contains anything before its line break.
    in_line: bool,
}

impl HeadScanner {
    /// Scans the next bytes. If the headers end in `bytes`, returns how many of these bytes belong to the headers.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if !self.started {
            at = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
            self.started = true;
        }
        end_of_lines(&mut self.in_line, &bytes[at..]).map(|end| at + end)
    }
}

/// Returns the end of the first empty line in `bytes`. `in_line` carries over between reads, and shows whether the
/// current line contains anything before its line break.
fn end_of_lines(in_line: &mut bool, bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = memchr(b'\n', &bytes[at..]) {
        let is_empty = !*in_line && matches!(&bytes[at..at + length], b"" | b"\r");
        *in_line = false;
        at += length + 1;
        if is_empty {
            return Some(at);
        }
    }
    // A CR at the end may belong to the line break of an empty line, whose LF has not arrived yet.
    *in_line |= !matches!(&bytes[at..], b"" | b"\r");
    None
}

/// Finds the end of a chunked body, even if the body arrives in several reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkScanner(Chunk);

/// The position of the next byte in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// The next byte is in the line with the size of a chunk. The size ends at the first byte that is not a hexadecimal
    /// digit.
    Size { bytes: u64, in_digits: bool },
    /// The next byte is in the data of a chunk. The value is the number of bytes left.
    Data(u64),
    /// The next byte is in the line break after the data of a chunk.
    DataEnd,
    /// The next byte is in the trailer after the last chunk.
    Trailer { in_line: bool },
    /// The body has ended.
    Ended,
}

impl Default for ChunkScanner {
    fn default() -> Self {
        Self(Chunk::SIZE)
    }
}

impl Chunk {
    const SIZE: Self = Self::Size { bytes: 0, in_digits: true };
}

impl ChunkScanner {
    /// Whether the body has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0 == Chunk::Ended
    }

    /// Scans the next bytes, and returns how many of them belong to the body: all of them, unless the body ends in
    /// `bytes`.
    pub fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && self.0 != Chunk::Ended {
            at += self.step(&bytes[at..]);
        }
        at
    }

    /// Scans at least one of `bytes`, and returns the number of scanned bytes.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.0 {
            Chunk::Size { bytes: size, in_digits } => {
                match char::from(bytes[0]) {
                    '\n' if *size == 0 => self.0 = Chunk::Trailer { in_line: false },
                    '\n' => self.0 = Chunk::Data(*size),
                    byte => match byte.to_digit(16).filter(|_| *in_digits) {
                        Some(digit) => *size = size.saturating_mul(16).saturating_add(u64::from(digit)),
                        None => *in_digits = false,
                    },
                }
                1
            }
            Chunk::Data(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                if *left == 0 {
                    self.0 = Chunk::DataEnd;
                }
                taken
            }
            Chunk::DataEnd => match memchr(b'\n', bytes) {
                Some(end) => {
                    self.0 = Chunk::SIZE;
                    end + 1
                }
                None => bytes.len(),
            },
            Chunk::Trailer { in_line } => match end_of_lines(in_line, bytes) {
                Some(end) => {
                    self.0 = Chunk::Ended;
                    end
                }
                None => bytes.len(),
            },
            Chunk::Ended => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_framing_is_detected_by_the_same_rules_as_in_actix() {
        let chunked = Framing::Chunked(ChunkScanner::default());
        for (head, framing) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Framing::Length(0)),
            ("POST / HTTP/1.1\r\ncontent-length: \t 012 \r\n\r\n", Framing::Length(12)),
            ("POST / HTTP/1.1\r\nTRANSFER-ENCODING: Chunked\r\n\r\n", chunked),
            ("GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nContent-Length: 3\r\n\r\n", Framing::UntilClose),
            ("GET / HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n", Framing::Length(3)),
            ("CONNECT x:1 HTTP/1.1\r\n\r\n", Framing::UntilClose),
            ("CONNECT x:1 HTTP/1.1\r\nContent-Length: 4\r\n\r\n", Framing::Length(4)),
            ("POST / HTTP/1.1\r\nContent-Length: no\r\n\r\n", Framing::Length(0)),
            ("no request\r\n\r\n", Framing::Length(0)),
        ] {
            assert_eq!(Framing::after(head.as_bytes()), framing, "{head:?}");
        }
    }

    #[test]
    fn invalid_request_headers_are_rejected_before_they_are_complete() {
        for begun in ["", "\r\n", "P", "POST / HT", "POST / HTTP/1.1\r\nContent-Le"] {
            assert!(!is_rejected(begun.as_bytes()), "{begun:?}");
        }
        for wrong in ["\0", "[1]\n", "\x16\x03\x01", "GET / HTTP/9", "GET / HTTP/1.1\r\n: x\r\n"] {
            assert!(is_rejected(wrong.as_bytes()), "{wrong:?}");
        }
        assert!(is_rejected(format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(97)).as_bytes()), "too many headers");
    }

    #[test]
    fn headers_end_at_the_first_empty_line_however_reads_are_split() {
        for head in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n\nGET / HTTP/1.1\nHost: x\n\n", "X\r\n\n"] {
            let bytes = [head.as_bytes(), b"\r\n\r\nGET /next"].concat();
            for cut in 0..head.len() {
                let mut scanner = HeadScanner::default();
                assert_eq!(scanner.end(&bytes[..cut]), None, "{head:?} cut at {cut}");
                assert_eq!(scanner.end(&bytes[cut..]), Some(head.len() - cut), "{head:?} cut at {cut}");
            }
            assert_eq!(HeadScanner::default().end(&bytes), Some(head.len()), "{head:?}");
        }
        assert_eq!(HeadScanner::default().end(&b"\r\n".repeat(100)), None, "no request has begun");
    }

    #[test]
    fn chunked_bodies_end_after_their_trailer_however_reads_are_split() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A;name=\"1\"\r\n0\r\n\r\n\r\n123\r\n1\r\nx\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
        ] {
            let bytes = [body.as_bytes(), b"GET / HTTP/1.1\r\n\r\n"].concat();
            for cut in 0..body.len() {
                let mut scanner = ChunkScanner::default();
                assert_eq!(scanner.scan(&bytes[..cut]), cut, "{body:?} cut at {cut}");
                assert!(!scanner.has_ended(), "{body:?} cut at {cut}");
                assert_eq!(scanner.scan(&bytes[cut..]), body.len() - cut, "{body:?} cut at {cut}");
                assert!(scanner.has_ended(), "{body:?} cut at {cut}");
            }
        }
        let mut huge = ChunkScanner::default();
        let bytes = b"ffffffffffffffffffff\r\nx";
        assert_eq!(
            (huge.scan(bytes), huge.has_ended()),
            (bytes.len(), false),
            "a size that overflows counts as very large"
        );
    }
}
