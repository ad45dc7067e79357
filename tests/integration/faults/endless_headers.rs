//! Headers without end.

use std::io::Write as _;

use super::process::Process;
use super::{POST, assert_answer, beside_good_clients, connect, read_to_end, request};
use crate::server::{exchange, read_response};

/// The most that is sent of endless headers; the server must have closed the connection before.
const ENOUGH: usize = 64 << 20;

/// Sends `begin`, then `piece` repeatedly until the server closes the connection. Returns the bytes sent, and the
/// status of the response, if any.
fn flood(process: &Process, begin: &str, piece: &str) -> (usize, Option<u16>) {
    let mut stream = connect(process.address);
    let mut sent = stream.write(begin.as_bytes()).expect("sent");
    let pieces = piece.repeat(65_536 / piece.len());
    while sent < ENOUGH && stream.write_all(pieces.as_bytes()).is_ok() {
        sent += pieces.len();
    }
    let answer = read_to_end(&mut stream);
    (sent, (!answer.is_empty()).then(|| read_response(&mut &*answer).status))
}

#[test]
fn endless_headers_are_rejected_and_take_no_memory() {
    let process = Process::start(&[]);
    // The memory of headers of the maximum size, on as many connections as are opened below.
    assert_answer(&exchange(&mut connect(process.address), request("warm").as_bytes()), "warm");
    let at_rest = process.peak_memory();
    let good = beside_good_clients(process.address, || {
        for (name, begin, piece) in [
            ("a request line", "POST /", "x"),
            ("a method", "", "X"),
            ("a query", "GET /health?", "a=b&"),
            ("a header's name", POST, "x"),
            ("a header's value", &format!("{POST}X: "), "y"),
            ("spaces in a header's value", &format!("{POST}X: "), " "),
            ("headers", POST, "X: y\r\n"),
            ("empty headers", POST, "X:\r\n"),
            ("lines before a request", "", "\r\n"),
        ] {
            let (sent, status) = flood(&process, begin, piece);
            assert!(sent < ENOUGH, "{name}: it took {sent} bytes");
            assert!(matches!(status, None | Some(400 | 431)), "{name}: {status:?}");
        }
    });
    assert!(good >= 2);
    let grown = process.peak_memory() - at_rest;
    assert!(grown < 8 << 20, "{} KiB more", grown >> 10);
}

#[test]
fn headers_above_96_lines_or_128_kibibytes_are_rejected() {
    let process = Process::start(&[]);
    let ask = |headers: &str| {
        let request = request("large").replacen("\r\n", &format!("\r\n{headers}"), 1);
        let mut stream = connect(process.address);
        // The server may close the connection before everything is sent.
        stream.write_all(request.as_bytes()).ok();
        let answer = read_to_end_of_first(&mut stream);
        if answer.as_ref().is_some_and(|answer| answer.status == 200) {
            assert_answer(&answer.clone().expect("an answer"), "large");
        }
        answer.map(|answer| answer.status)
    };
    // Two headers of the request itself.
    assert_eq!(ask(&"X: y\r\n".repeat(94)), Some(200));
    assert_eq!(ask(&"X: y\r\n".repeat(95)), Some(431));
    assert_eq!(ask(&"X: y\r\n".repeat(10_000)), Some(431));
    assert_eq!(ask(&format!("X: {}\r\n", "y".repeat(100_000))), Some(200));
    assert!(matches!(ask(&format!("X: {}\r\n", "y".repeat(8 << 20))), None | Some(431)));
}

/// The first response, if any.
fn read_to_end_of_first(stream: &mut std::net::TcpStream) -> Option<crate::server::Response> {
    stream.shutdown(std::net::Shutdown::Write).ok();
    let bytes = read_to_end(stream);
    (!bytes.is_empty()).then(|| read_response(&mut &*bytes))
}

#[test]
fn parallel_endless_headers_are_limited_in_total() {
    const AT_ONCE: usize = 200;
    let process = Process::start(&["--header-timeout=600"]);
    let at_rest = process.peak_memory();
    let good = beside_good_clients(process.address, || {
        let held: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut stream = connect(process.address);
                // Just below the limit.
                stream.write_all(format!("{POST}X: {}", "y".repeat(120_000)).as_bytes()).expect("sent");
                stream
            })
            .collect();
        let mut after = connect(process.address);
        assert_answer(&exchange(&mut after, request("after").as_bytes()), "after");
        drop(held);
    });
    assert!(good >= 2);
    // A buffer of 128 KiB grows by doubling.
    let grown = process.peak_memory() - at_rest;
    assert!(grown < AT_ONCE * (256 << 10) + (8 << 20), "{} MiB more", grown >> 20);
}
