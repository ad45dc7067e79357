//! Shadow mode. A share of the requests is also sent upstream, and both responses are compared. In test names,
//! "rudder-transformer may" means that such a response is counted as an intended difference.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;

use flate2::Compression;
use flate2::write::GzEncoder;
use golden::case::ExpectedBody;
use serde_json::{Value, json as value};

use crate::forward::await_count;
use crate::golden::{cases, root, shared_golden};
use crate::server::Server;
use crate::upstream::{FakeUpstream, Seen, json};

const EVENT: &str =
    r#"[{"message":{"userId":"u"},"metadata":{"jobId":1,"rudderId":"r"},"destination":{"Config":{"topic":"t"}}}]"#;
const RESPONSE: &str = r#"[{"output":{"message":{"userId":"u"},"userId":"u","topic":"t"},"metadata":{"jobId":1,"rudderId":"r<<>>t"},"statusCode":200}]"#;

fn shadowed(upstream: &FakeUpstream, more: &[&str]) -> Server {
    let flag = upstream.flag();
    let flags: Vec<&str> = [&["--workers=1", "--shadow-percent=100", flag.as_str()], more].concat();
    Server::start(&flags)
}

fn await_compared(server: &Server, result: &str, count: u32) {
    await_count(server, "kafka_transformer_shadow_requests_total", result, f64::from(count));
}

fn compared(server: &Server, result: &str) -> f64 {
    server.sum("kafka_transformer_shadow_requests_total", &[&format!("result=\"{result}\"")])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
}

