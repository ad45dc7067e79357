//! Wrong lengths: what a request declares as the length of its body, and how the service reads it.

use std::net::SocketAddr;

use super::process::Process;
use super::{POST, answer, batch, beside_good_clients, conversation, request};

/// A request with unusual framing, followed by another one on the same connection, and all responses.
pub struct Shape {
    pub name: &'static str,
    pub bytes: String,
    /// The status of each response, and the mark of the batch that it responds to.
    pub answers: &'static str,
}

/// One rejection ends the connection: what follows is not read as a request.
pub const REFUSED: &str = "400";

/// Both the request and the one after it get a response.
pub const READ: &str = "200 first, 200 next";

impl Shape {
    /// Appends [`request`]`("next")`.
    pub fn new(name: &'static str, bytes: impl Into<String>, answers: &'static str) -> Self {
        Self { name, bytes: bytes.into() + &request("next"), answers }
    }
}

/// The responses on one connection.
fn answers(address: SocketAddr, bytes: &[u8]) -> String {
    let answers = conversation(address, bytes).into_iter().map(|response| {
        let is_of = |mark: &&&str| response.body == answer(mark).as_bytes();
        match ["first", "next", "hidden"].iter().find(is_of) {
            Some(mark) => format!("{} {mark}", response.status),
            None => response.status.to_string(),
        }
    });
    answers.collect::<Vec<_>>().join(", ")
}

/// Checks every framing against its expected outcome, all in parallel, with well-behaved clients alongside.
#[track_caller]
pub fn assert_shapes(shapes: &[Shape]) {
    // Connections that wait for more bytes time out soon.
    let server = Process::start(&["--header-timeout=1", "--keep-alive=1", "--body-timeout=1"]);
    let mut wrong = Vec::new();
    let good = beside_good_clients(server.address, || {
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                shapes.iter().map(|shape| scope.spawn(|| answers(server.address, shape.bytes.as_bytes()))).collect();
            for (shape, answers) in shapes.iter().zip(asked) {
                let answers = answers.join().expect("an end");
                if answers != shape.answers {
                    wrong.push(format!("{}: {answers:?} instead of {:?}", shape.name, shape.answers));
                }
            }
        });
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 2, "{good} good requests");
    server.assert_nothing_is_left();
}

/// A request with these framing headers.
pub fn first(headers: &str) -> String {
    format!("{POST}{headers}\r\n{}", batch("first"))
}

#[test]
fn malformed_lengths_are_rejected() {
    let length = batch("first").len();
    let with = |name, value: &str, answers| Shape::new(name, first(&format!("Content-Length: {value}\r\n")), answers);
    assert_shapes(&[
        with("as it is", &length.to_string(), READ),
        with("spaces around", &format!("  {length} \t"), READ),
        with("zeros before", &format!("000{length}"), READ),
        with("plus", &format!("+{length}"), REFUSED),
        with("minus", &format!("-{length}"), REFUSED),
        with("hexadecimal", &format!("{length:#x}"), REFUSED),
        with("hexadecimal digits", "5f", REFUSED),
        with("a fraction", &format!("{length}.0"), REFUSED),
        with("an exponent", "1e2", REFUSED),
        with("empty", "", REFUSED),
        with("blank", " ", REFUSED),
        with("space within", "9 5", REFUSED),
        with("a list of equals", &format!("{length}, {length}"), REFUSED),
        with("a list", "5, 6", REFUSED),
        with("digits of another script", "٩٥", REFUSED),
        with("one more than 64 bits hold", "18446744073709551616", REFUSED),
        with("a number without end", &"9".repeat(1000), REFUSED),
        with("twice the same", &format!("{length}\r\nContent-Length: {length}"), REFUSED),
        with("two that differ", &format!("{length}\r\nContent-Length: 5"), REFUSED),
        with("two that differ in case", &format!("{length}\r\ncontent-length: 0"), REFUSED),
        // The largest number of 64 bits: above the limit, and rejected before the body is sent.
        with("18 exabytes", "18446744073709551615", "413"),
    ]);
}

#[test]
fn bytes_after_a_too_small_length_are_not_a_request() {
    let body = batch("first");
    let cut =
        |length: usize, answers| Shape::new("too small", first(&format!("Content-Length: {length}\r\n")), answers);
    // The truncated body is not valid JSON, and the rest of it is not a request.
    let mut shapes: Vec<Shape> = (1..body.len()).map(|length| cut(length, "400, 400")).collect();
    shapes.push(cut(0, "400, 400"));
    assert_shapes(&shapes);
}

#[test]
fn a_too_large_length_consumes_the_next_request_and_serves_neither() {
    let length = batch("first").len();
    let next = request("next").len();
    let longer = |more: usize, answers| {
        Shape::new("too large", first(&format!("Content-Length: {}\r\n", length + more)), answers)
    };
    assert_shapes(&[
        // Everything that follows is the body, which is not valid JSON.
        longer(next, "400"),
        longer(next + 1, "408"),
        longer(100_000, "408"),
        longer(150_000_000, "408"),
        // The rest of the next request is not a request.
        longer(1, "400, 404"),
        longer(next - 1, "400, 400"),
    ]);
}
