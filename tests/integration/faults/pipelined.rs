//! Requests that are sent before the answers to those before them have come, good and bad ones, in two pieces cut at every byte.

use std::io::Write as _;
use std::net::Shutdown;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::process::Process;
use super::{POST, assert_answer, batch, beside_good_clients, connect, conversation, read_to_end, request};
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

/// What has to be the same; the id of a request and the date are not.
fn essence(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("apiVersion"))
}

/// Sends `first`, and `second` once the answer to the request that leads has come, which tells that the server has read the
/// one without the other. Returns how many of the `alone` answers came, the first ones in order and to the byte.
fn answered(server: &Process, first: &[u8], second: &[u8], alone: &[Response]) -> usize {
    let mut stream = connect(server.address);
    stream.write_all(&[request("leading").as_bytes(), first].concat()).expect("sent");
    let mut response = read_response(&mut stream);
    assert_answer(&response, "leading");
    // The server may have said that it closes.
    stream.write_all(second).ok();
    stream.shutdown(Shutdown::Write).ok();
    let answers = read_to_end(&mut stream);
    let mut rest = &answers[..];
    let mut count = 0;
    while !rest.is_empty() {
        response = read_response(&mut rest);
        assert_eq!(essence(&response), essence(&alone[count]), "answer {count}");
        count += 1;
    }
    assert!(count == alone.len() || response.header("Connection") == Some("close"), "it ended without a word");
    count
}

#[test]
fn pipelined_requests_are_answered_in_order_wherever_they_are_cut() {
    let server = Process::start(&[]);
    let requests = requests();
    let alone: Vec<Response> = requests.iter().map(|request| exchange(&mut connect(server.address), request)).collect();
    let statuses: Vec<u16> = alone.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200]);
    let all = requests.concat();
    // Where requests begin, and where a body has begun and not ended.
    let mut begin = 0;
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    for request in &requests {
        let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
        heads.extend(begin..begin + head);
        bodies.extend(begin + head..begin + request.len());
        begin += request.len();
    }
    let good = beside_good_clients(server.address, || {
        for at in heads {
            let count = answered(&server, &all[..at], &all[at..], &alone);
            assert_eq!(count, alone.len(), "cut at {at}");
        }
        for at in bodies {
            // The framework takes a body that has not come for one that nobody reads, and may end the connection with the
            // answer to an earlier request. It says so, and who sends the others again gets what is missing.
            let count = answered(&server, &all[..at], &all[at..], &alone);
            let left = answered(&server, &requests[count..].concat(), b"", &alone[count..]);
            assert_eq!(count + left, alone.len(), "cut at {at}");
        }
    });
    assert!(all.len() > 1_000 && good >= 2);
    server.assert_nothing_is_left();
}

#[test]
fn what_is_no_request_ends_a_pipeline_behind_the_answers_to_those_before_it() {
    let server = Process::start(&[]);
    for nonsense in
        ["\0\0\0\0", "GET / HTTP/9.9\r\n\r\n", "POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"]
    {
        let bytes = [requests().concat(), nonsense.as_bytes().to_vec(), request("hidden").into_bytes()].concat();
        let statuses: Vec<u16> = conversation(server.address, &bytes).iter().map(|response| response.status).collect();
        assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200, 400], "{nonsense:?}");
    }
    server.assert_nothing_is_left();
}
