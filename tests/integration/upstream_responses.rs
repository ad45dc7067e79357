//! Malformed upstream responses. Responses that two HTTP parsers may split differently become 502, and no part of them
//! reaches a client.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use crate::forward::{await_forwarded, behind, talk};
use crate::logs::Service;
use crate::upstream::FakeUpstream;

/// Starts an upstream that responds to every request with the bytes that were set last.
fn scripted() -> (FakeUpstream, Arc<Mutex<Vec<u8>>>) {
    let script = Arc::new(Mutex::new(Vec::new()));
    let next = script.clone();
    let upstream = FakeUpstream::start(move |stream, _| {
        let bytes = next.lock().expect("set").clone();
        stream.write_all(&bytes)
    });
    (upstream, script)
}

/// Responses whose framing is ambiguous or unsupported.
const INVALID: [&str; 25] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\ncontent-length: 0\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: five\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: +5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

#[test]
fn an_ambiguous_upstream_response_causes_502_and_its_connection_is_not_reused() {
    let (upstream, script) = scripted();
    let server = behind(&upstream, &[]);
    let mut count = 0;
    for method in ["POST", "HEAD"] {
        for response in INVALID {
            *script.lock().expect("not held") = response.as_bytes().to_vec();
            let length = if method == "POST" { "Content-Length: 2\r\n" } else { "" };
            let body = if method == "POST" { "[]" } else { "" };
            let request =
                format!("{method} /customTransform HTTP/1.1\r\nHost: x\r\n{length}Connection: close\r\n\r\n{body}");
            let (got, ended) = talk(&server, request.as_bytes());
            assert!(ended.is_ok() && got.starts_with("HTTP/1.1 502 "), "{method} {response:?}: {got}");
            assert!(!got.contains("hel"), "{method} {response:?}: {got}");
            if method == "POST" {
                let printed = ["sent an invalid response: ", "disconnected or did not respond"]
                    .iter()
                    .any(|text| got.contains(text));
                assert!(printed, "{response:?}: {got}");
            }
            count += 1;
        }
    }
    await_forwarded(&server, "broken", f64::from(count));
    assert_eq!(upstream.connections(), usize::try_from(count).expect("few"), "each response has its own connection");
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    *script.lock().expect("not held") = good.as_bytes().to_vec();
    assert_eq!(server.post("/customTransform", &[], b"[]").text(), "hello");
}

#[test]
fn unusual_but_unambiguous_upstream_responses_reach_the_client() {
    let (upstream, script) = scripted();
    let server = behind(&upstream, &[]);
    for (response, body) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\t chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ""),
    ] {
        *script.lock().expect("not held") = response.as_bytes().to_vec();
        let (got, ended) = talk(&server, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (head, got_body) = got.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response:?}: {got}"));
        assert!(ended.is_ok() && head.starts_with("HTTP/1.1 20"), "{response:?}: {got}");
        assert_eq!(head.starts_with("HTTP/1.1 204"), !head.contains("content-length") && body.is_empty(), "{head}");
        assert!(got_body.contains(body) && got_body.is_empty() == body.is_empty(), "{response:?}: {got}");
    }
}

#[test]
fn upstream_failures_are_logged_with_path_and_upstream_address() {
    let upstream = FakeUpstream::start(|stream, seen| {
        let line = seen.line();
        if line.contains("/invalid") {
            return stream.write_all(INVALID[0].as_bytes());
        }
        if line.contains("/half") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")?;
        }
        Err(std::io::ErrorKind::Other.into())
    });
    let url = format!("http://{}/base", upstream.address);
    let service = Service::start(&[("UPSTREAM_TRANSFORMER_URL", &url), ("UPSTREAM_TIMEOUT", "1")]);
    for path in ["/v0/destinations/ga4/proxy?s3cr3t=s3cr3t", "/invalid/s3cr3t?s3cr3t"] {
        assert_eq!(service.request("POST", path, &[], b"{}").status, 502, "{path}");
    }
    let mut half = std::net::TcpStream::connect(("127.0.0.1", service.port)).expect("a listener");
    let request = b"GET /half HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut half, request).expect("sent");
    std::io::Read::read_to_end(&mut half, &mut Vec::new()).ok();
    let address = format!("http://{}", upstream.address);
    drop(upstream);
    let lines = service.lines("no complete response from the upstream");
    let printed: Vec<_> = lines
        .iter()
        .map(|line| {
            let field = |name: &str| line["fields"][name].as_str().unwrap_or("").to_owned();
            assert_eq!(field("upstream"), address);
            assert!(!line.to_string().contains("s3cr3t") && !field("reason").is_empty(), "{line}");
            (field("path"), field("failure"))
        })
        .collect();
    let expected = [
        ("/v0/destinations/ga4/proxy", "upstream_broke"),
        ("/invalid/…", "upstream_invalid_response"),
        ("/half", "upstream_broke"),
    ];
    assert_eq!(printed, expected.map(|(path, failure)| (path.to_owned(), failure.to_owned())));
}

#[test]
fn upstream_timeouts_are_logged_and_log_lines_of_failures_are_rate_limited() {
    let (upstream, release) = FakeUpstream::holding_back("");
    let service = Service::start(&[
        ("UPSTREAM_TRANSFORMER_URL", &format!("http://{}", upstream.address)),
        ("UPSTREAM_TIMEOUT", "1"),
    ]);
    assert_eq!(service.request("POST", "/customTransform", &[], b"[]").status, 504);
    drop(release);
    let text = service.stop();
    let line = text.lines().find(|line| line.contains("no complete response")).unwrap_or_else(|| panic!("{text}"));
    for part in ["\"path\":\"/customTransform\"", "\"failure\":\"upstream_timeout\"", &upstream.address.to_string()] {
        assert!(line.contains(part), "{line}");
    }
    drop(upstream);

    let refused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("http://{}", refused.expect("a free port"));
    let service = Service::start(&[("UPSTREAM_TRANSFORMER_URL", &url)]);
    let started = std::time::Instant::now();
    for _ in 0..60 {
        assert_eq!(service.request("POST", "/customTransform", &[], b"[]").status, 502);
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).expect("few") + 2;
    let lines = service.lines("no complete response from the upstream").len();
    assert!((1..=10 * seconds).contains(&lines), "{lines} lines in {seconds} s");
}
