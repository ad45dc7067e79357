//! Headers that never end, and headers above the limits on their number and size.

use std::io::Write as _;

use super::process::Process;
use super::{POST, assert_response, connect, read_to_end, request, with_good_clients};
use crate::server::{exchange, read_response};

/// The number of bytes that a client sends at most. The server must close the connection earlier.
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
    let response = read_to_end(&mut stream);
    (sent, (!response.is_empty()).then(|| read_response(&mut &*response).status))
}

#[test]
fn endless_headers_are_rejected_and_use_little_memory() {
    let process = Process::start(&[]);
    // The first request allocates memory that is kept, so this request precedes the measurement.
    assert_response(&exchange(&mut connect(process.address), request("warm").as_bytes()), "warm");
    let at_rest = process.peak_memory();
    let good = with_good_clients(process.address, || {
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
            assert!(sent < ENOUGH, "{name}: the connection stayed open for {sent} bytes");
            assert!(matches!(status, None | Some(400 | 431)), "{name}: {status:?}");
        }
    });
    assert!(good >= 2);
    let grown = process.peak_memory() - at_rest;
    assert!(grown < 8 << 20, "{} KiB more", grown >> 10);
}

#[test]
fn more_than_96_headers_or_headers_of_8_mebibytes_are_rejected() {
    let process = Process::start(&[]);
    let ask = |headers: &str| {
        let request = request("large").replacen("\r\n", &format!("\r\n{headers}"), 1);
        let mut stream = connect(process.address);
        // The server may close the connection before everything is sent.
        stream.write_all(request.as_bytes()).ok();
        let response = read_first_response(&mut stream);
        if response.as_ref().is_some_and(|response| response.status == 200) {
            assert_response(&response.clone().expect("a response"), "large");
        }
        response.map(|response| response.status)
    };
    // The request itself has two headers.
    assert_eq!(ask(&"X: y\r\n".repeat(94)), Some(200));
    assert_eq!(ask(&"X: y\r\n".repeat(95)), Some(431));
    assert_eq!(ask(&"X: y\r\n".repeat(10_000)), Some(431));
    assert_eq!(ask(&format!("X: {}\r\n", "y".repeat(100_000))), Some(200));
    assert!(matches!(ask(&format!("X: {}\r\n", "y".repeat(8 << 20))), None | Some(431)));
}

/// Reads to the end of the connection, and returns the first response, if any.
fn read_first_response(stream: &mut std::net::TcpStream) -> Option<crate::server::Response> {
    stream.shutdown(std::net::Shutdown::Write).ok();
    let bytes = read_to_end(stream);
    (!bytes.is_empty()).then(|| read_response(&mut &*bytes))
}

#[test]
fn memory_is_bounded_and_others_are_served_while_200_clients_stall_mid_headers() {
    const AT_ONCE: usize = 200;
    let process = Process::start(&["--header-timeout=600"]);
    let at_rest = process.peak_memory();
    let good = with_good_clients(process.address, || {
        let held: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut stream = connect(process.address);
                // These headers are just below the limit.
                stream.write_all(format!("{POST}X: {}", "y".repeat(120_000)).as_bytes()).expect("sent");
                stream
            })
            .collect();
        let mut after = connect(process.address);
        assert_response(&exchange(&mut after, request("after").as_bytes()), "after");
        drop(held);
    });
    assert!(good >= 2);
    // A buffer grows by doubling, so headers of less than 128 KiB take at most 256 KiB.
    let grown = process.peak_memory() - at_rest;
    assert!(grown < AT_ONCE * (256 << 10) + (8 << 20), "{} MiB more", grown >> 20);
}
