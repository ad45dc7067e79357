//! Request smuggling: requests that two HTTP parsers may split differently. Either a rejection ends the connection or
//! only one reading is possible; the hidden request never gets a response.

use super::wrong_lengths::{READ, REFUSED, Shape, assert_shapes, first};
use super::{POST, batch, request};

/// The end of a chunked body followed by a request, and its total length.
fn hidden() -> (String, usize) {
    let bytes = format!("0\r\n\r\n{}", request("hidden"));
    let length = bytes.len();
    (bytes, length)
}

/// A request whose headers declare chunked framing; the hidden request is in its last chunk.
fn coded(name: &'static str, headers: &str, answers: &'static str) -> Shape {
    let (hidden, _) = hidden();
    Shape::new(name, format!("{POST}{headers}\r\n{hidden}"), answers)
}

#[test]
fn length_and_chunked_together_are_rejected() {
    let (_, length) = hidden();
    assert_shapes(&[
        coded("length first", &format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), REFUSED),
        coded("chunks first", &format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), REFUSED),
        coded("length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", REFUSED),
        coded("with identity", &format!("Content-Length: {length}\r\nTransfer-Encoding: identity\r\n"), REFUSED),
        coded("in another case", &format!("CONTENT-LENGTH: {length}\r\ntRANSFER-eNCODING: CHUNKED\r\n"), REFUSED),
    ]);
}

