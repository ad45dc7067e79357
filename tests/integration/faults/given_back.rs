//! What a large moment took is returned while requests go on coming: a service that never rests must not keep for ever
//! what its largest moment has needed.

use std::io::Write as _;
use std::net::TcpStream;

use super::process::Process;
use super::{MEBIBYTE, POST, answer, assert_answer, batch, connect, request, until};
use crate::server::{exchange, read_response};

/// Requests that are large at once. Each worker lets eight wait.
const LARGE: usize = 12;
/// Their size: less than the C library takes from the system for itself and returns at once.
const LARGE_BYTES: usize = 6 * MEBIBYTE;

/// A batch that is large.
fn large(mark: &str) -> (String, String) {
    let padded = format!(r#""userId":"{mark}","padding":"{}"}}"#, "x".repeat(LARGE_BYTES));
    let user = format!(r#""userId":"{mark}"}}"#);
    (batch(mark).replace(&user, &padded), answer(mark).replacen(&user, &padded, 1))
}

#[test]
fn a_large_moment_is_given_back_under_load() {
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
            // What small requests keep lies between what large ones have.
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
