//! The web page at `/`: its files are served, it loads nothing external, and it can be disabled. `.ci/api/page.py`
//! tests the behavior of the page in a browser.

use rudder_kafka_transformer::server::routes::page::{FILES, POLICY};

use std::net::SocketAddr;

use serde_json::json;

use crate::security::Folder;
use crate::server::{Server, fetch};
use crate::upstream::{self, FakeUpstream};

#[test]
fn every_file_of_the_page_is_served_with_its_content_type_and_policy() {
    let server = Server::shared();
    for (path, content_type, text) in FILES {
        for method in ["GET", "HEAD"] {
            let response = server.request(method, path, &[], b"");
            assert_eq!(response.status, 200, "{method} {path}");
            for (name, expected) in [
                ("content-type", content_type),
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-cache"),
            ] {
                assert_eq!(response.header(name), Some(expected), "{method} {path}");
            }
            assert_eq!(response.text(), if method == "GET" { text } else { "" }, "{method} {path}");
        }
    }
    assert_eq!(
        POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(server.get("/page/nothing.js").status, 404);
}

#[test]
fn service_json_has_the_version_the_metrics_port_and_the_token_requirement() {
    let folder = Folder::new();
    let token = format!("--operator-token-file={}", folder.write("token", "a-token-of-the-operator"));
    let info = |address: SocketAddr| fetch(&format!("http://{address}/page/service.json"), "GET", &[], b"");
    let server = Server::shared();
    let response = info(server.address);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "requiresToken": false,
        "metricsPort": server.metrics.port(),
        "metricsTls": false,
        "isOnMetricsPort": false,
    });
    assert_eq!(response.json(), expected);
    let server = Server::start(&["--page=metrics", &token]);
    let response = info(server.metrics).json();
    assert_eq!((&response["requiresToken"], &response["isOnMetricsPort"]), (&json!(true), &json!(true)));
}

#[test]
fn the_page_loads_nothing_external_and_its_scripts_insert_no_html() {
    for (path, _, text) in FILES {
        // The SVG namespace is a name that looks like a URL. Nothing is loaded from this URL.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for word in
            ["http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style="]
        {
            assert!(!text.contains(word), "{path} contains {word}");
        }
    }
}

#[test]
fn every_file_that_the_page_references_exists() {
    let paths: Vec<&str> = FILES.iter().map(|(path, ..)| path.trim_start_matches('/')).collect();
    let mut referenced = 0;
    for (path, _, text) in FILES {
        for quoted in text.split('"').filter(|quoted| quoted.ends_with(".js") || quoted.ends_with(".css")) {
            let file = quoted.strip_prefix("./").map_or(quoted.to_owned(), |name| format!("page/{name}"));
            assert!(paths.contains(&file.as_str()), "{path} references {quoted}");
            referenced += 1;
        }
    }
    assert!(referenced >= FILES.len() - 1, "only {referenced} files are referenced");
}

#[test]
fn the_paths_of_the_web_page_get_404_if_the_page_is_disabled() {
    let server = Server::start(&["--page=off"]);
    for (path, ..) in FILES {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.post("/explain", &[], b"{\"events\":[]}").status, 404);
    assert_eq!((server.get("/health").status, server.get("/docs/").status), (200, 200));
}

#[test]
fn the_page_is_served_if_enabled_and_forwarded_upstream_if_disabled() {
    let upstream = FakeUpstream::responding(upstream::json("200 OK", "\"upstream\""));
    let flag = upstream.flag();
    let on = Server::start(&["--workers=1", &flag]);
    assert!(on.get("/").text().contains("<!doctype html>"));
    assert_eq!(on.get("/page/main.js").header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(on.post("/explain", &[], b"{\"events\":[]}").text(), "{\"events\":[]}");
    assert_eq!(on.get("/page/other.js").text(), "\"upstream\"");
    let off = Server::start(&["--workers=1", "--page=false", &flag]);
    for response in [off.get("/"), off.get("/page/main.js"), off.post("/explain", &[], b"{\"events\":[]}")] {
        assert_eq!(response.text(), "\"upstream\"");
    }
}
