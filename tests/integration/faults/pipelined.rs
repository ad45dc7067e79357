//! Pipelined requests, both valid and malformed. The bytes are sent in two writes, and are split between every two
//! bytes in turn.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::process::Process;
use super::{POST, all_responses, assert_response, batch, connect, read_to_end, request, with_good_clients};
use crate::server::{Response, exchange, read_response};

fn requests() -> Vec<Vec<u8>> {
    let post = |headers: &str, body: &[u8]| {
        [format!("{POST}{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(batch("gzip").as_bytes()).expect("compressed");
    let body = batch("chunked");
    vec![
        request("one").into_bytes(),
        post("", b"[{]"),
        post("Content-Encoding: gzip\r\n", &gzip.finish().expect("compressed")),
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        post("Content-Encoding: zstd\r\n", b""),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes(),
        post("Content-Encoding: gzip\r\n", b"no gzip"),
        b"DELETE /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        request("two").into_bytes(),
    ]
}

/// Returns the parts of a response that must be identical, without request ID and date.
fn essence(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("apiVersion"))
}

/// Sends a leading request together with `first`, and sends `second` once the response to the leading request has
/// arrived. That response shows that the server has read `first` without `second`. Checks that all responses in `alone`
/// arrive in order, byte for byte.
fn assert_responses(server: &Process, first: &[u8], second: &[u8], alone: &[Response]) {
    let mut stream = connect(server.address);
    stream.write_all(&[request("leading").as_bytes(), first].concat()).expect("sent");
    assert_response(&read_response(&mut stream), "leading");
    stream.write_all(second).expect("sent");
    stream.shutdown(Shutdown::Write).expect("the socket");
    let received = read_to_end(&mut stream);
    let mut rest = &received[..];
    for (number, expected) in alone.iter().enumerate() {
        assert_eq!(essence(&read_response(&mut rest)), essence(expected), "response {number}, cut at {}", first.len());
    }
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(rest));
}

#[test]
fn a_head_request_between_pipelined_requests_is_served() {
    let server = Process::start(&[]);
    let bytes = format!("{}HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n{}", request("one"), request("two"));
    let mut stream = connect(server.address);
    stream.write_all(bytes.as_bytes()).expect("sent");
    assert_response(&read_response(&mut stream), "one");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the headers");
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    assert_response(&read_response(&mut stream), "two");
}

#[test]
fn pipelined_requests_split_at_any_byte_are_served_in_order() {
    let server = Process::start(&[]);
    let requests = requests();
    let alone: Vec<Response> = requests.iter().map(|request| exchange(&mut connect(server.address), request)).collect();
    let statuses: Vec<u16> = alone.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200]);
    let all = requests.concat();
    let good = with_good_clients(server.address, || {
        for at in 0..all.len() {
            assert_responses(&server, &all[..at], &all[at..], &alone);
        }
    });
    assert!(all.len() > 1_000 && good >= 2);
    server.assert_nothing_left();
}

#[test]
fn malformed_bytes_end_a_pipeline_after_the_responses_to_earlier_requests() {
    let server = Process::start(&[]);
    for malformed in
        ["\0\0\0\0", "GET / HTTP/9.9\r\n\r\n", "POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"]
    {
        let bytes = [requests().concat(), malformed.as_bytes().to_vec(), request("hidden").into_bytes()].concat();
        let statuses: Vec<u16> = all_responses(server.address, &bytes).iter().map(|response| response.status).collect();
        assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200, 400], "{malformed:?}");
    }
    server.assert_nothing_left();
}
