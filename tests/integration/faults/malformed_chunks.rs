//! Malformed chunked bodies.

use super::wrong_lengths::{READ, REFUSED, Shape, assert_shapes};
use super::{POST, batch};

/// A chunked request with its body sent verbatim.
fn chunked(name: &'static str, body: &str, answers: &'static str) -> Shape {
    Shape::new(name, format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}"), answers)
}

#[test]
fn malformed_chunks_are_rejected() {
    let body = batch("first");
    let size = format!("{:x}", body.len());
    let of = |name, size: &str, answers| chunked(name, &format!("{size}\r\n{body}\r\n0\r\n\r\n"), answers);
    let with = |name, form: &str, answers| {
        chunked(name, &form.replace("SIZE", &size).replace("BODY", &body).replace('|', "\r\n"), answers)
    };
    assert_shapes(&[
        of("as it is", &size, READ),
        of("upper case", &size.to_uppercase(), READ),
        of("zeros before", &format!("000{size}"), READ),
        of("spaces behind", &format!("{size} \t "), READ),
        of("an extension", &format!("{size};name=value"), READ),
        of("a long extension", &format!("{size};{}", "x".repeat(100_000)), READ),
        of("spaces before", &format!(" {size}"), REFUSED),
        of("empty", "", REFUSED),
        of("negative", &format!("-{size}"), REFUSED),
        of("plus", &format!("+{size}"), REFUSED),
        of("0x", &format!("0x{size}"), REFUSED),
        of("no digit", "xyz", REFUSED),
        of("a digit that is none", &format!("{size}g"), REFUSED),
        of("two numbers", &format!("{size} {size}"), REFUSED),
        of("NUL behind", &format!("{size}\0"), REFUSED),
        of("line feed in an extension", &format!("{size};a\nb"), REFUSED),
        of("as large as 64 bits hold", "ffffffffffffffff", "408"),
        of("larger than 64 bits hold", "10000000000000000", REFUSED),
        of("a number without end", &"f".repeat(100_000), REFUSED),
        of("one too few", &format!("{:x}", body.len() - 1), REFUSED),
        of("one too many", &format!("{:x}", body.len() + 1), REFUSED),
        with("a trailer", "SIZE|BODY|0|Name: value||", READ),
        with("a trailer that frames", "SIZE|BODY|0|Content-Length: 3|Transfer-Encoding: chunked||", READ),
        with("no line feed behind the size", "SIZE\rBODY|0||", REFUSED),
        with("no carriage return behind the size", "SIZE\nBODY|0||", REFUSED),
        with("nothing behind a chunk", "SIZE|BODY0||", REFUSED),
        with("no carriage return behind a chunk", "SIZE|BODY\n0||", REFUSED),
        with("no line feed behind a chunk", "SIZE|BODY\r0||", REFUSED),
        with("no line feed behind the last", "SIZE|BODY|0\r\r", REFUSED),
        // The headers of the second request are read as trailers, which may contain anything, and its body is not a
        // request.
        with("nothing behind the last", "SIZE|BODY|0|", "200 first, 400"),
        with("no last", "SIZE|BODY|", REFUSED),
        with("last first", "0||SIZE|BODY|0||", "400, 400"),
    ]);
}
