//! Requests that declare a wrong or malformed length of their body.

use std::net::SocketAddr;

use super::process::Process;
use super::{POST, all_responses, batch, expected_response, request, with_good_clients};

/// A request with unusual framing, followed by another request on the same connection, and the expected responses.
pub struct Shape {
    pub name: &'static str,
    pub bytes: String,
    /// The expected responses: the status of each, and for a status of 200 also the mark of the batch.
    pub responses: &'static str,
}

/// The expected responses if the request is rejected and the connection closed, so the bytes after the request are not
/// read as a request.
pub const REJECTED: &str = "400";

/// The expected responses if both the request and the next request are served.
pub const READ: &str = "200 first, 200 next";

impl Shape {
    /// Creates a shape from `bytes`, followed by [`request`]`("next")`.
    pub fn new(name: &'static str, bytes: impl Into<String>, responses: &'static str) -> Self {
        Self { name, bytes: bytes.into() + &request("next"), responses }
    }
}

/// Sends `bytes` on one connection, and returns the responses in the format of [`Shape::responses`].
fn responses(address: SocketAddr, bytes: &[u8]) -> String {
    let responses = all_responses(address, bytes).into_iter().map(|response| {
        let is_of = |mark: &&&str| response.body == expected_response(mark).as_bytes();
        match ["first", "next", "hidden"].iter().find(is_of) {
            Some(mark) => format!("{} {mark}", response.status),
            None => response.status.to_string(),
        }
    });
    responses.collect::<Vec<_>>().join(", ")
}

/// Checks in parallel that each shape gets its expected responses, while well-behaved clients send requests.
#[track_caller]
pub fn assert_shapes(shapes: &[Shape]) {
    // Connections that wait for more bytes time out soon.
    let server = Process::start(&["--header-timeout=1", "--keep-alive=1", "--body-timeout=1"]);
    let mut wrong = Vec::new();
    let good = with_good_clients(server.address, || {
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                shapes.iter().map(|shape| scope.spawn(|| responses(server.address, shape.bytes.as_bytes()))).collect();
            for (shape, responses) in shapes.iter().zip(threads) {
                let responses = responses.join().expect("an end");
                if responses != shape.responses {
                    wrong.push(format!("{}: {responses:?} instead of {:?}", shape.name, shape.responses));
                }
            }
        });
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 2, "{good} good requests");
    server.assert_nothing_left();
}

/// Builds a request with these framing headers.
pub fn first(headers: &str) -> String {
    format!("{POST}{headers}\r\n{}", batch("first"))
}

#[test]
fn malformed_content_lengths_are_rejected_and_valid_ones_are_served() {
    let length = batch("first").len();
    let with =
        |name, value: &str, responses| Shape::new(name, first(&format!("Content-Length: {value}\r\n")), responses);
    assert_shapes(&[
        with("valid", &length.to_string(), READ),
        with("surrounding spaces", &format!("  {length} \t"), READ),
        with("leading zeros", &format!("000{length}"), READ),
        with("plus", &format!("+{length}"), REJECTED),
        with("minus", &format!("-{length}"), REJECTED),
        with("hexadecimal", &format!("{length:#x}"), REJECTED),
        with("hexadecimal digits", "5f", REJECTED),
        with("a fraction", &format!("{length}.0"), REJECTED),
        with("an exponent", "1e2", REJECTED),
        with("empty", "", REJECTED),
        with("blank", " ", REJECTED),
        with("space within", "9 5", REJECTED),
        with("a list of equal lengths", &format!("{length}, {length}"), REJECTED),
        with("a list", "5, 6", REJECTED),
        with("digits of another script", "٩٥", REJECTED),
        with("one more than the largest 64-bit number", "18446744073709551616", REJECTED),
        with("an endless number", &"9".repeat(1000), REJECTED),
        with("twice the same", &format!("{length}\r\nContent-Length: {length}"), REJECTED),
        with("two that differ", &format!("{length}\r\nContent-Length: 5"), REJECTED),
        with("two that differ in case", &format!("{length}\r\ncontent-length: 0"), REJECTED),
        // The largest 64-bit number is above the limit, and is rejected before the body is sent.
        with("18 exabytes", "18446744073709551615", "413"),
    ]);
}

#[test]
fn the_rest_of_the_body_is_rejected_if_content_length_is_too_small() {
    let body = batch("first");
    let cut =
        |length: usize, responses| Shape::new("too small", first(&format!("Content-Length: {length}\r\n")), responses);
    // The first 400 is for the truncated body, which is not valid JSON. The second 400 is for the rest of the body.
    let mut shapes: Vec<Shape> = (1..body.len()).map(|length| cut(length, "400, 400")).collect();
    shapes.push(cut(0, "400, 400"));
    assert_shapes(&shapes);
}

#[test]
fn a_request_and_the_next_one_are_not_served_if_content_length_is_too_large() {
    let length = batch("first").len();
    let next = request("next").len();
    let longer = |more: usize, responses| {
        Shape::new("too large", first(&format!("Content-Length: {}\r\n", length + more)), responses)
    };
    assert_shapes(&[
        // The whole next request is read as part of the body, which is then not valid JSON, or is incomplete.
        longer(next, "400"),
        longer(next + 1, "408"),
        longer(100_000, "408"),
        longer(150_000_000, "408"),
        // The start of the next request is read as part of the body. The rest has the unknown method `OST`, or is
        // malformed.
        longer(1, "400, 404"),
        longer(next - 1, "400, 400"),
    ]);
}
