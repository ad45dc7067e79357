//! All requests that this service does not handle are proxied upstream unchanged. The responses are also returned
//! unchanged.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::metrics::value;
use crate::server::{Server, exchange, read_response};
use crate::upstream::{FakeUpstream, Seen, json, read_chunk, read_head, read_request};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

pub fn behind(upstream: &FakeUpstream, more: &[&str]) -> Server {
    let flag = upstream.flag();
    let flags: Vec<&str> = [&["--workers=1", flag.as_str()], more].concat();
    Server::start(&flags)
}

/// Sends bytes and reads until the connection is closed. Each byte of the response becomes the character with that
/// code.
pub fn talk(server: &Server, bytes: &[u8]) -> (String, std::io::Result<usize>) {
    let mut stream = server.connect();
    stream.write_all(bytes).expect("sent");
    let mut response = Vec::new();
    let ended = stream.read_to_end(&mut response);
    (response.iter().map(|byte| char::from(*byte)).collect(), ended)
}

/// Waits until the metric `family` has counted `count` requests with this result.
pub fn await_count(server: &Server, family: &str, result: &str, count: f64) {
    let label = format!("result=\"{result}\"");
    let began = std::time::Instant::now();
    loop {
        let scrape = server.scrape();
        if value(&scrape, family, &[&label]) == Some(count) {
            return;
        }
        let all: Vec<&str> = scrape.lines().filter(|line| line.starts_with(family)).collect();
        assert!(began.elapsed().as_secs() < 30, "not {count} {result}: {all:?}");
        std::thread::yield_now();
    }
}

pub fn await_forwarded(server: &Server, result: &str, count: f64) {
    await_count(server, "kafka_transformer_forwarded_requests_total", result, count);
}

#[test]
fn forwarded_requests_are_unchanged_except_host_via_and_hop_by_hop_headers() {
    let upstream = FakeUpstream::responding(json("200 OK", "{}"));
    let server = behind(&upstream, &[]);
    let request = b"PATCH /a//b/../%2e%2e/%00c;d?x=1&x=%zz&y=a+b'| HTTP/1.1\r\nHost: here\r\nX-Many: 1\r\nConnection: close, X-Private\r\n\
        x-many: 2\r\nX-Private: p\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: close\r\nTE: trailers\r\n\
        Trailer: X-T\r\nUpgrade: websocket\r\nX-Latin: caf\xe9\r\nX-Many: 3\r\nAuthorization: Bearer t\r\nVia: 1.0 front\r\n\
        Content-Encoding: x-unknown\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n";
    let (response, _) = talk(&server, request);
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    let seen = upstream.next();
    assert_eq!(seen.line(), "PATCH /a//b/../%2e%2e/%00c;d?x=1&x=%zz&y=a+b'| HTTP/1.1");
    assert_eq!(seen.body, b"\x00\xff\r\n");
    let (ours, headers): (Vec<String>, Vec<String>) =
        seen.headers().into_iter().partition(|line| line.starts_with("via: 1.1 rudder-kafka-transformer-"));
    assert_eq!(ours.len(), 1, "{headers:?}");
    assert_eq!(
        headers,
        [
            "authorization: Bearer t",
            "content-encoding: x-unknown",
            "content-length: 4",
            &format!("host: {}", upstream.address),
            "via: 1.0 front",
            "x-latin: caf\u{e9}",
            "x-many: 1",
            "x-many: 2",
            "x-many: 3",
        ]
    );
}

