//! Small endpoints: allowed methods, reported versions, and request IDs.

use crate::server::{Server, fetch};
use crate::upstream::{FakeUpstream, json};

#[test]
fn a_wrong_method_gets_404_or_405_with_an_allow_header_as_in_rudder_transformer() {
    let upstream = FakeUpstream::responding(json("200 OK", "\"upstream\""));
    let alone = Server::start(&[]);
    let behind = Server::start(&["--workers=1", &upstream.flag()]);
    let metrics_page = Server::start(&["--page=metrics"]);
    let of_metrics = |server: &Server| format!("http://{}", server.metrics);
    for address in
        [format!("http://{}", alone.address), format!("http://{}", behind.address), of_metrics(&metrics_page)]
    {
        for (method, path, allow) in [
            ("GET", "/explain", "POST"),
            ("PUT", "/explain/", "POST"),
            ("POST", "/", "GET, HEAD"),
            ("DELETE", "/page/main.js", "GET, HEAD"),
            ("POST", "/ready", "GET, HEAD"),
            ("BREW", "/ready/", "GET, HEAD"),
            ("PUT", "/openapi.json", "GET, HEAD"),
            ("POST", "/docs", "GET, HEAD"),
            ("POST", "/docs/", "GET, HEAD"),
        ] {
            let response = fetch(&format!("{address}{path}"), method, &[], b"");
            assert_eq!((response.status, response.header("Allow")), (405, Some(allow)), "{method} {path}");
            assert_eq!(response.json()["error"], "Method Not Allowed");
            assert_eq!(response.json()["message"], format!("method not allowed: use {}", allow.replace(", ", " or ")));
        }
    }
    assert_eq!(upstream.rest(), []);
    // On paths that rudder-transformer has too, other methods get 404, as in rudder-transformer.
    for path in ["/health", "/features", "/version", "/buildVersion", "/metrics"] {
        let response = alone.request("DELETE", path, &[], b"");
        assert_eq!((response.status, response.header("Allow")), (404, None), "{path}");
    }
}

#[test]
fn version_endpoints_report_configured_versions_or_the_service_version() {
    let own = env!("CARGO_PKG_VERSION");
    let server = Server::start(&[]);
    for path in ["/version", "/buildVersion", "/transformerBuildVersion"] {
        assert_eq!(server.get(path).text(), own);
    }
    assert_eq!(server.get("/health").json()["version"], own);
    let (child, line, _log) = crate::cli::start(
        &[],
        &[
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("METRICS_PORT", "0"),
            ("npm_package_version", "1.145.0"),
            ("transformer_build_version", "v1.145.0-build.7"),
            ("git_commit_sha", "0123abc"),
        ],
    );
    let address = format!("http://127.0.0.1:{}", crate::cli::port(&line));
    let get = |path: &str| fetch(&format!("{address}{path}"), "GET", &[], b"");
    let responses = ["/version", "/buildVersion", "/transformerBuildVersion"].map(|path| get(path).text().to_owned());
    let health = get("/health").json();
    crate::cli::signal(&child, "KILL");
    assert_eq!(responses, ["1.145.0", "v1.145.0-build.7", "v1.145.0-build.7"]);
    assert_eq!(health, serde_json::json!({"service": "UP", "version": "1.145.0", "gitCommitSha": "0123abc"}));
}

#[test]
fn an_invalid_version_setting_is_a_configuration_error() {
    for name in ["npm-package-version", "transformer-build-version", "git-commit-sha"] {
        for bad in ["a\nb", "ü", &"x".repeat(129)] {
            let problems = crate::server::settings(&[&format!("--{name}={bad}")]).validate().expect_err("a problem");
            assert!(problems[0].starts_with(&name.replace('-', "_")), "{problems:?}");
            assert!(!problems[0].contains('\n') && problems[0].len() < 200, "{problems:?}");
        }
    }
}

#[test]
fn both_ports_return_the_request_id_of_the_client_or_a_generated_id() {
    let server = Server::shared();
    for address in [server.address, server.metrics] {
        for path in ["/health", "/ready", "/metrics", "/nowhere"] {
            let url = format!("http://{address}{path}");
            let kept = fetch(&url, "GET", &[("X-Request-ID", "kept-1")], b"");
            assert_eq!(kept.header("X-Request-ID"), Some("kept-1"), "{url}");
            assert_eq!(fetch(&url, "GET", &[], b"").header("X-Request-ID").map(str::len), Some(32), "{url}");
        }
    }
}

#[test]
fn the_openapi_page_is_served_at_docs_with_and_without_a_trailing_slash() {
    let server = Server::shared();
    for (path, base) in [("/docs", "docs/"), ("/docs/", "")] {
        for method in ["GET", "HEAD"] {
            let page = server.request(method, path, &[], b"");
            assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
            assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        }
        let page = server.get(path);
        let files: Vec<&str> = page
            .text()
            .split(['"'])
            .filter(|quoted| [".css", ".js", ".png"].iter().any(|ending| quoted.ends_with(ending)))
            .collect();
        assert_eq!(files.len(), 4, "{files:?}");
        for file in files {
            let name = file.strip_prefix(base).unwrap_or_else(|| panic!("{path} names {file}"));
            assert_eq!(server.get(&format!("/docs/{name}")).status, 200, "{name}");
        }
    }
}
