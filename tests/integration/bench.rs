//! The `bench` command: its requests, counts and exit codes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::cli::run;
use crate::server::Server;
use crate::tools::Folder;
use crate::upstream::FakeUpstream;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

fn bench(arguments: &[&str]) -> Ran {
    let output = run(&[&["bench"], arguments].concat(), &[]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn url(address: impl std::fmt::Display) -> String {
    format!("http://{address}")
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";

#[test]
fn bench_counts_match_the_metrics_of_the_service() {
    let server = Server::start(&[]);
    let ran = bench(&[&url(server.address), "--seconds=1", "--batch=5", "-c2", "--keep-alive", "--format=json"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    let found = ran.json();
    let target = &found["targets"][0];
    let requests = target["requests"].as_u64().expect("a number");
    assert!(requests > 10, "{found}");
    assert_eq!(target["good"], requests);
    assert_eq!(target["events"], requests * 5);
    assert_eq!((&target["errors"], &target["rejected"]), (&json!([]), &json!(0)));
    // One request precedes the load, to check that the service responds as expected.
    let counted = server.sum("transformer_dest_transform_input_events_sum", &[]);
    assert_eq!(counted, ((requests + 1) * 5) as f64);
    let milliseconds = &target["milliseconds"];
    let [p50, p99, max] = ["p50", "p99", "max"].map(|name| milliseconds[name].as_f64().expect(name));
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{found}");
    let seconds = target["seconds"].as_f64().expect("a number");
    let rate = target["requestsPerSecond"].as_f64().expect("a number");
    assert!((rate * seconds / requests as f64 - 1.0).abs() < 0.01, "{found}");
    if cfg!(target_os = "linux") {
        // The service runs in this test's process.
        assert!(target["residentBytes"].as_u64() > Some(1_000_000), "{found}");
        assert!(target["cpuSeconds"].as_f64() > Some(0.0), "{found}");
    }
    assert_eq!(found["load"]["connections"], "2 connections, kept alive");
}

#[test]
fn bench_against_another_transformer_reports_two_rounds_of_each_and_a_ratio() {
    let (one, other) = (FakeUpstream::responding(GOOD), FakeUpstream::responding(GOOD));
    let ran = bench(&[&url(one.address), "--against", &url(other.address), "-s2", "-c1", "--format=json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let found = ran.json();
    for (target, upstream) in found["targets"].as_array().expect("targets").iter().zip([&one, &other]) {
        assert_eq!(target["url"], url(upstream.address));
        assert_eq!(target["rounds"].as_array().expect("rounds").len(), 2);
        assert_eq!(upstream.rest().len() as u64, 1 + target["requests"].as_u64().expect("a number"));
    }
    assert!(found["ratio"]["requestsPerSecond"].as_f64() > Some(0.0), "{found}");
}

#[test]
fn bench_sends_the_headers_and_body_format_of_rudder_server() {
    let upstream = FakeUpstream::responding(GOOD);
    let ran = bench(&[&url(upstream.address), "--seconds=1", "--batch=3", "-c1", "--rate=5"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("1 generated request, 3 events and "), "{}", ran.out);
    let seen = upstream.next();
    assert_eq!(seen.line(), "POST /v0/destinations/kafka HTTP/1.1");
    for (name, value) in [
        ("connection", "close"),
        ("content-type", "application/json; charset=utf-8"),
        ("x-content-format", "json+compactedv1"),
        ("x-feature-gzip-support", "?1"),
        ("x-feature-filter-code", "?1"),
    ] {
        assert_eq!(seen.header(name).as_deref(), Some(value), "{name}");
    }
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(body["input"].as_array().map(Vec::len), Some(3));
    assert_eq!(body["destinations"].as_object().map(serde_json::Map::len), Some(1));
    // The rate is not exceeded, and each request has its own connection.
    let requests = upstream.rest().len();
    assert!((1..=5).contains(&requests), "{requests}");
    assert_eq!(upstream.connections(), requests + 1);
}

#[test]
fn bench_sends_recorded_cases_verbatim_and_recorded_events_in_batches() {
    let folder = Folder::new("bench");
    let event =
        |n: u32| json!({ "message": { "n": n }, "metadata": { "destinationId": "d" }, "destination": { "ID": "d" } });
    let events = folder.write("events.ndjson", format!("{}\n{}\n{}\n", event(1), event(2), event(3)));
    let case = json!({
        "name": "x", "method": "POST", "path": "/v1/destinations/kafka?a=b", "headers": { "X-Seen": "yes" }, "rawBody": "[7]",
        "response": { "status": 418, "body": {} },
    });
    let cases = folder.write("cases.ndjson", format!("{case}\n"));
    let upstream = FakeUpstream::start(|stream, seen| {
        let status = if seen.line().contains("/v1/") { "418 Teapot" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n[]").as_bytes())
    });
    let ran =
        bench(&[&url(upstream.address), &cases, &events, "--form=plain", "--batch=2", "-s1", "-c1", "--keep-alive"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("3 recorded requests, 1 events and "), "{}", ran.out);
    // The first request is also sent before the load, to check that the transformer responds as expected.
    upstream.next();
    let seen = [upstream.next(), upstream.next(), upstream.next()];
    assert_eq!(seen[0].line(), "POST /v1/destinations/kafka?a=b HTTP/1.1");
    assert_eq!((seen[0].header("x-seen").as_deref(), seen[0].body.as_slice()), (Some("yes"), &b"[7]"[..]));
    let bodies = [1, 2].map(|index| serde_json::from_slice::<Value>(&seen[index].body).expect("JSON"));
    assert_eq!(bodies, [json!([event(1), event(2)]), json!([event(3)])]);
    assert_eq!(seen[1].header("x-content-format"), None);
    assert_eq!(seen[1].header("connection"), None);
}

#[test]
fn bench_exits_with_2_if_a_target_or_an_argument_is_unusable() {
    let closed_port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let refused = bench(&[&url(closed_port)]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert_eq!(refused.err, format!("error: http://{closed_port}: connection refused\n"));

    let server = Server::shared();
    let wrong_port = bench(&[&url(server.metrics)]);
    let expected_url = format!("http://{}/v0/destinations/kafka", server.metrics);
    assert_eq!(wrong_port.code, Some(2));
    assert!(
        wrong_port.err.starts_with(&format!("error: {expected_url} responds with status 404 instead of 200: ")),
        "{}",
        wrong_port.err
    );

    for (arguments, expected) in [
        (
            &["localhost:9090"][..],
            "error: URL must be http:// or https:// with a host and optionally a port and a path\n",
        ),
        (&["http://127.0.0.1:1", "/no/such/file"][..], "error: /no/such/file: no such file or folder\n"),
        (&[&url(server.address), "--pid=4294967295"][..], "error: process 4294967295 cannot be read: "),
        (&[&url(server.address), "--metrics=http://127.0.0.1:1/metrics"][..], "error: http://127.0.0.1:1/metrics: "),
    ] {
        let ran = bench(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.err.to_lowercase().starts_with(&expected.to_lowercase()), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn bench_counts_stalled_requests_as_errors_after_the_timeout() {
    let requests = AtomicUsize::new(0);
    let upstream = FakeUpstream::start(move |stream, _| {
        if requests.fetch_add(1, Ordering::SeqCst) == 0 {
            return stream.write_all(GOOD);
        }
        // Waits until the client disconnects.
        stream.read(&mut [0]).map(drop)
    });
    let ran = bench(&[&url(upstream.address), "--seconds=1", "--timeout=1", "-c3", "--format=json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let target = &ran.json()["targets"][0];
    assert_eq!(target["good"], 0);
    assert_eq!(target["errors"][0]["kind"], "no response in time");
    assert_eq!(target["errors"][0]["count"], target["requests"]);
    let seconds = target["seconds"].as_f64().expect("a number");
    assert!((1.0..20.0).contains(&seconds), "{target}");
}

#[test]
fn bench_counts_a_retryable_503_as_rejected_and_another_503_as_an_error() {
    let requests = AtomicUsize::new(0);
    let upstream = FakeUpstream::start(move |stream, _| {
        let head = match requests.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => "200 OK\r\n",
            1 => "503 Unavailable\r\nX-Rudder-Should-Retry: true\r\n",
            _ => "503 Unavailable\r\n",
        };
        stream.write_all(format!("HTTP/1.1 {head}Content-Length: 0\r\n\r\n").as_bytes())
    });
    let ran = bench(&[&url(upstream.address), "-s1", "-c1", "--rate=30", "--format=json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let target = &ran.json()["targets"][0];
    let count = |value: &Value| value.as_u64().expect("a number");
    assert_eq!(count(&target["requests"]) + count(&target["unsent"]), 30);
    let [good, rejected, errors] = [&target["good"], &target["rejected"], &target["errors"][0]["count"]].map(count);
    assert_eq!(good + rejected + errors, count(&target["requests"]));
    // The responses are a rejection, an error and a success in turn.
    assert!(rejected >= errors && errors >= good && good + 1 >= rejected && good > 0, "{target}");
    assert_eq!(target["errors"][0]["kind"], "status 503");
}
