//! Connections that break after every byte of a request, or during the response.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::process::Process;
use super::{POST, assert_response, batch, connect, expected_response, read_to_end, request, reset, with_good_clients};
use crate::server::{exchange, read_response};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
}

/// Returns requests with the same batch, one request for each encoding of the body.
fn requests(mark: &str) -> Vec<Vec<u8>> {
    let body = batch(mark);
    let zipped = gzip(body.as_bytes());
    let (first, second) = zipped.split_at(20);
    let sized = format!("{POST}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", zipped.len());
    let chunked = format!("{POST}Transfer-Encoding: chunked\r\n\r\n14\r\n{}\r\n", &body[..20]);
    let rest = format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len() - 20, &body[20..]);
    let zipped_chunks = format!("{POST}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n");
    let size = format!("\r\n{:x}\r\n", second.len());
    vec![
        request(mark).into_bytes(),
        [chunked, rest].concat().into_bytes(),
        [sized.as_bytes(), &zipped].concat(),
        [zipped_chunks.as_bytes(), first, size.as_bytes(), second, b"\r\n0\r\n\r\n"].concat(),
    ]
}

#[test]
fn a_request_truncated_at_any_byte_is_not_served() {
    let server = Process::start(&[]);
    let mut cuts = 0;
    let good = with_good_clients(server.address, || {
        for request in requests("cut") {
            for end in 0..=request.len() {
                let mut stream = connect(server.address);
                stream.write_all(&request[..end]).expect("sent");
                stream.shutdown(Shutdown::Write).expect("the socket");
                let received = read_to_end(&mut stream);
                if end == request.len() {
                    assert_response(&read_response(&mut &received[..]), "cut");
                } else if !received.is_empty() {
                    let rejection = read_response(&mut &received[..]);
                    assert_eq!(rejection.status, 400, "cut at {end}: {}", rejection.text());
                }
                cuts += 1;
            }
        }
    });
    assert!(cuts > 600 && good >= 2, "{cuts} cuts, {good} good requests");
    server.assert_nothing_left();
}

#[test]
fn a_connection_reset_at_any_byte_affects_no_other_connection() {
    let server = Process::start(&[]);
    let good = with_good_clients(server.address, || {
        for request in requests("reset") {
            for end in 0..=request.len() {
                let mut stream = connect(server.address);
                stream.write_all(&request[..end]).expect("sent");
                reset(stream);
            }
        }
    });
    assert!(good >= 2);
    server.assert_nothing_left();
}

/// Returns a batch whose response exceeds the socket buffers.
fn large() -> String {
    batch("large").replace("\"userId\"", &format!("\"large\":\"{}\",\"userId\"", "x".repeat(8_000_000)))
}

#[test]
fn a_response_that_the_client_stops_reading_affects_no_other_request() {
    let server = Process::start(&[]);
    let body = large();
    let ask = |server: &Process| {
        let mut stream = connect(server.address);
        write!(stream, "{POST}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
        stream
    };
    let whole = read_response(&mut ask(&server));
    let length = whole.body.len();
    let expected = expected_response("large")
        .replace("\"userId\":\"large\"}", &format!("\"large\":\"{}\",\"userId\":\"large\"}}", "x".repeat(8_000_000)));
    assert!(whole.body == expected.as_bytes(), "{:.200}", whole.text());
    let good = with_good_clients(server.address, || {
        let positions =
            (0..24).map(|power| 1 << power).take_while(|read| *read < length).chain([0, 100, 200, length - 1]);
        for (number, read) in positions.enumerate() {
            let mut stream = ask(&server);
            stream.read_exact(&mut vec![0; read]).expect("the beginning of the response");
            if number % 2 == 0 {
                reset(stream);
            }
        }
    });
    assert!(good >= 2);
    server.assert_nothing_left();
    let again = exchange(
        &mut connect(server.address),
        format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
    );
    assert!(again.body == expected.as_bytes());
}