#[test]
fn the_upstream_gets_a_shadow_request_with_unchanged_path_and_body() {
    let upstream = FakeUpstream::responding(json("200 OK", RESPONSE));
    let server = shadowed(&upstream, &[]);
    let headers = [("Content-Encoding", "gzip"), ("X-Custom", "1"), ("Connection", "X-Gone"), ("X-Gone", "1")];
    let body = gzip(EVENT.as_bytes());
    let response = server.post("/v1/destinations/KAFKA?a=1", &headers, &body);
    assert_eq!((response.status, response.text()), (200, RESPONSE));
    let seen = upstream.next();
    assert_eq!((seen.line(), &seen.body), ("POST /v1/destinations/KAFKA?a=1 HTTP/1.1".to_owned(), &body));
    assert_eq!((seen.header("x-custom").as_deref(), seen.header("x-gone")), (Some("1"), None));
    await_compared(&server, "equal", 1);
    // A forwarded request is not compared, because this service has no response of its own.
    server.post("/v0/destinations/hs", &[], b"[]");
    server.post("/batch", &[], br#"{"destType":"hs"}"#);
    assert_eq!(upstream.rest().len(), 2);
    assert_eq!(compared(&server, "different"), 0.0);
}

#[test]
fn shadow_percent_selects_exactly_this_percentage_of_the_requests() {
    for (percent, of, chosen) in [(0, 10, 0), (1, 100, 1), (25, 8, 2), (50, 10, 5), (99, 100, 99), (100, 10, 10)] {
        let upstream = FakeUpstream::responding(json("200 OK", RESPONSE));
        let server = shadowed(&upstream, &[&format!("--shadow-percent={percent}")]);
        for _ in 0..of {
            assert_eq!(server.transform(EVENT.as_bytes()).status, 200);
        }
        if chosen > 0 {
            await_compared(&server, "equal", chosen);
        }
        assert_eq!(upstream.rest().len(), chosen as usize, "{percent} %");
    }
}

#[test]
fn the_client_does_not_wait_for_the_shadow_comparison() {
    let (upstream, release) = FakeUpstream::holding_back(json("200 OK", RESPONSE));
    let server = shadowed(&upstream, &[]);
    assert_eq!(server.transform(EVENT.as_bytes()).text(), RESPONSE);
    upstream.next();
    assert_eq!(server.sum("kafka_transformer_shadow_requests_total", &[]), 0.0, "the comparison is not finished");
    release.send(()).expect("a waiter");
    await_compared(&server, "equal", 1);
}

#[test]
fn shadow_comparisons_above_a_limit_are_dropped_and_counted() {
    let (upstream, release) = FakeUpstream::holding_back(json("200 OK", RESPONSE));
    let server = shadowed(&upstream, &["--max-in-flight-bytes=100000000"]);
    for _ in 0..70 {
        assert_eq!(server.transform(EVENT.as_bytes()).text(), RESPONSE);
    }
    await_compared(&server, "dropped", 6);
    drop(release);
    await_compared(&server, "equal", 64);
    // The total size of the compared requests is limited too, to a quarter of MAX_IN_FLIGHT_BYTES.
    let small = shadowed(&upstream, &["--max-in-flight-bytes=1000000"]);
    let large = format!("{EVENT}{}", " ".repeat(250_000));
    assert_eq!(small.transform(large.as_bytes()).text(), RESPONSE);
    await_compared(&small, "dropped", 1);
    assert_eq!(small.transform(EVENT.as_bytes()).text(), RESPONSE);
    await_compared(&small, "equal", 1);
}

#[test]
fn a_shadow_request_without_a_usable_response_is_counted_as_failed() {
    let refused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let server = Server::start(&["--shadow-percent=100", &format!("--upstream-transformer-url=http://{refused}")]);
    assert_eq!(server.transform(EVENT.as_bytes()).status, 200);
    await_compared(&server, "failed", 1);
    for response in [
        json("503 Service Unavailable", "{}"),
        json("429 Too Many Requests", "{}"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\nConnection: close\r\n\r\n[".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: unheard-of\r\nContent-Length: 2\r\n\r\n[]".to_vec(),
    ] {
        let text = String::from_utf8_lossy(&response).into_owned();
        let upstream = FakeUpstream::start(move |stream, _| {
            stream.write_all(&response)?;
            Err(std::io::ErrorKind::Other.into())
        });
        let server = shadowed(&upstream, &[]);
        assert_eq!(server.transform(EVENT.as_bytes()).status, 200, "{text}");
        await_compared(&server, "failed", 1);
    }
}

/// Sends a request to which the upstream responds with `status` and `theirs`. Returns whether the comparison of this
/// response with the service's response is counted as equal or as an intended difference.
fn compare(headers: &[(&str, &str)], path: &str, body: &str, status: &str, theirs: &str) -> bool {
    let upstream = FakeUpstream::responding(json(status, theirs));
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    compare_with(&upstream, &all, path, body)
}

fn compare_with(upstream: &FakeUpstream, headers: &[(&str, &str)], path: &str, body: &str) -> bool {
    let server = shadowed(upstream, &[]);
    server.post(path, headers, body.as_bytes());
    upstream.next();
    let began = std::time::Instant::now();
    loop {
        for (result, same) in [("equal", true), ("intended", true), ("different", false)] {
            if compared(&server, result) > 0.0 {
                return same;
            }
        }
        assert!(began.elapsed().as_secs() < 30, "not compared: {body}");
        std::thread::yield_now();
    }
}

const KAFKA: &str = "/v0/destinations/kafka";

fn event(message: &Value, config: &Value) -> Value {
    value!({"message": message, "metadata": {"jobId": 1, "rudderId": "r"}, "destination": {"ID": "d", "Config": config}})
}

/// Returns the response of rudder-transformer to an event.
fn output(message: &Value, topic: &str) -> Value {
    value!({"output": {"message": message, "userId": "", "topic": topic}, "metadata": {"jobId": 1, "rudderId": format!("r<<>>{topic}")}, "statusCode": 200})
}

fn failed() -> Value {
    value!({"metadata": {"jobId": 1, "rudderId": "r"}, "statusCode": 500, "error": "x is not iterable", "statTags": {"errorCategory": "transformation"}})
}

#[track_caller]
fn assert_same(expected: bool, body: &str, status: &str, theirs: &str) {
    assert_eq!(compare(&[], KAFKA, body, status, theirs), expected, "{body}\n{status} {theirs}");
}

#[test]
fn shadow_mode_compares_json_values_as_javascript_would_read_them() {
    let ours = |message: &str| {
        format!(
            r#"[{{"message":{message},"metadata":{{"jobId":1.0,"rudderId":"r"}},"destination":{{"Config":{{"topic":"t"}}}}}}]"#
        )
    };
    let theirs = |message: &str| {
        format!(
            r#"[{{"statusCode":200,"output":{{"message":{message},"userId":"","topic":"t"}},"metadata":{{"jobId":1,"rudderId":"r<<>>t"}}}}]"#
        )
    };
    for (sent, printed) in [
        ("{\"a\":1.0,\"b\":12345678901234567890,\"c\":-0}", "{\"c\":0,\"a\":1,\"b\":12345678901234567000}"),
        ("{\"a\":1e400}", "{\"a\":null}"),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
    ] {
        assert_same(true, &ours(sent), "200 OK", &theirs(printed));
    }
    for (sent, printed) in
        [("{\"a\":1}", "{\"a\":1.5}"), ("{\"a\":1,\"a\":2}", "{\"a\":1}"), ("{\"a\":5}", "{\"a\":null}")]
    {
        assert_same(false, &ours(sent), "200 OK", &theirs(printed));
    }
}

#[test]
fn rudder_transformer_may_fail_a_whole_batch_because_of_one_malformed_event() {
    let good = event(&value!({}), &value!({"topic": "t"}));
    for bad in
        [value!(null), value!(5), value!({"message": {}, "metadata": {}}), value!({"message": {}, "destination": {}})]
    {
        let body = value!([good, bad]).to_string();
        assert_same(true, &body, "500 Internal Server Error", "Internal Server Error");
        assert_same(false, &body, "200 OK", &value!([output(&value!({}), "t")]).to_string());
    }
    assert_same(false, &value!([good]).to_string(), "500 Internal Server Error", "Internal Server Error");
    // This request in the compacted format has an event with an unknown destination.
    let body = r#"{"input":[{"message":{},"metadata":{"destinationId":"x"}}],"destinations":{}}"#;
    let compacted = [("X-Content-Format", "json+compactedv1")];
    assert!(compare(&compacted, KAFKA, body, "500 Internal Server Error", "oops"));
    let batch = r#"{"destType":"kafka","input":[5]}"#;
    assert!(compare(&[], "/batch", batch, "500 Internal Server Error", "oops"));
    assert!(!compare(&[], "/batch", r#"{"destType":"kafka","input":[]}"#, "500 Internal Server Error", "oops"));
}

#[test]
fn rudder_transformer_may_return_another_error_for_an_event_that_both_reject() {
    // The template would remove the whole message.
    let config = value!({"topic": "{{ message || x }}"});
    let body = value!([event(&value!({"a": 1}), &config)]).to_string();
    assert_same(true, &body, "200 OK", &value!([failed()]).to_string());
    let mut other = failed();
    other["metadata"]["jobId"] = value!(2);
    assert_same(false, &body, "200 OK", &value!([other]).to_string());
    let fine = value!([event(&value!({}), &value!({"topic": "t"}))]).to_string();
    assert_same(false, &fine, "200 OK", &value!([failed()]).to_string());
}

#[test]
fn rudder_transformer_may_turn_a_message_that_is_not_an_object_into_an_object() {
    for message in [value!("ab"), value!([1]), value!(5), value!(true)] {
        let body = value!([event(&message, &value!({"topic": "t"}))]).to_string();
        let theirs = value!([output(&value!({"0": "a", "1": "b"}), "t")]).to_string();
        assert_same(true, &body, "200 OK", &theirs);
    }
    let null = value!([event(&value!(null), &value!({"topic": "t"}))]).to_string();
    assert_same(true, &null, "200 OK", &value!([output(&value!({}), "t")]).to_string());
}

#[test]
fn rudder_transformer_may_reject_a_batch_with_a_field_named_proto() {
    let body = |name: &str| format!(r#"[{{"message":{{"{name}":1}},"metadata":{{}},"destination":{{}}}}]"#);
    assert_same(true, &body("__proto__"), "400 Bad Request", "no");
    assert_same(true, &body(r"\u005f_proto__"), "400 Bad Request", "no");
    assert_same(false, &body("__proto__"), "500 Internal Server Error", "no");
    assert_same(false, &body("__proto"), "400 Bad Request", "no");
    let text = r#"[{"message":{"a":"__proto__"},"metadata":{},"destination":{}}]"#;
    assert_same(false, text, "400 Bad Request", "no");
}

#[test]
fn rudder_transformer_may_return_500_for_empty_bodies_and_wrong_body_types() {
    assert_same(true, "[]", "500 Internal Server Error", "no");
    assert_same(false, "[]", "404 Not Found", "no");
    let compacted = [("X-Content-Format", "json+compactedv1")];
    for (headers, body) in [(&[][..], r#"{"input":[]}"#), (&compacted[..], "[]"), (&[][..], "{"), (&[][..], "5")] {
        assert!(compare(headers, KAFKA, body, "500 Internal Server Error", "no"), "{body}");
        assert!(!compare(headers, KAFKA, body, "200 OK", "[]"), "{body}");
    }
    assert!(!compare(&compacted, KAFKA, r#"{"input":[]}"#, "500 Internal Server Error", "no"));
}

#[test]
fn rudder_transformer_may_use_a_function_as_the_topic_of_an_event_named_constructor() {
    let map = value!([{"from": "x", "to": "y"}]);
    let multi = value!({"topic": "t", "enableMultiTopic": true, "eventToTopicMap": map});
    // rudder-transformer uses the function as the topic. JSON cannot represent a function, so the field `topic` is
    // missing, and the source code of the function is in the metadata.
    let function = |message: &Value| value!([{"output": {"message": message, "userId": ""}, "metadata": {"jobId": 1, "rudderId": "r<<>>function Object() { [native code] }"}, "statusCode": 200}]);
    for name in ["constructor", "__proto__", "toString"] {
        let message = value!({"type": "track", "event": name});
        let body = value!([event(&message, &multi)]).to_string();
        assert_same(true, &body, "200 OK", &function(&message).to_string());
        assert_same(true, &body, "200 OK", &value!([failed()]).to_string());
        let mut other = function(&message);
        other[0]["output"]["userId"] = value!("else");
        assert_same(false, &body, "200 OK", &other.to_string());
        let single = value!([event(&message, &value!({"topic": "t"}))]).to_string();
        assert_same(false, &single, "200 OK", &function(&message).to_string());
    }
    let message = value!({"type": "track", "event": "construct"});
    assert_same(false, &value!([event(&message, &multi)]).to_string(), "200 OK", &function(&message).to_string());
}

#[test]
fn rudder_transformer_may_fail_an_event_if_a_map_entry_is_not_an_object() {
    for (entries, same) in
        [(value!([null]), true), (value!(["x", {"from": "a", "to": "b"}]), true), (value!([{}]), false)]
    {
        let config = value!({"topic": "t", "enableMultiTopic": true, "eventTypeToTopicMap": entries});
        let body = value!([event(&value!({"type": "page"}), &config)]).to_string();
        assert_same(same, &body, "200 OK", &value!([failed()]).to_string());
    }
}

/// Returns the events in the body of a plain request.
fn events_of(seen: &Seen) -> Vec<Value> {
    serde_json::from_slice(&seen.body).expect("an array of events")
}

/// Starts an upstream that fails all events of a request with more than one event. If a request has only one event, the
/// response contains the topic `topic`.
fn failing_together(topic: &'static str) -> FakeUpstream {
    FakeUpstream::start(move |stream, seen| {
        let events = events_of(seen);
        let responses: Vec<Value> = match &events[..] {
            [event] => vec![output(&event["message"], topic)],
            events => events.iter().map(|_| failed()).collect(),
        };
        stream.write_all(&json("200 OK", &value!(responses).to_string()))
    })
}

#[test]
fn shadow_mode_compares_good_events_separately_if_another_event_fails_the_batch() {
    let good = event(&value!({"a": 1}), &value!({"topic": "t"}));
    // An event whose template matches only a name with a dot, and an event whose template takes the length of an array.
    let dotted = event(&value!({"a.b": 1}), &value!({"topic": "{{ event.a.b || x }}"}));
    let length = event(&value!({"a": [1]}), &value!({"topic": "{{ event.a.length || x }}"}));
    for odd in [dotted, length] {
        for batch in [value!([good, odd]), value!([odd, good])] {
            let body = batch.to_string();
            let headers = [("Content-Type", "application/json")];
            let upstream = failing_together("t");
            assert!(compare_with(&upstream, &headers, KAFKA, &body), "{body}");
            // The upstream gets the good event a second time, in a request of its own.
            assert_eq!(upstream.rest().iter().map(events_of).collect::<Vec<_>>(), [vec![good.clone()]]);
            assert!(!compare_with(&failing_together("broken"), &headers, KAFKA, &body), "{body}");
        }
        // If the good event also fails in a request of its own, it cannot be compared. If the upstream fails only the
        // odd event, the good event is compared at once.
        assert_same(true, &value!([good, odd]).to_string(), "200 OK", &value!([failed(), failed()]).to_string());
        assert_same(false, &value!([good, good]).to_string(), "200 OK", &value!([failed(), failed()]).to_string());
        let ours = output(&value!({"a": 1}), "t");
        assert_same(true, &value!([good, odd]).to_string(), "200 OK", &value!([ours, failed()]).to_string());
        let broken = output(&value!({"a": 1}), "broken");
        assert_same(false, &value!([good, odd]).to_string(), "200 OK", &value!([broken, failed()]).to_string());
        assert_same(false, &value!([good, odd]).to_string(), "200 OK", &value!([failed(), ours]).to_string());
        let mut touched = failed();
        touched["metadata"]["jobId"] = value!(2);
        assert_same(false, &value!([good, odd]).to_string(), "200 OK", &value!([touched, failed()]).to_string());
    }
}

#[test]
fn shadow_mode_compares_good_events_separately_if_a_malformed_one_fails_the_request() {
    let good = event(&value!({}), &value!({"topic": "t"}));
    let body = value!([good, null]).to_string();
    for (topic, same) in [("t", true), ("broken", false)] {
        let upstream = FakeUpstream::start(move |stream, seen| {
            stream.write_all(&match &events_of(seen)[..] {
                [event] => json("200 OK", &value!([output(&event["message"], topic)]).to_string()),
                _ => json("500 Internal Server Error", "oops"),
            })
        });
        assert_eq!(compare_with(&upstream, &[("Content-Type", "application/json")], KAFKA, &body), same);
    }
}

#[test]
fn shadow_comparisons_are_counted_by_result_and_intended_difference() {
    let upstream = FakeUpstream::responding(json("500 Internal Server Error", "oops"));
    let server = shadowed(&upstream, &[]);
    let headers = [("Content-Type", "application/json")];
    for (body, result, count) in [("[]", "intended", 1), ("[null]", "intended", 2), (EVENT, "different", 1)] {
        server.post(KAFKA, &headers, body.as_bytes());
        await_compared(&server, result, count);
    }
    let row = |row: &str| {
        server.sum("kafka_transformer_shadow_intended_differences_total", &[&format!("difference=\"{row}\"")])
    };
    assert_eq!((row("no_events"), row("malformed_event")), (1.0, 1.0));
    assert_eq!(server.sum("kafka_transformer_shadow_intended_differences_total", &[]), 2.0);
}

/// Replays recorded requests against an upstream that returns the recorded responses, and 404 for any other request.
fn replay(file: &std::path::Path) {
    let name = |path: &str, body: &[u8]| [path.as_bytes(), b"\n", body].concat();
    let recorded: HashMap<Vec<u8>, Vec<u8>> = cases(file)
        .map(|case| {
            let (ExpectedBody::Json(body) | ExpectedBody::Text(body)) = &case.expected.body else { panic!("no body") };
            let response = json(&format!("{} Recorded", case.expected.status), body);
            (name(&case.request.path, &case.request.encoded()), response)
        })
        .collect();
    let upstream = FakeUpstream::start(move |stream, seen| {
        let line = seen.line();
        let path = line.split(' ').nth(1).unwrap_or("");
        let response = recorded.get(&name(path, &seen.body)).cloned();
        stream.write_all(&response.unwrap_or_else(|| json("404 Not Found", "{}")))
    });
    let server = shadowed(&upstream, &[]);
    let mut sent = 0;
    let mut may_differ = 0;
    for case in cases(file) {
        let headers: Vec<(&str, &str)> = case.request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        server.request(&case.request.method, &case.request.path, &headers, &case.request.encoded());
        sent += 1;
        may_differ += u32::from(case.name.contains("known-difference"));
        if sent % 32 == 0 {
            await_all(&server, sent);
        }
    }
    await_all(&server, sent);
    assert_eq!(compared(&server, "different"), 0.0);
    let (equal, intended) = (compared(&server, "equal"), compared(&server, "intended"));
    assert_eq!(equal + intended, f64::from(sent));
    assert!(intended > 0.0 && intended <= f64::from(may_differ), "{intended} of {may_differ}");
}

/// Waits until all requests have been compared.
fn await_all(server: &Server, sent: u32) {
    let began = std::time::Instant::now();
    while server.sum("kafka_transformer_shadow_requests_total", &[]) < f64::from(sent) {
        assert!(began.elapsed().as_secs() < 60, "not {sent} comparisons");
        std::thread::yield_now();
    }
}

#[test]
fn shadow_mode_finds_only_intended_differences_in_recorded_requests() {
    for name in ["rudder-server.ndjson.gz", "generated.ndjson.gz"] {
        replay(&root().join("test-fixtures/recorded").join(name));
    }
    if let Some(folder) = shared_golden() {
        replay(&folder.join("fresh.ndjson.gz"));
    }
}

#[test]
fn an_invalid_or_unexpected_upstream_response_is_counted_as_a_difference() {
    for (status, theirs) in
        [("200 OK", "no JSON"), ("200 OK", "{}"), ("200 OK", "[]"), ("302 Found", RESPONSE), ("404 Not Found", "{}")]
    {
        assert_same(false, EVENT, status, theirs);
    }
    assert_same(false, EVENT, "200 OK", &format!("{}{}", RESPONSE, " ".repeat(100_000)));
}

#[test]
fn shadow_mode_compares_responses_of_batch_and_router_transform() {
    let server = Server::shared();
    for path in ["/batch", "/routerTransform"] {
        let body = r#"{"destType":"kafka","input":[{"message":{"topic":"a"},"metadata":{"jobId":1},"destination":{"ID":"d"}}]}"#;
        let ours = server.post(path, &[], body.as_bytes()).text().to_owned();
        assert!(compare(&[], path, body, "200 OK", &ours), "{path}");
        assert!(!compare(&[], path, body, "200 OK", &ours.replace("\"jobId\":1", "\"jobId\":2")), "{path}");
    }
}

#[test]
fn if_shadow_answer_is_upstream_the_client_gets_the_upstream_response() {
    // A compressed response with a different topic.
    let body = gzip(RESPONSE.replace("\"t\"", "\"theirs\"").as_bytes());
    let head =
        format!("HTTP/1.1 200 OK\r\napiVersion: 2\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let upstream = FakeUpstream::responding([head.as_bytes(), &body].concat());
    let server = shadowed(&upstream, &["--shadow-answer=upstream", "--shadow-percent=50"]);
    for _ in 0..4 {
        let response = server.transform(EVENT.as_bytes());
        assert_eq!((response.status, response.header("content-encoding")), (200, Some("gzip")));
        assert!(response.body == body);
        assert_eq!(upstream.next().body, EVENT.as_bytes());
    }
    await_compared(&server, "different", 2);
    let batch = r#"{"destType":"kafka","input":[]}"#;
    for _ in 0..2 {
        assert!(server.post("/batch", &[], batch.as_bytes()).body == body);
        assert_eq!(upstream.next().body, batch.as_bytes());
    }
    await_compared(&server, "different", 3);
    await_count(&server, "kafka_transformer_forwarded_requests_total", "responded", 6.0);
}

#[test]
fn if_shadow_answer_is_upstream_a_failed_upstream_request_causes_502() {
    let upstream = FakeUpstream::start(|_, _| Err(std::io::ErrorKind::Other.into()));
    let server = shadowed(&upstream, &["--shadow-answer=upstream"]);
    assert_eq!(server.transform(EVENT.as_bytes()).status, 502, "this service's own response is not used instead");
    await_compared(&server, "failed", 1);
    let same = FakeUpstream::responding(json("200 OK", RESPONSE));
    let server = shadowed(&same, &["--shadow-answer=upstream"]);
    assert_eq!(server.transform(EVENT.as_bytes()).text(), RESPONSE);
    await_compared(&server, "equal", 1);
    assert_eq!(same.rest().len(), 1, "the upstream gets the request once");
}

#[test]
fn a_shadow_request_that_returns_to_this_instance_is_not_compared_again() {
    let upstream = FakeUpstream::responding(json("200 OK", RESPONSE));
    let server = shadowed(&upstream, &[]);
    assert_eq!(server.transform(EVENT.as_bytes()).status, 200);
    let via = upstream.next().header("via").expect("Via");
    await_compared(&server, "equal", 1);
    assert_eq!(server.post(KAFKA, &[("Via", &via)], EVENT.as_bytes()).text(), RESPONSE);
    assert_eq!(server.transform(EVENT.as_bytes()).status, 200);
    await_compared(&server, "equal", 2);
    assert_eq!(upstream.rest().len(), 1);
}
