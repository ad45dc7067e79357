//! `/features` with an upstream.

use std::net::TcpListener;

use crate::server::Server;
use crate::upstream::{FakeUpstream, json};

const THEIRS: &str = r#"{"routerTransform":{"HS":true,"KAFKA":true},"regulations":["BRAZE"],"supportDestTransformCompactedPayloadV1":true,"somethingNew":{"a":1.5}}"#;

#[test]
fn upstream_features_are_cached_and_router_transform_omits_native_types() {
    let upstream = FakeUpstream::responding(json("200 OK", THEIRS));
    let server = Server::start(&[&upstream.flag()]);
    for _ in 0..3 {
        let response = server.get("/features");
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(response.text(), THEIRS.replace(",\"KAFKA\":true", ""));
    }
    let request = upstream.next();
    assert_eq!(request.line(), "GET /features HTTP/1.1");
    assert_eq!(upstream.rest(), [], "three requests cause one upstream request");
    assert_eq!(server.request("HEAD", "/features", &[], b"").status, 200);
}

#[test]
fn upstream_features_of_forwarded_destination_types_are_unchanged() {
    let theirs = THEIRS.replace("V1\":true", "V1\":false");
    let upstream = FakeUpstream::responding(json("200 OK", &theirs));
    let server = Server::start(&[&upstream.flag(), "--native-destinations=azure_event_hub"]);
    assert_eq!(server.get("/features").text(), theirs);
}

#[test]
fn concurrent_features_requests_share_one_upstream_request() {
    let (upstream, release) = FakeUpstream::holding_back(json("200 OK", THEIRS));
    let server = Server::start(&[&upstream.flag()]);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| server.get("/features").status)).collect();
        upstream.next();
        release.send(()).expect("a waiter");
        for client in clients {
            assert_eq!(client.join().expect("no panic"), 200);
        }
    });
    assert_eq!(upstream.rest(), []);
}

#[test]
fn the_features_endpoint_returns_503_until_the_upstream_has_sent_valid_features() {
    let refused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let unreachable = format!("--upstream-transformer-url=http://{refused}");
    let broken = FakeUpstream::responding(json("500 Internal Server Error", "{}"));
    let page = FakeUpstream::responding(json("200 OK", "<html>"));
    for flag in [unreachable, broken.flag(), page.flag()] {
        let response = Server::start(&[&flag]).get("/features");
        assert_eq!((response.status, response.json()["error"].as_str()), (503, Some("Service Unavailable")));
        assert!(response.text().contains("UPSTREAM_TRANSFORMER_URL"), "{}", response.text());
    }
}

#[test]
fn upstream_features_with_fields_of_unexpected_types_result_in_503() {
    for body in [
        r#"{"routerTransform":7}"#,
        r#"{"routerTransform":["KAFKA"]}"#,
        r#"{"routerTransform":null}"#,
        r#"{"routerTransform":{},"supportDestTransformCompactedPayloadV1":"true"}"#,
        r#"{"routerTransform":{},"supportDestTransformCompactedPayloadV1":null}"#,
    ] {
        let upstream = FakeUpstream::responding(json("200 OK", body));
        let response = Server::start(&[&upstream.flag()]).get("/features");
        assert_eq!((response.status, response.json()["error"].as_str()), (503, Some("Service Unavailable")), "{body}");
    }
}
