//! A malformed request gets an error with a name and a message, and the server continues to serve other requests.

use crate::server::{Server, exchange};

#[test]
fn error_responses_are_json_with_a_name_and_a_message() {
    let server = Server::shared();
    for (method, path, body, status, name) in [
        ("POST", "/v0/destinations/kafka", "", 400, "Bad Request"),
        ("POST", "/v0/destinations/kafka", "{", 400, "Bad Request"),
        ("POST", "/batch", "[", 400, "Bad Request"),
        ("POST", "/routerTransform", "null", 400, "Bad Request"),
        ("PUT", "/batch", "", 404, "Not Found"),
        ("DELETE", "/health", "", 404, "Not Found"),
        ("GET", "/v0/destinations/", "", 404, "Not Found"),
        ("POST", "/v2/destinations/kafka", "[]", 404, "Not Found"),
        ("GET", "/v0/destinations/kafka/x", "", 404, "Not Found"),
        ("GET", "/%00", "", 404, "Not Found"),
    ] {
        let response = server.request(method, path, &[], body.as_bytes());
        assert_eq!(response.status, status, "{method} {path}");
        assert_eq!(response.json()["error"], name, "{method} {path}");
        assert!(response.json()["message"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(response.header("apiVersion"), None, "only successful responses have this header");
    }
}

#[test]
fn health_features_and_version_endpoints_respond_to_head_without_a_body() {
    for path in ["/health", "/features", "/version", "/buildVersion", "/transformerBuildVersion"] {
        let response = Server::shared().request("HEAD", path, &[], b"");
        assert_eq!((response.status, response.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn a_long_unknown_destination_type_is_truncated_in_the_error_response() {
    let name = "ü".repeat(5_000);
    let body = serde_json::json!({ "destType": name }).to_string();
    let response = Server::shared().post("/batch", &[], body.as_bytes());
    assert_eq!(response.status, 404);
    let text = response.json()["error"].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!(text, format!("Unknown destination: {}…", "ü".repeat(100)));
}

#[test]
fn error_responses_never_contain_text_of_the_request_body() {
    let secret = "hunter2";
    for body in [
        format!("[{{\"message\":{{\"password\":\"{secret}\"}},}}]"),
        secret.to_owned(),
        format!("[\"{secret}\\x\"]"),
        format!("{{\"{secret}\":1}}"),
    ] {
        let response = Server::shared().transform(body.as_bytes());
        assert_eq!(response.status, 400);
        assert!(!response.text().contains(secret), "{}", response.text());
    }
}

#[test]
fn a_malformed_http_request_gets_400() {
    let server = Server::shared();
    let response = exchange(&mut server.connect(), b"BREW /coffee\r\n\r\n");
    assert_eq!(response.status, 400);
    let two_lengths = b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}";
    assert_eq!(exchange(&mut server.connect(), two_lengths).status, 400);
    let smuggled =
        b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(exchange(&mut server.connect(), smuggled).status, 400);
    assert_eq!(server.get("/health").status, 200);
}
