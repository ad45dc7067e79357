//! Forwarding of unusual paths. Paths that an upstream could normalize to `/metrics` or to a path above the root are
//! not forwarded.

use crate::forward::{behind, talk};
use crate::server::{Server, fetch};
use crate::upstream::{FakeUpstream, json};

/// Sends a request line verbatim and returns the whole response.
fn get(server: &Server, method: &str, target: &str) -> String {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    talk(server, request.as_bytes()).0
}

#[test]
fn no_spelling_of_the_metrics_path_is_forwarded_to_the_upstream() {
    let upstream = FakeUpstream::responding(json("200 OK", "\"upstream\""));
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
                let response = get(&server, method, target);
                let in_a_name = target.starts_with("/v0/") && method == "GET";
                assert!(response.starts_with("HTTP/1.1 404 ") || in_a_name, "{method} {target}: {response}");
                assert!(response.contains(&port), "{method} {target}: {response}");
                assert!(!response.contains("UPSTREAM"), "{method} {target}: {response}");
            }
        }
    }
    assert_eq!(upstream.rest(), []);
}

#[test]
fn a_request_for_a_path_above_the_root_gets_400() {
    let upstream = FakeUpstream::responding(json("200 OK", "\"upstream\""));
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
            let response = get(&server, "POST", target);
            assert!(response.starts_with("HTTP/1.1 400 "), "{target}: {response}");
            assert!(response.contains("dot segments"), "{target}: {response}");
        }
    }
    assert_eq!(upstream.rest(), []);
}

#[test]
fn unusual_but_harmless_paths_are_forwarded_verbatim() {
    let upstream = FakeUpstream::responding(json("200 OK", "\"upstream\""));
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
            let response = get(server, "POST", target);
            assert!(response.starts_with("HTTP/1.1 200 "), "{target}: {response}");
            assert_eq!(upstream.next().line(), format!("POST {prefix}{target} HTTP/1.1"));
        }
    }
    // A target without a path cannot be forwarded.
    let response = get(&plain, "POST", "x:80");
    assert!(response.starts_with("HTTP/1.1 404 ") || response.starts_with("HTTP/1.1 400 "), "{response}");
    assert_eq!(upstream.rest(), []);
}

#[test]
fn a_404_on_the_metrics_port_lists_its_endpoints() {
    let server = Server::shared();
    for path in ["/", "/nowhere", "/customTransform", "/../x"] {
        let response = fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"");
        assert_eq!(response.status, 404, "{path}");
        let text = response.text();
        let listed = text.contains("/metrics, /destinations, /health or /ready");
        assert!(listed && !text.contains("UPSTREAM"), "{path}: {text}");
    }
}
