//! Request bodies at and above the limits: compressed, huge, deeply nested, and with wrong lengths.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use crate::overload::hold;
use crate::server::{Response, Server, exchange};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

fn error_of(response: &Response) -> (u16, String) {
    let body = response.json();
    (response.status, format!("{}: {}", body["error"].as_str().unwrap_or(""), body["message"].as_str().unwrap_or("")))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
}

// docs/contract.md#body-limit
#[test]
fn a_body_of_exactly_the_limit_is_served_and_one_more_byte_gets_413() {
    let server = Server::start(&["--max-body-bytes=1000"]);
    let fits = format!("{EVENT}{}", " ".repeat(1000 - EVENT.len()));
    assert_eq!(server.transform(fits.as_bytes()).status, 200);
    let rejected = server.transform(format!("{fits} ").as_bytes());
    let text = "Payload Too Large: the body is larger than 1000 bytes, as sent or decompressed";
    assert_eq!(error_of(&rejected), (413, text.to_owned()));
    let post = |body: &[u8]| server.post("/v0/destinations/kafka", &[("Content-Encoding", "gzip")], body);
    assert_eq!(post(&gzip(fits.as_bytes())).status, 200);
    assert_eq!(error_of(&post(&gzip(format!("{fits} ").as_bytes()))), (413, text.to_owned()));
}

