//! Malformed chunked bodies. Unusual but valid chunked bodies are served.

use super::wrong_lengths::{READ, REJECTED, Shape, assert_shapes};
use super::{POST, batch};

/// Builds a chunked request. `body` is sent verbatim, including its framing.
fn chunked(name: &'static str, body: &str, responses: &'static str) -> Shape {
    Shape::new(name, format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}"), responses)
}

#[test]
fn malformed_chunked_bodies_are_rejected_and_valid_ones_are_served() {
    let body = batch("first");
    let size = format!("{:x}", body.len());
    let of = |name, size: &str, responses| chunked(name, &format!("{size}\r\n{body}\r\n0\r\n\r\n"), responses);
    let with = |name, form: &str, responses| {
        chunked(name, &form.replace("SIZE", &size).replace("BODY", &body).replace('|', "\r\n"), responses)
    };
    assert_shapes(&[
        of("valid", &size, READ),
        of("upper case", &size.to_uppercase(), READ),
        of("leading zeros", &format!("000{size}"), READ),
        of("trailing spaces", &format!("{size} \t "), READ),
        of("an extension", &format!("{size};name=value"), READ),
        of("a long extension", &format!("{size};{}", "x".repeat(100_000)), READ),
        of("leading spaces", &format!(" {size}"), REJECTED),
        of("empty", "", REJECTED),
        of("negative", &format!("-{size}"), REJECTED),
        of("plus", &format!("+{size}"), REJECTED),
        of("0x", &format!("0x{size}"), REJECTED),
        of("no digit", "xyz", REJECTED),
        of("an invalid digit", &format!("{size}g"), REJECTED),
        of("two numbers", &format!("{size} {size}"), REJECTED),
        of("trailing NUL", &format!("{size}\0"), REJECTED),
        of("line feed in an extension", &format!("{size};a\nb"), REJECTED),
        of("the largest 64-bit number", "ffffffffffffffff", "408"),
        of("larger than 64 bits", "10000000000000000", REJECTED),
        of("an endless number", &"f".repeat(100_000), REJECTED),
        of("one byte too small", &format!("{:x}", body.len() - 1), REJECTED),
        of("one byte too large", &format!("{:x}", body.len() + 1), REJECTED),
        with("a trailer", "SIZE|BODY|0|Name: value||", READ),
        with("a trailer with framing headers", "SIZE|BODY|0|Content-Length: 3|Transfer-Encoding: chunked||", READ),
        with("no line feed after the size", "SIZE\rBODY|0||", REJECTED),
        with("no carriage return after the size", "SIZE\nBODY|0||", REJECTED),
        with("nothing after a chunk", "SIZE|BODY0||", REJECTED),
        with("no carriage return after a chunk", "SIZE|BODY\n0||", REJECTED),
        with("no line feed after a chunk", "SIZE|BODY\r0||", REJECTED),
        with("no line feed after the last chunk", "SIZE|BODY|0\r\r", REJECTED),
        // The headers of the second request are read as trailers, which may contain anything. The body of the second
        // request is read as a request, which is malformed.
        with("nothing after the last chunk", "SIZE|BODY|0|", "200 first, 400"),
        with("no last chunk", "SIZE|BODY|", REJECTED),
        with("the last chunk first", "0||SIZE|BODY|0||", "400, 400"),
    ]);
}
