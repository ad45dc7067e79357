//! Bodies at and past their limits: compressed, huge, deep, lying.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use crate::server::{Response, Server, exchange};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

fn error_of(response: &Response) -> (u16, String) {
    let body = response.json();
    (response.status, format!("{}: {}", body["error"].as_str().unwrap_or(""), body["message"].as_str().unwrap_or("")))
}

/// `bytes` bytes of white space around an event, compressed by `write`.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
}

#[test]
fn the_limit_holds_to_the_byte() {
    let server = Server::start(&["--max-body-bytes=1000"]);
    let fits = format!("{EVENT}{}", " ".repeat(1000 - EVENT.len()));
    assert_eq!(server.transform(fits.as_bytes()).status, 200);
    let refused = server.transform(format!("{fits} ").as_bytes());
    let text = "Payload Too Large: the body is larger than 1000 bytes, decompressed or as sent";
    assert_eq!(error_of(&refused), (413, text.to_owned()));
    let post = |body: &[u8]| server.post("/v0/destinations/kafka", &[("Content-Encoding", "gzip")], body);
    assert_eq!(post(&gzip(fits.as_bytes())).status, 200);
    assert_eq!(error_of(&post(&gzip(format!("{fits} ").as_bytes()))), (413, text.to_owned()));
}

#[test]
fn a_chunked_body_is_counted_as_it_comes() {
    let server = Server::start(&["--max-body-bytes=1000"]);
    let mut stream = server.connect();
    let head = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1f4\r\n{}\r\n", " ".repeat(0x1f4));
    let response = exchange(&mut stream, format!("{head}{chunk}{chunk}{chunk}0\r\n\r\n").as_bytes());
    assert_eq!(response.status, 413);
    let split = format!("{head}10\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", &EVENT[..16], EVENT.len() - 16, &EVENT[16..]);
    assert_eq!(exchange(&mut server.connect(), split.as_bytes()).status, 200);
}