#[test]
fn a_chunked_body_above_the_limit_gets_413_and_a_smaller_one_is_served() {
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
fn a_body_that_exceeds_the_limit_after_decompression_gets_413() {
    // 64 MiB of spaces, compressed to less than 1 MiB. The limit is 1 MiB.
    let server = Server::start(&["--max-body-bytes=1048576"]);
    let spaces = vec![b' '; 1 << 26];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&spaces).expect("compressed");
    let mut brotli = Vec::new();
    let fast = brotli::enc::BrotliEncoderParams { quality: 1, ..Default::default() };
    brotli::BrotliCompress(&mut &*spaces, &mut brotli, &fast).expect("compressed");
    for (coding, body) in [("gzip", gzip(&spaces)), ("deflate", zlib.finish().expect("compressed")), ("br", brotli)] {
        assert!(body.len() < 1 << 20, "{coding}");
        let response = server.post("/v0/destinations/kafka", &[("Content-Encoding", coding)], &body);
        assert_eq!(response.status, 413, "{coding}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_that_does_not_match_its_content_encoding_gets_400() {
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
fn content_encoding_is_case_insensitive_and_unknown_codings_get_415() {
    let post = |headers: &[(&str, &str)], body: &[u8]| Server::shared().post("/v0/destinations/kafka", headers, body);
    assert_eq!(post(&[("Content-Encoding", " GZip ")], &gzip(EVENT.as_bytes())).status, 200);
    assert_eq!(post(&[("Content-Encoding", "identity")], EVENT.as_bytes()).status, 200);
    // gzip allows several members in one stream.
    let (first, second) = EVENT.as_bytes().split_at(20);
    assert_eq!(post(&[("Content-Encoding", "gzip")], &[gzip(first), gzip(second)].concat()).status, 200);
    for coding in ["x-gzip", "gzip, br", "zstd", "gzïp"] {
        assert_eq!(post(&[("Content-Encoding", coding)], EVENT.as_bytes()).status, 415, "{coding}");
    }
    let twice = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")];
    assert_eq!(post(&twice, EVENT.as_bytes()).status, 415);
    let long = "x".repeat(5000);
    let response = post(&[("Content-Encoding", &long)], EVENT.as_bytes());
    assert!(response.status == 415 && response.body.len() < 400, "{}", response.text());
}

#[test]
fn a_request_with_more_events_than_max_events_gets_413() {
    let server = Server::start(&["--max-events=3"]);
    assert_eq!(server.transform(b"[1,2,3]").status, 200);
    let rejected = server.transform(b"[1,2,3,4]");
    assert_eq!(error_of(&rejected), (413, "Payload Too Large: the request has more than 3 events".to_owned()));
}

#[test]
fn a_request_whose_response_would_exceed_the_response_limit_gets_413() {
    // A topic name of 20 kB appears twice in each of 100 responses, so a body of 30 kB would get a response of 4 MB.
    let server = Server::start(&["--max-body-bytes=100000"]);
    let topic = "t".repeat(20_000);
    let event = json!({"message":{}, "metadata":{"destinationId":"d"}});
    let body = json!({"input": vec![event; 100], "destinations": {"d": {"Config": {"topic": topic}}}}).to_string();
    let headers = [("X-Content-Format", "json+compactedv1")];
    let rejected = server.post("/v0/destinations/kafka", &headers, body.as_bytes());
    assert_eq!(
        error_of(&rejected),
        (413, "Payload Too Large: the response would be larger than 200000 bytes".to_owned())
    );
    let batch = json!({"destType": "kafka", "input": (0..100).map(|topic| json!({"message":{"topic": topic}, "metadata":{"destinationId":"d"}})).collect::<Vec<_>>(),
        "destinations": {"d": {"Config": {"x": topic}}}}).to_string();
    assert_eq!(server.post("/batch", &headers, batch.as_bytes()).status, 413);
}

#[test]
fn events_above_a_template_limit_are_rejected_and_other_events_are_served() {
    let server = Server::start(&["--workers=1"]);
    let post = |message: &str, config: &str, events: usize| {
        let event = format!(r#"{{"message":{message},"metadata":{{"destinationId":"d"}}}}"#);
        let input = vec![event; events].join(",");
        let body = format!(r#"{{"input":[{input}],"destinations":{{"d":{{"Config":{config}}}}}}}"#);
        server.post("/v0/destinations/kafka", &[("X-Content-Format", "json+compactedv1")], body.as_bytes())
    };
    let templates = |path: &str, count: usize| vec![format!("\"{{{{ {path} || d }}}}\""); count].join(",");

    // A template does not remove an empty value from the event, so every template finds the same value.
    let empty = format!(r#"{{"a":[{}]}}"#, " ".repeat(500_000));
    let response = post(&empty, &format!(r#"{{"topic":[{}]}}"#, templates("event.a", 400)), 1);
    assert_eq!(
        (response.status, response.json()[0]["statusCode"].as_u64()),
        (200, Some(400)),
        "{:.300}",
        response.text()
    );
    // Templates outside the topic are looked up in one traversal of the event. If a field name of the event contains
    // a dot, each template is looked up separately.
    let dotted = empty.replace('}', r#","a.b":1}"#);
    for (message, status) in [(&empty, 200), (&dotted, 400)] {
        let response = post(message, &format!(r#"{{"x":[{}]}}"#, templates("event.a", 1000)), 1);
        assert_eq!(
            (response.status, response.json()[0]["statusCode"].as_u64()),
            (200, Some(status)),
            "{:.300}",
            response.text()
        );
    }
    // There are many events, and no event contains the long path of the templates.
    let long = format!("event{}", ".a".repeat(126));
    let response = post("{}", &format!(r#"{{"x":[{}]}}"#, templates(&long, 1000)), 3_000);
    assert_eq!((response.status, response.json()[2_999]["statusCode"].as_u64()), (200, Some(200)));
    // A large map with a template in it is read only once.
    let entries = vec![r#"{"from":"a","to":"b"}"#; 40_000].join(",");
    let config = format!(
        r#"{{"enableMultiTopic":1,"eventToTopicMap":[{entries},{{"from":{},"to":1}}]}}"#,
        templates("event.x", 1)
    );
    let response = post(r#"{"type":"track","event":"a"}"#, &config, 500);
    assert_eq!(response.json()[499]["output"]["topic"], "b", "{:.300}", response.text());
    // The path of the template leads through an object with too many fields.
    let wide = format!("{{{}}}", (0..100_001).map(|field| format!("\"f{field}\":1")).collect::<Vec<_>>().join(","));
    let response = post(&wide, &format!(r#"{{"topic":[{}]}}"#, templates("event.f7", 1)), 1);
    assert_eq!(response.json()[0]["statusCode"], 400);
    // Real destinations stay far below all of these limits.
    let response = post(
        r#"{"a":"x"}"#,
        &format!(r#"{{"x":[{}],"topic":{}}}"#, templates("event.b.c", 50), templates("event.a", 1)),
        1_000,
    );
    assert_eq!(response.json()[999]["output"]["topic"], "x");
}

// docs/contract.md#retryable-503
#[test]
fn requests_get_a_retryable_503_while_the_memory_budget_is_used_up() {
    let server = Server::start(&["--max-in-flight-bytes=200000"]);
    let large = format!("{EVENT}{}", " ".repeat(60_000));
    assert_eq!(server.transform(large.as_bytes()).status, 200);
    // A request that can never fit must not be retried.
    let too_large = server.transform(format!("{EVENT}{}", " ".repeat(150_000)).as_bytes());
    assert_eq!(too_large.status, 413);
    assert!(too_large.json()["message"].as_str().is_some_and(|message| message.contains("MAX_IN_FLIGHT_BYTES")));
    assert_eq!(too_large.header("X-Rudder-Should-Retry"), None);
    let mut held = hold(&server, 115_000);
    let rejected = server.transform(large.as_bytes());
    assert_eq!(rejected.status, 503);
    assert_eq!(rejected.json()["error"], "Service Unavailable");
    assert_eq!(rejected.header("X-Rudder-Should-Retry"), Some("true"));
    assert_eq!(rejected.header("X-Rudder-Error-Reason"), Some("overloaded"));
    assert_eq!(server.transform(&EVENT.as_bytes()[..EVENT.len()]).status, 200, "a request that fits still succeeds");
    // A compressed body uses the budget according to its decompressed size.
    let headers = [("Content-Encoding", "gzip")];
    assert_eq!(server.post("/v0/destinations/kafka", &headers, &gzip(large.as_bytes())).status, 503);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(exchange(&mut held, b" ").status, 400, "the held body is blank");
    assert_eq!(server.transform(large.as_bytes()).status, 200, "all memory is released");
}

/// Returns texts of deeply nested arrays, deeply nested objects, and a mixture of arrays and objects. Each text is
/// returned both truncated and complete.
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
fn two_million_levels_of_nesting_do_not_crash_the_service() {
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

// docs/contract.md#nesting, docs/reference/differences.md#deep_nesting
#[test]
fn ten_thousand_levels_of_nesting_are_served() {
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
