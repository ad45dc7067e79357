//! Which paths may be forwarded: none that an upstream could normalize to `/metrics` or to a path above the root.

use crate::forward::{behind, talk};
use crate::server::{Server, fetch};
use crate::upstream::{FakeUpstream, json};

/// Sends a request line verbatim; returns the status line and body.
fn get(server: &Server, method: &str, target: &str) -> String {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    talk(server, request.as_bytes()).0
}

#[test]
fn metrics_never_go_upstream_in_any_spelling() {
    let upstream = FakeUpstream::answering(json("200 OK", "\"upstream\""));
    let base = format!("{}/base", upstream.flag());
    for server in [behind(&upstream, &[]), Server::start(&[&base]), Server::start(&[])] {
        let port = format!("metrics are served at /metrics on port {} (METRICS_PORT)", server.metrics.port());
        for target in [
            "/metrics",
            "/metrics/",
            "/metrics?x=1",
            "//metrics",
            "/./metrics",
            "/metrics/.",
            "/x/../metrics",
            "/%6detrics",
            "/%256detrics",
            "/METRICS",
            "/Metrics/",
            "/%2e/metrics",
            "/x/%2e%2e/metrics",
            "/x%2f..%2fmetrics",
            "/\\metrics",
            "/%5cmetrics",
            "/metrics;a=b",
            "/x/..;/metrics",
            "/metrics%20",
            "http://elsewhere/metrics",
            "http://elsewhere//metrics",
            "/v0/destinations/%2e%2e%2f%2e%2e%2fmetrics",
        ] {
            for method in ["GET", "POST"] {
                let answer = get(&server, method, target);
                let in_a_name = target.starts_with("/v0/") && method == "GET";
                assert!(answer.starts_with("HTTP/1.1 404 ") || in_a_name, "{method} {target}: {answer}");
                assert!(answer.contains(&port), "{method} {target}: {answer}");
                assert!(!answer.contains("UPSTREAM"), "{method} {target}: {answer}");
            }
        }
    }
    assert_eq!(upstream.rest(), []);
}

#[test]
fn a_path_above_the_root_is_400() {
    let upstream = FakeUpstream::answering(json("200 OK", "\"upstream\""));
    let base = format!("{}/base", upstream.flag());
    for server in [behind(&upstream, &[]), Server::start(&[&base]), Server::start(&[])] {
        for target in [
            "/../x",
            "/..",
            "/../metrics",
            "/x/../../y",
            "//../x",
            "/%2e%2e/x",
            "/%252e%252e/x",
            "/..%2fx",
            "/..\\x",
            "/..%5cx",
            "/..;a/x",
            "http://elsewhere/../x",
            "/v0/destinations/%2e%2e%2f%2e%2e%2f%2e%2e%2fx",
        ] {
            let answer = get(&server, "POST", target);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
            assert!(answer.contains("dot segments"), "{target}: {answer}");
        }
    }
    assert_eq!(upstream.rest(), []);
}

#[test]
fn every_other_path_is_forwarded_verbatim() {
    let upstream = FakeUpstream::answering(json("200 OK", "\"upstream\""));
    let (plain, based) = (behind(&upstream, &[]), Server::start(&[&format!("{}/base", upstream.flag())]));
    for target in [
        "/metrics/x",
        "/metricsx",
        "/x/metrics",
        "/x//y/",
        "/x/./y/../z",
        "/x/%2e%2e/y",
        "/%2fx",
        "/x%5cy",
        "/x\\y",
        "/x;a=b/y;c",
        "/x?/../../metrics",
        "/x?a=/metrics&b=%2e%2e",
        "//customTransform",
        "/v0/destinations/a%2fb",
        "/%zz",
    ] {
        for (server, prefix) in [(&plain, ""), (&based, "/base")] {
            let answer = get(server, "POST", target);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
            assert_eq!(upstream.next().line(), format!("POST {prefix}{target} HTTP/1.1"));
        }
    }
    // A target without a path cannot be forwarded.
    let answer = get(&plain, "POST", "x:80");
    assert!(answer.starts_with("HTTP/1.1 404 ") || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(upstream.rest(), []);
}

#[test]
fn the_metrics_port_lists_what_it_serves() {
    let server = Server::shared();
    for path in ["/", "/nowhere", "/customTransform", "/../x"] {
        let answer = fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"");
        assert_eq!(answer.status, 404, "{path}");
        let text = answer.text();
        assert!(text.contains("/metrics, /health or /ready") && !text.contains("UPSTREAM"), "{path}: {text}");
    }
}
