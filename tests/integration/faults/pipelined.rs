//! Requests that are sent before the answers to those before them have come, good and bad ones, in two pieces cut at every byte.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{POST, assert_nothing_is_left, batch, beside_good_clients, conversation, faulty, request};
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

#[test]
fn pipelined_requests_are_answered_in_order_wherever_they_are_cut() {
    let server = faulty(&[]);
    let requests = requests();
    let alone: Vec<Response> = requests.iter().map(|request| exchange(&mut server.connect(), request)).collect();
    let statuses: Vec<u16> = alone.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200]);
    let all = requests.concat();
    let leading = &request("leading");
    let good = beside_good_clients(server.address, || {
        let positions: Vec<usize> = (0..=all.len()).collect();
        std::thread::scope(|scope| {
            for some in positions.chunks(all.len().div_ceil(4)) {
                let (server, all, alone) = (&server, &all, &alone);
                scope.spawn(move || {
                    let mut stream = server.connect();
                    stream.set_nodelay(true).expect("at once");
                    for at in some {
                        // An answer to what was sent with the first piece tells that the piece was read, and not only the whole.
                        stream.write_all(&[leading.as_bytes(), &all[..*at]].concat()).expect("sent");
                        assert_eq!(read_response(&mut stream).status, 200);
                        stream.write_all(&all[*at..]).expect("sent");
                        for (number, response) in alone.iter().enumerate() {
                            let mut byte = [0];
                            if stream.peek(&mut byte).ok() != Some(1) { panic!("cut at {at}: answer {number}: {:?} | {:?}", String::from_utf8_lossy(&all[at.saturating_sub(60)..*at]), String::from_utf8_lossy(&all[*at..(*at+30).min(all.len())])); }
                            assert_eq!(essence(&read_response(&mut stream)), essence(response), "cut at {at}");
                        }
                    }
                    let mut rest = Vec::new();
                    drop(stream.shutdown(std::net::Shutdown::Write));
                    stream.read_to_end(&mut rest).expect("closed in order");
                    assert_eq!(rest, b"", "more answers than requests");
                });
            }
        });
    });
    assert!(all.len() > 1_000 && good >= 2);
    assert_nothing_is_left(&server);
}

#[test]
fn what_is_no_request_ends_a_pipeline_behind_the_answers_to_those_before_it() {
    let server = faulty(&[]);
    for nonsense in ["\0\0\0\0", "GET / HTTP/9.9\r\n\r\n", "POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"] {
        let bytes = [requests().concat(), nonsense.as_bytes().to_vec(), request("hidden").into_bytes()].concat();
        let statuses: Vec<u16> = conversation(server.address, &bytes).iter().map(|response| response.status).collect();
        assert_eq!(statuses, [200, 400, 200, 404, 415, 200, 400, 404, 200, 400], "{nonsense:?}");
    }
    assert_nothing_is_left(&server);
}