#[test]
fn decompression_bombs_stop_at_the_limit() {
    // 64 MiB of spaces in some ten kilobytes, or far less, against a limit of 1 MiB: what is answered shows only that
    // it stops; how much memory it takes is shown in docs, by the command that stands there.
    let server = Server::start(&["--max-body-bytes=1048576"]);
    let zeros = vec![b' '; 1 << 26];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&zeros).expect("compressed");
    let mut brotli = Vec::new();
    let fast = brotli::enc::BrotliEncoderParams { quality: 1, ..Default::default() };
    brotli::BrotliCompress(&mut &*zeros, &mut brotli, &fast).expect("compressed");
    for (coding, body) in [("gzip", gzip(&zeros)), ("deflate", zlib.finish().expect("compressed")), ("br", brotli)] {
        assert!(body.len() < 1 << 20, "{coding}");
        let response = server.post("/v0/destinations/kafka", &[("Content-Encoding", coding)], &body);
        assert_eq!(response.status, 413, "{coding}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_that_is_not_what_its_coding_says_is_named() {
    for coding in ["gzip", "deflate", "br"] {
        let response = Server::shared().post("/v0/destinations/kafka", &[("Content-Encoding", coding)], b"[plain]");
        assert_eq!(error_of(&response), (400, format!("Bad Request: the body is not valid {coding}")));
    }
    let mut cut = gzip(EVENT.as_bytes());
    cut.truncate(cut.len() - 3);
    let response = Server::shared().post("/v0/destinations/kafka", &[("Content-Encoding", "gzip")], &cut);
    assert_eq!(response.status, 400);
}

#[test]
fn codings_are_read_leniently_but_never_guessed() {
    let post = |headers: &[(&str, &str)], body: &[u8]| Server::shared().post("/v0/destinations/kafka", headers, body);
    assert_eq!(post(&[("Content-Encoding", " GZip ")], &gzip(EVENT.as_bytes())).status, 200);
    assert_eq!(post(&[("Content-Encoding", "identity")], EVENT.as_bytes()).status, 200);
    // gzip allows several members one behind the other.
    let (first, second) = EVENT.as_bytes().split_at(20);
    assert_eq!(post(&[("Content-Encoding", "gzip")], &[gzip(first), gzip(second)].concat()).status, 200);
    for coding in ["x-gzip", "gzip, br", "zstd"] {
        assert_eq!(post(&[("Content-Encoding", coding)], EVENT.as_bytes()).status, 415, "{coding}");
    }
    let twice = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")];
    assert_eq!(post(&twice, EVENT.as_bytes()).status, 415);
    let long = "x".repeat(5000);
    let response = post(&[("Content-Encoding", &long)], EVENT.as_bytes());
    assert!(response.status == 415 && response.body.len() < 400, "{}", response.text());
}

#[test]
fn too_many_events_are_refused() {
    let server = Server::start(&["--max-events=3"]);
    assert_eq!(server.transform(b"[1,2,3]").status, 200);
    let refused = server.transform(b"[1,2,3,4]");
    assert_eq!(error_of(&refused), (413, "Payload Too Large: the request has more than 3 events".to_owned()));
}

#[test]
fn an_answer_cannot_outgrow_its_request_without_end() {
    // A topic of 20 kB stands twice in each of 100 answers, 4 MB for a body of 30 kB.
    let server = Server::start(&["--max-body-bytes=100000"]);
    let topic = "t".repeat(20_000);
    let event = json!({"message":{}, "metadata":{"destinationId":"d"}});
    let body = json!({"input": vec![event; 100], "destinations": {"d": {"Config": {"topic": topic}}}}).to_string();
    let headers = [("X-Content-Format", "json+compactedv1")];
    let refused = server.post("/v0/destinations/kafka", &headers, body.as_bytes());
    assert_eq!(error_of(&refused), (413, "Payload Too Large: the answer would be larger than 200000 bytes".to_owned()));
    let batch = json!({"destType": "kafka", "input": (0..100).map(|topic| json!({"message":{"topic": topic}, "metadata":{"destinationId":"d"}})).collect::<Vec<_>>(),
        "destinations": {"d": {"Config": {"x": topic}}}}).to_string();
    assert_eq!(server.post("/batch", &headers, batch.as_bytes()).status, 413);
}

/// Deep values, closed and open: arrays, objects, and both in turn.
fn deep(levels: usize) -> Vec<String> {
    let nested = |open: &str, inside: &str, close: &str, levels: usize| {
        (open.repeat(levels), format!("{}{inside}{}", open.repeat(levels), close.repeat(levels)))
    };
    let (arrays, closed_arrays) = nested("[", "", "]", levels);
    let (objects, closed_objects) = nested("{\"a\":", "1", "}", levels);
    let (both, closed_both) = nested("[{\"a\":", "\"{{ event.x || y }}\"", "}]", levels / 2);
    vec![arrays, closed_arrays, objects, closed_objects, both, closed_both]
}

#[test]
fn depth_of_any_kind_in_any_position_leaves_the_server_alive() {
    let server = Server::start(&[]);
    let event = |message: &str, metadata: &str, config: &str, rest: &str| {
        format!(
            r#"[{{"message":{{"channel":"sources","type":"track"{message}}},"metadata":{{"jobId":1{metadata}}},"destination":{{"Config":{{"topic":"t","x":"{{{{ event.z || d }}}}"{config}}}}}{rest}}}]"#
        )
    };
    for value in deep(2_000_000) {
        let member = |name: &str| format!(",\"{name}\":{value}");
        let plain = [
            value.clone(),
            format!("[{value}]"),
            format!("[{{\"message\":{value}}}]"),
            format!("[{{\"metadata\":{value}}}]"),
            format!("[{{\"destination\":{value}}}]"),
            event(&member("userId"), "", "", ""),
            event(&member("event"), "", ",\"enableMultiTopic\":1", ""),
            event(&member("properties"), "", "", ""),
            event(&member("integrations"), "", "", ""),
            event(&member("z"), "", "", ""),
            event("", &member("rudderId"), "", ""),
            event("", "", &member("topic"), ""),
            event("", "", &format!(",\"enableMultiTopic\":1,\"eventToTopicMap\":[{{\"from\":{value},\"to\":1}}]"), ""),
            event("", "", &member("other"), ""),
            event("", "", "", &member("libraries")),
        ];
        for body in plain {
            let response = server.transform(body.as_bytes());
            assert!(matches!(response.status, 200 | 400 | 413), "{} for {:.80}", response.status, body);
        }
        for body in [
            format!(
                "{{\"destType\":\"kafka\",\"input\":[{{\"message\":{{\"topic\":{value}}},\"metadata\":{{}},\"destination\":{{\"ID\":{value}}}}}]}}"
            ),
            format!("{{\"destType\":{value}}}"),
            format!("{{\"destType\":\"kafka\",\"destinations\":{value}}}"),
        ] {
            for path in ["/batch", "/routerTransform"] {
                let response = server.post(path, &[], body.as_bytes());
                assert!(matches!(response.status, 200 | 400 | 413), "{} for {:.80}", response.status, body);
            }
        }
        assert_eq!(server.get("/health").status, 200);
    }
}

#[test]
fn ten_thousand_levels_are_answered() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(
        r#"[{{"message":{{"a":{deep}}},"metadata":{{}},"destination":{{"Config":{{"topic":"{{{{ event.a || x }}}}","deep":{}}}}}}}]"#,
        format_args!("{}\"{{{{ event.b || y }}}}\"{}", "[".repeat(10_000), "]".repeat(10_000)),
    );
    let response = Server::shared().transform(body.as_bytes());
    assert_eq!(response.status, 200);
    let expected = format!(
        r#"[{{"output":{{"message":{{"a":{deep}}},"userId":"","topic":{deep}}},"metadata":{{"rudderId":"undefined<<>>"}},"statusCode":200}}]"#
    );
    assert_eq!(response.text(), expected);
}
