//! Request smuggling, with requests that two HTTP parsers may split differently. Either the request is rejected and the
//! connection closed, or only one reading is possible. The hidden request never gets a response.

use super::wrong_lengths::{READ, REJECTED, Shape, assert_shapes, first};
use super::{POST, batch, request};

/// Returns the end of a chunked body followed by a request, and the length of the two together.
fn hidden() -> (String, usize) {
    let bytes = format!("0\r\n\r\n{}", request("hidden"));
    let length = bytes.len();
    (bytes, length)
}

/// Builds a request whose headers declare chunked framing. The hidden request follows its last chunk.
fn coded(name: &'static str, headers: &str, responses: &'static str) -> Shape {
    let (hidden, _) = hidden();
    Shape::new(name, format!("{POST}{headers}\r\n{hidden}"), responses)
}

#[test]
fn a_request_with_content_length_and_transfer_encoding_is_rejected() {
    let (_, length) = hidden();
    assert_shapes(&[
        coded("length first", &format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), REJECTED),
        coded("chunks first", &format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), REJECTED),
        coded("length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", REJECTED),
        coded("with identity", &format!("Content-Length: {length}\r\nTransfer-Encoding: identity\r\n"), REJECTED),
        coded("different case", &format!("CONTENT-LENGTH: {length}\r\ntRANSFER-eNCODING: CHUNKED\r\n"), REJECTED),
    ]);
}

