//! Memory of a load peak is returned to the OS while requests keep coming: a service that is never idle must not keep
//! the memory of its largest peak.

use std::io::Write as _;
use std::net::TcpStream;

use super::process::Process;
use super::{MEBIBYTE, POST, answer, assert_answer, batch, connect, request, until};
use crate::server::{exchange, read_response};

/// Large requests in parallel. Each worker queues eight.
const LARGE: usize = 12;
/// Their size: below the allocator's threshold for a mapping of its own, which would be unmapped on free.
const LARGE_BYTES: usize = 6 * MEBIBYTE;

/// A large batch.
fn large(mark: &str) -> (String, String) {
    let padded = format!(r#""userId":"{mark}","padding":"{}"}}"#, "x".repeat(LARGE_BYTES));
    let user = format!(r#""userId":"{mark}"}}"#);
    (batch(mark).replace(&user, &padded), answer(mark).replacen(&user, &padded, 1))
}

#[test]
fn memory_of_a_peak_is_returned_under_load() {
    let process = Process::start(&["--keep-alive=60"]);
    let at_rest = process.memory();
    let ask = |stream: &mut TcpStream| {
        assert_answer(&exchange(stream, request("small").as_bytes()), "small");
    };
    let mut small = connect(process.address);
    for round in 0..3 {
        let mut uploads = Vec::new();
        for number in 0..LARGE {
            let (body, answer) = large(&format!("large-{round}-{number}"));
            let mut stream = connect(process.address);
            let (most, last) = body.split_at(body.len() - 1);
            write!(stream, "{POST}Content-Length: {}\r\n\r\n{most}", body.len()).expect("sent");
            uploads.push((stream, last.to_owned(), answer));
            // Allocations that small requests keep lie between those of the large ones.
            ask(&mut small);
        }
        until("all of it is in memory", || process.memory() > at_rest + LARGE * LARGE_BYTES);
        for (stream, last, answer) in &mut uploads {
            stream.write_all(last.as_bytes()).expect("sent");
            let response = read_response(stream);
            assert_eq!((response.status, response.text() == answer), (200, true));
        }
    }
    until("it is given back", || {
        ask(&mut small);
        process.memory() < at_rest + 10 * MEBIBYTE
    });
    drop(small);
    process.assert_nothing_is_left();
}