#[test]
fn transfer_encodings_other_than_chunked_are_rejected() {
    let body = batch("first");
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let read = |name, headers: &str| Shape::new(name, format!("{POST}{headers}\r\n{chunks}"), READ);
    let refused = |name, headers: &str| coded(name, headers, REFUSED);
    assert_shapes(&[
        read("upper case", "Transfer-Encoding: CHUNKED\r\n"),
        read("white space around", "Transfer-Encoding:\t  chunked \t\r\n"),
        read("no space", "Transfer-Encoding:chunked\r\n"),
        refused("xchunked", "Transfer-Encoding: xchunked\r\n"),
        refused("chunkedx", "Transfer-Encoding: chunkedx\r\n"),
        refused("quoted", "Transfer-Encoding: \"chunked\"\r\n"),
        refused("with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        refused("empty", "Transfer-Encoding: \r\n"),
        refused("identity", "Transfer-Encoding: identity\r\n"),
        refused("gzip", "Transfer-Encoding: gzip\r\n"),
        refused("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        refused("chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        refused("identity, chunked", "Transfer-Encoding: identity, chunked\r\n"),
        refused("chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"),
        refused("a comma before", "Transfer-Encoding: ,chunked\r\n"),
        refused("twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        refused("twice, identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        refused("a vertical tab before", "Transfer-Encoding: \x0bchunked\r\n"),
        refused("a form feed behind", "Transfer-Encoding: chunked\x0c\r\n"),
        refused("no-break space", "Transfer-Encoding: \u{a0}chunked\r\n"),
        refused("NUL behind", "Transfer-Encoding: chunked\0\r\n"),
        refused("on the next line", "Transfer-Encoding:\r\n chunked\r\n"),
        refused("after a line feed", "Transfer-Encoding:\n chunked\r\n"),
        refused("space before the colon", "Transfer-Encoding : chunked\r\n"),
        refused("tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        refused("space before the name", " Transfer-Encoding: chunked\r\n"),
        refused("folded into another", "X: y\r\n Transfer-Encoding: chunked\r\n"),
    ]);
}

#[test]
fn malformed_headers_are_rejected() {
    let length = batch("first").len();
    let with = |name, headers: &str, answers| {
        Shape::new(name, first(&format!("{headers}Content-Length: {length}\r\n")), answers)
    };
    let line = |name, line: &str, answers| {
        let head = format!("{line}\r\nHost: x\r\nContent-Length: {length}\r\n");
        Shape::new(name, format!("{head}\r\n{}", batch("first")), answers)
    };
    let path = "/v0/destinations/kafka";
    assert_shapes(&[
        with("space before a colon", "X : y\r\n", REFUSED),
        with("no colon", "X\r\n", REFUSED),
        with("no name", ": y\r\n", REFUSED),
        with("NUL in a name", "X\0: y\r\n", REFUSED),
        with("NUL in a value", "X: y\0\r\n", REFUSED),
        with("carriage return in a value", "X: y\rZ: 1\r\n", REFUSED),
        with("a folded line", "X: y\r\n z\r\n", REFUSED),
        with("a second host", "Host: y\r\n", REFUSED),
        with("length folded", &format!("Content-Length:\r\n {length}\r\n"), REFUSED),
        // A line may end with a line feed alone (RFC 9112, 2.2), which leaves one possible reading.
        with("line feeds", "X: y\nZ: 1\n", READ),
        line("lower case", &format!("post {path} HTTP/1.1"), "404"),
        line("line feeds before", &format!("\r\n\r\nPOST {path} HTTP/1.1"), READ),
        line("space before", &format!(" POST {path} HTTP/1.1"), REFUSED),
        line("two spaces", &format!("POST  {path} HTTP/1.1"), REFUSED),
        line("tab", &format!("POST\t{path} HTTP/1.1"), REFUSED),
        line("no version", &format!("POST {path}"), REFUSED),
        line("HTTP/0.9", &format!("POST {path} HTTP/0.9"), REFUSED),
        line("HTTP/1.2", &format!("POST {path} HTTP/1.2"), REFUSED),
        line("HTTP/2.0", &format!("POST {path} HTTP/2.0"), REFUSED),
        line("the start of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
        line("NUL in the path", &format!("POST {path}\0 HTTP/1.1"), REFUSED),
        line("absolute form", &format!("POST http://x{path} HTTP/1.1"), READ),
        line("absolute form of another host", &format!("POST http://elsewhere{path} HTTP/1.1"), READ),
        line("authority form", "POST x:80 HTTP/1.1", "404"),
        line("asterisk form", "OPTIONS * HTTP/1.1", "404"),
        line("a path that goes up", &format!("POST /x/..{path} HTTP/1.1"), "404"),
        line("HTTP/1.0", &format!("POST {path} HTTP/1.0"), "200 first"),
        line("a tunnel", "CONNECT x:80 HTTP/1.1", "404"),
        line("a tunnel to here", &format!("CONNECT {path} HTTP/1.1"), "404"),
        Shape::new("a tunnel without a length", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        // Bytes after a request with `Connection: close` are not a request (RFC 9112, 9.6).
        with("the last, and one more", "Connection: close\r\n", "200 first"),
        Shape::new(
            "the last but one",
            request("first") + &request("next").replace("Host", "Connection: close\r\nHost"),
            "200 first, 200 next",
        ),
    ]);
}

#[test]
fn unexpected_bodies_are_not_requests() {
    let hidden = request("hidden");
    let length = hidden.len();
    let get = |name, path: &str, answers| {
        Shape::new(name, format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{hidden}"), answers)
    };
    let upgrade = |name, headers: &str, answers| {
        Shape::new(name, format!("{POST}Connection: upgrade\r\nUpgrade: {headers}\r\n\r\n{hidden}"), answers)
    };
    // A response that is sent before the body was read closes the connection.
    assert_shapes(&[
        get("a body of a GET", "/health", "200"),
        get("a body of what is not there", "/nowhere", "404"),
        Shape::new(
            "chunks of a GET",
            format!(
                "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
            ),
            "200",
        ),
        Shape::new("no length in HTTP/1.0", format!("POST /batch HTTP/1.0\r\n\r\n{hidden}"), REFUSED),
        Shape::new(
            "chunks in HTTP/1.0",
            format!("POST /v0/destinations/kafka HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
            REFUSED,
        ),
        // The framework reads until the connection ends: the length is ignored, and nothing is executed.
        upgrade("another protocol", &format!("websocket\r\nContent-Length: {length}"), "408"),
        upgrade("HTTP/2", &format!("h2c\r\nContent-Length: {length}"), "400"),
    ]);
}