#[test]
fn forwarding_adds_no_framing_headers_to_a_request_without_a_body() {
    let upstream = FakeUpstream::responding(json("200 OK", "{}"));
    let server = behind(&upstream, &["--page=off"]);
    for (request, line, length) in [
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1", None),
        ("POST /?a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "POST /?a HTTP/1.1", None),
        (
            "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "POST /x HTTP/1.1",
            Some("0"),
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "OPTIONS * HTTP/1.1", None),
        ("BREW /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "BREW /x HTTP/1.1", None),
    ] {
        let (response, _) = talk(&server, request.as_bytes());
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{request}: {response}");
        let seen = upstream.next();
        assert_eq!((seen.line().as_str(), seen.header("content-length").as_deref()), (line, length));
        let names: Vec<String> =
            seen.headers().iter().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
        assert_eq!(names, if length.is_some() { vec!["content-length", "host", "via"] } else { vec!["host", "via"] });
    }
}

#[test]
fn a_path_in_the_upstream_url_is_a_prefix_of_the_forwarded_path() {
    let upstream = FakeUpstream::responding(json("200 OK", "{}"));
    let server = Server::start(&[&format!("{}/base/", upstream.flag())]);
    assert_eq!(server.get("/x?y=1").status, 200);
    assert_eq!(upstream.next().line(), "GET /base/x?y=1 HTTP/1.1");
}

#[test]
fn all_requests_without_a_native_handler_are_forwarded() {
    let upstream = FakeUpstream::responding(json("299 Theirs", "[]"));
    let server = behind(&upstream, &[]);
    for (method, path, body) in [
        ("POST", "/v0/destinations/hs", "[]"),
        ("POST", "/v1/destinations/kinesis/", "[]"),
        ("POST", "/v0/destinations/kafka/proxy", "{}"),
        ("POST", "/v1/destinations/webhook/proxy", "{}"),
        ("GET", "/v0/destinations/kafka", ""),
        ("POST", "/customTransform", "[]"),
        ("POST", "/v0/validate", "{}"),
        ("POST", "/v0/sources/webhook", "[]"),
        ("POST", "/deleteUsers", "[]"),
        ("PUT", "/batch", "{}"),
        ("POST", "/batch", r#"{"destType":"hs","input":[]}"#),
        ("POST", "/routerTransform", r#"{"input":[{"destType":"kafka"}],"destType":"kafka","destType":"HS"}"#),
        ("DELETE", "/health", ""),
        ("POST", "/features", "{}"),
    ] {
        let response = server.request(method, path, &[], body.as_bytes());
        assert_eq!((response.status, response.text()), (299, "[]"), "{method} {path}");
        let seen = upstream.next();
        assert_eq!((seen.line(), seen.body.as_slice()), (format!("{method} {path} HTTP/1.1"), body.as_bytes()));
    }
    for (method, path, body, status) in [
        ("POST", "/v0/destinations/KAFKA", EVENT, 200),
        ("POST", "/v1/destinations/azure_event_hub/", EVENT, 200),
        ("POST", "/batch", r#"{"destType":"Kafka","input":[]}"#, 200),
        ("POST", "/routerTransform", r#"{"destType":"confluent_cloud","input":[]}"#, 200),
        ("POST", "/batch", "{", 400),
        ("POST", "/batch", "{}", 400),
        ("POST", "/batch", "[]", 400),
        ("GET", "/health", "", 200),
        ("GET", "/version", "", 200),
        ("GET", "/buildVersion", "", 200),
        ("GET", "/transformerBuildVersion", "", 200),
        ("GET", "/docs", "", 200),
        ("GET", "/docs/", "", 200),
        ("GET", "/openapi.json", "", 200),
        ("GET", "/metrics", "", 404),
    ] {
        assert_eq!(server.request(method, path, &[], body.as_bytes()).status, status, "{method} {path}");
    }
    assert_eq!(upstream.rest(), []);
    await_forwarded(&server, "responded", 14.0);
}

#[test]
fn requests_for_destination_types_that_are_not_native_are_forwarded() {
    let upstream = FakeUpstream::responding(json("299 Theirs", "[]"));
    let server = behind(&upstream, &["--native-destinations=confluent_cloud"]);
    let batch = |name: &str| format!("{{\"destType\":\"{name}\",\"input\":[]}}");
    for (name, status) in [("kafka", 299), ("azure_event_hub", 299), ("confluent_cloud", 200)] {
        assert_eq!(server.post(&format!("/v0/destinations/{name}"), &[], EVENT.as_bytes()).status, status);
        for path in ["/batch", "/routerTransform"] {
            assert_eq!(server.post(path, &[], batch(name).as_bytes()).status, status, "{path} {name}");
        }
    }
    let server = behind(&upstream, &["--native-destinations=none"]);
    assert_eq!(server.transform(EVENT.as_bytes()).status, 299);
}

#[test]
fn a_body_that_is_read_to_find_the_destination_type_is_forwarded_unchanged() {
    let upstream = FakeUpstream::responding(json("200 OK", "[]"));
    let server = behind(&upstream, &["--max-body-bytes=2000", "--max-events=2"]);
    // A body is forwarded even if it has too many events, invalid UTF-8 and a number that is too large for a double.
    let body = b"{ \"input\" : [1,2,3,4,5e999,\"\xff\"] , \"destType\":\"\\u0048S\" }";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let gzip = encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed");
    for (coding, sent) in [("gzip", gzip.as_slice()), ("identity", body)] {
        let headers = [("Content-Encoding", coding), ("X-Content-Format", "json+compactedv1")];
        assert_eq!(server.post("/batch", &headers, sent).status, 200, "{coding}");
        let seen = upstream.next();
        assert_eq!(seen.body, sent, "{coding}");
        assert_eq!(seen.header("content-encoding").as_deref(), Some(coding));
        assert_eq!(seen.header("x-content-format").as_deref(), Some("json+compactedv1"));
        assert_eq!(seen.header("content-length"), Some(sent.len().to_string()));
    }
    let chunked = b"POST /routerTransform HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"des\r\nd\r\ntType\":\"hs\"} \r\n0\r\n\r\n";
    assert_eq!(exchange(&mut server.connect(), chunked).status, 200);
    assert_eq!(upstream.next().body, b"{\"destType\":\"hs\"} ");
    let large = format!("{{\"destType\":\"hs\",\"input\":[\"{}\"]}}", "x".repeat(2000));
    assert_eq!(server.post("/batch", &[], large.as_bytes()).status, 413);
    // Bodies of requests to other paths are streamed, so they have no size limit.
    let huge = vec![b'x'; 5_000_000];
    assert_eq!(server.post("/customTransform", &[], &huge).status, 200);
    assert!(upstream.next().body == huge);
    assert_eq!(upstream.rest(), []);
}

#[test]
fn an_upstream_response_is_unchanged_except_for_hop_by_hop_headers() {
    let long = "v".repeat(30_000);
    let response = format!(
        "HTTP/1.1 418 I'm a teapot\r\nSet-Cookie: a=1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
         Keep-Alive: timeout=5\r\nSet-Cookie: b=2\r\nServer: koa\r\nX-Long: {long}\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x01\x02\x03\x04\x05"
    );
    let upstream = FakeUpstream::responding(response);
    let server = behind(&upstream, &[]);
    let (response, ended) =
        talk(&server, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n");
    assert!(ended.is_ok());
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "\x01\x02\x03\x04\x05");
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 418 I'm a teapot");
    lines.sort_by_key(|line| line.split(':').next().unwrap_or("").to_owned());
    assert_eq!(
        lines,
        [
            "connection: close",
            "content-encoding: gzip",
            "content-length: 5",
            "date: Thu, 01 Jan 1970 00:00:00 GMT",
            "server: koa",
            "set-cookie: a=1",
            "set-cookie: b=2",
            &format!("x-long: {long}"),
        ]
    );
}

#[test]
fn upstream_responses_with_any_status_or_framing_reach_the_client() {
    let upstream = FakeUpstream::start(|stream, seen| {
        let line = seen.line();
        let kind = line.split(' ').nth(1).unwrap_or("");
        stream.write_all(match kind {
            "/204" => b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
            "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 77\r\n\r\n",
            "/length" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "/early" => b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno",
            "/empty" => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "/chunked" => b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n2;x=y\r\nab\r\n3\r\ncde\r\n0\r\nT: 1\r\n\r\n",
            _ => b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/never\r\nContent-Length: 0\r\n\r\n",
        })
    });
    let server = behind(&upstream, &[]);
    let get = |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (response, ended) = talk(&server, request.as_bytes());
        assert!(ended.is_ok(), "{method} {path}: {response}");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let header = |name: &str| {
            head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
        };
        let framing = header("content-length").or(header("transfer-encoding")).unwrap_or_default();
        (head[9..12].to_owned(), framing, body.to_owned())
    };
    for (method, path, status, framing, body) in [
        ("GET", "/204", "204", "", ""),
        ("GET", "/304", "304", "77", ""),
        ("HEAD", "/length", "200", "5", ""),
        ("GET", "/early", "500", "2", "no"),
        ("GET", "/empty", "200", "0", ""),
        ("GET", "/chunked", "503", "chunked", "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"),
        ("GET", "/redirect", "302", "0", ""),
    ] {
        let expected = (status.to_owned(), framing.to_owned(), body.to_owned());
        assert_eq!(get(method, path), expected, "{method} {path}");
    }
    await_forwarded(&server, "responded", 7.0);
    assert_eq!(upstream.connections(), 1, "all requests use one connection");
}

#[test]
fn forwarded_request_and_response_bodies_are_streamed() {
    // Each side sends its next piece only after it has received a piece from the other side.
    let upstream = FakeUpstream::each_connection(|stream, _| {
        read_head(stream)?;
        let mut first = true;
        while let Some(chunk) = read_chunk(stream) {
            if first {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                first = false;
            }
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            stream.write_all(&chunk)?;
            stream.write_all(b"\r\n")?;
            if chunk.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    });
    let server = behind(&upstream, &[]);
    let mut stream = server.connect();
    stream.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").expect("sent");
    for (index, piece) in ["first", "second", "third"].iter().enumerate() {
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).expect("sent");
        if index == 0 {
            assert!(read_head(&mut stream).expect("a head").starts_with(b"HTTP/1.1 200 OK"));
        }
        assert_eq!(read_chunk(&mut stream).expect("a chunk"), piece.as_bytes());
    }
    stream.write_all(b"0\r\n\r\n").expect("sent");
    assert_eq!(read_chunk(&mut stream).expect("the end"), b"");
}

#[test]
fn expect_100_continue_is_served_and_forwarded() {
    let upstream = FakeUpstream::responding([&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &json("200 OK", "[1]")].concat());
    let server = behind(&upstream, &[]);
    let mut stream = server.connect();
    let head = b"POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    stream.write_all(head).expect("sent");
    assert_eq!(read_head(&mut stream).expect("a head"), b"HTTP/1.1 100 Continue\r\n\r\n");
    let response = exchange(&mut stream, b"body");
    assert_eq!((response.status, response.text()), (200, "[1]"));
    let seen = upstream.next();
    assert_eq!((seen.body.as_slice(), seen.header("expect").as_deref()), (&b"body"[..], Some("100-continue")));
}

#[test]
fn a_truncated_upload_never_looks_complete_to_the_upstream() {
    let (started, start) = channel();
    let started = Mutex::new(started);
    let upstream = FakeUpstream::each_connection(move |stream, seen| {
        let head = read_head(stream)?;
        let mut start = vec![0; 5];
        if head.windows(7).any(|part| part == b"chunked") {
            start = read_chunk(stream).unwrap_or_default();
        } else {
            stream.read_exact(&mut start)?;
        }
        started.lock().expect("one at a time").send(start).ok();
        // Reads whatever else arrives.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        seen.send(Seen { head, body: rest, is_whole: false }).ok();
        Ok(())
    });
    let server = behind(&upstream, &[]);
    for (count, body) in
        [(1.0, "Content-Length: 10\r\n\r\n12345"), (2.0, "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")]
    {
        let mut stream = server.connect();
        stream.write_all(format!("POST /x HTTP/1.1\r\nHost: x\r\n{body}").as_bytes()).expect("sent");
        // Waits until the upstream has received the first part.
        assert_eq!(start.recv().expect("the start"), b"12345");
        stream.shutdown(Shutdown::Write).expect("half closed");
        assert_eq!(upstream.next().body, b"", "no more bytes, and no last chunk");
        await_forwarded(&server, "abandoned", count);
    }
    let mut stream = server.connect();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n").expect("sent");
    assert_eq!(start.recv().expect("the start"), b"12345");
    stream.write_all(b"garbage\r\n").expect("sent");
    assert_eq!(upstream.next().body, b"");
    await_forwarded(&server, "abandoned", 3.0);
    // A body that must be read to determine its destination is never forwarded in part.
    let mut stream = server.connect();
    stream
        .write_all(b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{\"destType\":\"hs\"}")
        .expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut response = String::new();
    stream.read_to_string(&mut response).ok();
    assert!(!response.contains(" 200 "), "{response}");
    assert_eq!(upstream.rest(), []);
}

#[test]
fn a_truncated_upstream_response_never_looks_complete_to_the_client() {
    let cut = Mutex::new(Vec::<u8>::new());
    let responses: Vec<&[u8]> = vec![
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3\r\n1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
    ];
    let upstream = std::sync::Arc::new(cut);
    let next = upstream.clone();
    let fake = FakeUpstream::start(move |stream, _| {
        stream.write_all(&next.lock().expect("set"))?;
        Err(std::io::ErrorKind::Other.into())
    });
    let server = behind(&fake, &[]);
    for (count, response) in responses.into_iter().enumerate() {
        *upstream.lock().expect("not held") = response.to_vec();
        let (got, ended) = talk(&server, b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
        let is_whole = ended.is_ok()
            && got.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                if head.contains("chunked") { body.ends_with("\r\n0\r\n\r\n") } else { body.len() >= 10 }
            });
        assert!(!is_whole, "{}: {got:?}", String::from_utf8_lossy(response));
        await_forwarded(&server, "broken", f64::from(u32::try_from(count).expect("few")) + 1.0);
    }
    assert_eq!(fake.rest().len(), 6, "nothing is sent twice");
}

#[test]
fn an_upstream_that_sends_no_valid_response_results_in_502() {
    let refused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let server = Server::start(&[&format!("--upstream-transformer-url=http://{refused}")]);
    let response = server.post("/customTransform", &[], b"[]");
    assert_eq!((response.status, response.json()["error"].as_str()), (502, Some("Bad Gateway")));
    assert!(response.text().contains("is unreachable"), "{}", response.text());
    assert_eq!(server.transform(EVENT.as_bytes()).status, 200, "native destinations do not need the upstream");
    await_forwarded(&server, "unreachable", 1.0);
    for garbage in [
        "",
        "HTTP/1.1 200",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad header\r\n\r\n",
    ] {
        let upstream = FakeUpstream::start(move |stream, _| {
            stream.write_all(garbage.as_bytes())?;
            Err(std::io::ErrorKind::Other.into())
        });
        let server = behind(&upstream, &[]);
        let response = server.post("/customTransform", &[], b"[]");
        assert_eq!(response.status, 502, "{garbage:?}");
        assert!(response.text().contains("disconnected"), "{}", response.text());
        assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
        await_forwarded(&server, "broken", 1.0);
        assert_eq!(upstream.next().line(), "POST /customTransform HTTP/1.1");
        assert_eq!(upstream.rest(), [], "a POST is not retried");
    }
}

#[test]
fn the_service_starts_a_tls_handshake_with_an_https_upstream() {
    // The fake upstream does not speak TLS. It receives the first bytes of a handshake, but no request.
    let (sender, first) = channel();
    let sender = Mutex::new(sender);
    let upstream = FakeUpstream::each_connection(move |stream, _| {
        let mut start = [0; 3];
        stream.read_exact(&mut start)?;
        sender.lock().expect("one at a time").send(start).ok();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    let server = Server::start(&[&format!("--upstream-transformer-url=https://{}", upstream.address)]);
    assert_eq!(server.post("/customTransform", &[], b"[]").status, 502);
    assert_eq!(first.recv().expect("a handshake")[..2], [22, 3]);
}

#[test]
fn a_silent_upstream_causes_504_and_a_stalled_response_closes_the_connection() {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let upstream = FakeUpstream::start(move |stream, seen| {
        if seen.line().contains("/half") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")?;
        }
        released.lock().expect("one at a time").recv().ok();
        Err(std::io::ErrorKind::Other.into())
    });
    let server = behind(&upstream, &["--upstream-timeout=1"]);
    let response = server.post("/customTransform", &[], b"[]");
    assert_eq!((response.status, response.json()["error"].as_str()), (504, Some("Gateway Timeout")));
    assert!(response.text().contains("UPSTREAM_TIMEOUT"), "{}", response.text());
    await_forwarded(&server, "timeout", 1.0);
    release.send(()).expect("a waiter");
    let (got, _) = talk(&server, b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(got.ends_with("12345"), "{got}");
    await_forwarded(&server, "timeout", 2.0);
    assert_eq!(upstream.rest().len(), 2, "nothing is sent twice");
}

#[test]
fn a_client_disconnect_aborts_the_upstream_request() {
    let (sender, gone) = channel();
    let sender = Mutex::new(sender);
    let upstream = FakeUpstream::each_connection(move |stream, _| {
        read_request(stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")?;
        // Writes until the other side stops reading.
        while stream.write_all(b"1\r\nb\r\n").is_ok() {}
        sender.lock().expect("one at a time").send(()).ok();
        Ok(())
    });
    let server = behind(&upstream, &[]);
    let mut stream = server.connect();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    stream.read_exact(&mut [0; 15]).expect("the start of the response");
    drop(stream);
    gone.recv().expect("the upstream connection is closed");
    await_forwarded(&server, "abandoned", 1.0);
}

#[test]
fn an_upstream_response_before_the_end_of_the_upload_reaches_the_client() {
    let upstream = FakeUpstream::each_connection(|stream, _| {
        read_head(stream)?;
        stream.write_all(&json("413 Payload Too Large", "{\"too\":\"large\"}"))
    });
    let server = behind(&upstream, &[]);
    let mut stream = server.connect();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart").expect("sent");
    let response = read_response(&mut stream);
    assert_eq!((response.status, response.text()), (413, "{\"too\":\"large\"}"));
}

#[test]
fn a_request_that_this_instance_already_forwarded_is_rejected_with_502() {
    let upstream = FakeUpstream::responding(json("200 OK", "{}"));
    let (server, other) = (behind(&upstream, &[]), behind(&upstream, &[]));
    server.get("/x");
    let via = upstream.next().header("via").expect("Via");
    let looped = server.request("GET", "/x", &[("Via", &format!("{via}, 1.1 between"))], b"");
    assert_eq!(looped.status, 502);
    assert!(looped.text().contains("leads back to this service"), "{}", looped.text());
    assert_eq!(upstream.rest(), []);
    await_forwarded(&server, "loop", 1.0);
    assert_eq!(other.request("GET", "/x", &[("Via", &via)], b"").status, 200, "other instances are not in the loop");
}

#[test]
fn upstream_connections_are_reused_until_the_upstream_closes_them() {
    let upstream = FakeUpstream::start(|stream, seen| {
        if seen.line().contains("last") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
            return Err(std::io::ErrorKind::Other.into());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let server = behind(&upstream, &[]);
    for path in ["/1", "/2", "/3", "/last", "/4", "/5"] {
        assert_eq!(server.post(path, &[], b"x").status, 200, "{path}");
    }
    assert_eq!(upstream.rest().len(), 6);
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn requests_with_the_connect_method_get_404_and_are_not_forwarded() {
    let upstream = FakeUpstream::responding(json("200 OK", "{}"));
    let server = behind(&upstream, &[]);
    let mut stream: TcpStream = server.connect();
    let response = exchange(&mut stream, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    assert_eq!(response.status, 404);
    assert_eq!(upstream.rest(), []);
}

#[test]
fn readiness_depends_on_the_upstream_only_with_the_setting_ready_needs_upstream() {
    let refused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let unreachable = format!("--upstream-transformer-url=http://{refused}");
    assert_eq!(Server::start(&[&unreachable]).get("/ready").status, 200);
    let response = Server::start(&[&unreachable, "--ready-needs-upstream"]).get("/ready");
    assert_eq!(response.status, 503);
    assert!(response.text().contains("UPSTREAM_TRANSFORMER_URL"), "{}", response.text());
    for (status, ready) in [("200 OK", 200), ("404 Not Found", 200), ("503 Service Unavailable", 503)] {
        let upstream = FakeUpstream::responding(json(status, "{}"));
        let server = behind(&upstream, &["--ready-needs-upstream=true"]);
        assert_eq!(server.get("/ready").status, ready, "{status}");
        assert_eq!(upstream.next().line(), "GET /health HTTP/1.1");
    }
}

#[test]
fn a_stalled_upload_gets_408_and_aborts_the_upstream_request() {
    let (sender, ended) = channel();
    let sender = Mutex::new(sender);
    let upstream = FakeUpstream::each_connection(move |stream, _| {
        let seen = read_request(stream)?;
        sender.lock().expect("one at a time").send(seen.is_some_and(|seen| seen.is_whole)).ok();
        Ok(())
    });
    let server = behind(&upstream, &["--body-timeout=1"]);
    let mut stream = server.connect();
    let response = exchange(&mut stream, b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
    assert_eq!((response.status, response.json()["error"].as_str()), (408, Some("Request Timeout")));
    assert_eq!(ended.recv(), Ok(false));
    await_forwarded(&server, "abandoned", 1.0);
}

#[test]
fn an_upload_truncated_after_the_response_began_never_looks_complete() {
    let upstream = FakeUpstream::each_connection(|stream, seen| {
        let head = read_head(stream)?;
        read_chunk(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        seen.send(Seen { head, body: rest, is_whole: false }).ok();
        Ok(())
    });
    let server = behind(&upstream, &[]);
    let mut stream = server.connect();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n").expect("sent");
    assert!(read_head(&mut stream).expect("a head").starts_with(b"HTTP/1.1 200 OK"));
    stream.shutdown(Shutdown::Write).expect("half closed");
    assert_eq!(upstream.next().body, b"", "no last chunk");
}
