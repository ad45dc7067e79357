//! Memory of a load peak is returned to the OS while requests keep arriving. A service that is never idle must not keep
//! the memory of its largest peak.

use std::io::Write as _;
use std::net::TcpStream;

use super::process::Process;
use super::{MEBIBYTE, POST, assert_response, batch, connect, expected_response, request, until};
use crate::server::{exchange, read_response};

/// The number of large requests in parallel. A worker queues up to eight of them.
const LARGE: usize = 12;
/// The size of a large request in bytes. It is below the allocator's threshold for a separate mapping, which would be
/// unmapped on free.
const LARGE_BYTES: usize = 6 * MEBIBYTE;

/// Returns a large batch and the expected response.
fn large(mark: &str) -> (String, String) {
    let padded = format!(r#""userId":"{mark}","padding":"{}"}}"#, "x".repeat(LARGE_BYTES));
    let user = format!(r#""userId":"{mark}"}}"#);
    (batch(mark).replace(&user, &padded), expected_response(mark).replacen(&user, &padded, 1))
}

#[test]
fn memory_of_a_load_peak_is_returned_to_the_os_while_requests_continue() {
    let process = Process::start(&["--keep-alive=60"]);
    let at_rest = process.memory();
    let ask = |stream: &mut TcpStream| {
        assert_response(&exchange(stream, request("small").as_bytes()), "small");
    };
    let mut small = connect(process.address);
    for round in 0..3 {
        let mut uploads = Vec::new();
        for number in 0..LARGE {
            let (body, expected) = large(&format!("large-{round}-{number}"));
            let mut stream = connect(process.address);
            let (most, last) = body.split_at(body.len() - 1);
            write!(stream, "{POST}Content-Length: {}\r\n\r\n{most}", body.len()).expect("sent");
            uploads.push((stream, last.to_owned(), expected));
            // Small requests leave allocations between the allocations of the large requests.
            ask(&mut small);
        }
        until("all large requests are in memory", || process.memory() > at_rest + LARGE * LARGE_BYTES);
        for (stream, last, expected) in &mut uploads {
            stream.write_all(last.as_bytes()).expect("sent");
            let response = read_response(stream);
            assert_eq!((response.status, response.text() == expected), (200, true));
        }
    }
    until("the memory is returned", || {
        ask(&mut small);
        process.memory() < at_rest + 10 * MEBIBYTE
    });
    drop(small);
    process.assert_nothing_left();
}