#[test]
fn transfer_encodings_other_than_chunked_are_rejected() {
    let body = batch("first");
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let read = |name, headers: &str| Shape::new(name, format!("{POST}{headers}\r\n{chunks}"), READ);
    let rejected = |name, headers: &str| coded(name, headers, REJECTED);
    assert_shapes(&[
        read("upper case", "Transfer-Encoding: CHUNKED\r\n"),
        read("surrounding whitespace", "Transfer-Encoding:\t  chunked \t\r\n"),
        read("no space", "Transfer-Encoding:chunked\r\n"),
        rejected("xchunked", "Transfer-Encoding: xchunked\r\n"),
        rejected("chunkedx", "Transfer-Encoding: chunkedx\r\n"),
        rejected("quoted", "Transfer-Encoding: \"chunked\"\r\n"),
        rejected("with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        rejected("empty", "Transfer-Encoding: \r\n"),
        rejected("identity", "Transfer-Encoding: identity\r\n"),
        rejected("gzip", "Transfer-Encoding: gzip\r\n"),
        rejected("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        rejected("chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        rejected("identity, chunked", "Transfer-Encoding: identity, chunked\r\n"),
        rejected("chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"),
        rejected("a leading comma", "Transfer-Encoding: ,chunked\r\n"),
        rejected("twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        rejected("twice, identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        rejected("a leading vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
        rejected("a trailing form feed", "Transfer-Encoding: chunked\x0c\r\n"),
        rejected("no-break space", "Transfer-Encoding: \u{a0}chunked\r\n"),
        rejected("trailing NUL", "Transfer-Encoding: chunked\0\r\n"),
        rejected("on the next line", "Transfer-Encoding:\r\n chunked\r\n"),
        rejected("after a line feed", "Transfer-Encoding:\n chunked\r\n"),
        rejected("space before the colon", "Transfer-Encoding : chunked\r\n"),
        rejected("tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        rejected("space before the name", " Transfer-Encoding: chunked\r\n"),
        rejected("folded into another header", "X: y\r\n Transfer-Encoding: chunked\r\n"),
    ]);
}

#[test]
fn malformed_request_lines_and_headers_are_rejected() {
    let length = batch("first").len();
    let with = |name, headers: &str, responses| {
        Shape::new(name, first(&format!("{headers}Content-Length: {length}\r\n")), responses)
    };
    let line = |name, line: &str, responses| {
        let head = format!("{line}\r\nHost: x\r\nContent-Length: {length}\r\n");
        Shape::new(name, format!("{head}\r\n{}", batch("first")), responses)
    };
    let path = "/v0/destinations/kafka";
    assert_shapes(&[
        with("space before a colon", "X : y\r\n", REJECTED),
        with("no colon", "X\r\n", REJECTED),
        with("no name", ": y\r\n", REJECTED),
        with("NUL in a name", "X\0: y\r\n", REJECTED),
        with("NUL in a value", "X: y\0\r\n", REJECTED),
        with("carriage return in a value", "X: y\rZ: 1\r\n", REJECTED),
        with("a folded line", "X: y\r\n z\r\n", REJECTED),
        with("a second host", "Host: y\r\n", REJECTED),
        with("length folded", &format!("Content-Length:\r\n {length}\r\n"), REJECTED),
        // A line may end with a line feed alone (RFC 9112, 2.2), which leaves one possible reading.
        with("line feeds", "X: y\nZ: 1\n", READ),
        line("lower case", &format!("post {path} HTTP/1.1"), "404"),
        line("leading line breaks", &format!("\r\n\r\nPOST {path} HTTP/1.1"), READ),
        line("leading space", &format!(" POST {path} HTTP/1.1"), REJECTED),
        line("two spaces", &format!("POST  {path} HTTP/1.1"), REJECTED),
        line("tab", &format!("POST\t{path} HTTP/1.1"), REJECTED),
        line("no version", &format!("POST {path}"), REJECTED),
        line("HTTP/0.9", &format!("POST {path} HTTP/0.9"), REJECTED),
        line("HTTP/1.2", &format!("POST {path} HTTP/1.2"), REJECTED),
        line("HTTP/2.0", &format!("POST {path} HTTP/2.0"), REJECTED),
        line("the start of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REJECTED),
        line("NUL in the path", &format!("POST {path}\0 HTTP/1.1"), REJECTED),
        line("absolute form", &format!("POST http://x{path} HTTP/1.1"), READ),
        line("absolute form of another host", &format!("POST http://elsewhere{path} HTTP/1.1"), READ),
        line("authority form", "POST x:80 HTTP/1.1", "404"),
        line("asterisk form", "OPTIONS * HTTP/1.1", "404"),
        line("a path with dot segments", &format!("POST /x/..{path} HTTP/1.1"), "404"),
        line("HTTP/1.0", &format!("POST {path} HTTP/1.0"), "200 first"),
        line("a tunnel", "CONNECT x:80 HTTP/1.1", "404"),
        line("a tunnel to this service", &format!("CONNECT {path} HTTP/1.1"), "404"),
        Shape::new("a tunnel without a length", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        // Bytes after a request with `Connection: close` are not a request (RFC 9112, 9.6).
        with("a request after Connection: close", "Connection: close\r\n", "200 first"),
        Shape::new(
            "a request before Connection: close",
            request("first") + &request("next").replace("Host", "Connection: close\r\nHost"),
            "200 first, 200 next",
        ),
    ]);
}

#[test]
fn an_unexpected_body_is_not_served_as_the_next_request() {
    let hidden = request("hidden");
    let length = hidden.len();
    let get = |name, path: &str, responses| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        Shape::new(name, head + &hidden, responses)
    };
    let upgrade = |name, headers: &str, responses| {
        Shape::new(name, format!("{POST}Connection: upgrade\r\nUpgrade: {headers}\r\n\r\n{hidden}"), responses)
    };
    // A response that is sent before the body has been read closes the connection.
    assert_shapes(&[
        get("a body of a GET", "/health", "200"),
        get("a body for an unknown path", "/nowhere", "404"),
        Shape::new(
            "chunks of a GET",
            format!(
                "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
            ),
            "200",
        ),
        Shape::new("no length in HTTP/1.0", format!("POST /batch HTTP/1.0\r\n\r\n{hidden}"), REJECTED),
        Shape::new(
            "chunks in HTTP/1.0",
            format!("POST /v0/destinations/kafka HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
            REJECTED,
        ),
        // The framework reads until the connection ends. The length is ignored, and the hidden request is not served.
        upgrade("another protocol", &format!("websocket\r\nContent-Length: {length}"), "408"),
        upgrade("HTTP/2", &format!("h2c\r\nContent-Length: {length}"), "400"),
    ]);
}
